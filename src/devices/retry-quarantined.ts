import { NotFoundError } from '../errors.js'
import { deleteQuarantined, findQuarantined } from '../telemetry/journal-groups.js'
import { rescoreReports, type ScoreDeps, type ScoreResult } from './score-devices.js'

/**
 * Scores a report that was set aside once more. What still fails stays set aside.
 * `id` is the journal's own, as listQuarantine tells it. @throws NotFoundError
 */
export async function retryQuarantined (deps: ScoreDeps, { tenantId, id }: { readonly tenantId: string, readonly id: number }): Promise<ScoreResult> {
  const aside = await findQuarantined(deps.db, { tenantId, id })
  if (aside === undefined) throw new NotFoundError('There is no such report set aside.')
  const result = await rescoreReports(deps, [aside.report])
  await deleteQuarantined(deps.db, { id, quarantinedAt: aside.quarantinedAt })
  return result
}
