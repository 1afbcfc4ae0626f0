import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '../platform/database.js'

const POLL_MS = 2_000
/** No access token lives longer than a day (ACCESS_TOKEN_SECONDS), so older changes end none. */
const KEEP_HOURS = 25

/**
 * Which access tokens no longer count, known to every API process without asking the database on
 * each request. A token carries the version its device's credentials had; a new key raises the
 * version, and revocation, retirement and erasure end them all. No clock is asked: those of
 * several machines differ.
 */
export interface TokenCutoffs {
  /** False when the device's credentials have changed since the token was issued. */
  allows (deviceId: string, credentialsVersion: number): boolean
  /** Only tokens of this version or a later one count; Infinity: none. At once here, elsewhere within the poll interval. */
  advance (deviceId: string, credentialsVersion: number): void
  refresh (): Promise<void>
  close (): void
}

interface Cutoff {
  readonly version: number
  readonly untilMs: number
}

/** Loads the cutoffs and follows them. */
export async function createTokenCutoffs ({ db, log, pollMs = POLL_MS }: { db: Database, log: Logger, pollMs?: number }): Promise<TokenCutoffs> {
  // In the order of their change, so the oldest stand first.
  const cutoffs = new Map<string, Cutoff>()
  const advance = (deviceId: string, version: number): void => {
    const known = cutoffs.get(deviceId)
    if (known !== undefined && known.version >= version) return
    cutoffs.delete(deviceId)
    cutoffs.set(deviceId, { version, untilMs: performance.now() + KEEP_HOURS * 3_600_000 })
  }
  /** Every transaction before it is known to have ended, and what it did has been read. */
  let seen = '0'

  const refresh = async (): Promise<void> => {
    const { rows } = await sql<{ horizon: string, id: string | null, version: number | null }>`
      select pg_snapshot_xmin(pg_current_snapshot())::text as horizon, d.id,
        case when d.tokens_valid_from = 'infinity' then null else d.credentials_version end as version
      from (select) as always
      left join device d on d.credentials_changed_in >= ${seen}::xid8
        and greatest(d.revoked_at, d.retired_at, nullif(d.tokens_valid_from, 'infinity')) > now() - make_interval(hours => ${KEEP_HOURS})`.execute(db)
    for (const { id, version } of rows) if (id !== null) advance(id, version ?? Infinity)
    seen = rows[0]?.horizon ?? seen
    const now = performance.now()
    for (const [id, { untilMs }] of cutoffs) {
      if (untilMs > now) break
      cutoffs.delete(id)
    }
  }

  await refresh()
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= refresh()
      .catch((err: unknown) => log.warn({ err }, 'token cutoffs could not be refreshed'))
      .finally(() => { running = undefined })
  }, pollMs).unref()

  return {
    allows: (deviceId, version) => version >= (cutoffs.get(deviceId)?.version ?? 0),
    advance,
    refresh,
    close: () => clearInterval(timer)
  }
}
