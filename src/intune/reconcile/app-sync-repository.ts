import { sql } from 'kysely'
import type { Database } from '../../platform/database.js'
import type { DirectoryScope } from './directory-repository.js'

/** An iPhone or iPad whose apps Intune may know. */
export interface AppSyncPhone {
  readonly deviceId: string
  readonly entraDeviceId: string
  readonly isEnrolledAtIntune: boolean
  readonly hasCheckedIn: boolean
  readonly isPersonal: boolean
}

/** Phones that have checked in since their last list was taken, or whose list was never taken, in the order of their Entra ids. */
export async function listPhonesForApps (db: Database, { tenantId, tenantNumber }: DirectoryScope, { after, limit }: { readonly after: string | undefined, readonly limit: number }): Promise<AppSyncPhone[]> {
  const { rows } = await sql<{ id: string, entra_device_id: string, enrolled: boolean, checked_in: boolean, personal: boolean }>`
    select d.id, d.entra_device_id, x.intune_device_id is not null as enrolled, x.checked_in_at is not null as checked_in, x.owner_type is distinct from 1 as personal
    from directory_device x join device d on d.tenant_id = ${tenantId} and d.entra_device_id = x.entra_device_id
    where x.tenant_number = ${tenantNumber} and x.vanished_at is null and d.platform in ('ios', 'ipados')
      and d.retired_at is null and d.revoked_at is null and d.erased_at is null and (x.apps_of is null or x.checked_in_at > x.apps_of)
      ${after === undefined ? sql`` : sql`and x.entra_device_id > ${after}`}
    order by x.entra_device_id limit ${limit}`.execute(db)
  return rows.map((row) => ({ deviceId: row.id, entraDeviceId: row.entra_device_id, isEnrolledAtIntune: row.enrolled, hasCheckedIn: row.checked_in, isPersonal: row.personal }))
}

/** The lists of these check-ins are in the journal. */
export async function saveAppsTaken (db: Database, { tenantNumber }: DirectoryScope, taken: ReadonlyArray<{ readonly entraDeviceId: string, readonly checkedInAt: string }>): Promise<void> {
  await sql`
    update directory_device x set apps_of = t."checkedInAt" from jsonb_to_recordset(${JSON.stringify(taken)}::jsonb) as t("entraDeviceId" uuid, "checkedInAt" timestamptz)
    where x.tenant_number = ${tenantNumber} and x.entra_device_id = t."entraDeviceId"`.execute(db)
}

/** The administrator's switches as they were last read; undefined: never. */
export async function findSwitches (db: Database, tenantId: string): Promise<Readonly<Record<string, boolean>> | undefined> {
  const row = await db.selectFrom('intune_connector').select('partner_switches').where('tenant_id', '=', tenantId).executeTakeFirst()
  return (row?.partner_switches as Record<string, boolean> | null | undefined) ?? undefined
}
