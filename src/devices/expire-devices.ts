import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import { eraseDevice } from './erase-device.js'
import type { EndDeviceDeps } from './revoke-device.js'

const ACTOR = 'retention'
/** In one run; the rest comes with the next. */
const MAX_DEVICES = 500

/**
 * Erases phones that were retired so many days ago: replaced by another record of the same phone, or gone from Intune. One that was revoked stays, since
 * what is erased may enrol again. Answers how many.
 */
export async function expireRetiredDevices (deps: Omit<EndDeviceDeps, 'cutoffs'>, { retentionDays, signal }: { readonly retentionDays: number, readonly signal?: AbortSignal }): Promise<number> {
  const phones = await listLongRetired(deps.db, { retentionDays, limit: MAX_DEVICES })
  for (const phone of phones) {
    signal?.throwIfAborted()
    // Tokens of retired phones have not counted since they were retired, in any process.
    await eraseDevice({ ...deps, cutoffs: { advance () {} } }, { ...phone, actor: ACTOR })
  }
  return phones.length
}

async function listLongRetired (db: Database, { retentionDays, limit }: { readonly retentionDays: number, readonly limit: number }): Promise<Array<{ readonly tenantId: string, readonly deviceId: string }>> {
  const { rows } = await sql<{ id: string, tenant_id: string }>`
    select id, tenant_id from device
    where retired_at < now() - make_interval(days => ${retentionDays}) and retired_at is not null and erased_at is null and revoked_at is null
    order by retired_at limit ${limit}`.execute(db)
  return rows.map((row) => ({ tenantId: row.tenant_id, deviceId: row.id }))
}
