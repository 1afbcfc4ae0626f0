import { createHash } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { GraphError } from './graph-errors.js'
import type { GraphRoutesOptions } from './graph-scope.js'
import { matches, originOf, parseFilter, parseSelect, pick } from './odata.js'
import { DEVICE_SERVICE, PARTNER_API_PATH, TENANT_SERVICE } from './partner-paths.js'
import type { Tenant } from './tenant.js'
import { GRAPH_APP_ID, INTUNE_API_APP_ID, INTUNE_APP_ID } from './vocabulary.js'

const READ_ROLES = ['Application.Read.All', 'Application.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All']

/** A real tenant's answer holds about this many rows, most of them none of our business. */
const ROW_COUNT = 219
const JUNK = [['ASUName', 'AMSUD0101'], ['Region', 'OC'], ['TotalNumberOfEndpoints', '187'], ['IsPrimary', 'True'], ['ScaleUnitVersion', '2611.1']] as const
const NEIGHBOURS = ['PartnerComplianceService', 'DataInfraPartnerService', 'NACAPIService', 'ComplianceRetrievalService', 'ScepRequestValidationFEService', 'PkiConnectorFEService']

function listEndpoints (httpsOrigin: string): Array<Record<string, unknown>> {
  const gateway = 'https://fef.msud01.manage.microsoft.com/TrafficGateway/TrafficRoutingService'
  const rows: Array<readonly [string, string]> = [
    ...JUNK,
    ...NEIGHBOURS.map((name) => [name, `${gateway}/Neighbours/Stateless${name}`] as const),
    ['PartnerTenantDataSyncService', `${httpsOrigin}${PARTNER_API_PATH}/${TENANT_SERVICE}`],
    ['PartnerTenantDataSyncServiceBackup', `${httpsOrigin}${PARTNER_API_PATH}/${TENANT_SERVICE}`],
    ['PartnerDeviceDataSyncService', `${httpsOrigin}${PARTNER_API_PATH}/${DEVICE_SERVICE}`],
    ['PartnerDeviceDataSyncServiceBackup', `${httpsOrigin}${PARTNER_API_PATH}/${DEVICE_SERVICE}`]
  ]
  // The names of the rest are made up; only their number and shape matter.
  for (let number = rows.length; number < ROW_COUNT; number++) rows.push([`OtherFEService${number}`, `${gateway}/Other/StatelessOtherFEService${number}`])
  return rows
    .map(([providerName, uri]) => ({
      id: toGuid(`endpoint ${providerName}`),
      deletedDateTime: null,
      capability: providerName,
      providerId: INTUNE_APP_ID,
      providerName,
      providerResourceId: null,
      uri
    }))
    .sort((a, b) => a.id < b.id ? -1 : 1)
}

function listServicePrincipals (tenant: Tenant): Array<Record<string, unknown>> {
  const row = (id: string, appId: string, displayName: string): Record<string, unknown> =>
    ({ id, deletedDateTime: null, accountEnabled: true, appId, displayName, servicePrincipalType: 'Application' })
  return [
    row(tenant.servicePrincipalId, INTUNE_APP_ID, 'Microsoft Intune'),
    row(toGuid(`${tenant.id} ${INTUNE_API_APP_ID}`), INTUNE_API_APP_ID, 'Microsoft Intune API'),
    row(toGuid(`${tenant.id} ${GRAPH_APP_ID}`), GRAPH_APP_ID, 'Microsoft Graph'),
    ...[...tenant.clients.values()].map((client) => row(client.objectId, client.clientId, client.displayName))
  ]
}

/** The same name gives the same GUID. */
function toGuid (name: string): string {
  const hex = createHash('sha1').update(name).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Service principals: how a partner finds the tenant's Intune endpoints. */
export const servicePrincipalRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { httpsOrigin, version }) => {
  // One wildcard, because Graph addresses the same thing as /{id}, /appId={appId} and (appId='{appId}').
  app.get<{ Params: { '*': string }, Querystring: Record<string, string> }>('/servicePrincipals*', { config: { roles: READ_ROLES } }, async (request) => {
    const rows = listServicePrincipals(request.tenant)
    const rest = request.params['*']
    const context = `${originOf(request)}/${version}/$metadata#servicePrincipals`
    if (rest === '') {
      const { $filter, $select } = request.query
      const clauses = $filter === undefined ? [] : parseFilter($filter, { appId: ['eq'], displayName: ['eq'], id: ['eq'] })
      const select = parseSelect($select, Object.keys(rows[0]!), 'servicePrincipal')
      return { '@odata.context': context, value: rows.filter((row) => matches(row, clauses)).map((row) => pick(row, select)) }
    }
    const match = /^(?:\/appId=([\w-]+)|\(appId='([\w-]+)'\)|\/([\w-]+))(\/endpoints)?$/i.exec(rest)
    const appId = match?.[1] ?? match?.[2]
    const found = match === null ? undefined : rows.find((row) => appId === undefined ? row.id === match[3]?.toLowerCase() : row.appId === appId.toLowerCase())
    if (found === undefined) {
      throw new GraphError(404, 'Request_ResourceNotFound', `Resource '${rest.slice(1)}' does not exist or one of its queried reference-property objects are not present.`)
    }
    if (match?.[4] === undefined) return { '@odata.context': `${context}/$entity`, ...found }
    return { '@odata.context': `${context}('${String(found.id)}')/endpoints`, value: found.appId === INTUNE_APP_ID ? listEndpoints(httpsOrigin()) : [] }
  })
}
