import type { Database } from '../platform/database.js'
import { deleteOldQuarantined } from '../telemetry/journal-groups.js'
import { advanceHistoryCut, deleteEndedSuppressions, deleteFindingVersions, deleteLevelChanges, deleteResolvedFindings, finishHistoryCut } from './history-repository.js'

export interface ExpireHistoryOptions {
  readonly retentionDays: number
  /** Its reason is thrown between two statements; what is left goes in the next run. */
  readonly signal?: AbortSignal
  /** Rows that one statement deletes, and statements of each kind in one run. */
  readonly batch?: number
  readonly maxBatches?: number
}

export interface ExpiredHistory {
  readonly levelChanges: number
  readonly findings: number
  readonly findingVersions: number
  readonly suppressions: number
  /** Nothing is left that should have gone. */
  readonly isDone: boolean
}

/** Short enough that nobody who judges phones waits for it. */
const BATCH = 1_000
/** With a batch a run: well over a hundred million rows a day. */
const MAX_BATCHES = 1_000

/**
 * Forgets how phones were judged so many days ago: changes of levels, findings that are over, how findings read before, and
 * suppressions that have ended. What holds now stays, however old it is. From when on the history is whole is said before anything goes.
 */
export async function expireHistory (db: Database, options: ExpireHistoryOptions): Promise<ExpiredHistory> {
  const { retentionDays, signal, batch = BATCH, maxBatches = MAX_BATCHES } = options
  let levelChanges = 0
  let before: Date | undefined
  let isDone = false
  for (let n = 0; n < maxBatches && !isDone; n++) {
    signal?.throwIfAborted()
    const cut = await advanceHistoryCut(db, { retentionDays, changes: batch })
    if (cut === undefined) break
    levelChanges += await deleteLevelChanges(db, cut)
    await finishHistoryCut(db, cut)
    before = cut.to
    isDone = cut.isLast
  }
  // A longer time than before is wanted now: nothing goes until the last cut is so old.
  if (before === undefined) return { levelChanges, findings: 0, findingVersions: 0, suppressions: 0, isDone: true }
  const bound = { before, limit: batch }
  const [findings, findingVersions, suppressions] = [
    await untilFewer(batch, maxBatches, signal, async () => await deleteResolvedFindings(db, bound)),
    await untilFewer(batch, maxBatches, signal, async () => await deleteFindingVersions(db, bound)),
    await untilFewer(batch, maxBatches, signal, async () => await deleteEndedSuppressions(db, bound))
  ]
  return {
    levelChanges, findings: findings.deleted, findingVersions: findingVersions.deleted, suppressions: suppressions.deleted,
    isDone: isDone && findings.isDone && findingVersions.isDone && suppressions.isDone
  }
}

/** Reports that were set aside and not tried again for so many days. Answers how many. */
export async function expireQuarantined (db: Database, { retentionDays, signal, batch = BATCH, maxBatches = MAX_BATCHES }: ExpireHistoryOptions): Promise<number> {
  return (await untilFewer(batch, maxBatches, signal, async () => await deleteOldQuarantined(db, { retentionDays, limit: batch }))).deleted
}

async function untilFewer (batch: number, maxBatches: number, signal: AbortSignal | undefined, remove: () => Promise<number>): Promise<{ readonly deleted: number, readonly isDone: boolean }> {
  let deleted = 0
  for (let n = 0; n < maxBatches; n++) {
    signal?.throwIfAborted()
    const gone = await remove()
    deleted += gone
    if (gone < batch) return { deleted, isDone: true }
  }
  return { deleted, isDone: false }
}
