import type { Producer } from '../platform/queue-names.js'
import {
  claimDueHeartbeats, saveHeartbeat, saveHeartbeatFailure, saveResyncTimestamp
} from './connector-repository.js'
import { nowOf, type IntuneDeps } from './deps.js'
import { describeError, IntuneError } from './intune-error.js'
import { enqueueDevicesAgain } from './outbox-repository.js'

export interface HeartbeatDeps extends IntuneDeps {
  readonly sync: Producer<'sync'>
  readonly heartbeatMinutes: number
}

/** Due heartbeats taken at once, and how many of them are under way together. */
const BATCH = 64
const PARALLEL = 8
/** A heartbeat that failed is tried again after this; also what a worker that died leaves behind. */
const RETRY_MS = 60_000
const MINUTE_MS = 60_000

/** Sends the heartbeats that are due, of all tenants. One that fails does not hold up the others. */
export async function sendDueHeartbeats (deps: HeartbeatDeps): Promise<{ readonly sent: number, readonly failed: number }> {
  let sent = 0
  let failed = 0
  for (;;) {
    const due = await claimDueHeartbeats(deps.db, { limit: BATCH, leaseMs: RETRY_MS })
    for (let at = 0; at < due.length; at += PARALLEL) {
      const results = await Promise.all(due.slice(at, at + PARALLEL).map(async (one) => await sendHeartbeat(deps, one)))
      sent += results.filter(Boolean).length
      failed += results.filter((ok) => !ok).length
    }
    if (due.length < BATCH) return { sent, failed }
  }
}

/**
 * Sends one tenant's heartbeat and does what Intune asks for in return: sends again what
 * changed since its ResyncTimestamp, and notes its complaints about earlier uploads.
 */
export async function sendHeartbeat (deps: HeartbeatDeps, { tenantId, entraTenantId }: { readonly tenantId: string, readonly entraTenantId: string }): Promise<boolean> {
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
