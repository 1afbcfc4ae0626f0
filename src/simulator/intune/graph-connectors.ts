import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { applyConnectorBody, checkConnectorBody, type Connector, newConnector, presentConnector } from './connector.js'
import { badRequest, GraphError, notFound } from './graph-errors.js'
import { bodyObject, type GraphRoutesOptions } from './graph-scope.js'
import { originOf, parseListQuery, presentPage } from './odata.js'
import type { Tenant } from './tenant.js'
import { GUID } from './vocabulary.js'

const WRITE_ROLES = ['DeviceManagementServiceConfig.ReadWrite.All', 'DeviceManagementConfiguration.ReadWrite.All']
const READ_ROLES = ['DeviceManagementServiceConfig.Read.All', 'DeviceManagementConfiguration.Read.All', ...WRITE_ROLES]
const PATH = '/deviceManagement/mobileThreatDefenseConnectors'
const MAX_TOP = 1000

/** Graph's view of the MTD connectors: state, last heartbeat and the administrator's switches. */
export const connectorRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { store, version }) => {
  const present = (tenant: Tenant, connector: Connector): Record<string, unknown> =>
    // Only the partner's own connector is driven by messages; others were added and never provisioned.
    presentConnector(connector, store.connectorStateOf(tenant, connector), version)
  const find = (tenant: Tenant, id: string): Connector => {
    const connector = tenant.connectors.get(id.toLowerCase())
    if (connector === undefined) throw notFound(`Resource '${id}' does not exist.`)
    return connector
  }

  app.get(PATH, { config: { roles: READ_ROLES } }, async (request) => {
    const { tenant } = request
    const query = parseListQuery(request.query, {
      filterable: {}, properties: Object.keys(present(tenant, newConnector(randomUUID()))), typeName: 'mobileThreatDefenseConnector', maxTop: MAX_TOP
    })
    return presentPage(request, `${version}/$metadata#deviceManagement/mobileThreatDefenseConnectors`, [...tenant.connectors.values()], query, (row) => present(tenant, row))
  })

  app.get<{ Params: { id: string } }>(`${PATH}/:id`, { config: { roles: READ_ROLES } }, async (request) => ({
    '@odata.context': `${originOf(request)}/${version}/$metadata#deviceManagement/mobileThreatDefenseConnectors/$entity`,
    ...present(request.tenant, find(request.tenant, request.params.id))
  }))

  app.patch<{ Params: { id: string } }>(`${PATH}/:id`, { config: { roles: WRITE_ROLES } }, async (request) => {
    const connector = find(request.tenant, request.params.id)
    const body = bodyObject(request)
    const fault = checkConnectorBody(body, version, false)
    if (fault !== undefined) throw badRequest(fault)
    applyConnectorBody(connector, body)
    store.reevaluate(request.tenant)
    return present(request.tenant, connector)
  })

  app.post(PATH, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    const { tenant } = request
    const body = bodyObject(request)
    const fault = checkConnectorBody(body, version, true)
    if (fault !== undefined) throw badRequest(fault)
    if (body.id !== undefined && (typeof body.id !== 'string' || !GUID.test(body.id))) throw badRequest("The property 'id' must be a GUID.")
    const id = (body.id as string | undefined)?.toLowerCase() ?? randomUUID()
    if (tenant.connectors.has(id)) throw new GraphError(409, 'Conflict', `A connector with id '${id}' already exists.`)
    const connector = newConnector(id)
    applyConnectorBody(connector, body)
    tenant.connectors.set(id, connector)
    store.reevaluate(tenant)
    reply.code(201)
    return present(tenant, connector)
  })

  app.delete<{ Params: { id: string } }>(`${PATH}/:id`, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    request.tenant.connectors.delete(find(request.tenant, request.params.id).id)
    store.reevaluate(request.tenant)
    reply.code(204)
  })
}
