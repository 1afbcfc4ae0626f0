import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import { decodeCursor, limitOf, NUMBER_PART, toPage, type Page, type PageInput } from './cursor.js'

/** A report that could not be scored, or that made a detection fail. */
export interface QuarantinedReport {
  /** The journal's own id: two phones may use the same reportId. */
  readonly id: number
  readonly reportId: string
  readonly deviceId: string
  readonly error: string
  /** ISO 8601. */
  readonly receivedAt: string
  readonly quarantinedAt: string
}

interface QuarantineRow { id: number, report_id: string, device_id: string, error: string, received_at: Date, quarantined_at: Date }

/** One page of a tenant's reports that were set aside, the last received first. */
export async function listQuarantine ({ db }: { readonly db: Database }, input: PageInput & { readonly tenantId: string }): Promise<Page<QuarantinedReport>> {
  const limit = limitOf(input)
  const before = decodeCursor(input, NUMBER_PART)
  const { rows } = await sql<QuarantineRow>`
    select id, report_id, device_id, error, received_at, quarantined_at
    from quarantined_report
    where tenant_id = ${input.tenantId} ${before === undefined ? sql`` : sql`and id < ${before[0]}::bigint`}
    order by id desc limit ${limit + 1}`.execute(db)
  return toPage(rows, limit, (row) => ({
    id: row.id,
    reportId: row.report_id,
    deviceId: row.device_id,
    error: row.error,
    receivedAt: row.received_at.toISOString(),
    quarantinedAt: row.quarantined_at.toISOString()
  }), ({ id }) => [String(id)])
}
