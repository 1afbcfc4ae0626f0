import { sql } from 'kysely'
import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { eraseDevice } from './erase-device.js'
import { type DeviceExport, exportDevice, type ExportDeviceDeps } from './export-device.js'
import type { EndDeviceDeps } from './revoke-device.js'

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

/** Everything that is kept about a person's phones. @throws NotFoundError when nothing is known of such a person */
export async function exportPerson (deps: ExportDeviceDeps, input: PersonInput): Promise<{ readonly entraUserId: string, readonly devices: readonly DeviceExport[] }> {
  const phones = await phonesOf(deps.db, input)
  const devices: DeviceExport[] = []
  for (const deviceId of phones) devices.push(await exportDevice(deps, { ...input, deviceId }))
  return { entraUserId: input.entraUserId, devices }
}

/**
 * Erases all phones of a person (see eraseDevice), one after the other: interrupted, the same call goes on.
 * @throws NotFoundError when nothing is known of such a person
 */
export async function erasePerson (deps: EndDeviceDeps, input: PersonInput): Promise<{ readonly entraUserId: string, readonly erased: readonly string[] }> {
  const phones = await phonesOf(deps.db, input)
  for (const deviceId of phones) await eraseDevice(deps, { ...input, deviceId })
  return { entraUserId: input.entraUserId, erased: phones }
}

async function phonesOf (db: Database, input: PersonInput): Promise<string[]> {
  const phones = await listPhonesOf(db, input)
  if (phones.length === 0) throw new NotFoundError('No phone of such a user is enrolled here, as far as Intune was read.')
  return phones
}
