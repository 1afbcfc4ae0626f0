import type { Producer } from '../platform/queue-names.js'
import {
  claimDueHeartbeats, claimHeartbeatAlarms, DEFAULT_UNRESPONSIVE_DAYS, saveHeartbeat, saveHeartbeatFailure, saveResyncTimestamp
} from './connector-repository.js'
import { nowOf, type IntuneDeps } from './deps.js'
import { describeError, IntuneError } from './intune-error.js'
import { enqueueDevicesAgain } from './outbox-repository.js'

export interface HeartbeatDeps extends IntuneDeps {
  readonly sync: Producer<'sync'>
  readonly heartbeatMinutes: number
}

export interface HeartbeatLoopDeps extends HeartbeatDeps {
  /** How often it is looked what is due. */
  readonly everyMs?: number
}

/** Due heartbeats taken at once, and how many of them are under way together. */
const BATCH = 64
const PARALLEL = 16
/** A heartbeat that failed is tried again after this; also what a process that died leaves behind. */
const RETRY_MS = 60_000
const MINUTE_MS = 60_000
const TICK_MS = 5_000
const ALARM_REPEAT_MS = 60 * MINUTE_MS

export interface HeartbeatLoop {
  /** Sends no more and waits for what is under way. */
  close (): Promise<void>
}

/**
 * Heartbeats on a clock of their own, in every worker process whatever its queues: neither a
 * queue nor a backlog nor another process can hold them up. Leases in the database keep
 * processes from sending the same one; a heartbeat that hangs holds up none of the others.
 * Whoever is silent for half of the time that Intune puts up with is told of as an error.
 */
export function startHeartbeats (deps: HeartbeatLoopDeps): HeartbeatLoop {
  const underWay = new Map<string, Promise<unknown>>()
  let looking: Promise<void> | undefined
  let closed = false

  function begin (one: Tenant): void {
    const sent = sendHeartbeat(deps, one)
      .catch((err: unknown) => deps.log.error({ err, ...one }, 'a heartbeat could not be noted'))
      .finally(() => underWay.delete(one.tenantId))
    underWay.set(one.tenantId, sent)
  }

  async function look (): Promise<void> {
    const free = PARALLEL - underWay.size
    if (free > 0) {
      for (const one of await claimDueHeartbeats(deps.db, { limit: free, leaseMs: RETRY_MS, except: [...underWay.keys()] })) begin(one)
    }
    for (const { tenantId, silentHours, limitHours, error } of await claimHeartbeatAlarms(deps.db, { defaultDays: deps.unresponsiveDays ?? DEFAULT_UNRESPONSIVE_DAYS, repeatMs: ALARM_REPEAT_MS })) {
      deps.log.error({ tenantId, silentHours: Math.round(silentHours), limitHours, lastError: error }, 'no heartbeat reached Intune for half of the time after which it ignores us')
    }
  }

  const tick = (): void => {
    looking ??= look()
      .catch((err: unknown) => deps.log.error({ err }, 'heartbeats could not be looked for'))
      .finally(() => { looking = undefined })
  }
  tick()
  const timer = setInterval(() => { if (!closed) tick() }, deps.everyMs ?? TICK_MS)
  return {
    async close () {
      closed = true
      clearInterval(timer)
      await looking
      await Promise.all(underWay.values())
    }
  }
}

interface Tenant { readonly tenantId: string, readonly entraTenantId: string }

/** Sends the heartbeats that are due now, of all tenants. One that fails does not hold up the others. */
export async function sendDueHeartbeats (deps: HeartbeatDeps): Promise<{ readonly sent: number, readonly failed: number }> {
  const results: boolean[] = []
  for (;;) {
    const due = await claimDueHeartbeats(deps.db, { limit: BATCH, leaseMs: RETRY_MS })
    const left = [...due]
    await Promise.all(Array.from({ length: PARALLEL }, async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) results.push(await sendHeartbeat(deps, one))
    }))
    if (due.length < BATCH) return { sent: results.filter(Boolean).length, failed: results.filter((ok) => !ok).length }
  }
}

/**
 * Sends one tenant's heartbeat and does what Intune asks for in return: sends again what
 * changed since its ResyncTimestamp, and notes its complaints about earlier uploads.
 */
export async function sendHeartbeat (deps: HeartbeatDeps, { tenantId, entraTenantId }: Tenant): Promise<boolean> {
  const now = nowOf(deps)
  try {
    const { resyncSince, messageErrors } = await deps.intune.partner.sendHeartbeat(entraTenantId, now)
    // Spread out, or all tenants of an installation would beat together for ever.
    const nextAt = new Date(now.getTime() + deps.heartbeatMinutes * MINUTE_MS * (0.8 + 0.2 * Math.random()))
    await saveHeartbeat(deps.db, tenantId, { at: now, nextAt, messageErrors })
    if (messageErrors.length > 0) deps.log.warn({ tenantId, count: messageErrors.length, first: messageErrors[0] }, 'Intune reports errors in earlier messages')
    if (resyncSince !== undefined) await resyncSinceMoment(deps, tenantId, resyncSince)
    return true
  } catch (error) {
    const lost = error instanceof IntuneError && error.failure === 'not-set-up'
    await saveHeartbeatFailure(deps.db, tenantId, { error: describeError(error), now, lost })
    deps.log.warn({ err: error, tenantId }, 'heartbeat failed')
    return false
  }
}

async function resyncSinceMoment (deps: HeartbeatDeps, tenantId: string, since: Date): Promise<void> {
  const devices = await deps.db.transaction().execute(async (tx) => {
    // Intune may repeat its wish with every answer; it is done once.
    if (!await saveResyncTimestamp(tx, tenantId, since)) return 0
    return await enqueueDevicesAgain(tx, { tenantId, since })
  })
  if (devices === 0) return
  deps.log.info({ tenantId, since, devices }, 'Intune asked for everything since a moment')
  await deps.sync.add([{ tenantId }])
}
