import { readMigration, splitStatements } from '../../../src/platform/migration-files.js'

/** Tables that are large or written to all the time: whoever holds one up holds up phones. */
export const HOT_TABLES = [
  'device', 'device_state', 'device_apps', 'device_apps_change', 'device_observable', 'app_build', 'report', 'report_group', 'unscored_group',
  'finding', 'finding_version', 'level_change', 'intune_outbox', 'state_change', 'state_change_waiting', 'rescoring_device', 'signal',
  'directory_device', 'directory_member', 'used_assertion', 'audit_event', 'indicator', 'rate_count'
] as const

export interface MigrationFault {
  readonly rule: keyof typeof RULES
  readonly table: string
}

/** What is dangerous, and what to do in its place. */
export const RULES = {
  'index-locks': 'writers wait until an index is built: put `create index concurrently` into a file with `-- no transaction`',
  'rewrites-table': 'the table is written anew while nobody may read it: add a column without it and fill it bit by bit',
  'scans-table': 'all rows are checked while nobody may write: add the constraint `not valid`, and validate it in a file of its own',
  'changes-all-rows': 'rows stay locked until all are changed: do it bit by bit in the upkeep, or say why the table is small',
  'breaks-older': 'processes of the version before use it: a release that does without comes first, then one whose file says `-- minimum: NNNN`',
  'closes-table': 'nobody may read or write meanwhile'
} as const

/**
 * What a migration does to tables that are in use which those who use them would notice. Tables
 * that the same file makes are nobody's yet. `breaks-older` counts for every table, and is no
 * fault in a file that says which version it needs.
 */
export function lintMigration (name: string, sql: string): MigrationFault[] {
  const { inTransaction, minimum } = readMigration(name, sql)
  const statements = splitStatements(sql).map((text) => text.replace(/\s+/g, ' ').toLowerCase())
  const made = new Set(statements.flatMap((text) => /^create (?:unlogged |temporary |temp )?table (?:if not exists )?(\w+)/.exec(text)?.[1] ?? []))
  const faults: MigrationFault[] = []
  const isHot = (table: string): boolean => (HOT_TABLES as readonly string[]).includes(table) && !made.has(table)
  const add = (rule: MigrationFault['rule'], table: string): void => {
    if (rule === 'breaks-older' ? minimum === null && !made.has(table) : isHot(table)) faults.push({ rule, table })
  }
  for (const text of statements) {
    const index = /^create (?:unique )?index (concurrently )?(?:if not exists )?\S+ on (?:only )?(\w+)/.exec(text)
    if (index !== null && (index[1] === undefined || inTransaction)) add('index-locks', index[2]!)
    const changed = /^(?:update|delete from) (?:only )?(\w+)/.exec(text) ?? /^insert into (\w+)[^]*\bselect\b[^]*\bfrom\b/.exec(text)
    if (changed !== null) add('changes-all-rows', changed[1]!)
    const closed = /^(?:truncate(?: table)?|lock table|cluster|vacuum full) (?:only )?(\w+)/.exec(text)
    if (closed !== null) add('closes-table', closed[1]!)
    const dropped = /^drop table (?:if exists )?(\w+)/.exec(text)
    if (dropped !== null) add('breaks-older', dropped[1]!)
    const altered = /^alter table (?:if exists )?(?:only )?(\w+) ([^]*)$/.exec(text)
    if (altered !== null) for (const action of actionsOf(altered[2]!)) for (const rule of rulesOf(action)) add(rule, altered[1]!)
  }
  return faults
}

/** Actions of one `alter table`: split at commas that are in no brackets. */
function actionsOf (text: string): string[] {
  const actions: string[] = ['']
  let depth = 0
  for (const letter of text) {
    if (letter === '(') depth++
    if (letter === ')') depth--
    if (letter === ',' && depth === 0) actions.push('')
    else actions[actions.length - 1] += letter
  }
  return actions.map((action) => action.trim())
}

function rulesOf (action: string): Array<MigrationFault['rule']> {
  const rules: Array<MigrationFault['rule']> = []
  if (/^(?:drop (?:column )?(?!constraint|not null|default|identity|expression)|rename|set schema|alter (?:column )?\S+ (?:drop default|(?:set data )?type))/.test(action)) rules.push('breaks-older')
  if (/^alter (?:column )?\S+ (?:set data )?type\b/.test(action)) rules.push('rewrites-table')
  if (/^add (?:column )?(?!constraint|primary|unique|foreign|check|exclude)/.test(action)) {
    // Constants are kept beside the table; what must be worked out is written into every row.
    if (/\bgenerated always\b|\bdefault (?:gen_random_uuid|clock_timestamp|nextval|random)\b|\b(?:big|small)?serial\b/.test(action)) rules.push('rewrites-table')
    if (/\bnot null\b/.test(action) && !/\bdefault\b|\bgenerated\b/.test(action)) rules.push('breaks-older')
    if (/\b(?:unique|primary key)\b/.test(action)) rules.push('index-locks')
    if (/\b(?:check|references)\b/.test(action)) rules.push('scans-table')
  }
  if (/^add constraint \S+ (?:check|foreign key)\b/.test(action) && !/\bnot valid$/.test(action)) rules.push('scans-table')
  if (/^add (?:constraint \S+ )?(?:unique|primary key|exclude)\b/.test(action) && !/\busing index\b/.test(action)) rules.push('index-locks')
  if (/^alter (?:column )?\S+ set not null$/.test(action)) rules.push('scans-table')
  return rules
}
