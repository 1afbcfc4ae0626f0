import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import type { Platform } from '../telemetry/device-state.js'
import type { DeviceKey } from './device-key.js'
import type { Expected } from './directory-repository.js'
import { upsertOutbox } from './outbox-repository.js'
import { insertDeactivations } from './state-change-repository.js'

/** A device as far as its credentials are concerned. */
export interface DeviceCredentials {
  readonly deviceId: string
  readonly tenantId: string
  readonly publicKey: DeviceKey
  /** Raised by each new key; tokens of an earlier version do not count. */
  readonly credentialsVersion: number
  /** Revoked, retired or erased. */
  readonly gone: boolean
}

const CREDENTIALS = ['id', 'tenant_id', 'public_key', 'credentials_version', 'revoked_at', 'retired_at'] as const

export async function findCredentials (db: Database, deviceId: string): Promise<DeviceCredentials | undefined> {
  const row = await db.selectFrom('device').select(CREDENTIALS)
    .where('id', '=', deviceId).where('erased_at', 'is', null).executeTakeFirst()
  return row && toCredentials(row)
}

/** Uses an enrolment token once, if it may be used; concurrent callers count one after the other. */
export async function useEnrollmentToken (tx: Tx, tokenHash: Buffer, platform: Platform, now: Date): Promise<{ tokenId: string, tenantId: string } | undefined> {
  const row = await tx.updateTable('enrollment_token')
    .set((eb) => ({ uses: eb('uses', '+', 1) }))
    .where('token_hash', '=', tokenHash)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .where((eb) => eb.or([eb('max_uses', 'is', null), eb('uses', '<', eb.ref('max_uses'))]))
    .where((eb) => eb.or([eb('platform', 'is', null), eb('platform', '=', platform)]))
    .returning(['id', 'tenant_id'])
    .executeTakeFirst()
  return row && { tokenId: row.id, tenantId: row.tenant_id }
}

/** What the phone says of itself when it enrols. */
export interface DeviceDescription {
  readonly entraDeviceId: string
  readonly intuneDeviceId: string | undefined
  readonly platform: Platform
  readonly osVersion: string | undefined
  readonly manufacturer: string | undefined
  readonly model: string | undefined
  readonly serialNumber: string | undefined
  readonly publicKey: DeviceKey
}

/**
 * Enrolments of one phone, by its Entra id or its serial number, come one after the other until the
 * transaction ends. Before any row is locked, and always in this order: nobody waits in a circle.
 */
export async function lockEnrollment (tx: Tx, tenantId: string, { entraDeviceId, serialNumber }: Pick<DeviceDescription, 'entraDeviceId' | 'serialNumber'>): Promise<void> {
  const lock = async (name: string): Promise<void> => { await sql`select pg_advisory_xact_lock(hashtextextended(${`enroll ${tenantId} ${name}`}, 0))`.execute(tx) }
  await lock(`entra ${entraDeviceId}`)
  if (serialNumber !== undefined) await lock(`serial ${serialNumber}`)
}

/** The live record with this Entra id; nobody revokes or erases it until the transaction ends. */
export async function lockByEntraDeviceId (tx: Tx, tenantId: string, entraDeviceId: string): Promise<DeviceCredentials | undefined> {
  const row = await tx.selectFrom('device').select(CREDENTIALS)
    .where('tenant_id', '=', tenantId).where('entra_device_id', '=', entraDeviceId).where('retired_at', 'is', null)
    .forNoKeyUpdate().executeTakeFirst()
  return row && toCredentials(row)
}

/**
 * Whether a record of this Entra id was revoked and is not erased, the live one or one whose place was taken meanwhile: such a phone does
 * not come back by itself.
 */
export async function isRevoked (tx: Tx, tenantId: string, entraDeviceId: string): Promise<boolean> {
  return await tx.selectFrom('device').select('id')
    .where('tenant_id', '=', tenantId).where('entra_device_id', '=', entraDeviceId).where('revoked_at', 'is not', null).where('erased_at', 'is', null)
    .limit(1).executeTakeFirst() !== undefined
}

/** `expected`: what the directory knows of it, its id among them. */
export async function insertDevice (tx: Tx, tenantId: string, description: DeviceDescription, expected?: Expected): Promise<string> {
  const { id } = await tx.insertInto('device')
    .values({
      tenant_id: tenantId, entra_device_id: description.entraDeviceId, platform: description.platform, ...toColumns(description),
      ...(expected?.deviceId == null ? {} : { id: expected.deviceId }),
      directory_ownership: expected?.ownership ?? null,
      directory_groups: expected?.groups == null ? null : [...expected.groups]
    })
    .returning('id').executeTakeFirstOrThrow()
  await tx.insertInto('device_state').values({ device_id: id, tenant_id: tenantId, sequence: -1, state: '{}' }).execute()
  return id
}

/** Describes a known device anew. With `isNewKey`, tokens issued so far no longer count. Answers the version of its credentials. */
export async function updateDevice (tx: Tx, deviceId: string, description: DeviceDescription, { isNewKey }: { readonly isNewKey: boolean }): Promise<number> {
  const { credentials_version: version } = await tx.updateTable('device')
    .set((eb) => ({
      ...toColumns(description),
      platform: description.platform,
      updated_at: sql<Date>`now()`,
      ...(isNewKey ? { credentials_version: eb('credentials_version', '+', 1), credentials_changed_in: THIS_TRANSACTION, tokens_valid_from: sql<Date>`now()` } : {})
    }))
    .where('id', '=', deviceId).returning('credentials_version').executeTakeFirstOrThrow()
  return version
}

const THIS_TRANSACTION = sql<string>`pg_current_xact_id()`

/**
 * Live records that are the same piece of hardware under another Entra id. One that was revoked is over already, and must stay what it is: to
 * retire it would free its Entra id, and whoever has an enrolment token could bring it back.
 */
export async function listPredecessors (tx: Tx, tenantId: string, deviceId: string, { serialNumber, manufacturer, platform }: DeviceDescription): Promise<string[]> {
  if (serialNumber === undefined) return []
  const family = platform === 'android' ? ['android'] : ['ios', 'ipados']
  const { rows } = await sql<{ id: string }>`
    select id from device
    where tenant_id = ${tenantId} and serial_number = ${serialNumber} and id <> ${deviceId} and retired_at is null and revoked_at is null
      and platform = any(${family}) and coalesce(lower(manufacturer) = lower(${manufacturer ?? null}), true)
    order by id`.execute(tx)
  return rows.map(({ id }) => id)
}

/**
 * Ends devices: their tokens no longer count, and Intune is told that nobody watches them
 * any more. Answers their tenants.
 */
export async function deactivateDevices (tx: Tx, deviceIds: readonly string[], mark: 'revoked_at' | 'retired_at', now: Date): Promise<void> {
  await lockStates(tx, deviceIds)
  await tx.updateTable('device')
    .set({ [mark]: now, tokens_valid_from: 'infinity', credentials_changed_in: THIS_TRANSACTION, updated_at: sql<Date>`now()` })
    .where('id', 'in', deviceIds).execute()
  await insertDeactivations(tx, deviceIds, now)
  const states = await tx.updateTable('device_state')
    .set((eb) => ({ reporting_state: 'deactivated', desired_health: 'deactivated', desired_version: eb('desired_version', '+', 1), due_at: null }))
    .where('device_id', 'in', deviceIds)
    .where('desired_health', 'is distinct from', 'deactivated')
    .returning(['device_id', 'tenant_id', 'desired_version'])
    .execute()
  await upsertOutbox(tx, states.map((row) => ({ deviceId: row.device_id, tenantId: row.tenant_id, version: row.desired_version, health: 'deactivated' })), now)
}

/** Locks the states of devices, in the order of their ids. Whoever ends devices does this first. */
export async function lockStates (tx: Tx, deviceIds: readonly string[]): Promise<void> {
  await sql`select 1 from device_state where device_id = any(${deviceIds}::uuid[]) order by device_id for update`.execute(tx)
}

interface CredentialsRow { id: string, tenant_id: string, public_key: Record<string, unknown>, credentials_version: number, revoked_at: Date | null, retired_at: Date | null }

function toCredentials (row: CredentialsRow): DeviceCredentials {
  return {
    deviceId: row.id,
    tenantId: row.tenant_id,
    publicKey: row.public_key as DeviceKey,
    credentialsVersion: row.credentials_version,
    gone: row.revoked_at !== null || row.retired_at !== null
  }
}

function toColumns (description: DeviceDescription): Record<'public_key' | 'intune_device_id' | 'os_version' | 'manufacturer' | 'model' | 'serial_number', string | null> & { public_key: string } {
  return {
    public_key: JSON.stringify(description.publicKey),
    intune_device_id: description.intuneDeviceId ?? null,
    os_version: description.osVersion ?? null,
    manufacturer: description.manufacturer ?? null,
    model: description.model ?? null,
    serial_number: description.serialNumber ?? null
  }
}
