import type { ColumnType, Generated, GeneratedAlways, JSONColumnType } from 'kysely'

type Time = ColumnType<Date, Date | string, Date | string>
type Json<T> = ColumnType<T, string, string>
type BigInt = ColumnType<number, number, number>

/** The tables of migrations/, as kysely sees them. A test compares this with the database. */
export interface Schema {
  tenant: {
    id: Generated<string>, name: string, entra_tenant_id: string, created_at: Generated<Date>, number: GeneratedAlways<number>
    policy_version: Generated<number>, rules_version: Generated<number>
  }
  policy: { tenant_id: string, version: BigInt, document: Json<unknown>, source: string, author: string, comment: string | null, created_at: Generated<Date> }
  suppression: {
    id: Generated<string>, tenant_id: string, detection: string | null, subject: string | null, device_id: string | null, group_name: string | null
    reason: string, comment: string, owner: string, created_by: string, created_at: Generated<Date>, expires_at: Time, revoked_at: Time | null, revoked_by: string | null
  }
  policy_preview: {
    id: Generated<string>, tenant_id: string, document: Json<unknown>, requested_by: string, created_at: Generated<Date>, started_at: Time | null
    devices: Generated<number>, finished_at: Time | null, result: Json<unknown> | null, error: string | null
  }
  upkeep_task: {
    task: string, every_seconds: number, due_at: Generated<Date>, run_id: string | null, lease_until: Time | null, started_at: Time | null
    finished_at: Time | null, seconds: number | null, outcome: string | null, error: string | null, result: Json<unknown> | null, succeeded_at: Time | null
    runs: Generated<number>, failures: Generated<number>, abandoned: Generated<number>, created_at: Generated<Date>
  }
  signing_key: { id: string, secret: Buffer, created_at: Generated<Date>, retired_at: Time | null }
  api_key: {
    id: Generated<string>, tenant_id: string | null, name: string, role: string, key_hash: Buffer
    created_at: Generated<Date>, expires_at: Time | null, revoked_at: Time | null
    prefix: string | null, permissions: string[] | null, last_used_at: Time | null, replaces: string | null
  }
  api_key_tenant: { api_key_id: string, tenant_id: string }
  operator_grant: {
    id: Generated<string>, tenant_id: string | null, role: string, directory: string, kind: string, value: string, label: string
    created_by: string, created_at: Generated<Date>, expires_at: Time | null
  }
  operator_session: { session: string, operator_id: string, tenant_id: string | null, first_seen_at: Generated<Date>, last_seen_at: Generated<Date> }
  enrollment_token: {
    id: Generated<string>, tenant_id: string, token_hash: Buffer, label: string, platform: string | null
    max_uses: number | null, uses: Generated<number>, expires_at: Time | null, revoked_at: Time | null, created_at: Generated<Date>
  }
  device: {
    id: Generated<string>, tenant_id: string, entra_device_id: string, intune_device_id: string | null, platform: string
    os_version: string | null, manufacturer: string | null, model: string | null, serial_number: string | null
    public_key: JSONColumnType<Record<string, unknown>>, enrolled_at: Generated<Date>, tokens_valid_from: ColumnType<Date | number, Date | string | undefined, Date | string>
    /** `credentials_changed_in`: the transaction that last changed them. */
    credentials_version: Generated<number>, credentials_changed_in: ColumnType<string, string, string> | null
    revoked_at: Time | null, retired_at: Time | null, erased_at: Time | null, updated_at: ColumnType<Date, Date | string | undefined, Date | string>
    ownership: string | null, tags: Generated<string[]>, entra_groups: Generated<string[]>
    directory_ownership: string | null, directory_groups: number[] | null
  }
  rate_count: { window: BigInt, key: string, count: number }
  used_assertion: { device_id: string, jti: string, expires_at: Time }
  report_group: {
    id: BigInt, day: string, received_at: Time, device_ids: string[], sources: string[] | null, traces: string[] | null, body: string | null, repeated: number[] | null
  }
  report: {
    day: string, device_id: string, report_id: string, id: BigInt, tenant_id: string, sequence: BigInt, collected_at: Time, has_apps: boolean
  }
  unscored_group: { id: BigInt, day: string, reports: number, received_at: Time }
  quarantined_report: {
    id: BigInt, tenant_id: string, device_id: string, report_id: string, received_at: Time, body: string, source: string | null
    error: string, quarantined_at: Generated<Date>
  }
  device_state: {
    device_id: string, tenant_id: string, sequence: BigInt, state: Json<unknown>, older_events: Json<unknown> | null, apps_digest: string | null
    resend: Generated<string[]>, reporting_state: Generated<string>, level: string | null, level_since: Time | null
    coverage_id: number | null, score: number | null, policy_version: BigInt | null, judged_by: Buffer | null, changes_at: Time | null, last_report_at: Time | null, assessed_at: Time | null, due_at: Time | null
    desired_health: string | null, desired_version: Generated<number>, reported_health: string | null, reported_version: Generated<number>
    acknowledged_at: Time | null, last_sync_error: string | null, last_update_time: Time | null, os_version: GeneratedAlways<string> | null, patch_level: string | null
  }
  coverage_set: { id: GeneratedAlways<number>, hash: Buffer, sections: string[], undecided: string[] }
  app_build: {
    id: GeneratedAlways<number>, hash: Buffer, app_id: string, app: Json<unknown>, signers: Generated<string[]>, unused_since: Time | null, looked_at: Generated<Date>
  }
  device_apps: { device_id: string, tenant_number: number, builds: number[] }
  device_apps_change: { device_id: string, tenant_number: number, added: number[], removed: number[], own: Json<unknown> | null }
  finding: {
    id: Generated<string>, tenant_id: string, device_id: string, detection: string, rule_version: number, category: string
    severity: string, raises_level: boolean, subject: string, title: string, evidence: Json<unknown>, intel: Json<unknown> | null
    attack: string[], remediation: Json<unknown>, status: Generated<string>, first_seen: Time, last_seen: Time
    expires_at: Time | null, resolved_at: Time | null, suppressed_by: string | null, since: Time | null, alerted_at: Time | null
  }
  finding_version: { finding_id: string, device_id: string, since: Time, until: Time, finding: Json<unknown> }
  /** A change of level, or of what it rests on: then both levels are the same. */
  level_change: {
    id: GeneratedAlways<number>, tenant_id: string, device_id: string, at: Time, from_level: string | null, to_level: string, findings: Json<unknown>
    score: number | null, reporting_state: string | null, coverage_id: number | null, policy_version: BigInt | null, intel_version: BigInt | null, groups: string[] | null
  }
  /** One row, once anything was cut. */
  history_cut: { only_row: Generated<boolean>, kept_from: Time, cut_to: Time | null }
  /** Changes that have no position yet; `reasons` are lists of detection, severity and subject. */
  state_change_waiting: {
    id: GeneratedAlways<number>, tenant_number: number, device_id: string, entra_device_id: string, at: Time, version: number, level: string | null, previous_level: string | null
    reporting_state: string, previous_reporting_state: string, health: string, previous_health: string | null, score: number | null, reasons: Json<unknown> | null
  }
  state_change: {
    position: BigInt, tenant_number: number, device_id: string, entra_device_id: string, at: Time, version: number, level: string | null, previous_level: string | null
    reporting_state: string, previous_reporting_state: string, health: string, previous_health: string | null, score: number | null, reasons: Json<unknown> | null
    /** True: told once more after a restore. */
    retold: boolean | null
  }
  state_feed: { tenant_number: number, position: Generated<number>, dropped_position: Generated<number> }
  intune_outbox: {
    device_id: string, tenant_id: string, version: BigInt, health: string, enqueued_at: Generated<Date>, attempts: Generated<number>
    next_attempt_at: ColumnType<Date, Date | string | undefined, Date | string>, last_error: string | null
    rank: Generated<number>, place: Generated<number>, refused: Generated<boolean>, refused_since: Time | null, dead_at: Time | null
    message_id: string | null, sent_version: BigInt | null, sent_health: string | null, sent_at: Time | null, trace: string | null
  }
  intune_message: { id: string, tenant_id: string, created_at: Generated<Date>, watched_until: Time }
  intune_budget: { entra_tenant_id: string, writes_at: Time, calls_at: Time }
  intune_connector: {
    tenant_id: string, state: Generated<string>, provisioned_at: Time | null, heartbeat_at: Time | null
    heartbeat_due_at: ColumnType<Date, Date | string | undefined, Date | string>, resync_timestamp: Time | null, last_error: string | null, last_error_at: Time | null
    retry_at: Time | null, attempts: Generated<number>, message_errors: Json<unknown> | null
    failed_host: string | null, host_paused_until: Time | null, unresponsive_threshold_days: number | null, heartbeat_error: string | null, heartbeat_alarm_at: Time | null
    partner_state: string | null, partner_switches: Json<unknown> | null, partner_heartbeat_at: Time | null
    partner_read_at: Time | null, partner_read_error: string | null
  }
  reconciliation: {
    tenant_id: string, due_at: ColumnType<Date, Date | string | undefined, Date | string>, lease_id: string | null, lease_until: Time | null, round_id: BigInt | null
    full_requested_at: Time | null, full_at: Time | null, devices_delta: string | null, members_delta: string | null, members_delta_groups: string[] | null
    checked_in_until: Time | null, deactivate_after_days: number | null, failures: Generated<number>
  }
  reconciliation_round: {
    id: GeneratedAlways<number>, tenant_id: string, started_at: Generated<Date>, finished_at: Time | null, is_full: boolean, requested: Generated<boolean>
    position: Json<unknown>, parts: ColumnType<unknown, string | undefined, string>, counts: ColumnType<unknown, string | undefined, string>
  }
  directory_group: {
    number: GeneratedAlways<number>, tenant_id: string, wanted: string, entra_group_id: string | null, name: string | null, fault: string | null
  }
  directory_member: { group_number: number, member_id: string, seen_round: BigInt }
  /** Enumerations are Graph's own numbers. */
  directory_device: {
    tenant_number: number, entra_device_id: string, entra_object_id: string | null, intune_device_id: string | null, user_id: string | null
    pending_id: string | null, seen_round: BigInt, first_seen_at: Generated<Date>, enrolled_at: Time | null, checked_in_at: Time | null
    missing_since: Time | null, vanished_at: Time | null, removed_from_entra_at: Time | null, drift_since: Time | null, healed_at: Time | null, apps_of: Time | null
    heal_version: BigInt | null, heals: Generated<number>, platform: number, owner_type: number | null, compliance: number | null
    threat_state: number | null, device_name: string | null, serial_number: string | null, os_version: string | null
    manufacturer: string | null, model: string | null
  }
  consent_request: {
    state_hash: Buffer, tenant_id: string | null, tenant_name: string | null, entra_tenant_id: string | null, app: string, created_by: string, created_at: Generated<Date>, expires_at: Time
    used_at: Time | null, outcome: string | null, detail: string | null
  }
  intune_setup: { tenant_id: string, wish: Json<unknown> | null, applied_at: Time | null, applied_by: string | null, last_error: string | null, busy_until: Time | null }
  intune_setup_item: {
    tenant_id: string, key: string, graph_id: string | null, made: boolean, before: ColumnType<unknown, string | undefined, string>, after: ColumnType<unknown, string | undefined, string>
    changed_at: Generated<Date>
  }
  intune_diagnosis: { tenant_id: string, checked_at: Time, checks: Json<unknown> }
  intel_feed: {
    name: string, format: string, imported_at: Time, sha256: string, entries: number, skipped: Json<unknown>, bundled: Generated<boolean>
    version: Generated<number>, published_at: Time | null, publisher_version: string | null, by_type: ColumnType<unknown, string | undefined, string>
  }
  intel_feed_version: {
    feed: string, version: number, sha256: string, format: string, imported_at: Time, imported_by: string | null, published_at: Time | null
    publisher_version: string | null, added: number, updated: number, unchanged: number, withdrawn: number, entries: number
  }
  /** `kind`: added, updated, withdrawn, or all, which has no type and value. */
  intel_change: { id: GeneratedAlways<number>, intel_version: BigInt, kind: string, type: string | null, value: string | null }
  indicator: {
    id: GeneratedAlways<number>, feed: string, type: string, value: string, role: string, threat_class: string, family: string
    valid_from: Time | null, valid_until: Time | null, confidence: number | null, first_seen: Generated<Date>
    port: Generated<number>, refs: string[] | null, since_version: Generated<number>, changed_version: Generated<number>
  }
  vulnerability: {
    feed: string, platform: string | null, cve: string, severity: string | null, exploited: boolean, kev_date_added: string | null
    kev_due_date: string | null, fixed_in: string[], part: string | null, kind: string, app_id: string | null, target: GeneratedAlways<string>
    cvss: number | null, ranges: Json<unknown> | null, fixed_since: Json<unknown> | null, refs: string[] | null, about: Json<unknown> | null
  }
  os_release: {
    feed: string, platform: string, version: string, is_cycle: boolean, released: string | null, end_of_life: string | null, has_ended: boolean | null
    latest: string | null, latest_released: string | null, api_level: string | null, devices: Generated<string[]>
  }
  intel_subscription: {
    feed: string, kind: string, url: string, format: string, threat_class: string | null, every_seconds: number, checksum_url: string | null
    signature_url: string | null, signature_key: string | null, taxii_collection: string | null, allow_http: Generated<boolean>, allow_private: Generated<boolean>
    credentials: Buffer | null, credentials_kind: string | null, created_at: Generated<Date>, next_run_at: ColumnType<Date, Date | string | undefined, Date | string>
    lease_id: string | null, lease_until: Time | null, full_requested: Generated<boolean>, last_attempt_at: Time | null, last_success_at: Time | null
    last_change_at: Time | null, last_error: string | null, last_error_at: Time | null, failures: Generated<number>, stale_warned: Generated<boolean>
    last_result: Json<unknown> | null, etag: string | null, last_modified: string | null, content_sha256: string | null, imported_sha256: string | null
    added_after: string | null, full_sync_at: Time | null, objects_changed: Generated<boolean>
  }
  intel_subscription_object: { feed: string, object_id: string, modified: string, object: string }
  guarded_host: { host: string, guarded: boolean, reason: string, changed_by: string, changed_at: Generated<Date> }
  intel_version: { only_row: Generated<boolean>, version: BigInt, reassessed_version: Generated<number>, valid_from_seen: Generated<Date> }
  device_observable: { device_id: string, hashes: number[] }
  rescoring: {
    id: GeneratedAlways<number>, intel_version: BigInt, changes: number | null, found: Generated<number>, next_device: string | null, started_at: Generated<Date>, finished_at: Time | null
    cause: Generated<string>, tenant_id: string | null, rules_version: Generated<number>
  }
  rescoring_device: { device_id: string, rescoring_id: BigInt, intel_version: BigInt, handed_at: Time | null, rules_version: Generated<number>, place: Generated<number> }
  signal_destination: {
    id: Generated<string>, tenant_id: string, kind: string, name: string, receiver: string | null, url: string | null, settings: Json<unknown>, secret: Buffer | null
    status: Generated<string>, status_reason: string | null, position: BigInt, missed: Generated<number>, created_at: Generated<Date>, verified_at: Time | null
    lease_id: string | null, lease_until: Time | null, retry_at: ColumnType<Date, Date | string | undefined, Date | string>
    delivered: Generated<number>, failures: Generated<number>, failing_since: Time | null, last_success_at: Time | null, last_error: string | null, last_error_at: Time | null
  }
  signal: {
    id: string, destination_id: string, sequence: GeneratedAlways<number>, device_id: string | null, type: string, body: Json<unknown>, at: Time
    attempts: Generated<number>, next_attempt_at: ColumnType<Date, Date | string | undefined, Date | string>, last_error: string | null, dead_at: Time | null
  }
  signal_excluded_device: { destination_id: string, device_id: string }
  set_signing_key: { id: string, public_jwk: Json<unknown>, private_key: Buffer, created_at: Generated<Date>, signs_from: Time }
  audit_event: {
    id: GeneratedAlways<number>, tenant_id: string | null, at: Generated<Date>, actor: string, action: string, subject: string | null, detail: Json<unknown>
  }
  /** Written by a trigger. `chain`: the tenant's id; the nil UUID is the platform. */
  audit_link: { chain: string, number: BigInt, event_id: BigInt, hash: Buffer }
  audit_check: {
    chain: string, number: Generated<number>, hash: Generated<Buffer>, checked_at: Time | null, whole_number: BigInt | null, whole_hash: Buffer | null
    whole_faults: ColumnType<unknown, string | undefined, string>, whole_at: Time | null, created_at: Generated<Date>, faults: ColumnType<unknown, string | undefined, string>, fault_count: Generated<number>
  }
  /** Kept by the migrator. */
  schema_migration: { name: string, sha256: string, applied_at: Generated<Date>, minimum: string | null }
}
