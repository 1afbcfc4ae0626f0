import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { listMigrations } from '../migration-files.js'
import { MIGRATION_LOCK } from '../migrate.js'
import { compareSchema, type Applied } from '../schema-version.js'
import { VERSION } from '../version.js'
import { recordAuditOn } from '../record-audit.js'
import { BACKUP_FORMAT, type BackupEnd, BackupError, type BackupHeader, END_OF_ROWS } from './backup-format.js'
import { quoteName } from '../quote-name.js'
import { listBackupTables } from './tables.js'

export interface WrittenBackup {
  readonly madeAt: string
  readonly tables: number
  readonly rows: number
}

/**
 * Writes all that an installation stores, as it is at one moment, while everybody works on. The
 * queues are not in it: they carry only ids, and what waits is found again from the tables.
 * That somebody does is written down before, except on a standby, which takes no line.
 * `out` is not ended. @throws BackupError when the database is of another version
 */
export async function writeBackup (databaseUrl: string, out: Writable, { actor }: { readonly actor: string }): Promise<WrittenBackup> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'sallyport backup' })
  client.on('error', () => {})
  await client.connect()
  try {
    // No migration begins meanwhile.
    await client.query('select pg_advisory_lock_shared($1)', [MIGRATION_LOCK])
    const applied = (await client.query<Applied>('select * from schema_migration order by name')).rows
    const { missing, newer } = compareSchema(await listMigrations(), applied)
    if (missing.length > 0 || newer.length > 0) throw new BackupError('the database is of another version than this Sallyport: back it up with the one it runs with, or migrate it first')
    const { rows: [standby] } = await client.query<{ yes: boolean }>('select pg_is_in_recovery() as yes')
    if (!standby!.yes) await recordAuditOn(client, { tenantId: null, actor, action: 'platform.backup-begun' })
    await client.query('begin isolation level repeatable read read only')
    return await write(client, out, applied)
  } finally {
    await client.end()
  }
}

async function write (client: pg.Client, out: Writable, applied: readonly Applied[]): Promise<WrittenBackup> {
  const hash = createHash('sha256')
  const put = async (piece: string | Buffer): Promise<void> => {
    hash.update(piece)
    if (!out.write(piece)) await once(out, 'drain')
  }
  const tables = await listBackupTables(client)
  // No day of the journal is dropped meanwhile: to read a table that is gone would end all.
  await client.query(`lock table ${tables.map(({ table }) => quoteName(table)).join(', ')} in access share mode`)
  const { rows: [moment] } = await client.query<{ at: Date }>('select transaction_timestamp() as at')
  const { rows: days } = await client.query<{ day: string }>(`
    select to_char(to_date(right(c.relname, 8), 'YYYYMMDD'), 'YYYY-MM-DD') as day from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'report'::regclass order by 1`)
  const madeAt = moment!.at.toISOString()
  const header: BackupHeader = {
    sallyportBackup: BACKUP_FORMAT,
    madeAt,
    version: VERSION,
    migrations: applied.map(({ name, sha256 }) => ({ name, sha256 })),
    journalDays: days.map(({ day }) => day)
  }
  await put(`${JSON.stringify(header)}\n`)

  const rows: Record<string, number> = {}
  for (const { table, columns } of tables) {
    await put(`${JSON.stringify({ table, columns })}\n`)
    const copy = client.query(copyTo(`copy (select ${columns.map(quoteName).join(', ')} from ${quoteName(table)}) to stdout`))
    for await (const piece of copy) await put(piece as Buffer)
    rows[table] = copy.rowCount
    await put(`${END_OF_ROWS}\n`)
  }
  // After the rows, so that no number of a row is given out again; sequences are no part of the moment.
  const { rows: sequences } = await client.query<{ name: string, last: number | null }>(
    'select sequencename as name, last_value::float8 as last from pg_sequences where schemaname = current_schema() and last_value is not null')
  const end: BackupEnd = { rows, sequences: Object.fromEntries(sequences.map(({ name, last }) => [name, last!])), sha256: hash.digest('hex') }
  if (!out.write(`${JSON.stringify(end)}\n`)) await once(out, 'drain')
  return { madeAt, tables: tables.length, rows: Object.values(rows).reduce((sum, count) => sum + count, 0) }
}
