import { type GraphClient, listAll } from '../../intune/graph-client.js'
import { IntuneError } from '../../intune/intune-error.js'
import { AGENT_KEYS } from './graph-bodies.js'

export type Row = Readonly<Record<string, unknown>>

/** Whom something is assigned to, as Graph has it. */
export interface Assignment {
  readonly intent: string | null
  readonly target: Row
  readonly settings: Row | null
}

export interface ObservedItem {
  readonly id: string
  /** Without `#microsoft.graph.`. */
  readonly type: string
  readonly displayName: string
  readonly description: string
  readonly row: Row
  readonly assignments: readonly Assignment[]
}

export interface ObservedConfig extends ObservedItem {
  /** What the agent will read; the enrolment token is not in it. */
  readonly settings: Readonly<Record<string, string>>
  readonly targetedApps: readonly string[]
  /** Whether its enrolment token still lets phones in. */
  readonly tokenIsLive: boolean
}

export interface ObservedGroup {
  readonly displayName: string | null
  readonly exists: boolean
  /** Whether it holds devices; null: could not be read. */
  readonly hasDevices: boolean | null
}

/** What a tenant's Intune holds of that which concerns us. */
export interface Observed {
  readonly connectors: readonly Row[]
  readonly apps: readonly ObservedItem[]
  readonly configs: readonly ObservedConfig[]
  /** With a threat rule, and ours. */
  readonly policies: readonly ObservedItem[]
  readonly groups: ReadonlyMap<string, ObservedGroup>
}

/** Application permissions of Microsoft Graph by what they are for. */
export const SETUP_PERMISSIONS = {
  connectors: 'DeviceManagementServiceConfig.ReadWrite.All',
  apps: 'DeviceManagementApps.ReadWrite.All',
  policies: 'DeviceManagementConfiguration.ReadWrite.All',
  groups: 'GroupMember.Read.All'
} as const

export const CONNECTORS = '/deviceManagement/mobileThreatDefenseConnectors'
export const APPS = '/deviceAppManagement/mobileApps'
export const CONFIGS = '/deviceAppManagement/mobileAppConfigurations'
export const POLICIES = '/deviceManagement/deviceCompliancePolicies'
const APP_TYPES = new Set(['iosStoreApp', 'androidStoreApp', 'androidManagedStoreApp'])
const CONFIG_TYPES = new Set(['iosMobileAppConfiguration', 'androidManagedStoreAppConfiguration'])
const MEMBERS_LOOKED_AT = 20
/** How the description of what we made begins. */
export const MARK = 'Made by Sallyport ('

export interface ReadOptions {
  readonly graph: Pick<GraphClient, 'send'>
  readonly entraTenantId: string
  /** Package name and bundle id of the agent app. */
  readonly appIds: readonly string[]
  /** Ids of what we made or changed, whatever has become of it. */
  readonly known: readonly string[]
  /** Groups to look at, besides those that policies with a threat rule are assigned to. */
  readonly groups: readonly string[]
  readonly isTokenLive: (token: string) => Promise<boolean>
}

/** Reads with beta, which shows what v1.0 shows and more. @throws IntuneError naming the permission that is missing */
export async function readIntune (options: ReadOptions): Promise<Observed> {
  const { appIds } = options
  const isKnown = (row: Row): boolean => options.known.includes(String(row.id)) || textOf(row.description).includes(MARK)
  const [connectors, apps, configs, policies] = await Promise.all([
    readConnectors(options),
    readItems(options, APPS, SETUP_PERMISSIONS.apps, (row) => APP_TYPES.has(typeOf(row)) && (appIds.includes(appIdOf(row)) || isKnown(row))),
    readItems(options, CONFIGS, SETUP_PERMISSIONS.apps, (row) => CONFIG_TYPES.has(typeOf(row)) && isKnown(row)),
    readItems(options, POLICIES, SETUP_PERMISSIONS.policies, (row) => row.deviceThreatProtectionEnabled === true || isKnown(row))
  ])
  const wanted = new Set([...options.groups.map((id) => id.toLowerCase()), ...policies.flatMap(({ assignments }) => assignments.flatMap(({ target }) => groupOf(target) ?? []))])
  const groups = new Map(await Promise.all([...wanted].map(async (id): Promise<[string, ObservedGroup]> => [id, await readGroup(options, id)])))
  return { connectors, apps, configs: await Promise.all(configs.map(async (config) => await readConfig(config, options))), policies, groups }
}

/** All MTD connectors of the tenant: ours and those of other vendors. @throws IntuneError */
export async function readConnectors ({ graph, entraTenantId }: Pick<ReadOptions, 'graph' | 'entraTenantId'>): Promise<Row[]> {
  return await listAll(graph, entraTenantId, { version: 'beta', path: CONNECTORS, permission: SETUP_PERMISSIONS.connectors })
}

async function readItems ({ graph, entraTenantId }: ReadOptions, path: string, permission: string, matters: (row: Row) => boolean): Promise<ObservedItem[]> {
  const rows = await listAll(graph, entraTenantId, { version: 'beta', path, permission })
  return await Promise.all(rows.filter((row) => typeof row.id === 'string' && matters(row)).map(async (row) => {
    const assignments = await listAll(graph, entraTenantId, { version: 'beta', path: `${path}/${encodeURIComponent(row.id as string)}/assignments`, permission })
    return {
      id: row.id as string,
      type: typeOf(row),
      displayName: textOf(row.displayName),
      description: textOf(row.description),
      row,
      assignments: assignments.map(({ intent, target, settings }) => ({ intent: typeof intent === 'string' ? intent : null, target: rowOf(target) ?? {}, settings: rowOf(settings) }))
    }
  }))
}

async function readConfig (item: ObservedItem, { isTokenLive }: ReadOptions): Promise<ObservedConfig> {
  const { [AGENT_KEYS.enrollmentToken]: enrollmentToken, ...settings } = settingsOf(item.row)
  const apps = item.row.targetedMobileApps
  return {
    ...item,
    // Tokens do not go into plans, answers and logs.
    row: {},
    settings,
    targetedApps: Array.isArray(apps) ? apps.map(String) : [],
    tokenIsLive: enrollmentToken !== undefined && await isTokenLive(enrollmentToken)
  }
}

/** The agent's settings in an app configuration, of either platform. What cannot be read is not there. */
function settingsOf (row: Row): Record<string, string> {
  if (typeof row.payloadJson === 'string') {
    try {
      const { managedProperty } = JSON.parse(Buffer.from(row.payloadJson, 'base64').toString('utf8')) as { managedProperty?: Array<{ key?: unknown, valueString?: unknown }> }
      return Object.fromEntries((managedProperty ?? []).map(({ key, valueString }) => [textOf(key), textOf(valueString)]))
    } catch {
      // Another tool's text; it is compared with what we want, and differs.
      return {}
    }
  }
  return Object.fromEntries((Array.isArray(row.settings) ? row.settings : []).map((item: Row) => [textOf(item.appConfigKey), textOf(item.appConfigKeyValue)]))
}

async function readGroup ({ graph, entraTenantId }: ReadOptions, id: string): Promise<ObservedGroup> {
  const permission = SETUP_PERMISSIONS.groups
  const path = `/groups/${encodeURIComponent(id)}`
  try {
    const group = rowOf(await graph.send(entraTenantId, { method: 'GET', path: `${path}?$select=id,displayName`, permission }))
    const answer = rowOf(await graph.send(entraTenantId, { method: 'GET', path: `${path}/members?$select=id&$top=${MEMBERS_LOOKED_AT}`, permission }))
    const members = Array.isArray(answer?.value) ? answer.value as Row[] : []
    return { displayName: textOf(group?.displayName), exists: true, hasDevices: members.some((member) => typeOf(member) === 'device') }
  } catch (error) {
    if (error instanceof IntuneError && error.details.status === 404) return { displayName: null, exists: false, hasDevices: false }
    // Optional: without this permission the plan is made, and says what it could not check.
    if (error instanceof IntuneError && error.details.status === 403) return { displayName: null, exists: true, hasDevices: null }
    throw error
  }
}

/** The group of a target, in lower case; undefined for "all users" and the like. */
export const groupOf = (target: Row): string | undefined => typeof target.groupId === 'string' ? target.groupId.toLowerCase() : undefined
export const typeOf = (row: Row): string => textOf(row['@odata.type']).replace(/^#microsoft\.graph\./, '')
export const appIdOf = (row: Row): string => textOf(row.bundleId ?? row.packageId)
const textOf = (value: unknown): string => typeof value === 'string' ? value : ''
const rowOf = (value: unknown): Row | null => typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Row : null
