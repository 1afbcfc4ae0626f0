import { sql } from 'kysely'
import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { eraseDevice } from './erase-device.js'
import { type DeviceExport, exportDevice, type ExportDeviceDeps } from './export-device.js'
import type { EndDeviceDeps } from './revoke-device.js'
import { recordAudit } from '../platform/record-audit.js'

/** A person of a tenant, as Entra knows them: whose phones these are is what Intune says. */
export interface PersonInput {
  readonly tenantId: string
  /** Entra's object id of the user. */
  readonly entraUserId: string
  readonly actor: string
}

/** Enrolled phones of which Intune says that they are this user's. */
async function listPhonesOf (db: Database, { tenantId, entraUserId }: PersonInput): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select d.id from directory_device e join tenant t on t.number = e.tenant_number join device d on d.tenant_id = t.id and d.entra_device_id = e.entra_device_id
    where t.id = ${tenantId} and e.user_id = ${entraUserId} and d.erased_at is null order by d.id`.execute(db)
  return rows.map(({ id }) => id)
}

/** What Intune and Entra say of a person, whether a phone of theirs is enrolled here or not. */
export interface PersonInDirectory {
  /** Rows of phones, as they are stored. */
  readonly devices: readonly unknown[]
  /** Entra's ids or names of groups that a policy goes by and they are in. */
  readonly groups: readonly string[]
}

/** Everything that is kept about a person and their phones. @throws NotFoundError when nothing is known of such a person */
export async function exportPerson (deps: ExportDeviceDeps, input: PersonInput): Promise<{ readonly entraUserId: string, readonly devices: readonly DeviceExport[], readonly directory: PersonInDirectory }> {
  const { tenantId, actor } = input
  const [phones, directory] = [await listPhonesOf(deps.db, input), await readDirectory(deps.db, input)]
  if (phones.length === 0 && directory.devices.length === 0 && directory.groups.length === 0) throw unknownPerson()
  const devices: DeviceExport[] = []
  for (const deviceId of phones) devices.push(await exportDevice(deps, { ...input, deviceId }))
  // Whose it was is not written down: the audit is never erased. Each phone has its line.
  await recordAudit(deps.db, { tenantId, actor, action: 'person.exported', detail: { devices: phones, inDirectory: directory.devices.length } })
  return { entraUserId: input.entraUserId, devices, directory }
}

async function readDirectory (db: Database, { tenantId, entraUserId }: PersonInput): Promise<PersonInDirectory> {
  const { rows: devices } = await sql<{ row: unknown }>`
    select to_jsonb(e) as row from directory_device e join tenant t on t.number = e.tenant_number where t.id = ${tenantId} and e.user_id = ${entraUserId} order by e.entra_device_id`.execute(db)
  const { rows: groups } = await sql<{ wanted: string }>`
    select g.wanted from directory_member m join directory_group g on g.number = m.group_number where g.tenant_id = ${tenantId} and m.member_id = ${entraUserId} order by g.wanted`.execute(db)
  return { devices: devices.map(({ row }) => row), groups: groups.map(({ wanted }) => wanted) }
}

/**
 * Erases all phones of a person (see eraseDevice), one after the other: interrupted, the same call goes on. Of phones that never enrolled
 * here, what Intune said of whose they are goes too.
 * @throws NotFoundError when nothing is known of such a person
 */
export async function erasePerson (deps: EndDeviceDeps, input: PersonInput): Promise<{ readonly entraUserId: string, readonly erased: readonly string[] }> {
  const { tenantId, entraUserId, actor } = input
  const [phones, directory] = [await listPhonesOf(deps.db, input), await readDirectory(deps.db, input)]
  if (phones.length === 0 && directory.devices.length === 0) throw unknownPerson()
  for (const deviceId of phones) await eraseDevice(deps, { ...input, deviceId })
  await deps.db.transaction().execute(async (tx) => {
    await sql`
      update directory_device e set user_id = null, device_name = null, serial_number = null from tenant t
      where t.id = ${tenantId} and e.tenant_number = t.number and e.user_id = ${entraUserId}`.execute(tx)
    // Whose they were is not written down: the audit is never erased.
    await recordAudit(tx, { tenantId, actor, action: 'person.erased', detail: { devices: phones, inDirectory: directory.devices.length } })
  })
  return { entraUserId, erased: phones }
}

const unknownPerson = (): Error => new NotFoundError('Nothing is known of such a user here, as far as Intune and Entra were read.')
