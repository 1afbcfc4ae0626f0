import { limitOf } from '../devices/cursor.js'
import type { Health } from '../devices/health.js'
import { listStateChanges, MAX_REASONS, readFeedBounds, sequenceStateChanges, type StateChange } from '../devices/state-change-repository.js'
import { CursorExpiredError } from '../errors.js'
import type { Level, ReportingState } from '../risk/level.js'
import { BEFORE_ALL_DEVICES, type ChangeCursor, decodeChangeCursor, encodeChangeCursor } from './change-cursor.js'
import type { ChangeWaiter } from './change-waiter.js'
import { listThreatStates } from './partner-repository.js'
import { type ThreatState, type ThreatStateDeps, toThreatState } from './threat-state.js'

export interface ListChangesDeps extends ThreatStateDeps {
  readonly waiter: Pick<ChangeWaiter, 'wait'>
}

export interface ListChangesInput {
  readonly tenantId: string
  /** A `nextCursor`; undefined: all devices first. */
  readonly changedSince: string | undefined
  readonly limit?: number | undefined
  /** How long to wait for a change when there is none; 0: not at all. */
  readonly waitMs: number
  /** Who asks; a few of its requests may wait at a time. */
  readonly caller: string
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal
}

/** A change of a device; `at` is ISO 8601. */
export type DeviceChange = Pick<ThreatState, 'deviceId' | 'entraDeviceId' | 'version' | 'state' | 'level' | 'threatState' | 'score' | 'reasons'> & {
  readonly at: string
  readonly previousState: ReportingState
  readonly previousLevel: Level | null
  readonly previousThreatState: Health | null
}

export type ChangesPage = {
  /** Where to go on; never null, for the feed has no end. */
  readonly nextCursor: string
  /** There is more to be had at once. */
  readonly more: boolean
} & ({ readonly kind: 'devices', readonly items: readonly ThreatState[] } | { readonly kind: 'changes', readonly items: readonly DeviceChange[] })

/**
 * A page of what relying parties follow: first all devices of the tenant, then every change, in
 * order. Changes start from where the feed was before the first device was listed, so what
 * changes meanwhile comes once more and nothing is missed.
 * @throws InvalidInputError, CursorExpiredError
 */
export async function listChanges (deps: ListChangesDeps, input: ListChangesInput): Promise<ChangesPage> {
  const { tenantId, changedSince } = input
  const cursor = changedSince === undefined || changedSince === '' ? undefined : decodeChangeCursor(tenantId, changedSince)
  await sequenceStateChanges(deps.db)
  if (cursor === undefined) return await listDevices(deps, input, { position: (await readFeedBounds(deps.db, tenantId)).latest, listedUpTo: BEFORE_ALL_DEVICES })
  if (cursor.listedUpTo === undefined) return await listAfter(deps, input, cursor.position)
  await requireKept(deps, tenantId, cursor.position)
  return await listDevices(deps, input, cursor)
}

async function listDevices ({ db, privacyMode }: ListChangesDeps, input: ListChangesInput, { position, listedUpTo = BEFORE_ALL_DEVICES }: ChangeCursor): Promise<ChangesPage> {
  const { tenantId } = input
  const limit = limitOf(input)
  const rows = await listThreatStates(db, { tenantId, after: listedUpTo, limit: limit + 1, maxReasons: MAX_REASONS })
  const shown = rows.slice(0, limit)
  const more = rows.length > limit
  return {
    kind: 'devices',
    items: shown.map((one) => toThreatState(one, privacyMode)),
    nextCursor: encodeChangeCursor(tenantId, { position, listedUpTo: more ? shown.at(-1)!.deviceId : undefined }),
    more
  }
}

async function listAfter (deps: ListChangesDeps, input: ListChangesInput, position: number): Promise<ChangesPage> {
  const { tenantId, waitMs, caller, signal } = input
  const limit = limitOf(input)
  const read = async (): Promise<StateChange[]> => {
    const rows = await listStateChanges(deps.db, { tenantId, after: position, limit: limit + 1 })
    // Afterwards: what is still kept now was not deleted before it could be read.
    await requireKept(deps, tenantId, position)
    return rows
  }
  let rows = await read()
  if (rows.length === 0 && waitMs > 0) {
    await deps.waiter.wait({ tenantId, after: position, caller, timeoutMs: waitMs, signal })
    rows = await read()
  }
  const shown = rows.slice(0, limit)
  return {
    kind: 'changes',
    items: shown.map((one) => toDeviceChange(one, deps.privacyMode)),
    nextCursor: encodeChangeCursor(tenantId, { position: shown.at(-1)?.position ?? position, listedUpTo: undefined }),
    more: rows.length > limit
  }
}

/** Whoever has read less than was deleted would miss changes; whoever has read more than there are read them of another database. */
async function requireKept ({ db }: ListChangesDeps, tenantId: string, position: number): Promise<void> {
  const { latest, dropped } = await readFeedBounds(db, tenantId)
  if (position >= dropped && position <= latest) return
  throw new CursorExpiredError(`Changes since this cursor are ${position > latest ? 'not known here' : 'no longer kept'}. Start anew without changedSince: you get all devices, then a cursor from which changes follow. Forget the devices that are not among them.`)
}

function toDeviceChange (change: StateChange, privacyMode: boolean): DeviceChange {
  return {
    at: change.at.toISOString(),
    deviceId: change.deviceId,
    entraDeviceId: change.entraDeviceId,
    version: change.version,
    state: change.reportingState,
    previousState: change.previousReportingState,
    level: change.level,
    previousLevel: change.previousLevel,
    threatState: change.health,
    previousThreatState: change.previousHealth,
    score: change.score,
    // Of before the mode was switched on, too.
    reasons: privacyMode ? change.reasons.map((one) => ({ ...one, subject: null })) : change.reasons
  }
}
