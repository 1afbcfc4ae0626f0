import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { DEFAULT_UNRESPONSIVE_DAYS, findConnector, type ConnectorRow, type ConnectorState } from './connector-repository.js'
import { MAX_HEALS } from '../devices/directory-vocabulary.js'
import { countStuck } from './reconcile/directory-repository.js'
import { readBacklog, type Backlog } from './outbox-repository.js'

/** The connection of a tenant to Intune as administrators see it; times are ISO 8601. */
export interface Connector {
  readonly state: ConnectorState
  /** False: somebody should look at it. */
  readonly healthy: boolean
  /** What the state means and what to do, in words. */
  readonly summary: string
  readonly provisionedAt: string | null
  readonly lastHeartbeatAt: string | null
  readonly nextHeartbeatAt: string | null
  /** Phones whose newest state Intune does not have yet. */
  readonly waiting: number
  readonly oldestWaitingSince: string | null
  /** Of those, phones for which sending failed at least once. */
  readonly failing: number
  /** Phones besides, whose state Intune went on refusing until it was given up. */
  readonly deadLetters: number
  readonly lastError: string | null
  readonly lastErrorAt: string | null
  /** Nothing is sent before then. */
  readonly pausedUntil: string | null
  /** `open`: nothing is sent; `half-open`: one message at a time finds out whether all is well again. */
  readonly circuit: 'closed' | 'open' | 'half-open'
  /** The host of the last failure; `pausedUntil` when it answers nobody and is left alone for all its tenants. */
  readonly failedHost: { readonly name: string, readonly pausedUntil: string | null } | null
  /** What Intune complained of about earlier messages, as it said it. */
  readonly messageErrors: readonly unknown[]
  /** Phones about which Intune keeps another state, however often it is told. */
  readonly stuck: number
  /** The connector as Microsoft Graph shows it; null: never read. */
  readonly atIntune: {
    /** unavailable, available, enabled, unresponsive, … */
    readonly state: string | null
    readonly switches: Readonly<Record<string, boolean>>
    readonly heartbeatAt: string | null
    /** After so many days of silence Intune ignores our data. */
    readonly unresponsiveThresholdDays: number | null
    readonly readAt: string
    readonly readError: string | null
  } | null
}

const HOUR_MS = 60 * 60 * 1000
/** Intune acts after days that its administrator sets; an alarm at half of them leaves time. */
const ALARM_HOURS_A_DAY = 12

/** @throws NotFoundError */
export async function getConnector (
  { db, unresponsiveDays = DEFAULT_UNRESPONSIVE_DAYS, now = () => new Date() }: { readonly db: Database, readonly unresponsiveDays?: number, readonly now?: () => Date },
  { tenantId }: { readonly tenantId: string }
): Promise<Connector> {
  const [row, backlog, stuck] = await Promise.all([findConnector(db, tenantId), readBacklog(db, tenantId), countStuck(db, tenantId)])
  if (row === undefined) throw new NotFoundError('There is no such tenant.')
  const at = now()
  const isAhead = (moment: Date | null): moment is Date => moment !== null && moment > at
  const summary = summarize(row, { ...backlog, stuck }, at, unresponsiveDays)
  return {
    state: row.state,
    healthy: summary.healthy,
    summary: summary.text,
    provisionedAt: row.provisionedAt?.toISOString() ?? null,
    lastHeartbeatAt: row.heartbeatAt?.toISOString() ?? null,
    nextHeartbeatAt: row.state === 'provisioned' ? row.heartbeatDueAt?.toISOString() ?? null : null,
    waiting: backlog.waiting,
    oldestWaitingSince: backlog.oldestAt?.toISOString() ?? null,
    failing: backlog.failing,
    deadLetters: backlog.dead,
    lastError: row.lastError ?? row.heartbeatError,
    lastErrorAt: row.lastErrorAt?.toISOString() ?? null,
    pausedUntil: isAhead(row.retryAt) ? row.retryAt.toISOString() : null,
    circuit: isAhead(row.retryAt) ? 'open' : row.lastError === null ? 'closed' : 'half-open',
    failedHost: row.failedHost === null ? null : { name: row.failedHost, pausedUntil: isAhead(row.hostPausedUntil) ? row.hostPausedUntil.toISOString() : null },
    messageErrors: row.messageErrors,
    stuck,
    atIntune: toAtIntune(row)
  }
}

function toAtIntune ({ partner: { state, switches, heartbeatAt, readAt, readError }, unresponsiveDays }: ConnectorRow): Connector['atIntune'] {
  if (readAt === null) return null
  return { state, switches: switches ?? {}, heartbeatAt: heartbeatAt?.toISOString() ?? null, unresponsiveThresholdDays: unresponsiveDays, readAt: readAt.toISOString(), readError }
}

function summarize (row: ConnectorRow, { waiting, failing, dead, stuck }: Backlog & { readonly stuck: number }, now: Date, unresponsiveDays: number): { healthy: boolean, text: string } {
  if (row.state === 'not-provisioned') {
    return { healthy: false, text: 'Not connected yet. Connecting happens with the first phone to report, or now if you provision the connector. An administrator of the Entra tenant must have given our app consent.' }
  }
  if (row.state === 'deprovisioned') {
    return { healthy: false, text: `Disconnected by an administrator. Nothing is sent to Intune; ${phones(waiting)} will be sent when the connector is provisioned again.` }
  }
  if (row.state === 'failed') {
    return { healthy: false, text: `Intune did not accept the connection: ${row.lastError ?? 'no reason known'} It is tried again by itself; ${phones(waiting)} waiting.` }
  }
  if (row.lastError !== null) {
    return { healthy: false, text: `Connected, but the last exchange failed: ${row.lastError} It is tried again by itself; ${phones(waiting)} waiting.` }
  }
  const beatAt = row.heartbeatAt ?? row.provisionedAt
  const alarmHours = (row.unresponsiveDays ?? unresponsiveDays) * ALARM_HOURS_A_DAY
  if (beatAt !== null && now.getTime() - beatAt.getTime() > alarmHours * HOUR_MS) {
    const why = row.heartbeatError === null ? 'check that a worker process runs.' : `the last one failed: ${row.heartbeatError}`
    return { healthy: false, text: `Connected, but there was no heartbeat for more than ${alarmHours} hours. Intune will ignore our data when its own limit is reached; ${why}` }
  }
  if (row.heartbeatError !== null) {
    return { healthy: false, text: `Connected, but the last heartbeat failed: ${row.heartbeatError} It is tried again every minute.` }
  }
  if (dead > 0) {
    return { healthy: false, text: `Connected. Intune went on refusing the state of ${phones(dead)}, which is not sent any more until it changes or you resend it; the list of dead letters says why.` }
  }
  if (failing > 0) {
    return { healthy: false, text: `Connected. Intune refuses the state of ${phones(failing)}; the devices' details say why.` }
  }
  if (stuck > 0) {
    return { healthy: false, text: `Connected, but of ${phones(stuck)} Intune keeps another state than it was told, and told again ${MAX_HEALS} times; the devices' details say which.` }
  }
  return { healthy: true, text: waiting === 0 ? 'Connected. Intune has the newest state of every phone.' : `Connected. ${phones(waiting)} on the way.` }
}

const phones = (count: number): string => count === 1 ? '1 phone' : `${count} phones`
