import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'

/** Devices of one job. */
const CHUNK = 500

/** Has every phone that ever reported judged anew: what is known to be bad has changed. */
export async function reassessFleet ({ db, score }: { readonly db: Database, readonly score: Producer<'score'> }): Promise<void> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const rows = await db.selectFrom('device_state').select('device_id')
      .where('device_id', '>', after).where('last_report_at', 'is not', null).orderBy('device_id').limit(CHUNK).execute()
    if (rows.length === 0) return
    await score.add([{ deviceIds: rows.map((row) => row.device_id) }])
    after = rows.at(-1)!.device_id
  }
}
