import type { Logger } from 'pino'
import type { Database } from '../../platform/database.js'
import { recordAudit } from '../../platform/record-audit.js'

export interface Refusal {
  /** `sign-in.refused`: nobody whom we know. `access.refused`: an operator, where nothing is theirs or their role is too weak. */
  readonly action: 'sign-in.refused' | 'access.refused'
  /** Whose audit log has it; null: the platform's. */
  readonly tenantId: string | null
  readonly actor: string
  readonly subject: string
  readonly reason: string
  readonly address: string
}

/** What was refused, for the audit log: written down by kind, and counted. */
export interface Refusals {
  count (refusal: Refusal): void
  /** Writes what waits. */
  flush (): Promise<void>
  close (): Promise<void>
}

export interface RefusalsOptions {
  readonly db: Database
  readonly log: Logger
  readonly flushMs?: number
  /** Of the same, one event in so long; the next one says how many there were. */
  readonly windowMs?: number
  readonly now?: () => number
}

const FLUSH_MS = 5_000
const WINDOW_MS = 10 * 60 * 1000
/** Kinds told apart in one window; guesses come from many addresses. What is beyond is counted together. */
export const MAX_KINDS = 100

interface Kind {
  readonly refusal: Refusal
  count: number
  since: number
  /** It may be written from then on. */
  due: number
}

/**
 * Collects refusals in memory, so that guessing costs no write each. The first of a kind is written with the
 * next flush, then one event for each window in which there were more.
 */
export function createRefusals ({ db, log, flushMs = FLUSH_MS, windowMs = WINDOW_MS, now = Date.now }: RefusalsOptions): Refusals {
  const kinds = new Map<string, Kind>()

  function add (refusal: Refusal, key: string, count: number, since: number): void {
    const kind = kinds.get(key)
    if (kind === undefined) {
      kinds.set(key, { refusal, count, since, due: since })
    } else {
      if (kind.count === 0) kind.since = since
      kind.count += count
    }
  }

  function count (refusal: Refusal): void {
    const key = JSON.stringify([refusal.action, refusal.tenantId, refusal.subject, refusal.reason, refusal.address])
    if (kinds.has(key) || kinds.size < MAX_KINDS) return add(refusal, key, 1, now())
    // Strangers can make up as many kinds as they like, but not of actions.
    add({ ...refusal, tenantId: null, actor: 'various', subject: 'various', reason: 'various', address: 'various' }, refusal.action, 1, now())
  }

  let underway: Promise<void> = Promise.resolve()
  async function write (all: boolean): Promise<void> {
    const at = now()
    const taken: Array<{ key: string, refusal: Refusal, count: number, since: number }> = []
    for (const [key, kind] of kinds) {
      if (kind.count > 0 && (all || kind.due <= at)) {
        taken.push({ key, refusal: kind.refusal, count: kind.count, since: kind.since })
        kind.count = 0
        kind.due = at + windowMs
      } else if (kind.count === 0 && kind.due <= at) {
        kinds.delete(key)
      }
    }
    if (taken.length === 0) return
    try {
      await db.transaction().execute(async (tx) => {
        for (const { refusal: { action, tenantId, actor, subject, reason, address }, count, since } of taken) {
          await recordAudit(tx, { tenantId, actor, action, subject, detail: { reason, address, count, since: new Date(since).toISOString() } })
        }
      })
    } catch (err) {
      // The database is away: they are written with those to come.
      for (const { key, refusal, count, since } of taken) {
        add(refusal, key, count, since)
        const kind = kinds.get(key)!
        kind.since = Math.min(kind.since, since)
        kind.due = at
      }
      log.warn({ err, kinds: taken.length }, 'refused sign-ins could not be written down; they will be')
    }
  }
  const writeNext = async (all: boolean): Promise<void> => { await (underway = underway.then(async () => await write(all))) }

  const timer = setInterval(() => { void writeNext(false) }, flushMs).unref()
  return {
    count,
    flush: async () => await writeNext(false),
    async close () {
      clearInterval(timer)
      await writeNext(true)
    }
  }
}
