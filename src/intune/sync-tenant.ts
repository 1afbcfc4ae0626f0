import { setTimeout as sleep } from 'node:timers/promises'
import { clearConnectorFailure, findConnector, type ConnectorRow } from './connector-repository.js'
import { deliverMessage } from './deliver-message.js'
import { nowOf, type IntuneDeps } from './deps.js'
import { IntuneError } from './intune-error.js'
import { acknowledgeRows, claimDueRows, dropRows, failRows, hasDueRows, releaseRows, type ClaimedRow } from './outbox-repository.js'
import { connectTenant, noteTenantFailure } from './provision-tenant.js'
import { backoffMs } from '../platform/retry-delay.js'

export interface SyncTuning {
  /** Phones a message tells about at most. */
  readonly messageDevices: number
  /** Messages of a tenant under way at once, by one worker. */
  readonly lanes: number
  /** How long a claim holds; a worker that dies leaves its rows behind for as long. */
  readonly leaseMs: number
  /** How long Intune may work on a message. */
  readonly processingLimitMs: number
}

export interface SyncTenantDeps extends IntuneDeps {
  readonly tuning?: Partial<SyncTuning>
  /** Told after each message. */
  readonly onSynced?: (batch: { readonly devices: number, readonly lagSeconds: readonly number[] }) => void
}

export interface SyncResult {
  /** Phones whose state Intune has acknowledged. */
  readonly sent: number
  /** Phones whose state it refused; they are tried again later. */
  readonly failed: number
  /** Nothing can be sent for the whole tenant now; the connector says why. */
  readonly stopped: boolean
}

const DEFAULT_TUNING: SyncTuning = { messageDevices: 200, lanes: 4, leaseMs: 90_000, processingLimitMs: 30_000 }
/** A phone that Intune does not know may be enrolled there in a minute, or never. */
const DEVICE_BACKOFF = { firstMs: 5_000, maxMs: 30 * 60 * 1000 }
/** Messages spent on finding out which phones of one message are refused. */
const MAX_SPLITS = 64
const LOCKED_PAUSE_MS = 5
const MAX_LOCKED_PAUSES = 40

/** What the lanes of one run share. */
interface Run {
  readonly deps: SyncTenantDeps
  readonly connector: ConnectorRow
  readonly tuning: SyncTuning
  lanes: number
  sent: number
  failed: number
  /** Set by the first failure that concerns the tenant: until when it is left alone. */
  pause: Promise<Date> | undefined
  cleared: boolean
}

/**
 * Brings Intune up to date with what is wanted for a tenant's phones, until nothing is due.
 * Provisions first where that has not happened. Several workers may do this for one tenant
 * at the same time; a phone is in one message at a time.
 */
export async function syncTenant (deps: SyncTenantDeps, { tenantId }: { readonly tenantId: string }): Promise<SyncResult> {
  const nothing: SyncResult = { sent: 0, failed: 0, stopped: false }
  const connector = await findConnector(deps.db, tenantId)
  if (connector === undefined) return nothing
  if (connector.state === 'deprovisioned' || (connector.retryAt !== null && connector.retryAt > nowOf(deps))) return { ...nothing, stopped: true }
  if (connector.state !== 'provisioned') {
    // A connection that was lost is set up again even if there is nothing to say.
    if (connector.state === 'not-provisioned' && !await hasDueRows(deps.db, tenantId)) return nothing
    if (!await connectTenant(deps, connector)) return { ...nothing, stopped: true }
  }

  const run: Run = {
    deps, connector, tuning: { ...DEFAULT_TUNING, ...deps.tuning }, lanes: 1, sent: 0, failed: 0, pause: undefined, cleared: connector.lastError === null
  }
  await runLane(run)
  return { sent: run.sent, failed: run.failed, stopped: run.pause !== undefined }
}

/** Claims and sends until nothing is due. A full claim means a backlog, which another lane helps with. */
async function runLane (run: Run): Promise<void> {
  const { deps, connector: { tenantId }, tuning } = run
  const helpers: Array<Promise<void>> = []
  let lockedPauses = 0
  try {
    while (run.pause === undefined) {
      const rows = await claimDueRows(deps.db, { tenantId, limit: tuning.messageDevices, leaseMs: tuning.leaseMs })
      if (rows.length === 0) {
        // Due but not claimable: being scored at this moment.
        if (lockedPauses++ >= MAX_LOCKED_PAUSES || !await hasDueRows(deps.db, tenantId)) return
        await sleep(LOCKED_PAUSE_MS)
        continue
      }
      if (rows.length === tuning.messageDevices && run.lanes < tuning.lanes) {
        run.lanes += 1
        const helper = runLane(run)
        helper.catch(() => {}) // Looked at below, once this lane is done.
        helpers.push(helper)
      }
      await sendRows(run, rows)
    }
  } finally {
    await Promise.all(helpers)
  }
}

async function sendRows (run: Run, rows: readonly ClaimedRow[]): Promise<void> {
  await dropRows(run.deps.db, rows.filter(({ superseded }) => superseded))
  const current = rows.filter(({ superseded }) => !superseded)
  const splits = { left: MAX_SPLITS }
  // Phones that were refused before travel together, so that they cannot delay the others.
  await sendMessage(run, current.filter(({ attempts }) => attempts === 0), splits)
  await sendMessage(run, current.filter(({ attempts }) => attempts > 0), splits)
}

async function sendMessage (run: Run, rows: readonly ClaimedRow[], splits: { left: number }): Promise<void> {
  const { deps, connector, tuning } = run
  if (rows.length === 0) return
  if (run.pause !== undefined) return await releaseRows(deps.db, rows)
  try {
    await deliverMessage(deps.intune.partner, {
      entraTenantId: connector.entraTenantId,
      records: rows.map(({ entraDeviceId, health, updatedAt }) => ({ entraDeviceId, health, updatedAt })),
      at: nowOf(deps),
      limitMs: tuning.processingLimitMs
    })
  } catch (error) {
    return await handleFailure(run, rows, splits, error)
  }
  await noteSuccess(run, rows)
}

async function noteSuccess (run: Run, rows: readonly ClaimedRow[]): Promise<void> {
  const { deps, connector } = run
  const now = nowOf(deps)
  await acknowledgeRows(deps.db, rows, now)
  run.sent += rows.length
  deps.onSynced?.({ devices: rows.length, lagSeconds: rows.map(({ enqueuedAt }) => Math.max(0, now.getTime() - enqueuedAt.getTime()) / 1000) })
  if (run.cleared) return
  run.cleared = true
  await clearConnectorFailure(deps.db, connector.tenantId)
}

async function handleFailure (run: Run, rows: readonly ClaimedRow[], splits: { left: number }, error: unknown): Promise<void> {
  const { deps, connector } = run
  if (!(error instanceof IntuneError)) {
    // Our own fault: the job fails loudly, and its next attempt finds the rows free.
    await releaseRows(deps.db, rows)
    throw error
  }
  if (error.concernsTenant) {
    run.pause ??= noteTenantFailure(deps, { tenantId: connector.tenantId, attempts: connector.attempts, error, lost: error.failure === 'not-set-up' })
    const delayMs = Math.max(0, (await run.pause).getTime() - nowOf(deps).getTime())
    return await failRows(deps.db, { rows, error: error.message, delaysMs: rows.map(() => delayMs), counts: false })
  }
  if (error.failure === 'unfinished' || rows.length === 1) return await refuse(run, rows, error)

  const named = new Set(error.details.entraDeviceIds)
  const guilty = rows.filter(({ entraDeviceId }) => named.has(entraDeviceId))
  splits.left -= 1
  if (guilty.length > 0 && guilty.length < rows.length) {
    await refuse(run, guilty, error)
    return await sendMessage(run, rows.filter((row) => !guilty.includes(row)), splits)
  }
  if (splits.left <= 0) return await refuse(run, rows, error)
  const half = rows.length >> 1
  await sendMessage(run, rows.slice(0, half), splits)
  await sendMessage(run, rows.slice(half), splits)
}

/** These phones' states were refused; each is tried again, less and less often. */
async function refuse (run: Run, rows: readonly ClaimedRow[], error: IntuneError): Promise<void> {
  run.failed += rows.length
  run.deps.log.warn({ err: error, tenantId: run.connector.tenantId, devices: rows.length, deviceId: rows[0]?.deviceId }, 'Intune refuses the state of devices')
  await failRows(run.deps.db, { rows, error: error.message, delaysMs: rows.map(({ attempts }) => backoffMs(DEVICE_BACKOFF, attempts + 1)), counts: true })
}
