import type { Schema } from '../schema.js'
import type { RoleKind } from './database-roles.js'

/**
 * How the tenant of a row is found: a column, or a condition that goes by tables with a policy
 * of their own. `mixed`: a row holds data of several tenants, so no role of one tenant may see
 * any. `shared`: no data of a tenant.
 */
export type TenantOf = 'tenant_id' | 'tenant_number' | { readonly where: string } | 'mixed' | 'shared'

/**
 * Who may do what with a table: `s` select, `i` insert, `u` update, `d` delete; `u:a,b` only
 * these columns. To lock rows is an update to PostgreSQL.
 */
export type TableAccess = { readonly tenant: TenantOf } & { readonly [K in RoleKind]?: string }

const OF_A_DEVICE = { where: 'exists (select from device d where d.id = device_id)' } as const
const OF_A_DESTINATION = { where: 'exists (select from signal_destination d where d.id = destination_id)' } as const

/**
 * All that roles may do. A table that is not in it does not compile, and a right that is not in
 * it is taken away by the next `migrate`: the list is the state, not its history.
 */
export const TABLE_ACCESS: Readonly<Record<keyof Schema, TableAccess>> = {
  // Who there is.
  tenant: { tenant: { where: 'id = current_tenant_id()' }, api: 's', worker: 's u:policy_version,rules_version', operator: 's u:policy_version,rules_version', partner: 's', platform: 's i' },
  // Keys and people may belong to several tenants: who manages them works for the platform, and asks for one tenant's by a condition.
  api_key: { tenant: 'tenant_id', api: 's u:last_used_at', worker: 's:id,expires_at,revoked_at d', platform: 's i u' },
  api_key_tenant: { tenant: 'tenant_id', api: 's', platform: 's i d' },
  // A tenant's own are under its policy; those in all tenants are no tenant's, and the platform's alone.
  operator_grant: { tenant: 'tenant_id', api: 's', operator: 's i d', worker: 's:id,expires_at d', platform: 's i u d' },
  operator_session: { tenant: 'tenant_id', api: 's i u', worker: 's d', platform: 's' },
  upkeep_task: { tenant: 'shared', api: 's', worker: 's i u d', platform: 's' },
  enrollment_token: { tenant: 'tenant_id', api: 's u:uses', worker: 's:id,created_at,expires_at,revoked_at,max_uses,uses d', operator: 's i u', platform: 's i u' },
  signing_key: { tenant: 'shared', api: 's i u d' },
  set_signing_key: { tenant: 'shared', api: 's i d', worker: 's i d' },
  used_assertion: { tenant: OF_A_DEVICE, api: 's i d', worker: 's d', operator: 's d' },
  rate_count: { tenant: 'shared', api: 's i u d' },
  // Written by all, changed by none.
  audit_event: { tenant: 'tenant_id', api: 's i', worker: 's i', operator: 's i', platform: 's i' },
  // Written by a trigger in the owner's name; workers verify.
  audit_link: { tenant: { where: 'chain = current_tenant_id()' }, worker: 's' },
  audit_check: { tenant: { where: 'chain = current_tenant_id()' }, api: 's', worker: 's i u', platform: 's' },
  // Phones, what they said and what it means.
  device: { tenant: 'tenant_id', api: 's i u', worker: 's u d', operator: 's u', partner: 's', platform: 's' },
  device_state: { tenant: 'tenant_id', api: 's i u', worker: 's i u', operator: 's u', partner: 's', platform: 's' },
  device_apps: { tenant: 'tenant_number', api: 's i u d', worker: 's i u d', operator: 's d' },
  device_apps_change: { tenant: 'tenant_number', api: 's i u d', worker: 's i u d', operator: 's' },
  device_observable: { tenant: OF_A_DEVICE, api: 's i u d', worker: 's i u d' },
  app_build: { tenant: 'shared', api: 's i u', worker: 's i u d', operator: 's' },
  coverage_set: { tenant: 'shared', api: 's i u:hash', worker: 's i u:hash', operator: 's' },
  finding: { tenant: 'tenant_id', api: 's i u', worker: 's i u d', operator: 's d', partner: 's' },
  finding_version: { tenant: OF_A_DEVICE, api: 's i', worker: 's i u:until d', operator: 's d' },
  level_change: { tenant: 'tenant_id', api: 's i', worker: 's i u:findings d', operator: 's d' },
  history_cut: { tenant: 'shared', api: 's', worker: 's i u', operator: 's', platform: 's' },
  report: { tenant: 'tenant_id', api: 's i', worker: 's i' },
  report_group: { tenant: 'mixed', api: 's i', worker: 's i u:body' },
  unscored_group: { tenant: 'shared', api: 's i u d', worker: 's i u d', platform: 's' },
  quarantined_report: { tenant: 'tenant_id', api: 's i u d', worker: 's i u d', operator: 's d', platform: 's:tenant_id' },
  // What organisations decide.
  policy: { tenant: 'tenant_id', api: 's', worker: 's', operator: 's i' },
  policy_preview: { tenant: 'tenant_id', worker: 's u d', operator: 's i' },
  suppression: { tenant: 'tenant_id', api: 's', worker: 's u d', operator: 's i u d' },
  rescoring: { tenant: 'tenant_id', api: 's', worker: 's i u', operator: 's i u', platform: 's i u' },
  rescoring_device: { tenant: OF_A_DEVICE, api: 's d', worker: 's i u d', operator: 's i u', platform: 's i u' },
  // Intune.
  intune_connector: { tenant: 'tenant_id', api: 's', worker: 's i u', operator: 's i u', partner: 's', platform: 's' },
  intune_outbox: { tenant: 'tenant_id', api: 's i u', worker: 's i u d', operator: 's i u d', partner: 's', platform: 's' },
  intune_message: { tenant: 'tenant_id', worker: 's i u d', operator: 's d' },
  intune_budget: { tenant: 'shared', api: 's i u', worker: 's i u' },
  intune_setup: { tenant: 'tenant_id', operator: 's i u', platform: 's i u' },
  intune_setup_item: { tenant: 'tenant_id', operator: 's i u d', platform: 's' },
  intune_diagnosis: { tenant: 'tenant_id', operator: 's i u', platform: 's i u' },
  consent_request: { tenant: 'tenant_id', worker: 's:state_hash,tenant_id,app,created_at,expires_at d', operator: 's i d', platform: 's i u d' },
  reconciliation: { tenant: 'tenant_id', api: 's', worker: 's i u', operator: 's i u' },
  reconciliation_round: { tenant: 'tenant_id', worker: 's i u d', operator: 's' },
  directory_group: { tenant: 'tenant_id', api: 's', worker: 's i u d', operator: 's i u d', platform: 's' },
  directory_member: { tenant: { where: 'exists (select from directory_group g where g.number = group_number)' }, api: 's', worker: 's i u d', operator: 's' },
  directory_device: { tenant: 'tenant_number', api: 's u', worker: 's i u d', operator: 's u:user_id,device_name,serial_number', partner: 's:tenant_number,drift_since,heals', platform: 's:tenant_number,drift_since,heals' },
  // Who else is told.
  state_change_waiting: { tenant: 'tenant_number', api: 's i', worker: 's i u:at d', operator: 's i u d' },
  state_change: { tenant: 'tenant_number', api: 's', worker: 's d', operator: 's d', partner: 's' },
  state_feed: { tenant: 'tenant_number', api: 's', worker: 's u', operator: 's', partner: 's' },
  signal_destination: { tenant: 'tenant_id', api: 's', worker: 's u d', operator: 's i u d' },
  signal: { tenant: OF_A_DESTINATION, api: 's', worker: 's i u d', operator: 's i u d' },
  signal_excluded_device: { tenant: OF_A_DESTINATION, worker: 's', operator: 's i d' },
  // What is known to be bad, to all alike.
  intel_feed: { tenant: 'shared', api: 's', worker: 's i u d', operator: 's', platform: 's i u d' },
  intel_feed_version: { tenant: 'shared', api: 's', worker: 's i d', operator: 's', platform: 's i d' },
  intel_version: { tenant: 'shared', api: 's', worker: 's u', operator: 's', platform: 's u' },
  intel_change: { tenant: 'shared', api: 's', worker: 's i d', platform: 's i d' },
  indicator: { tenant: 'shared', api: 's', worker: 's i u d', platform: 's i u d' },
  vulnerability: { tenant: 'shared', api: 's', worker: 's i u d', platform: 's i u d' },
  os_release: { tenant: 'shared', api: 's', worker: 's i u d', platform: 's i u d' },
  guarded_host: { tenant: 'shared', api: 's', worker: 's', platform: 's i u d' },
  intel_subscription: { tenant: 'shared', api: 's', worker: 's i u d', platform: 's i u d' },
  intel_subscription_object: { tenant: 'shared', worker: 's i u d', platform: 's i u d' },
  schema_migration: { tenant: 'shared', api: 's', worker: 's', operator: 's', partner: 's', platform: 's' }
}

/** Functions that run as the owner of the tables, and who may call them. */
export const FUNCTION_ACCESS: Readonly<Record<string, readonly RoleKind[]>> = {
  'tenant_phones_with_build(uuid, integer[], uuid)': ['api', 'worker', 'operator'],
  'erase_device_reports(uuid)': ['worker', 'operator'],
  'sequence_state_changes(integer)': ['api', 'worker', 'operator', 'partner'],
  'create_journal_day(date)': ['api', 'worker'],
  'drop_journal_day(date)': ['worker'],
  'analyze_indicators()': ['worker', 'platform'],
  'read_server_activity()': ['api', 'worker', 'platform']
}

/** Functions that run as the owner and that nobody calls: triggers on our tables, and what those use. */
export const OWNER_ALONE: readonly string[] = ['chain_audit_event()', 'append_audit_link(audit_event)']

/** Sequences that are asked for numbers by name; those of identity columns need no right. */
export const SEQUENCE_ACCESS: Readonly<Record<string, readonly RoleKind[]>> = { report_group_id_seq: ['api', 'worker'] }

/** Who puts jobs into the queues and takes them out. */
export const QUEUE_ROLES: readonly RoleKind[] = ['api', 'worker']
