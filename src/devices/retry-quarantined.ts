import { NotFoundError } from '../errors.js'
import { deleteQuarantined, findQuarantined } from '../telemetry/journal-groups.js'
import type { Database } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import { rescoreReports, type ScoreDeps, type ScoreResult } from './score-devices.js'

/**
 * Scores a report that was set aside once more. What still fails stays set aside.
 * `id` is the journal's own, as listQuarantine tells it. Found as who asks may see it (`db`), and
 * scored as all reports are. @throws NotFoundError
 */
export async function retryQuarantined ({ db, scoring }: { readonly db: Database, readonly scoring: ScoreDeps }, { tenantId, id, actor }: { readonly tenantId: string, readonly id: number, readonly actor: string }): Promise<ScoreResult> {
  const aside = await findQuarantined(db, { tenantId, id })
  if (aside === undefined) throw new NotFoundError('There is no such report set aside.')
  // Before: it is scored in transactions of another role, and nothing is done without a line.
  await recordAudit(db, { tenantId, actor, action: 'quarantine.retried', subject: String(id) })
  const result = await rescoreReports(scoring, [aside.report])
  await deleteQuarantined(db, { id, quarantinedAt: aside.quarantinedAt })
  return result
}
