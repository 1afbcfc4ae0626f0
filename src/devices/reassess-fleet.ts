import { readIntelVersion } from '../intel/intel-version.js'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'

/** Devices of one job. */
const CHUNK = 500

export interface ReassessDeps {
  readonly db: Database
  readonly score: Producer<'score'>
}

/** Has every phone that ever reported judged anew: what is known to be bad has changed. */
export async function reassessFleet ({ db, score }: ReassessDeps): Promise<void> {
  const version = await readIntelVersion(db)
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const rows = await db.selectFrom('device_state').select('device_id')
      .where('device_id', '>', after).where('last_report_at', 'is not', null).orderBy('device_id').limit(CHUNK).execute()
    if (rows.length === 0) break
    await score.add([{ deviceIds: rows.map((row) => row.device_id) }])
    after = rows.at(-1)!.device_id
  }
  // Only now: whoever dies on the way leaves a version that is behind, which is noticed.
  await db.updateTable('intel_version').set({ reassessed_version: version }).where('reassessed_version', '<', version).execute()
}

/** The same, when it was not done for the intelligence that is stored now. Answers whether. */
export async function reassessFleetIfBehind (deps: ReassessDeps): Promise<boolean> {
  const { version, reassessed_version: reassessed } = await deps.db.selectFrom('intel_version').select(['version', 'reassessed_version']).executeTakeFirstOrThrow()
  if (reassessed >= version) return false
  await reassessFleet(deps)
  return true
}
