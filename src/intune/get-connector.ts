import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { findConnector, type ConnectorRow, type ConnectorState } from './connector-repository.js'
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
  readonly lastError: string | null
  readonly lastErrorAt: string | null
  /** Nothing is sent before then. */
  readonly pausedUntil: string | null
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
/** Health scripts in use warn after a day of silence; Intune itself acts after days that its administrator sets. */
const HEARTBEAT_LATE_HOURS = 24

/** @throws NotFoundError */
export async function getConnector (
  { db, now = () => new Date() }: { readonly db: Database, readonly now?: () => Date },
  { tenantId }: { readonly tenantId: string }
): Promise<Connector> {
  const [row, backlog, stuck] = await Promise.all([findConnector(db, tenantId), readBacklog(db, tenantId), countStuck(db, tenantId)])
  if (row === undefined) throw new NotFoundError('There is no such tenant.')
  const at = now()
  const paused = row.retryAt !== null && row.retryAt > at
  const summary = summarize(row, { ...backlog, stuck }, at)
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
    lastError: row.lastError,
    lastErrorAt: row.lastErrorAt?.toISOString() ?? null,
    pausedUntil: paused ? row.retryAt.toISOString() : null,
    messageErrors: row.messageErrors,
    stuck,
    atIntune: toAtIntune(row.partner)
  }
}

function toAtIntune ({ state, switches, heartbeatAt, unresponsiveThresholdDays, readAt, readError }: ConnectorRow['partner']): Connector['atIntune'] {
  if (readAt === null) return null
  return { state, switches: switches ?? {}, heartbeatAt: heartbeatAt?.toISOString() ?? null, unresponsiveThresholdDays, readAt: readAt.toISOString(), readError }
}

function summarize (row: ConnectorRow, { waiting, failing, stuck }: Backlog & { readonly stuck: number }, now: Date): { healthy: boolean, text: string } {
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
  if (beatAt !== null && now.getTime() - beatAt.getTime() > HEARTBEAT_LATE_HOURS * HOUR_MS) {
    return { healthy: false, text: `Connected, but there was no heartbeat for more than ${HEARTBEAT_LATE_HOURS} hours. Intune will ignore our data when its own limit is reached; check that a worker of the upkeep queue runs.` }
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
