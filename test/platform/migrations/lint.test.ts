import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../../src/platform/package-root.js'
import { readMigration, splitStatements } from '../../../src/platform/migration-files.js'
import { lintMigration, type MigrationFault, RULES } from './lint-migration.js'

/** Of before this was looked at: what they do, no installation of any size went through. */
const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  '0002_app_builds.sql': ['breaks-older device_state', 'changes-all-rows device_state'],
  '0004_which_phones.sql': ['breaks-older device_apps', 'changes-all-rows app_build', 'changes-all-rows device_apps', 'index-locks app_build', 'index-locks device', 'index-locks device_apps', 'index-locks device_state', 'rewrites-table device_state', 'scans-table device_apps'],
  '0006_credentials_and_rate_counts.sql': ['changes-all-rows device', 'index-locks device'],
  '0007_compact_state.sql': ['changes-all-rows device_state'],
  '0008_feed_versions.sql': ['index-locks indicator'],
  '0009_vulnerability_facts.sql': ['breaks-older vulnerability'],
  '0011_retro.sql': ['index-locks app_build', 'index-locks device_state', 'index-locks finding', 'index-locks indicator'],
  '0013_policies.sql': ['breaks-older device_state', 'changes-all-rows device_state', 'index-locks rescoring_device', 'scans-table device', 'scans-table device_state'],
  '0014_sync.sql': ['breaks-older intune_outbox', 'index-locks device', 'index-locks intune_outbox', 'scans-table intune_outbox'],
  '0018_reconciliation.sql': ['scans-table device']
}

const folder = join(packageRoot, 'migrations')
const NAMES = readdirSync(folder).filter((name) => name.endsWith('.sql')).sort()
const told = (faults: readonly MigrationFault[]): string[] => [...new Set(faults.map(({ rule, table }) => `${rule} ${table}`))].sort()

t.test('no migration does what those who work meanwhile would notice', async (t) => {
  for (const name of NAMES) {
    const faults = lintMigration(name, readFileSync(join(folder, name), 'utf8'))
    const wrong = told(faults).filter((fault) => !(ACCEPTED[name] ?? []).includes(fault))
    t.strictSame(wrong, [], `${name}${wrong.length === 0 ? '' : `: ${wrong.map((fault) => RULES[fault.split(' ')[0] as keyof typeof RULES]).join('; ')}`}`)
    t.strictSame((ACCEPTED[name] ?? []).filter((fault) => !told(faults).includes(fault)), [], `${name} does all that is accepted of it`)
  }
})

t.test('each rule finds what it is for, and not what is done right', async (t) => {
  const dangerous: ReadonlyArray<readonly [sql: string, fault: string]> = [
    ['create index x on device (id);', 'index-locks device'],
    ['create unique index concurrently x on device (id);', 'index-locks device'],
    ['alter table finding alter column title type varchar(10) using left(title, 10);', 'rewrites-table finding'],
    ['alter table finding add column a text generated always as (upper(title)) stored;', 'rewrites-table finding'],
    ['alter table finding add column a uuid not null default gen_random_uuid();', 'rewrites-table finding'],
    ['alter table finding add constraint c check (length(title) > 0);', 'scans-table finding'],
    ['alter table finding alter title set not null;', 'scans-table finding'],
    ['alter table finding add column a text check (a <> \'\');', 'scans-table finding'],
    ['alter table finding add unique (id, title);', 'index-locks finding'],
    ['update device_state set level = null;', 'changes-all-rows device_state'],
    ['insert into finding (id) select id from device;', 'changes-all-rows finding'],
    ['alter table policy drop column comment;', 'breaks-older policy'],
    ['alter table policy rename comment to remark;', 'breaks-older policy'],
    ['alter table finding add a text, drop column title;', 'breaks-older finding'],
    ['alter table finding add column a text not null;', 'breaks-older finding'],
    ['drop table policy;', 'breaks-older policy'],
    ['truncate rate_count;', 'closes-table rate_count']
  ]
  for (const [sql, fault] of dangerous) t.ok(told(lintMigration('x.sql', sql)).includes(fault), sql)
  for (const sql of [
    '-- no transaction\ncreate index concurrently if not exists x on device (id);',
    'create table fresh (id int); create index x on fresh (id); insert into fresh select 1 from device;',
    'alter table finding add column a text, add column b integer not null default 0;',
    'alter table finding add constraint c check (length(title) > 0) not valid;',
    'alter table finding validate constraint c;',
    'alter table finding add constraint c unique using index x;',
    '-- minimum: 0020\nalter table policy drop column comment;',
    'create function f () returns void language sql as $$ update device set id = id; $$;',
    'create index x on tenant (name);'
  ]) t.strictSame(lintMigration('x.sql', sql), [], sql)
})

t.test('a file without a transaction can be run again from its start', async (t) => {
  for (const name of NAMES) {
    const sql = readFileSync(join(folder, name), 'utf8')
    if (readMigration(name, sql).inTransaction) continue
    for (const statement of splitStatements(sql)) t.match(statement, /\bif (?:not )?exists\b|^create or replace\b|^alter table \S+ validate constraint\b/i, `${name}: ${statement}`)
  }
})

t.test('the head of a file says how it is run', async (t) => {
  t.match(readMigration('0042_x.sql', '-- Why.\n-- no transaction\n-- minimum: 0041\n\nselect 1;'), { inTransaction: false, minimum: '0041' })
  t.match(readMigration('0042_x.sql', 'select 1;\n-- no transaction\n-- minimum: 0041'), { inTransaction: true, minimum: null }, 'further down it is a remark')
  t.strictSame(splitStatements("select ';' /* ; */; -- ;\ndo $a$ begin; end $a$; select \"a;b\""), ["select ';'", 'do $a$ begin; end $a$', 'select "a;b"'])
})
