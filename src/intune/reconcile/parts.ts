import { describeError, IntuneError } from '../intune-error.js'
import { deactivateDevices } from '../../devices/device-repository.js'
import { recordAudit } from '../../platform/record-audit.js'
import { syncApps } from './app-sync.js'
import { applyManagedEntries, scopeOf } from './apply-page.js'
import {
  countEntries, forgetVanished, listLongVanished, listMissing, listUnlisted, markMissing, saveEntraEntries, saveEntraRemovals, saveStillThere, saveVanished, settleGroups, settlePending
} from './directory-repository.js'
import { findGroup } from './find-groups.js'
import { ENTRA_DEVICE_PROPERTIES, MANAGED_DEVICE_PROPERTIES, readEntraChanges, readGroupChanges, readManagedDevice, readPage, type DirectoryEntry } from './graph-rows.js'
import { dropGroupMembers, dropUnlistedMembers, listChosenGroups, saveFoundGroup, saveMembers } from './group-repository.js'
import { readConnector } from './read-connector.js'
import type { RoundContext, StepResult } from './reconcile-tenant.js'
import { savePartnerConnector, savePartnerReadError } from './reconciliation-repository.js'
import type { PartName, RoundCounts, RoundPosition } from './round.js'

type Step = (context: RoundContext, position: RoundPosition) => Promise<StepResult>

/** Check-ins are read again from a little before the last: they may be listed late. */
const OVERLAP_MS = 10 * 60_000
/** Look-ups of one step; each costs a request. */
const LOOK_UPS = 100
/** Phones looked up in a round because they are missing, and because Intune has never told of them. */
const MAX_MISSING = 5_000
const MAX_UNLISTED = 400
/** Records ended by one step. */
const ENDINGS = 500

/** What each part does, a page or a bounded piece at a time. */
export const PART_STEPS: Readonly<Record<PartName, Step>> = {
  connector: readOurConnector,
  groups: findChosenGroups,
  members: readMembers,
  entraDevices: readEntraDevices,
  managedDevices: readManagedDevices,
  lookups: lookUp,
  settle,
  appSync: syncApps
}

async function readOurConnector ({ deps, round, graph, transact }: RoundContext): Promise<StepResult> {
  try {
    const connector = await readConnector(graph, deps.connectorId)
    await transact(async (tx) => await savePartnerConnector(tx, round.tenantId, connector))
    return connector === undefined
      ? { outcome: { state: 'unknown', words: deps.connectorId === undefined ? 'The tenant has no Mobile Threat Defense connector, or several: say which is ours with INTUNE_CONNECTOR_ID.' : 'The tenant does not have our Mobile Threat Defense connector: add it in the Intune admin centre.' } }
      : {}
  } catch (error) {
    if (error instanceof IntuneError && error.failure !== 'throttled') await savePartnerReadError(deps.db, round.tenantId, describeError(error))
    throw error
  }
}

async function findChosenGroups ({ deps, round, graph, transact }: RoundContext): Promise<StepResult> {
  const groups = await listChosenGroups(deps.db, round.tenantId)
  if (groups.length === 0) return { outcome: { state: 'skipped', words: 'No Entra groups are chosen.' } }
  for (const group of groups) {
    // Names are looked up with each full round: a group may be renamed, deleted, made anew.
    if (group.entraGroupId !== null && !round.isFull) continue
    const found = await findGroup(graph, group)
    await transact(async (tx) => await saveFoundGroup(tx, found))
  }
  const faulty = (await listChosenGroups(deps.db, round.tenantId)).filter(({ fault }) => fault !== null)
  return faulty.length === 0 ? {} : { outcome: { state: 'unknown', words: faulty.map(({ wanted, fault }) => `${wanted}: ${fault}`).join(' ') } }
}

async function readMembers ({ deps, round, graph, transact, outcomeOf }: RoundContext, { link, isFresh = false }: RoundPosition): Promise<StepResult> {
  if (outcomeOf('groups')?.state === 'skipped') return { outcome: { state: 'skipped' } }
  const ids = (await listChosenGroups(deps.db, round.tenantId)).flatMap(({ entraGroupId }) => entraGroupId ?? []).sort()
  if (ids.length === 0) return { outcome: { state: 'unknown', words: 'None of the chosen groups was found.' } }
  // A link goes on with the groups it began with.
  const goesOn = !isFresh && round.membersDelta !== null && ids.join() === round.membersDeltaGroups.join()
  const first = goesOn ? round.membersDelta! : `/groups/delta?$filter=${ids.map((id) => `id eq '${id}'`).join(' or ')}&$select=id,displayName,members`
  const fresh = isFresh || !goesOn
  const { rows, nextLink, deltaLink } = await graph.page(link ?? first)
  const { changes, deleted, nested } = readGroupChanges(rows)
  await transact(async (tx) => {
    await saveMembers(tx, round, changes)
    if (deleted.length > 0) await dropGroupMembers(tx, round, deleted)
    if (nextLink === undefined && fresh) await dropUnlistedMembers(tx, round, ids)
  })
  const counts = { pages: 1, nestedGroups: nested }
  return nextLink === undefined
    ? { counts, markers: { membersDelta: deltaLink ?? null, membersDeltaGroups: ids } }
    : { counts, next: { link: nextLink, isFresh: fresh } }
}

async function readEntraDevices (context: RoundContext, { link, isFresh = false }: RoundPosition): Promise<StepResult> {
  const { round, graph, transact } = context
  const scope = scopeOf(context)
  const fresh = isFresh || round.devicesDelta === null
  const { rows, nextLink, deltaLink } = await graph.page(link ?? (fresh ? `/devices/delta?$select=${ENTRA_DEVICE_PROPERTIES.join(',')}` : round.devicesDelta!))
  const { entries, removed } = readEntraChanges(rows)
  await transact(async (tx) => {
    if (entries.length > 0) await saveEntraEntries(tx, scope, entries)
    await saveEntraRemovals(tx, scope, removed)
    // Only a list from the beginning to the end says who is not on it.
    if (nextLink === undefined && fresh) await markMissing(tx, scope, 'entra')
  })
  const counts = { pages: 1 }
  return nextLink === undefined
    ? { counts, markers: { devicesDelta: deltaLink ?? null } }
    : { counts, next: { link: nextLink, isFresh: fresh } }
}

async function readManagedDevices (context: RoundContext, { link, isFresh = false }: RoundPosition): Promise<StepResult> {
  const { round, graph, tuning, transact } = context
  const scope = scopeOf(context)
  const since = round.isFull ? null : round.checkedInUntil
  const { rows, nextLink } = await graph.page(link ?? managedDevicesPath(tuning.pageSize, since))
  const entries: DirectoryEntry[] = []
  let otherDevices = 0
  let withoutEntraId = 0
  for (const row of rows) {
    const read = readManagedDevice(row)
    if ('entry' in read) entries.push(read.entry)
    else if (read.skipped === 'no-phone') otherDevices++
    else withoutEntraId++
  }
  const counts: Partial<RoundCounts> = { ...await applyManagedEntries(context, entries), pages: 1, otherDevices, withoutEntraId }
  if (nextLink !== undefined) return { counts, next: { link: nextLink, isFresh } }
  if (since === null) await transact(async (tx) => await markMissing(tx, scope, 'intune'))
  return { counts, markers: { checkedInUntil: round.startedAt, ...(since === null ? { fullAt: round.startedAt } : {}) } }
}

function managedDevicesPath (pageSize: number, since: Date | null): string {
  const filter = since === null ? '' : `&$filter=lastSyncDateTime gt ${new Date(since.getTime() - OVERLAP_MS).toISOString()}`
  return `/deviceManagement/managedDevices?$select=${MANAGED_DEVICE_PROPERTIES.join(',')}&$top=${pageSize}${filter}`
}

/** One phone in Intune's list, by the id under which we know it; never by going through the list. */
export const managedDevicePath = (entraDeviceId: string): string =>
  `/deviceManagement/managedDevices?$filter=azureADDeviceId eq '${entraDeviceId}'&$select=${MANAGED_DEVICE_PROPERTIES.join(',')}`
const entraDevicePath = (entraDeviceId: string): string => `/devices?$filter=deviceId eq '${entraDeviceId}'&$select=id,deviceId`

/**
 * Asks for phones one by one: first those that are missing from a list, then those enrolled here
 * that no list has named. `link` is the last missing phone that was asked for.
 */
async function lookUp (context: RoundContext, { link: after }: RoundPosition): Promise<StepResult> {
  const { deps, round, graph, transact, outcomeOf } = context
  const scope = scopeOf(context)
  if (outcomeOf('managedDevices')?.state === 'unknown') return { outcome: { state: 'unknown', words: 'Intune\'s list could not be read, so nothing is known of phones that are not on it.' } }
  const missing = graph.requests > MAX_MISSING ? [] : await listMissing(deps.db, scope, { after, limit: LOOK_UPS, before: round.startedAt })
  if (missing.length === 0) return await lookUpUnlisted(context)

  const parts = await graph.batch(missing.map(({ entraDeviceId, isEntraOnly }) => isEntraOnly ? entraDevicePath(entraDeviceId) : managedDevicePath(entraDeviceId)))
  const found: DirectoryEntry[] = []
  const gone: string[] = []
  const inEntra: string[] = []
  for (const [index, { entraDeviceId, isEntraOnly, isConfirmation }] of missing.entries()) {
    const part = parts[index]!
    if ('error' in part) {
      if (part.error.failure === 'unauthorized') throw part.error
      continue
    }
    const page = readPage(part.answer)
    // Unknown is not gone.
    if (page === undefined) continue
    if (page.rows.length === 0) {
      if (isConfirmation) gone.push(entraDeviceId)
    } else if (isEntraOnly) inEntra.push(entraDeviceId)
    else found.push(...page.rows.map(readManagedDevice).flatMap((read) => 'entry' in read ? read.entry : []))
  }
  const counts = await applyManagedEntries(context, found)
  const vanished = await transact(async (tx) => {
    if (inEntra.length > 0) await saveStillThere(tx, scope, inEntra)
    return gone.length === 0 ? [] : await saveVanished(tx, scope, gone)
  })
  if (vanished.length > 0) deps.log.info({ tenantId: scope.tenantId, devices: vanished.length }, 'phones are gone from Intune')
  return { counts: { ...counts, vanished: vanished.length }, next: { link: missing.at(-1)!.entraDeviceId } }
}

async function lookUpUnlisted (context: RoundContext): Promise<StepResult> {
  const { deps, graph } = context
  const unlisted = await listUnlisted(deps.db, scopeOf(context), MAX_UNLISTED)
  const parts = await graph.batch(unlisted.map(managedDevicePath))
  const found: DirectoryEntry[] = []
  let unknownAtIntune = 0
  for (const part of parts) {
    if ('error' in part) {
      if (part.error.failure === 'unauthorized') throw part.error
      continue
    }
    const rows = readPage(part.answer)?.rows
    if (rows?.length === 0) unknownAtIntune++
    else found.push(...(rows ?? []).map(readManagedDevice).flatMap((read) => 'entry' in read ? read.entry : []))
  }
  return { counts: { ...await applyManagedEntries(context, found), unknownAtIntune } }
}

/** What follows from all that was read: who is expected, whose groups changed, who is ended by the tenant's rule. */
async function settle (context: RoundContext): Promise<StepResult> {
  const { deps, round, transact } = context
  const scope = scopeOf(context)
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const chunk = await settlePending(deps.db, scope, after)
    after = chunk.next
  }
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const from = after
    const chunk = await transact(async (tx) => await settleGroups(tx, scope, from))
    after = chunk.next
  }
  const deactivated = round.deactivateAfterDays === null ? 0 : await endLongVanished(context, round.deactivateAfterDays)
  await transact(async (tx) => await forgetVanished(tx, scope))
  const { pending, new: fresh } = await countEntries(deps.db, scope, round.startedAt)
  return { counts: { pending, new: fresh, deactivated } }
}

/** The tenant's rule: a phone that is gone from Intune for so many days is no longer watched. */
async function endLongVanished (context: RoundContext, days: number): Promise<number> {
  const { deps, transact } = context
  const scope = scopeOf(context)
  let ended = 0
  for (;;) {
    const deviceIds = await transact(async (tx) => {
      const ids = await listLongVanished(tx, scope, { days, limit: ENDINGS })
      if (ids.length > 0) await deactivateDevices(tx, ids, 'retired_at', context.now())
      for (const id of ids) await recordAudit(tx, { tenantId: scope.tenantId, actor: 'reconciliation', action: 'device.retired', subject: id, detail: { reason: `gone from Intune for ${days} days` } })
      return ids
    })
    ended += deviceIds.length
    if (deviceIds.length > 0) await deps.sync.add([{ tenantId: scope.tenantId }])
    if (deviceIds.length < ENDINGS) return ended
  }
}
