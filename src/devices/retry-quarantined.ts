import { NotFoundError } from '../errors.js'
import { rescoreReports, type ScoreDeps, type ScoreResult } from './score-devices.js'
import { listReports } from './score-repository.js'

/**
 * Scores a report that was set aside once more. What still fails is set aside again.
 * `id` is the journal's own, as listQuarantine tells it. @throws NotFoundError
 */
export async function retryQuarantined (deps: ScoreDeps, { tenantId, id }: { readonly tenantId: string, readonly id: number }): Promise<ScoreResult> {
  const removed = await deps.db.deleteFrom('quarantined_report')
    .where('report_id', '=', id).where('tenant_id', '=', tenantId)
    .returning('report_id').executeTakeFirst()
  if (removed === undefined) throw new NotFoundError('There is no such report set aside.')
  return await rescoreReports(deps, await listReports(deps.db, [id]))
}
