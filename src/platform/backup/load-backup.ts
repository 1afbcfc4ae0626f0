import { createHash } from 'node:crypto'
import { once } from 'node:events'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { listMigrations } from '../migration-files.js'
import { migrate, type MigrateOptions } from '../migrate.js'
import { recordAuditOn } from '../record-audit.js'
import { BACKUP_FORMAT, type BackupEnd, BackupError, type BackupHeader, type BackupTable, END_OF_ROWS, linesOf } from './backup-format.js'
import { quoteName } from '../quote-name.js'
import { findUnfinishedRestore, markRestore } from './restore-mark.js'

/** Lines handed on at once. */
const LINES_OF_PIECE = 500

export interface LoadedBackup {
  readonly madeAt: string
  readonly rows: number
}

/**
 * Loads a backup into an empty database: makes the schema that it was made of, loads everything
 * or nothing, and brings the schema to this version. That it was loaded is written down with it. Run `adjustAfterRestore` on it
 * next: until then nothing works with the database. Interrupted, it is called again with the same backup.
 * @param stream the backup, no longer compressed
 * @throws BackupError when the database is not empty, or the backup is not whole or of a newer Sallyport
 */
export async function loadBackup (stream: AsyncIterable<Buffer>, options: MigrateOptions & { readonly actor: string }): Promise<LoadedBackup> {
  const lines = linesOf(stream)
  const headerLine = (await lines.next()).value as string | undefined
  const header = readHeader(headerLine)
  await requireKnown(header)
  const client = new pg.Client({ connectionString: options.databaseUrl, application_name: 'sallyport restore' })
  client.on('error', () => {})
  await client.connect()
  try {
    await requireUnused(client)
    const unfinished = await findUnfinishedRestore(client)
    if (unfinished !== undefined && unfinished.madeAt !== header.madeAt) throw new BackupError(`the database holds the backup of ${unfinished.madeAt}, whose restore was interrupted: go on with that file, or take another database`)
    const rows = unfinished?.rows ?? await loadInto(client, header, headerLine!, lines, options)
    await migrate({ ...options, isRestoring: true })
    return { madeAt: header.madeAt, rows }
  } finally {
    await client.end()
  }
}

async function loadInto (client: pg.Client, header: BackupHeader, headerLine: string, lines: AsyncGenerator<string>, options: MigrateOptions & { readonly actor: string }): Promise<number> {
  await requireEmpty(client)
  await migrate({ ...options, upTo: header.migrations.at(-1)!.name })
  await requireSameSchema(client, header)
  await client.query('begin')
  const rows = await load(client, header, headerLine, lines)
  await markRestore(client, { madeAt: header.madeAt, rows })
  await recordAuditOn(client, { tenantId: null, actor: options.actor, action: 'platform.backup-loaded', detail: { madeAt: header.madeAt, version: header.version, rows } })
  await client.query('commit')
  return rows
}

function readHeader (line: string | undefined): BackupHeader {
  const header = line === undefined ? undefined : parse<BackupHeader>(line)
  if (header === undefined || typeof header.sallyportBackup !== 'number' || !Array.isArray(header.migrations) || header.migrations.length === 0) throw new BackupError('this is no backup of Sallyport')
  if (header.sallyportBackup > BACKUP_FORMAT) throw new BackupError(`the backup was made by Sallyport ${header.version}, which is newer than this one`)
  return header
}

function parse<T> (line: string): T | undefined {
  try {
    return JSON.parse(line) as T
  } catch {
    return undefined
  }
}

async function requireKnown ({ migrations, version }: BackupHeader): Promise<void> {
  const known = new Map((await listMigrations()).map(({ name, sha256 }) => [name, sha256]))
  const strange = migrations.filter(({ name, sha256 }) => known.get(name) !== sha256)
  if (strange.length > 0) throw new BackupError(`the backup was made by Sallyport ${version}, which has other migrations (${strange.map(({ name }) => name).join(', ')}): restore it with that version or a newer one`)
}

async function requireUnused (client: pg.Client): Promise<void> {
  const { rows: [there] } = await client.query<{ working: string[] }>(`
    select array(select distinct application_name from pg_stat_activity where datname = current_database() and application_name like 'sallyport %' and pid <> pg_backend_pid()) as working`)
  if (there!.working.length > 0) throw new BackupError(`somebody works with this database: ${there!.working.join(', ')}. Stop all processes of Sallyport first`)
}

/** Somebody's data must not be mixed with another's. */
async function requireEmpty (client: pg.Client): Promise<void> {
  const { rows: [there] } = await client.query<{ tenant: boolean }>("select to_regclass('tenant') is not null as tenant")
  if (!there!.tenant) return
  if ((await client.query('select from tenant limit 1')).rowCount !== 0) throw new BackupError('the database has tenants already; a backup is restored into an empty one')
}

/** What later migrations do with rows, they would not do with rows that come after them. */
async function requireSameSchema (client: pg.Client, { migrations }: BackupHeader): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select name from schema_migration where name > $1 order by name', [migrations.at(-1)!.name])
  if (rows.length > 0) throw new BackupError(`the database has a newer schema than the backup (${rows.map(({ name }) => name).join(', ')}): restore it into a database in which nothing of Sallyport is`)
}

async function load (client: pg.Client, header: BackupHeader, headerLine: string, lines: AsyncGenerator<string>): Promise<number> {
  const hash = createHash('sha256').update(`${headerLine}\n`)
  const counts: Record<string, number> = {}
  for (const day of header.journalDays) await client.query('select create_journal_day($1::date)', [day])
  const putBack = await silenceTriggers(client)
  for await (const line of lines) {
    const part = parse<BackupTable | BackupEnd>(line)
    if (part === undefined) throw new BackupError('the backup is damaged: what should say which table follows does not')
    if ('sha256' in part) {
      if (part.sha256 !== hash.digest('hex')) throw new BackupError('the backup is damaged: its checksum is another')
      for (const [table, rows] of Object.entries(part.rows)) if (counts[table] !== rows) throw new BackupError(`the backup is damaged: ${table} has ${counts[table] ?? 0} rows in place of ${rows}`)
      for (const [name, last] of Object.entries(part.sequences)) await client.query('select setval($1::regclass, $2)', [quoteName(name), last])
      await putBack()
      return Object.values(counts).reduce((sum, count) => sum + count, 0)
    }
    hash.update(`${line}\n`)
    counts[part.table] = await loadTable(client, part, lines, (piece) => hash.update(piece))
  }
  throw new BackupError('the backup is not whole: its end is missing')
}

async function loadTable (client: pg.Client, { table, columns }: BackupTable, lines: AsyncGenerator<string>, seen: (piece: string) => void): Promise<number> {
  // What migrations and a first start put there comes with the backup, too.
  await client.query(`delete from ${quoteName(table)}`)
  const copy = client.query(copyFrom(`copy ${quoteName(table)} (${columns.map(quoteName).join(', ')}) from stdin`))
  const failed = new Promise<never>((_resolve, reject) => copy.once('error', reject))
  failed.catch(() => {})
  let piece: string[] = []
  const flush = async (): Promise<void> => {
    if (piece.length === 0) return
    const text = piece.join('\n') + '\n'
    piece = []
    seen(text)
    if (!copy.write(text)) await Promise.race([once(copy, 'drain'), failed])
  }
  for (;;) {
    const { value: line, done } = await lines.next()
    if (done === true) {
      copy.destroy()
      throw new BackupError(`the backup is not whole: it ends within ${table}`)
    }
    if (line === END_OF_ROWS) break
    piece.push(line)
    if (piece.length >= LINES_OF_PIECE) await flush()
  }
  await flush()
  seen(`${END_OF_ROWS}\n`)
  const finished = once(copy, 'finish')
  copy.end()
  await Promise.race([finished, failed])
  return copy.rowCount
}

/** Triggers would add to what is loaded, or refuse it. Answers what puts them back as they were; a transaction that fails does as well. */
async function silenceTriggers (client: pg.Client): Promise<() => Promise<void>> {
  const { rows } = await client.query<{ table: string, name: string, how: string }>(`
    select c.relname as "table", t.tgname as name, case t.tgenabled when 'A' then 'enable always' when 'R' then 'enable replica' else 'enable' end as how
    from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = current_schema()::regnamespace and not t.tgisinternal and t.tgenabled <> 'D' and t.tgparentid = 0`)
  const each = async (how: (row: { how: string }) => string): Promise<void> => {
    for (const row of rows) await client.query(`alter table ${quoteName(row.table)} ${how(row)} trigger ${quoteName(row.name)}`)
  }
  await each(() => 'disable')
  return async () => await each(({ how }) => how)
}
