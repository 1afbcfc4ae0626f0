import type { FastifyPluginAsync } from 'fastify'
import { appRoleOf, GRAPH_APP_ROLES, INTUNE_APP_ROLES, type AppRole } from './app-roles.js'
import { listEndpoints } from './endpoint-list.js'
import { GraphError } from './graph-errors.js'
import type { GraphRoutesOptions } from './graph-scope.js'
import { propertyNames } from './graph-types.js'
import { toGuid } from './guid.js'
import { matches, originOf, parseFilter, parseSelect, pick } from './odata.js'
import type { Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'
import { GRAPH_APP_ID, INTUNE_API_APP_ID, INTUNE_APP_ID } from './vocabulary.js'

const READ_ROLES = ['Application.Read.All', 'Application.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All']

/** What of the application is in the tenant, as Graph shows it. */
interface Principal {
  readonly id: string
  readonly appId: string
  readonly displayName: string
  readonly accountEnabled: boolean
  readonly names: readonly string[]
  readonly roles: readonly AppRole[]
}

function listPrincipals (store: TenantStore, tenant: Tenant): Principal[] {
  const microsoft = (id: string, appId: string, displayName: string, roles: readonly AppRole[], names: readonly string[] = []): Principal =>
    ({ id, appId, displayName, accountEnabled: true, names: [appId, ...names], roles })
  return [
    microsoft(tenant.servicePrincipalId, INTUNE_APP_ID, 'Microsoft Intune', []),
    microsoft(toGuid(`${tenant.id} ${INTUNE_API_APP_ID}`), INTUNE_API_APP_ID, 'Microsoft Intune API', INTUNE_APP_ROLES, ['https://api.manage.microsoft.com/']),
    microsoft(toGuid(`${tenant.id} ${GRAPH_APP_ID}`), GRAPH_APP_ID, 'Microsoft Graph', GRAPH_APP_ROLES, ['https://graph.microsoft.com']),
    // Without consent an application has nothing in the tenant.
    ...[...tenant.clients.values()].filter(({ consented }) => consented).map((client): Principal => {
      const api = store.applications.get(client.clientId)?.api
      return {
        id: client.objectId,
        appId: client.clientId,
        displayName: client.displayName,
        accountEnabled: client.enabled,
        names: [client.clientId, ...api?.identifierUris ?? []],
        roles: (api?.roles ?? []).map((value) => appRoleOf(client.clientId, [], value))
      }
    })
  ]
}

const present = ({ id, appId, displayName, accountEnabled, names, roles }: Principal): Record<string, unknown> => ({
  id,
  deletedDateTime: null,
  accountEnabled,
  appId,
  appOwnerOrganizationId: null,
  appRoles: roles.map((role) => ({ ...role, isEnabled: true, allowedMemberTypes: ['Application'] })),
  displayName,
  servicePrincipalNames: names,
  servicePrincipalType: 'Application'
})

/** Every role the tenant's administrator granted to an application. */
function listAssignments (tenant: Tenant, principals: readonly Principal[]): Array<Record<string, unknown>> {
  return [...tenant.clients.values()].filter(({ consented }) => consented).flatMap((client) => {
    const granted: Array<[string, readonly string[]]> = [[GRAPH_APP_ID, client.roles.graph], [INTUNE_API_APP_ID, client.roles.intune], ...Object.entries(client.roles.apis)]
    return granted.flatMap(([appId, values]) => {
      const resource = principals.find((principal) => principal.appId === appId)
      if (resource === undefined) return []
      return values.map((value) => ({
        id: toGuid(`assignment ${client.objectId} ${resource.id} ${value}`),
        deletedDateTime: null,
        appRoleId: appRoleOf(appId, resource.roles, value).id,
        createdDateTime: null,
        principalDisplayName: client.displayName,
        principalId: client.objectId,
        principalType: 'ServicePrincipal',
        resourceDisplayName: resource.displayName,
        resourceId: resource.id
      }))
    })
  })
}

/** Service principals: how a partner finds the tenant's Intune endpoints, and what it was granted there. */
export const servicePrincipalRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { store, httpsOrigin, version }) => {
  // One wildcard, because Graph addresses the same thing as /{id}, /appId={appId} and (appId='{appId}').
  app.get<{ Params: { '*': string }, Querystring: Record<string, string> }>('/servicePrincipals*', { config: { roles: READ_ROLES } }, async (request) => {
    const { tenant } = request
    const principals = listPrincipals(store, tenant)
    const rest = request.params['*']
    const context = `${originOf(request)}/${version}/$metadata#servicePrincipals`
    const { $filter, $select } = request.query
    if (rest === '') {
      const clauses = $filter === undefined ? [] : parseFilter($filter, { appId: ['eq', 'in'], displayName: ['eq', 'startswith'], id: ['eq', 'in'] })
      const select = parseSelect($select, propertyNames('servicePrincipal', version), 'servicePrincipal')
      return { '@odata.context': context, value: principals.map(present).filter((row) => matches(row, clauses)).map((row) => pick(row, select)) }
    }
    const match = /^(?:\/appId=([\w-]+)|\(appId='([\w-]+)'\)|\/([\w-]+))(?:\/(endpoints|appRoleAssignments|appRoleAssignedTo))?$/i.exec(rest)
    const appId = match?.[1] ?? match?.[2]
    const found = match === null ? undefined : principals.find((row) => appId === undefined ? row.id === match[3]?.toLowerCase() : row.appId === appId.toLowerCase())
    if (found === undefined) {
      throw new GraphError(404, 'Request_ResourceNotFound', `Resource '${rest.slice(1)}' does not exist or one of its queried reference-property objects are not present.`)
    }
    switch (match?.[4]?.toLowerCase()) {
      case undefined: return { '@odata.context': `${context}/$entity`, ...pick(present(found), parseSelect($select, propertyNames('servicePrincipal', version), 'servicePrincipal')) }
      case 'endpoints': {
        // An old list: what it says was true before the last move.
        const moves = request.takeFault('stale-endpoint-list') === undefined ? tenant.moves : Math.max(0, tenant.moves - 1)
        return { '@odata.context': `${context}('${found.id}')/endpoints`, value: found.appId === INTUNE_APP_ID ? listEndpoints(httpsOrigin(), moves) : [] }
      }
      case 'approleassignments': return { '@odata.context': `${originOf(request)}/${version}/$metadata#appRoleAssignments`, value: listAssignments(tenant, principals).filter(({ principalId }) => principalId === found.id) }
      default: return { '@odata.context': `${originOf(request)}/${version}/$metadata#appRoleAssignments`, value: listAssignments(tenant, principals).filter(({ resourceId }) => resourceId === found.id) }
    }
  })
}
