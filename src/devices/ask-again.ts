import { sql } from 'kysely'
import type { Tx } from '../platform/database.js'
import { notToldSince } from '../telemetry/resend.js'

/**
 * After a restore: what phones have said since the backup is not known, and their agents take it for known. So each is asked, with
 * its next receipts, for all apps and for every other section that its agent ever told of.
 */
export async function askForEverything (tx: Tx): Promise<void> {
  await sql`
    update device_state set resend = array(
      select 'apps' union select ${notToldSince(new Date())}::text
      union select section from jsonb_array_elements(case jsonb_typeof(state -> 'origins') when 'array' then state -> 'origins' else '[]' end) as o (origin)
        cross join lateral jsonb_array_elements_text(origin -> 2) as s (section) where origin -> 3 ->> 'source' is null
    )
    where last_report_at is not null`.execute(tx)
}
