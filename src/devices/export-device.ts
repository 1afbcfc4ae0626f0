import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import type { Schema } from '../platform/schema.js'
import { listScoredReports } from '../telemetry/journal-groups.js'
import { type DeviceReference, resolveDeviceId } from './get-device.js'
import { TABLE_DATA } from './personal-data.js'

/** Everything that is kept about a phone, for whoever may ask what is. */
export interface DeviceExport {
  readonly deviceId: string
  /** ISO 8601. */
  readonly exportedAt: string
  /** Rows by table, as they are stored; the public half of its key is among them, nothing that lets anybody in. */
  readonly tables: Readonly<Record<string, readonly unknown[]>>
  /** App builds that its lists name by number. */
  readonly apps: readonly unknown[]
  /** What it sent, as far as that is still kept. */
  readonly reports: readonly unknown[]
  /** What operators and the phone itself did about it. */
  readonly audit: readonly unknown[]
}

/** Of a phone's reports that are put into one answer: an honest one sends a tenth of this in a month. */
export const MAX_REPORT_BYTES = 64 * 1024 * 1024

export interface ExportDeviceDeps {
  readonly db: Database
  /** Reads the journal, whose groups hold several tenants' reports; without it, `db`. */
  readonly journalDb?: Database
  /** Of its reports; more is refused. */
  readonly maxBytes?: number
}

/** Reads everything that is kept about a phone, and writes down that somebody did. @throws NotFoundError, UnprocessableError beyond `maxBytes` */
export async function exportDevice ({ db, journalDb = db, maxBytes = MAX_REPORT_BYTES }: ExportDeviceDeps, input: DeviceReference & { readonly actor: string }): Promise<DeviceExport> {
  const { tenantId, actor } = input
  const deviceId = await resolveDeviceId({ db }, input)
  // Asked for above by whoever may see the phone; now its own lines alone are taken out of the groups.
  const reports = await listScoredReports(journalDb, deviceId, { maxBytes })
  return await db.transaction().execute(async (tx) => {
    const tables: Record<string, readonly unknown[]> = {}
    for (const [table, { ofPhone, exported }] of Object.entries(TABLE_DATA) as Array<[keyof Schema, typeof TABLE_DATA[keyof Schema]]>) {
      if (exported === true && ofPhone !== undefined) tables[table] = await rowsOf(tx, table, sql`${sql.ref(ofPhone)} = ${deviceId}`)
    }
    tables.directory_device = await rowsOf(tx, 'directory_device', sql`(tenant_number, entra_device_id) = (select t.number, d.entra_device_id from device d join tenant t on t.id = d.tenant_id where d.id = ${deviceId})`)
    const apps = await rowsOf(tx, 'app_build', sql`id in (
      select unnest(builds) from device_apps where device_id = ${deviceId} union select unnest(added || removed) from device_apps_change where device_id = ${deviceId}
    )`)
    const audit = await rowsOf(tx, 'audit_event', sql`tenant_id = ${tenantId} and subject = ${deviceId}`)
    await recordAudit(tx, { tenantId, actor, action: 'device.exported', subject: deviceId, detail: {} })
    return { deviceId, exportedAt: new Date().toISOString(), tables, apps, reports: reports.map(({ report, receivedAt }) => ({ receivedAt, report })), audit }
  })
}

async function rowsOf (tx: Tx, table: keyof Schema, where: ReturnType<typeof sql>): Promise<unknown[]> {
  const { rows } = await sql<{ row: unknown }>`select to_jsonb(r) as row from ${sql.table(table)} r where ${where}`.execute(tx)
  return rows.map(({ row }) => row)
}
