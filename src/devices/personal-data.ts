import type { Schema } from '../platform/schema.js'

/** What kind of data a table holds, for whoever must say what is kept of people. */
export const DATA_CLASSES = {
  phone: 'who a phone is',
  telemetry: 'what a phone said',
  judgement: 'what that means',
  delivery: 'who is told',
  directory: 'what Intune and Entra know',
  operators: 'who works with Sallyport',
  settings: 'what organisations decide',
  intelligence: 'what is known to be bad, of nobody',
  work: 'what is under way'
} as const
export type DataClass = keyof typeof DATA_CLASSES

export interface TableData {
  readonly class: DataClass
  /** The column that says of which phone a row is; undefined: rows are of no phone. */
  readonly ofPhone?: string
  /** Its rows are handed out with an export of the phone. */
  readonly exported?: true
  /** How long it is kept. */
  readonly kept: string
  /** What becomes of a phone's rows when it is erased; undefined: there are none. */
  readonly erased?: string
}

const GONE = 'gone at once'
const WITH_PHONE = 'as long as the phone is enrolled, and `RETIRED_DEVICE_RETENTION_DAYS` after it was retired'
const UNTIL_PURGE = 'emptied at once, its ids gone when Intune was told, 30 days later at the latest'
const UNTIL_REMOVED = 'until somebody removes it'
const HISTORY = 'what holds now as long as the phone is enrolled; what is over, `HISTORY_RETENTION_DAYS`'
const CREDENTIAL = '`CREDENTIAL_RETENTION_DAYS` after it ended'

/** Every table, what it holds and how long. A table that is missing does not compile; docs/privacy.md is written from this. */
export const TABLE_DATA: Readonly<Record<keyof Schema, TableData>> = {
  device: { class: 'phone', ofPhone: 'id', exported: true, kept: WITH_PHONE, erased: UNTIL_PURGE },
  used_assertion: { class: 'phone', ofPhone: 'device_id', kept: 'minutes, until it expires', erased: GONE },
  device_state: { class: 'telemetry', ofPhone: 'device_id', exported: true, kept: WITH_PHONE, erased: UNTIL_PURGE },
  device_apps: { class: 'telemetry', ofPhone: 'device_id', exported: true, kept: WITH_PHONE, erased: GONE },
  device_apps_change: { class: 'telemetry', ofPhone: 'device_id', exported: true, kept: WITH_PHONE, erased: GONE },
  device_observable: { class: 'telemetry', ofPhone: 'device_id', kept: WITH_PHONE, erased: 'keyed hashes; gone with the ids' },
  report: { class: 'telemetry', ofPhone: 'device_id', kept: '`REPORT_RETENTION_DAYS`', erased: GONE },
  report_group: { class: 'telemetry', kept: '`REPORT_RETENTION_DAYS`; with `PRIVACY_MODE` until it is scored', erased: 'the phone\'s lines, at once; its bare id, with the day' },
  quarantined_report: { class: 'telemetry', ofPhone: 'device_id', exported: true, kept: 'until it is retried, at most `REPORT_RETENTION_DAYS`', erased: GONE },
  finding: { class: 'judgement', ofPhone: 'device_id', exported: true, kept: HISTORY, erased: GONE },
  finding_version: { class: 'judgement', ofPhone: 'device_id', exported: true, kept: '`HISTORY_RETENTION_DAYS`', erased: GONE },
  level_change: { class: 'judgement', ofPhone: 'device_id', exported: true, kept: HISTORY, erased: GONE },
  history_cut: { class: 'work', kept: 'for ever, one row' },
  state_change_waiting: { class: 'delivery', ofPhone: 'device_id', exported: true, kept: 'seconds', erased: 'emptied at once; that it was deactivated is told' },
  state_change: { class: 'delivery', ofPhone: 'device_id', exported: true, kept: '`STATE_CHANGE_RETENTION_DAYS`', erased: 'emptied at once; that it was deactivated is told' },
  intune_outbox: { class: 'delivery', ofPhone: 'device_id', exported: true, kept: 'until Intune took it', erased: 'only that it is deactivated is told' },
  signal: { class: 'delivery', ofPhone: 'device_id', exported: true, kept: 'until it is told, or a week after it was given up', erased: GONE },
  signal_excluded_device: { class: 'delivery', ofPhone: 'device_id', exported: true, kept: UNTIL_REMOVED, erased: 'gone with the ids' },
  directory_device: { class: 'directory', exported: true, kept: 'as long as Intune has the phone', erased: 'name, serial number and user, at once; read again while Intune has the phone' },
  directory_member: { class: 'directory', kept: 'as long as Entra has it, in groups that a policy goes by' },
  directory_group: { class: 'directory', kept: 'as long as a policy goes by it' },
  suppression: { class: 'settings', ofPhone: 'device_id', exported: true, kept: '`HISTORY_RETENTION_DAYS` after it ended', erased: GONE },
  audit_event: { class: 'operators', kept: 'for ever: ids, names of operators and settings, nothing that a phone told', erased: 'stays, with that it was erased' },
  audit_link: { class: 'operators', kept: 'for ever' },
  audit_check: { class: 'work', kept: 'for ever, a row a chain' },
  api_key: { class: 'operators', kept: `${CREDENTIAL}; as a hash` },
  api_key_tenant: { class: 'operators', kept: 'with the key' },
  operator_grant: { class: 'operators', kept: `until somebody removes it, or ${CREDENTIAL}` },
  operator_session: { class: 'operators', kept: 'a day after it was last seen' },
  enrollment_token: { class: 'settings', kept: `${CREDENTIAL}; as a hash` },
  tenant: { class: 'settings', kept: 'for ever' },
  policy: { class: 'settings', kept: 'for ever, every version with its author' },
  policy_preview: { class: 'work', kept: 'a day; its examples name phones' },
  intune_connector: { class: 'settings', kept: 'with the tenant' },
  intune_setup: { class: 'settings', kept: 'with the tenant' },
  intune_setup_item: { class: 'settings', kept: 'until it is undone' },
  intune_diagnosis: { class: 'settings', kept: 'with the tenant' },
  consent_request: { class: 'settings', kept: `${CREDENTIAL}; a tenant's last one for each app with the tenant` },
  signal_destination: { class: 'settings', kept: UNTIL_REMOVED },
  state_feed: { class: 'work', kept: 'with the tenant' },
  intune_message: { class: 'work', kept: 'minutes' },
  intune_budget: { class: 'work', kept: 'with the tenant' },
  reconciliation: { class: 'work', kept: 'with the tenant' },
  reconciliation_round: { class: 'work', kept: 'the last rounds' },
  rescoring: { class: 'work', kept: 'the last ones' },
  rescoring_device: { class: 'work', ofPhone: 'device_id', kept: 'minutes', erased: 'gone with the ids' },
  unscored_group: { class: 'work', kept: 'seconds' },
  upkeep_task: { class: 'work', kept: 'for ever' },
  rate_count: { class: 'work', kept: 'minutes: addresses of callers' },
  signing_key: { class: 'work', kept: 'until no token needs it' },
  set_signing_key: { class: 'work', kept: 'until no receiver needs it' },
  app_build: { class: 'intelligence', kept: 'until no phone has it' },
  coverage_set: { class: 'intelligence', kept: 'for ever' },
  intel_feed: { class: 'intelligence', kept: UNTIL_REMOVED },
  intel_feed_version: { class: 'intelligence', kept: 'the last ones' },
  intel_version: { class: 'intelligence', kept: 'for ever' },
  intel_change: { class: 'intelligence', kept: 'until it has been acted on' },
  indicator: { class: 'intelligence', kept: 'with its feed' },
  vulnerability: { class: 'intelligence', kept: 'with its feed' },
  os_release: { class: 'intelligence', kept: 'with its feed' },
  guarded_host: { class: 'intelligence', kept: UNTIL_REMOVED },
  intel_subscription: { class: 'intelligence', kept: UNTIL_REMOVED },
  intel_subscription_object: { class: 'intelligence', kept: 'with its subscription' },
  schema_migration: { class: 'work', kept: 'for ever' }
}

/** The table of docs/privacy.md. */
export function renderDataClasses (): string {
  const order = Object.keys(DATA_CLASSES)
  const rows = Object.entries(TABLE_DATA).sort(([, one], [, other]) => order.indexOf(one.class) - order.indexOf(other.class))
    .map(([table, { class: kind, kept, erased, exported }]) => `| \`${table}\` | ${kind}: ${DATA_CLASSES[kind]} | ${kept} | ${erased ?? ''} | ${exported === true ? 'yes' : ''} |`)
  return ['| table | class | kept | when a phone is erased | in a phone\'s export |', '| --- | --- | --- | --- | --- |', ...rows].join('\n')
}
