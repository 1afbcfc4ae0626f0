import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { presentTarget, readAssignments, readTarget, targetKey } from './assignment.js'
import { isoTime } from './clock.js'
import { checkGraphBody } from './graph-body.js'
import { badRequest, notFound } from './graph-errors.js'
import { bodyObject, type GraphRoutesOptions } from './graph-scope.js'
import { GRAPH_TYPES, propertiesOf, showIn } from './graph-types.js'
import { checkConfiguration, type MobileApp, type AppConfiguration } from './mobile-app.js'
import { type Filterable, originOf, parseListQuery, presentPage } from './odata.js'
import type { Tenant } from './tenant.js'

const WRITE_ROLES = ['DeviceManagementApps.ReadWrite.All']
const READ_ROLES = ['DeviceManagementApps.Read.All', ...WRITE_ROLES]
const APPS = '/deviceAppManagement/mobileApps'
const CONFIGURATIONS = '/deviceAppManagement/mobileAppConfigurations'
const MAX_TOP = 1000
const FILTERABLE: Filterable = { id: ['eq', 'in'], displayName: ['eq', 'contains', 'startswith'], publisher: ['eq', 'contains', 'startswith'] }
type ById = { Params: { id: string } }

/** Apps and app configurations: list, create, change, delete, assign. */
export const appRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { store, version }) => {
  const isVisible = (type: string): boolean => version === 'beta' || GRAPH_TYPES[type]?.beta !== true
  const context = (request: FastifyRequest, path: string, suffix = ''): string => `${originOf(request)}/${version}/$metadata#${path.slice(1)}${suffix}`
  const list = <T extends { readonly type: string }>(request: FastifyRequest, path: string, base: string, rows: Iterable<T>, present: (row: T) => Record<string, unknown>): Record<string, unknown> => {
    const query = parseListQuery(request.query, { filterable: FILTERABLE, properties: Object.keys(propertiesOf(base, version)), typeName: base, maxTop: MAX_TOP })
    return presentPage(request, `${version}/$metadata#${path.slice(1)}`, [...rows].filter(({ type }) => isVisible(type)), query, present)
  }
  const find = <T extends { readonly type: string }>(rows: ReadonlyMap<string, T>, id: string): T => {
    const row = rows.get(id.toLowerCase())
    if (row === undefined || !isVisible(row.type)) throw notFound(`Resource '${id}' does not exist.`)
    return row
  }
  const shown = (type: string, row: Record<string, unknown>): Record<string, unknown> => ({ '@odata.type': `#microsoft.graph.${type}`, ...showIn(version, type, row) })
  const dates = (row: { createdAtMs: number, modifiedAtMs: number }): Record<string, string> => ({ createdDateTime: isoTime(row.createdAtMs), lastModifiedDateTime: isoTime(row.modifiedAtMs) })

  const presentApp = (row: MobileApp): Record<string, unknown> => shown(row.type, {
    id: row.id, ...blank(row.type), ...row.properties, ...dates(row), publishingState: 'published', uploadState: 1, isAssigned: row.assignments.length > 0
  })
  const presentAppAssignment = (row: MobileApp): Array<Record<string, unknown>> => row.assignments.map(({ intent, target, settings }) =>
    ({ id: `${row.id}_${targetKey(target)}`, intent, target: presentTarget(target), settings }))

  app.get(APPS, { config: { roles: READ_ROLES } }, async (request) => list(request, APPS, 'mobileApp', request.tenant.apps.values(), presentApp))
  // A cast shows the type's own properties to $filter and $select as well.
  for (const type of ['iosStoreApp', 'androidStoreApp', 'androidManagedStoreApp'].filter(isVisible)) {
    app.get(`${APPS}/microsoft.graph.${type}`, { config: { roles: READ_ROLES } }, async (request) =>
      list(request, APPS, type, [...request.tenant.apps.values()].filter((row) => row.type === type), presentApp))
  }
  app.get<ById>(`${APPS}/:id`, { config: { roles: READ_ROLES } }, async (request) =>
    ({ '@odata.context': context(request, APPS, '/$entity'), ...presentApp(find(request.tenant.apps, request.params.id)) }))
  app.get<ById>(`${APPS}/:id/assignments`, { config: { roles: READ_ROLES } }, async (request) => {
    const row = find(request.tenant.apps, request.params.id)
    return { '@odata.context': context(request, APPS, `('${row.id}')/assignments`), value: presentAppAssignment(row) }
  })
  app.post(APPS, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    const body = bodyObject(request)
    const type = checkGraphBody(body, { declared: 'mobileApp', version, creating: true })
    const now = store.clock.now()
    const row: MobileApp = { id: randomUUID(), type, properties: withoutType(body), createdAtMs: now, modifiedAtMs: now, assignments: [] }
    request.tenant.apps.set(row.id, row)
    reply.code(201)
    return { '@odata.context': context(request, APPS, '/$entity'), ...presentApp(row) }
  })
  app.patch<ById>(`${APPS}/:id`, { config: { roles: WRITE_ROLES } }, async (request) => {
    const row = find(request.tenant.apps, request.params.id)
    const body = bodyObject(request)
    checkGraphBody(body, { declared: 'mobileApp', version, creating: false, existing: row.type })
    Object.assign(row.properties, withoutType(body))
    row.modifiedAtMs = store.clock.now()
    return presentApp(row)
  })
  app.delete<ById>(`${APPS}/:id`, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    const { id } = find(request.tenant.apps, request.params.id)
    const user = [...request.tenant.appConfigurations.values()].find(({ properties }) => targetsOf(properties).includes(id))
    if (user !== undefined) throw badRequest(`The app is the target of the app configuration '${user.id}' and cannot be deleted.`)
    request.tenant.apps.delete(id)
    return await reply.code(204).send()
  })
  app.post<ById>(`${APPS}/:id/assign`, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    const row = find(request.tenant.apps, request.params.id)
    const assignments = readAssignments(bodyObject(request), { parameter: 'mobileAppAssignments', type: 'mobileAppAssignment', version })
    for (const { settings } of assignments) {
      const wanted = SETTINGS[row.type]
      const named = (settings as Record<string, unknown> | null | undefined)?.['@odata.type']
      if (named !== undefined && named !== `#microsoft.graph.${wanted}`) throw badRequest(`Settings of the type '${String(named)}' do not fit an app of the type '#microsoft.graph.${row.type}'.`)
    }
    row.assignments = assignments.map(({ intent, target, settings }) =>
      ({ intent: intent as string, target: readTarget(target as Record<string, unknown>), settings: (settings as Record<string, unknown> | undefined) ?? null }))
    return await reply.code(204).send()
  })

  const presentConfiguration = (row: AppConfiguration): Record<string, unknown> => shown(row.type, {
    id: row.id, ...blank(row.type), ...(row.type.startsWith('android') ? { profileApplicability: 'default', permissionActions: [] } : { settings: [] }), ...row.properties, ...dates(row), version: row.version, appSupportsOemConfig: false
  })

  app.get(CONFIGURATIONS, { config: { roles: READ_ROLES } }, async (request) =>
    list(request, CONFIGURATIONS, 'managedDeviceMobileAppConfiguration', request.tenant.appConfigurations.values(), presentConfiguration))
  app.get<ById>(`${CONFIGURATIONS}/:id`, { config: { roles: READ_ROLES } }, async (request) =>
    ({ '@odata.context': context(request, CONFIGURATIONS, '/$entity'), ...presentConfiguration(find(request.tenant.appConfigurations, request.params.id)) }))
  app.get<ById>(`${CONFIGURATIONS}/:id/assignments`, { config: { roles: READ_ROLES } }, async (request) => {
    const row = find(request.tenant.appConfigurations, request.params.id)
    return {
      '@odata.context': context(request, CONFIGURATIONS, `('${row.id}')/assignments`), value: row.assignments.map((target) => ({ id: `${row.id}_${targetKey(target)}`, target: presentTarget(target) }))
    }
  })
  app.post(CONFIGURATIONS, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    const body = bodyObject(request)
    const type = checkGraphBody(body, { declared: 'managedDeviceMobileAppConfiguration', version, creating: true })
    const properties = withoutType(body)
    checkConfiguration(type, properties, targetedApps(request.tenant, properties))
    const now = store.clock.now()
    const row: AppConfiguration = { id: randomUUID(), type, properties, version: 1, createdAtMs: now, modifiedAtMs: now, assignments: [] }
    request.tenant.appConfigurations.set(row.id, row)
    reply.code(201)
    return { '@odata.context': context(request, CONFIGURATIONS, '/$entity'), ...presentConfiguration(row) }
  })
  app.patch<ById>(`${CONFIGURATIONS}/:id`, { config: { roles: WRITE_ROLES } }, async (request) => {
    const row = find(request.tenant.appConfigurations, request.params.id)
    const body = bodyObject(request)
    checkGraphBody(body, { declared: 'managedDeviceMobileAppConfiguration', version, creating: false, existing: row.type })
    const properties = { ...row.properties, ...withoutType(body) }
    checkConfiguration(row.type, properties, targetedApps(request.tenant, properties))
    Object.assign(row, { properties, version: row.version + 1, modifiedAtMs: store.clock.now() })
    return presentConfiguration(row)
  })
  app.delete<ById>(`${CONFIGURATIONS}/:id`, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    request.tenant.appConfigurations.delete(find(request.tenant.appConfigurations, request.params.id).id)
    return await reply.code(204).send()
  })
  app.post<ById>(`${CONFIGURATIONS}/:id/assign`, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    const row = find(request.tenant.appConfigurations, request.params.id)
    row.assignments = readAssignments(bodyObject(request), { parameter: 'assignments', type: 'managedDeviceMobileAppConfigurationAssignment', version })
      .map(({ target }) => readTarget(target as Record<string, unknown>))
    return await reply.code(204).send()
  })
}

/** Which settings an assignment of which app may carry. */
const SETTINGS: Readonly<Record<string, string>> = { iosStoreApp: 'iosStoreAppAssignmentSettings', androidManagedStoreApp: 'androidManagedStoreAppAssignmentSettings' }

const withoutType = ({ '@odata.type': _type, ...properties }: Readonly<Record<string, unknown>>): Record<string, unknown> => properties

/** Every property of the type, as it is when nobody has set it. */
const blank = (type: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(propertiesOf(type, 'beta')).filter(([name]) => name !== 'id').map(([name, { type: kind, notNull }]) =>
    [name, kind.startsWith('Collection') ? [] : kind === 'Edm.Boolean' && notNull === true ? false : null]))

const targetsOf = (properties: Readonly<Record<string, unknown>>): string[] =>
  ((properties.targetedMobileApps ?? []) as string[]).map((id) => id.toLowerCase())

/** @throws GraphError when one of them is not there */
const targetedApps = (tenant: Tenant, properties: Readonly<Record<string, unknown>>): MobileApp[] => targetsOf(properties).map((id) => {
  const found = tenant.apps.get(id)
  if (found === undefined) throw badRequest(`The targeted mobile app '${id}' does not exist.`)
  return found
})
