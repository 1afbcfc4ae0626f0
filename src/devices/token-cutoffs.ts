import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '../platform/database.js'

const POLL_MS = 2_000
/** A row's updated_at is when its transaction began; it shows up when that commits. */
const OVERLAP_SECONDS = 30
/** No access token lives longer (ACCESS_TOKEN_SECONDS is at most a day), so older cutoffs change nothing. */
const KEEP_HOURS = 25

/**
 * Which access tokens no longer count, known to every API process without asking the
 * database on each request: revocation, a new key and erasure move a device's cutoff.
 */
export interface TokenCutoffs {
  /** False when the token was issued before the device's cutoff. */
  allows (deviceId: string, issuedAtMs: number): boolean
  /** Takes effect in this process at once; others see it within the poll interval. */
  advance (deviceId: string, cutoffMs: number): void
  refresh (): Promise<void>
  close (): void
}

/** Loads the cutoffs and follows them. `cutoffMs` Infinity: no token counts. */
export async function createTokenCutoffs ({ db, log, pollMs = POLL_MS }: { db: Database, log: Logger, pollMs?: number }): Promise<TokenCutoffs> {
  const cutoffs = new Map<string, number>()
  const advance = (deviceId: string, cutoffMs: number): void => {
    cutoffs.set(deviceId, Math.max(cutoffMs, cutoffs.get(deviceId) ?? -Infinity))
  }
  let since = '-infinity'

  const refresh = async (): Promise<void> => {
    const { rows } = await sql<{ now: Date, id: string | null, cutoff: Date | number | null }>`
      select now.at as now, d.id, d.tokens_valid_from as cutoff
      from (select now() as at) now
      left join device d on d.updated_at > ${since}::timestamptz
        and d.tokens_valid_from > now.at - make_interval(hours => ${KEEP_HOURS})`.execute(db)
    for (const { id, cutoff } of rows) {
      if (id !== null && cutoff !== null) advance(id, toMs(cutoff))
    }
    const forgetBefore = Date.now() - KEEP_HOURS * 3_600_000
    for (const [id, cutoff] of cutoffs) if (cutoff < forgetBefore) cutoffs.delete(id)
    const now = rows[0]?.now
    if (now !== undefined) since = new Date(now.getTime() - OVERLAP_SECONDS * 1000).toISOString()
  }

  await refresh()
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= refresh()
      .catch((err: unknown) => log.warn({ err }, 'token cutoffs could not be refreshed'))
      .finally(() => { running = undefined })
  }, pollMs).unref()

  return {
    allows: (deviceId, issuedAtMs) => issuedAtMs >= (cutoffs.get(deviceId) ?? -Infinity),
    advance,
    refresh,
    close: () => clearInterval(timer)
  }
}

/** node-postgres reads timestamptz 'infinity' as the number Infinity. */
const toMs = (cutoff: Date | number): number => typeof cutoff === 'number' ? cutoff : cutoff.getTime()
