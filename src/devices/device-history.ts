import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import type { Level } from '../risk/level.js'
import type { FindingBehindLevel } from './compare-findings.js'
import { decodeCursor, limitOf, NUMBER_PART, toPage, type Page, type PageInput } from './cursor.js'
import { resolveDeviceId, type DeviceReference } from './get-device.js'
import { readKeptFrom } from './history-repository.js'

export interface HistoryItem {
  /** ISO 8601. */
  readonly at: string
  /** Null: the first judgement. */
  readonly from: Level | null
  readonly to: Level
  /** The findings that raised the level then; none for `secured`. */
  readonly findings: readonly FindingBehindLevel[]
}

interface HistoryRow { id: number, at: Date, from_level: Level | null, to_level: Level, findings: FindingBehindLevel[] }

export interface HistoryPage extends Page<HistoryItem> {
  /** ISO 8601. Of what was before, only what still held then is told; null: all is kept. */
  readonly keptFrom: string | null
}

/** A device's level changes, the last first. @throws NotFoundError */
export async function deviceHistory ({ db }: { readonly db: Database }, input: DeviceReference & PageInput): Promise<HistoryPage> {
  const deviceId = await resolveDeviceId({ db }, input)
  const limit = limitOf(input)
  const before = decodeCursor(input, NUMBER_PART)
  const { rows } = await sql<HistoryRow>`
    select id, at, from_level, to_level, findings from level_change
    where device_id = ${deviceId} and from_level is distinct from to_level ${before === undefined ? sql`` : sql`and id < ${before[0]}::bigint`}
    order by id desc limit ${limit + 1}`.execute(db)
  const page = toPage(rows, limit, (row) => ({ at: row.at.toISOString(), from: row.from_level, to: row.to_level, findings: row.findings }), ({ id }) => [String(id)])
  return { ...page, keptFrom: (await readKeptFrom(db))?.toISOString() ?? null }
}
