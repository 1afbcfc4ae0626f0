import { sql } from 'kysely'
import t from 'tap'
import { migrate } from '../../src/platform/migrate.js'
import { tendTables } from '../../src/platform/tend-tables.js'
import { createJournalDays, dayOf } from '../../src/telemetry/journal-days.js'
import { createTestDatabase, openAs } from '../helpers/database.js'

const LATER = new Date(Date.UTC(2031, 0, 1))

t.test('workers may vacuum every table: ours, those of the queues and each day of the journal', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const { rows: [server] } = await sql<{ version: number }>`select current_setting('server_version_num')::integer as version`.execute(db)
  const worker = openAs(t, url, 'worker')
  await createJournalDays(worker, LATER, 0)
  if (server!.version < 170_000) {
    t.match(await tendTables(worker), { vacuumed: [], analyzed: [] }, 'before PostgreSQL 17 only owners may')
    return
  }
  const forbidden = async (): Promise<string[]> => (await sql<{ name: string }>`
    select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'bullmq') and c.relkind in ('r', 'p') and not has_table_privilege(c.oid, 'MAINTAIN')`.execute(worker)).rows.map(({ name }) => name)
  t.strictSame(await forbidden(), [], 'a day that a worker made as well')
  await migrate({ databaseUrl: url })
  t.strictSame(await forbidden(), [], 'and the next migration takes none of it away')
  await t.rejects(sql`truncate rate_count`.execute(worker), { code: '42501' }, 'and no more than that')

  const day = `report_${dayOf(LATER).replaceAll('-', '')}`
  // Autovacuum must not come first.
  for (const table of ['rate_count', day]) await sql`alter table ${sql.table(table)} set (autovacuum_enabled = false)`.execute(db)
  await sql`insert into rate_count ("window", key, count) select 1, n::text, 1 from generate_series(1, 12000) n`.execute(db)
  await sql`insert into report (day, device_id, report_id, id, tenant_id, sequence, collected_at, has_apps) select ${dayOf(LATER)}::date, gen_random_uuid(), gen_random_uuid(), n, gen_random_uuid(), n, now(), false from generate_series(1, 12000) n`.execute(db)
  await db.connection().execute(async (connection) => {
    for (const table of ['rate_count', day]) await sql`delete from ${sql.table(table)}`.execute(connection)
    await sql`select pg_stat_force_next_flush()`.execute(connection)
    await sql`select 1`.execute(connection)
  })
  const result = await tendTables(worker)
  t.strictSame([...result.vacuumed].filter((name) => /rate_count|report_2031/.test(name)).sort(), ['public.rate_count', `public.${day}`])
  t.strictSame(result.hints.filter(({ table }) => table !== null), [], 'nothing is left for people')
  const { rows } = await sql<{ name: string, vacuums: number }>`select relname as name, vacuum_count::int as vacuums from pg_stat_user_tables where relname in ('rate_count', ${day}) order by relname`.execute(db)
  t.match(rows, [{ name: 'rate_count', vacuums: 1 }, { name: day, vacuums: 1 }], 'they really were: what is refused is only a warning to PostgreSQL')
})
