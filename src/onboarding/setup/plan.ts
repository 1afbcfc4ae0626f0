import {
  AGENT_KEYS, androidConfigBody, androidManagedAppBody, androidStoreAppBody, appAssignBody, appAssignment, assignBody, connectorSettings, iosAppBody, iosAppSettings,
  iosConfigBody, PLACEHOLDERS, policyBody, policyRule, POLICY_TYPES, type PolicyType, targetsOf
} from './graph-bodies.js'
import { type Conflict, findConflicts } from './conflicts.js'
import { appIdOf, APPS, type Assignment, CONFIGS, CONNECTORS, groupOf, MARK, type Observed, type ObservedConfig, type ObservedItem, POLICIES, type Row, typeOf } from './observed.js'
import { managementOf, type SetupWish } from './wish.js'

/** What we made or changed in a tenant's Intune, as it is remembered. */
export interface RememberedItem {
  readonly key: string
  /** Null: being made when the process ended; whether Intune has it must be looked up. */
  readonly graphId: string | null
  /** False: it was there, and was only changed. */
  readonly made: boolean
  readonly before: Readonly<Record<string, unknown>>
  readonly after: Readonly<Record<string, unknown>>
}

export interface StepRequest {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly version: 'v1.0' | 'beta'
  /** May hold the placeholder of an id that an earlier step makes. */
  readonly path: string
  readonly body?: object
}

/** One thing to do, or one that is done already (`keep`). */
export interface PlanStep {
  readonly key: string
  readonly action: 'keep' | 'create' | 'adopt' | 'update' | 'assign' | 'delete' | 'restore' | 'forget'
  /** In words. */
  readonly text: string
  readonly graphId: string | null
  readonly request: StepRequest | null
  /** What is remembered of it: whether it was ours, what was there, what is there then. */
  readonly made: boolean
  readonly before: Readonly<Record<string, unknown>>
  readonly after: Readonly<Record<string, unknown>>
}

export interface Plan {
  readonly steps: readonly PlanStep[]
  readonly conflicts: readonly Conflict[]
}

export interface PlanContext {
  readonly tenantId: string
  readonly connectorId: string
  /** Where agents find us. */
  readonly serverUrl: string
  readonly remembered: readonly RememberedItem[]
}

/** Stands in the description of everything we make, so that it is found again even if we forgot it. */
export const markOf = (tenantId: string, key: string): string => `${MARK}${tenantId} ${key}).`

const NOTHING = { before: {}, after: {} } as const
const keep = (key: string, item: { readonly id: string } | undefined, made: boolean, text: string): PlanStep =>
  ({ key, action: 'keep', text, graphId: item?.id ?? null, request: null, made, ...NOTHING })

/**
 * What has to be done so that Intune is as wished: from what is there, what is wished, and what we remember. Pure.
 * Done twice, the second plan keeps everything.
 */
export function planSetup (wish: SetupWish, observed: Observed, context: PlanContext): Plan {
  const steps = [
    ...planConnector(wish, observed.connectors, context),
    // Apps before policies: else phones are out before they can get the app.
    ...planPlatform('ios', wish, observed, context),
    ...planPlatform('android', wish, observed, context),
    ...(Object.keys(POLICY_TYPES) as PolicyType[]).flatMap((type) => planPolicy(type, wish, observed, context))
  ]
  const wished = new Set(steps.map(({ key }) => key))
  const unwanted = context.remembered.filter(({ key }) => !wished.has(key) && key !== 'connector')
  return {
    steps: [...steps, ...planUndo(observed, { ...context, remembered: unwanted })],
    conflicts: findConflicts(wish, observed, { ...context, isOurs: (item) => context.remembered.some(({ graphId }) => graphId === item.id) || item.description.includes(`${MARK}${context.tenantId} `) })
  }
}

function planConnector (wish: SetupWish, connectors: readonly Row[], { connectorId, remembered }: PlanContext): PlanStep[] {
  const key = 'connector'
  const wanted = connectorSettings(wish)
  const version = 'v1.0'
  const there = connectors.find(({ id }) => String(id).toLowerCase() === connectorId.toLowerCase())
  const made = remembered.some((item) => item.key === key && item.made)
  if (there === undefined) {
    return [{
      key, action: 'create', text: `Add the Mobile Threat Defense connector and turn on ${namesOf(wanted)}.`, graphId: null, made: true, before: {}, after: wanted,
      request: { method: 'POST', version, path: CONNECTORS, body: { '@odata.type': '#microsoft.graph.mobileThreatDefenseConnector', id: connectorId, ...wanted } }
    }]
  }
  const id = String(there.id)
  // Begun and not remembered as made: the process ended between both.
  const adopted = remembered.some((item) => item.key === key && item.made && item.graphId === null)
    ? [{ key, action: 'adopt' as const, text: 'Go on with the Mobile Threat Defense connector, which is there.', graphId: id, request: null, made: true, before: {}, after: wanted }]
    : []
  const changes = Object.fromEntries(Object.entries(wanted).filter(([name, value]) => there[name] !== value))
  if (Object.keys(changes).length === 0) return [...adopted, keep(key, { id }, made, 'The connector\'s switches are as wished.')]
  return [...adopted, {
    key, action: 'update', text: `Set ${namesOf(changes)} on the Mobile Threat Defense connector.`, graphId: id, made,
    before: Object.fromEntries(Object.keys(changes).map((name) => [name, there[name] ?? null])),
    after: changes,
    request: { method: 'PATCH', version, path: `${CONNECTORS}/${encodeURIComponent(id)}`, body: changes }
  }]
}

const namesOf = (settings: Readonly<Record<string, unknown>>): string => Object.entries(settings).map(([name, value]) => value === true ? name : `${name} = ${String(value)}`).join(', ')
const PLATFORMS = { ios: 'iOS and iPadOS', android: 'Android' } as const

function planPlatform (platform: 'ios' | 'android', wish: SetupWish, observed: Observed, context: PlanContext): PlanStep[] {
  if (wish[platform] === undefined) return []
  return [...planApp(platform, wish, observed, context), ...planConfig(platform, wish, observed, context)]
}

function planApp (platform: 'ios' | 'android', wish: SetupWish, { apps }: Observed, context: PlanContext): PlanStep[] {
  const key = `app-${platform}`
  const mark = markOf(context.tenantId, key)
  const managed = platform === 'android' && (wish.android!.app ?? 'managed') === 'managed'
  const type = platform === 'ios' ? 'iosStoreApp' : managed ? 'androidManagedStoreApp' : 'androidStoreApp'
  const appId = platform === 'ios' ? wish.ios!.bundleId : wish.android!.packageId
  const version = managed ? 'beta' : 'v1.0'
  const memory = context.remembered.find((item) => item.key === key)
  const matching = apps.filter((app) => app.type === type && appIdOf(app.row) === appId)
  const there = matching.find(({ id, description }) => id === memory?.graphId || description.includes(mark)) ?? matching[0]
  const made = there === undefined || there.description.includes(mark)
  const name = `the agent app for ${PLATFORMS[platform]} (${appId})`
  const wanted = targetsOf(wish).map((target) => appAssignment(wish.intent ?? 'required', target, platform === 'ios' ? iosAppSettings() : null))
  const assign = (path: string, graphId: string | null, assignments: readonly object[], remember: Pick<PlanStep, 'before' | 'after'>): PlanStep => ({
    key, action: 'assign', text: `Assign ${name} to ${audience(wish)}.`, graphId, made, ...remember,
    request: { method: 'POST', version, path: `${path}/assign`, body: appAssignBody(assignments) }
  })
  // The wish names another app now: what we did for the old one is undone first.
  const old = memory !== undefined && memory.graphId !== null && memory.graphId !== there?.id ? apps.find(({ id }) => id === memory.graphId) : undefined
  if (old !== undefined) return [undoItem(memory!, { apps } as unknown as Observed, context.tenantId), ...planApp(platform, wish, { apps: apps.filter((app) => app !== old) } as unknown as Observed, { ...context, remembered: context.remembered.filter((item) => item !== memory) })]
  if (there === undefined) {
    const body = platform === 'ios' ? iosAppBody(wish.ios!, mark) : managed ? androidManagedAppBody(wish.android!, mark) : androidStoreAppBody(wish.android!, mark)
    return [
      { key, action: 'create', text: `Add ${name}.`, graphId: null, made: true, ...NOTHING, request: { method: 'POST', version, path: APPS, body } },
      assign(`${APPS}/${PLACEHOLDERS.app(key)}`, null, wanted, NOTHING)
    ]
  }
  const path = `${APPS}/${encodeURIComponent(there.id)}`
  const adopted = memory?.graphId === there.id ? [] : adopt(key, there, made, `${made ? 'Go on with' : 'Use'} ${name}, which is there.`)
  if (made) {
    const same = sameAssignments(there.assignments, wanted as Array<Record<string, unknown>>)
    return [...adopted, same ? keep(key, there, made, `${capital(name)} is there and assigned.`) : assign(path, there.id, wanted, NOTHING)]
  }
  // Somebody else's: their assignments stay, ours are added where there is none, and what of ours is not wished any more goes.
  const ours = new Set(memory?.after.added as string[] | undefined)
  const wantedKeys = new Set((wanted as Array<Record<string, unknown>>).map(({ target }) => targetKey(target as Row)))
  const staying = there.assignments.filter(({ target }) => !ours.has(targetKey(target)) || wantedKeys.has(targetKey(target)))
  const known = new Set(staying.map(({ target }) => targetKey(target)))
  const missing = (wanted as Array<Record<string, unknown>>).filter(({ target }) => !known.has(targetKey(target as Row)))
  if (missing.length === 0 && staying.length === there.assignments.length) return [...adopted, keep(key, there, made, `${capital(name)} is there and assigned.`)]
  const kept = staying.map(({ intent, target, settings }) => appAssignment(intent as 'required', target, settings))
  const added = new Set([...[...ours].filter((key) => known.has(key)), ...missing.map(({ target }) => targetKey(target as Row))])
  return [...adopted, assign(path, there.id, [...kept, ...missing], { before: {}, after: { added: [...added] } })]
}

function planConfig (platform: 'ios' | 'android', wish: SetupWish, observed: Observed, context: PlanContext): PlanStep[] {
  // An app configuration reaches apps of managed Google Play only; a link to the store takes none.
  if (platform === 'android' && wish.android!.app === 'store') return []
  const key = `config-${platform}`
  const appKey = `app-${platform}`
  const version = platform === 'ios' ? 'v1.0' : 'beta'
  const description = markOf(context.tenantId, key)
  const input = { description, appKey, serverUrl: context.serverUrl }
  const body = platform === 'ios' ? iosConfigBody(input) : androidConfigBody({ ...input, packageId: wish.android!.packageId })
  const type = platform === 'ios' ? 'iosMobileAppConfiguration' : 'androidManagedStoreAppConfiguration'
  const there = findOurs(observed.configs, type, key, context)
  const name = `the app configuration for ${PLATFORMS[platform]}`
  const targets = targetsOf(wish)
  const assign = (path: string, graphId: string | null): PlanStep => ({
    key, action: 'assign', text: `Assign ${name} to ${audience(wish)}.`, graphId, made: true, ...NOTHING,
    request: { method: 'POST', version, path: `${path}/assign`, body: assignBody(targets) }
  })
  if (there === undefined) {
    return [
      { key, action: 'create', text: `Make ${name}: our address, a new enrolment token, and ${'{{aaddeviceid}}'}.`, graphId: null, made: true, ...NOTHING, request: { method: 'POST', version, path: CONFIGS, body } },
      assign(`${CONFIGS}/${PLACEHOLDERS.app(key)}`, null)
    ]
  }
  const path = `${CONFIGS}/${encodeURIComponent(there.id)}`
  const app = findApp(platform, wish, observed, context)
  const steps: PlanStep[] = context.remembered.some((item) => item.key === key && item.graphId === there.id) ? [] : adopt(key, there, true, `Go on with ${name}, which is there.`)
  const stale = staleness(there, context.serverUrl, app)
  if (stale !== undefined) {
    const { displayName: _name, description: _text, ...change } = body as Record<string, unknown>
    // Which package it is for is decided when it is made.
    delete change.packageId
    steps.push({ key, action: 'update', text: `Renew ${name}, with a new enrolment token: ${stale}.`, graphId: there.id, made: true, ...NOTHING, request: { method: 'PATCH', version, path, body: change } })
  }
  if (!sameTargets(there.assignments, targets as Row[])) steps.push(assign(path, there.id))
  return steps.some(({ action }) => action !== 'adopt') ? steps : [...steps, keep(key, there, true, `${capital(name)} is there and assigned.`)]
}

function staleness ({ settings, targetedApps, tokenIsLive }: ObservedConfig, serverUrl: string, app: ObservedItem | undefined): string | undefined {
  if (app === undefined || !targetedApps.includes(app.id)) return 'it is for another app'
  if (settings[AGENT_KEYS.serverUrl] !== serverUrl) return 'it names another address'
  if (settings[AGENT_KEYS.entraDeviceId]?.toLowerCase() !== '{{aaddeviceid}}') return 'it does not hand over the Entra device id'
  return tokenIsLive ? undefined : 'its enrolment token lets nobody in any more'
}

function findApp (platform: 'ios' | 'android', wish: SetupWish, { apps }: Observed, context: PlanContext): ObservedItem | undefined {
  const graphId = planApp(platform, wish, { apps } as unknown as Observed, context).find(({ action }) => action !== 'delete')?.graphId
  return apps.find(({ id }) => id === graphId)
}

function planPolicy (type: PolicyType, wish: SetupWish, { policies }: Observed, context: PlanContext): PlanStep[] {
  const { platform, management, version } = POLICY_TYPES[type]
  const { limit } = wish[platform] ?? {}
  if (limit === undefined || (management !== null && !managementOf(wish).includes(management))) return []
  const key = `policy-${type}`
  const there = findOurs(policies, type, key, context)
  const targets = targetsOf(wish)
  const name = `the compliance policy ${type}`
  const assign = (path: string, graphId: string | null): PlanStep => ({
    key, action: 'assign', text: `Assign ${name} to ${audience(wish)}.`, graphId, made: true, ...NOTHING,
    request: { method: 'POST', version, path: `${path}/assign`, body: assignBody(targets) }
  })
  if (there === undefined) {
    return [
      { key, action: 'create', text: `Make ${name}: at or under ${limit}.`, graphId: null, made: true, ...NOTHING, request: { method: 'POST', version, path: POLICIES, body: policyBody(type, limit, markOf(context.tenantId, key)) } },
      assign(`${POLICIES}/${PLACEHOLDERS.app(key)}`, null)
    ]
  }
  const path = `${POLICIES}/${encodeURIComponent(there.id)}`
  const steps: PlanStep[] = context.remembered.some((item) => item.key === key && item.graphId === there.id) ? [] : adopt(key, there, true, `Go on with ${name}, which is there.`)
  if (there.row.deviceThreatProtectionRequiredSecurityLevel !== limit || there.row.deviceThreatProtectionEnabled !== true) {
    steps.push({
      key, action: 'update', text: `Change ${name} from ${String(there.row.deviceThreatProtectionRequiredSecurityLevel)} to ${limit}.`, graphId: there.id, made: true, ...NOTHING,
      request: { method: 'PATCH', version, path, body: policyRule(type, limit) }
    })
  }
  if (!sameTargets(there.assignments, targets as Row[])) steps.push(assign(path, there.id))
  return steps.some(({ action }) => action !== 'adopt') ? steps : [...steps, keep(key, there, true, `${capital(name)} is there and assigned: at or under ${limit}.`)]
}

function findOurs<T extends ObservedItem> (items: readonly T[], type: string, key: string, { tenantId, remembered }: PlanContext): T | undefined {
  const memory = remembered.find((item) => item.key === key)
  const mark = markOf(tenantId, key)
  return items.find((item) => item.type === type && (item.id === memory?.graphId || item.description.includes(mark)))
}

/** It is there and not remembered: a process ended between making and remembering it, or it is somebody else's. */
const adopt = (key: string, { id }: ObservedItem, made: boolean, text: string): PlanStep[] => [{ key, action: 'adopt', text, graphId: id, request: null, made, ...NOTHING }]

/**
 * What has to be done so that nothing is left of what we made, and what we changed is as it was. What somebody changed
 * since then is theirs, and stays. Pure.
 */
export function planUndo (observed: Observed, { remembered, tenantId, connectorId }: PlanContext): PlanStep[] {
  const order = ['policy-', 'config-', 'app-', 'connector']
  const rank = (key: string): number => order.findIndex((prefix) => key.startsWith(prefix))
  return [...remembered].sort((a, b) => rank(a.key) - rank(b.key)).map((item) => item.key === 'connector' ? undoConnector({ ...item, graphId: item.graphId ?? connectorId }, observed.connectors) : undoItem(item, observed, tenantId))
}

function undoItem (item: RememberedItem, { apps, configs, policies }: Observed, tenantId: string): PlanStep {
  const { key, before, after, made } = item
  const [items, base]: [readonly ObservedItem[], string] = key.startsWith('policy-') ? [policies, POLICIES] : key.startsWith('config-') ? [configs, CONFIGS] : [apps, APPS]
  const there = items.find(({ id, description }) => id === item.graphId || (item.graphId === null && description.includes(markOf(tenantId, key))))
  const step = { key, graphId: there?.id ?? item.graphId, made, before, after }
  if (there === undefined) return { ...step, action: 'forget', text: `${key} is gone already.`, request: null }
  const isBeta = !['iosStoreApp', 'androidStoreApp', 'iosMobileAppConfiguration'].includes(there.type) && (POLICY_TYPES[there.type as PolicyType] as { version: string } | undefined)?.version !== 'v1.0'
  const version = isBeta ? 'beta' : 'v1.0'
  const path = `${base}/${encodeURIComponent(there.id)}`
  if (made) return { ...step, action: 'delete', text: `Delete "${there.displayName}" (${key}).`, request: { method: 'DELETE', version, path } }
  const added = new Set(Array.isArray(after.added) ? after.added.map(String) : [])
  const left = there.assignments.filter(({ target }) => !added.has(targetKey(target)))
  if (left.length === there.assignments.length) return { ...step, action: 'forget', text: `"${there.displayName}" was there before us and stays.`, request: null }
  return {
    ...step, action: 'restore', text: `Take our assignments of "${there.displayName}" away; the app was there before us and stays.`,
    request: { method: 'POST', version, path: `${path}/assign`, body: appAssignBody(left.map(({ intent, target, settings }) => appAssignment(intent as 'required', target, settings))) }
  }
}

function undoConnector ({ key, graphId, made, before, after }: RememberedItem, connectors: readonly Row[]): PlanStep {
  const there = connectors.find(({ id }) => String(id).toLowerCase() === graphId?.toLowerCase())
  const step = { key, graphId, made, before, after }
  if (there === undefined) return { ...step, action: 'forget', text: 'The connector is gone already.', request: null }
  const path = `${CONNECTORS}/${encodeURIComponent(String(there.id))}`
  if (made) return { ...step, action: 'delete', text: 'Delete the Mobile Threat Defense connector.', request: { method: 'DELETE', version: 'v1.0', path } }
  const body = Object.fromEntries(Object.entries(before).filter(([name, value]) => value !== null && there[name] === after[name] && there[name] !== value))
  if (Object.keys(body).length === 0) return { ...step, action: 'forget', text: 'The connector\'s switches were changed by others since then, and stay.', request: null }
  return { ...step, action: 'restore', text: `Set ${namesOf(body)} on the connector, as it was.`, request: { method: 'PATCH', version: 'v1.0', path, body } }
}

const audience = ({ groups = [] }: SetupWish): string => groups.length === 0 ? 'all users with a licence' : groups.length === 1 ? '1 group of users' : `${groups.length} groups of users`
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const targetKey = (target: Row): string => `${typeOf(target)} ${groupOf(target) ?? ''}`.trim()

function sameTargets (there: readonly Assignment[], wanted: readonly Row[]): boolean {
  return sameSet(there.map(({ target }) => targetKey(target)), wanted.map(targetKey))
}

function sameAssignments (there: readonly Assignment[], wanted: ReadonlyArray<Record<string, unknown>>): boolean {
  return sameSet(there.map(({ intent, target }) => `${String(intent)} ${targetKey(target)}`), wanted.map(({ intent, target }) => `${String(intent)} ${targetKey(target as Row)}`))
}

const sameSet = (one: readonly string[], other: readonly string[]): boolean => one.length === other.length && new Set([...one, ...other]).size === new Set(one).size
