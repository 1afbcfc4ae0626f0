import type { Database } from '../platform/database.js'
import type { Platform } from '../telemetry/device-state.js'

/** A phone as far as it matters for whether reports of it are taken. */
export interface IngestDevice {
  readonly deviceId: string
  readonly platform: Platform
  readonly revoked: boolean
  readonly retired: boolean
}

const NAMES = { entraDeviceId: 'entra_device_id', intuneDeviceId: 'intune_device_id', serialNumber: 'serial_number' } as const

/** Live phones of a tenant that others call by this name. More than two are as many as two. */
export async function listDevicesNamed (db: Database, { tenantId, name, value, platforms }: { readonly tenantId: string, readonly name: keyof typeof NAMES, readonly value: string, readonly platforms: readonly Platform[] }): Promise<IngestDevice[]> {
  const rows = await db.selectFrom('device').select(['id', 'platform', 'revoked_at', 'retired_at'])
    .where('tenant_id', '=', tenantId).where(NAMES[name], '=', value)
    .where('platform', 'in', platforms).where('retired_at', 'is', null).where('erased_at', 'is', null)
    .orderBy('id').limit(2).execute()
  return rows.map((row) => ({ deviceId: row.id, platform: row.platform as Platform, revoked: row.revoked_at !== null, retired: row.retired_at !== null }))
}
