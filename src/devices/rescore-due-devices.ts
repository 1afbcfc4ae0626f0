import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'

const DEVICES_PER_JOB = 200
const MAX_DEVICES = 10_000
/** They count as handed on for so long; if nobody has judged them by then, they are due again. */
const LEASE_SECONDS = 60

/** Has devices judged anew whose judgement changes by itself about now: an event's lifetime ended, or silence became too long. */
export async function rescoreDueDevices (
  { db, score }: { readonly db: Database, readonly score: Producer<'score'> }
): Promise<{ readonly devices: number }> {
  const { rows } = await sql<{ device_id: string }>`
    update device_state s set due_at = now() + make_interval(secs => ${LEASE_SECONDS})
    from (
      select device_id from device_state where due_at <= now() order by due_at limit ${MAX_DEVICES} for update skip locked
    ) due
    where s.device_id = due.device_id
    returning s.device_id`.execute(db)
  const ids = rows.map((row) => row.device_id)
  const jobs = Array.from({ length: Math.ceil(ids.length / DEVICES_PER_JOB) }, (_, index) =>
    ({ deviceIds: ids.slice(index * DEVICES_PER_JOB, (index + 1) * DEVICES_PER_JOB) }))
  await score.add(jobs)
  return { devices: ids.length }
}
