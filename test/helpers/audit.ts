import { sql } from 'kysely'
import type { Database } from '../../src/platform/database.js'

/** A hash of each table's contents, but for what only says that somebody came, and the audit itself. */
export async function hashTables (db: Database): Promise<Record<string, string>> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname not in ('audit_event', 'audit_link', 'operator_session', 'rate_count') order by relname`.execute(db)
  const { rows: [contents] } = await sql<Record<string, string>>`select ${sql.join(tables.map(({ name }) =>
    sql`(select md5(coalesce(string_agg((to_jsonb(r) - 'last_used_at')::text, '|' order by to_jsonb(r)::text), '')) from ${sql.table(name)} r) as ${sql.ref(name)}`))}`.execute(db)
  return contents!
}

/** While it is broken, nobody can write down what they do; that they signed in, they can. */
export async function makeBreakable (db: Database): Promise<{ broken (work: () => Promise<void>): Promise<void> }> {
  await sql`
    create function break_audit () returns trigger language plpgsql as $$ begin raise exception 'the audit is broken'; end $$;
    create trigger break_audit before insert on audit_event for each row when (new.action <> 'operator.signed-in') execute function break_audit();
    alter table audit_event disable trigger break_audit`.execute(db)
  return {
    async broken (work) {
      await sql`alter table audit_event enable trigger break_audit`.execute(db)
      await work()
      await sql`alter table audit_event disable trigger break_audit`.execute(db)
    }
  }
}
