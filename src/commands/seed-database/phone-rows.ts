import { randomBytes, randomUUID } from 'node:crypto'
import type { Judgement } from '../../devices/judge-device.js'
import { observablesOf } from '../../devices/retro/observables.js'
import { toNewStateChange } from '../../devices/score-repository.js'
import { toReasonRows } from '../../devices/state-change-repository.js'
import { toColumns } from '../../devices/stored-state.js'
import type { SeededPhone } from './seeded-phone.js'

/** A value of a row; an object is a document, an array a list of its column's type. */
export type Value = string | number | boolean | null | Date | readonly string[] | readonly number[] | { readonly json: unknown }
export type Row = readonly Value[]

/** The tables of a phone, those first that others refer to, and the columns of the rows below. */
export const TABLES = {
  device: ['id', 'tenant_id', 'entra_device_id', 'intune_device_id', 'platform', 'os_version', 'manufacturer', 'model', 'serial_number', 'public_key', 'enrolled_at', 'updated_at'],
  device_state: ['device_id', 'tenant_id', 'sequence', 'state', 'older_events', 'apps_digest', 'resend', 'reporting_state', 'level', 'level_since', 'coverage_id', 'score', 'policy_version', 'judged_by', 'changes_at', 'last_report_at',
    'assessed_at', 'due_at', 'desired_health', 'desired_version', 'reported_health', 'reported_version', 'acknowledged_at', 'last_update_time', 'patch_level'],
  device_observable: ['device_id', 'hashes'],
  device_apps: ['device_id', 'tenant_number', 'builds'],
  device_apps_change: ['device_id', 'tenant_number', 'added', 'removed'],
  finding: ['id', 'tenant_id', 'device_id', 'detection', 'rule_version', 'category', 'severity', 'raises_level', 'subject', 'title', 'evidence', 'intel',
    'attack', 'remediation', 'first_seen', 'last_seen', 'expires_at', 'alerted_at'],
  level_change: ['tenant_id', 'device_id', 'at', 'from_level', 'to_level', 'findings', 'score', 'reporting_state', 'coverage_id', 'policy_version', 'intel_version'],
  state_change_waiting: ['tenant_number', 'device_id', 'entra_device_id', 'at', 'version', 'level', 'previous_level', 'reporting_state', 'previous_reporting_state', 'health', 'previous_health', 'score', 'reasons']
} as const satisfies Record<string, readonly string[]>

export type TableName = keyof typeof TABLES

export interface AppLists {
  readonly tenantNumber: number
  /** The list when it was last stored whole, and what has changed since. */
  readonly base: readonly number[]
  readonly added: readonly number[]
  readonly removed: readonly number[]
}

/**
 * What enrolment, the workers and Intune's acknowledgement leave of a phone whose first report
 * was judged so at `at`.
 */
export function toRows (phone: SeededPhone, judgement: Judgement, { tenantNumber, base, added, removed, coverageId }: AppLists & { readonly coverageId: number }, at: Date): Record<TableName, Row[]> {
  const { deviceId, tenantId } = judgement.device
  const { sequence, apps } = judgement.state
  const columns = toColumns(judgement.state, [], at)
  const observables = observablesOf(judgement.state)
  const change = toNewStateChange(judgement, true)
  const entraDeviceId = randomUUID()
  const enrolledAt = new Date(phone.receivedAt.getTime() - 60_000)
  return {
    device: [[
      deviceId, tenantId, entraDeviceId, randomUUID(), phone.platform, phone.osVersion, phone.manufacturer, phone.model, phone.serialNumber,
      // Nobody has the private half: no agent can speak for a made-up phone.
      { json: { kty: 'OKP', crv: 'Ed25519', x: randomBytes(32).toString('base64url') } }, enrolledAt, enrolledAt
    ]],
    device_state: [[
      deviceId, tenantId, sequence, { json: columns.state }, columns.olderEvents === null ? null : { json: columns.olderEvents }, apps?.digest ?? null, judgement.resend, judgement.reportingState, judgement.level, judgement.levelSince,
      coverageId, judgement.score, judgement.policyVersion, toBytes(judgement.judgedBy), judgement.changesAt, judgement.lastReportAt, at, judgement.dueAt, judgement.health, 1, judgement.health, 1, at, at, judgement.state.os?.securityPatchLevel ?? null
    ]],
    device_observable: observables.length === 0 ? [] : [[deviceId, observables]],
    device_apps: [[deviceId, tenantNumber, base]],
    device_apps_change: added.length + removed.length === 0 ? [] : [[deviceId, tenantNumber, added, removed]],
    finding: judgement.findings.opened.map(({ findingId, finding }) => [
      findingId, tenantId, deviceId, finding.detection, finding.ruleVersion, finding.category, finding.severity, finding.raisesLevel, finding.subject, finding.title,
      { json: finding.evidence }, finding.intel === null ? null : { json: finding.intel }, finding.attack, { json: finding.remediation }, at, at, finding.expiresAt, at
    ]),
    level_change: judgement.levelChange === null
      ? []
      : [[tenantId, deviceId, at, judgement.levelChange.from, judgement.levelChange.to, { json: judgement.levelChange.findings },
          judgement.score, judgement.reportingState, coverageId, judgement.policyVersion, judgement.intelVersion]],
    state_change_waiting: [[
      tenantNumber, deviceId, entraDeviceId, at, change.version, change.level, change.previousLevel, change.reportingState, change.previousReportingState, change.health, change.previousHealth, change.score,
      change.reasons.length === 0 ? null : { json: toReasonRows(change.reasons) }
    ]]
  }
}

/** As PostgreSQL reads binary values (manual, bytea, "hex format"). */
const toBytes = (bytes: Buffer | null): string | null => bytes === null ? null : `\\x${bytes.toString('hex')}`

/** A row in the text format of COPY (PostgreSQL manual, COPY, "Text Format"). */
export const toCopyLine = (row: Row): string => `${row.map(toCopyText).join('\t')}\n`

function toCopyText (value: Value): string {
  if (value === null) return '\\N'
  const text = toText(value)
  return /[\\\t\n\r]/.test(text) ? text.replace(/\\/g, '\\\\').replace(/\t/g, '\\t').replace(/\n/g, '\\n').replace(/\r/g, '\\r') : text
}

function toText (value: NonNullable<Value>): string {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return `{${value.map((one: string | number) => typeof one === 'number' ? String(one) : `"${one.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
  if (typeof value === 'object') return JSON.stringify((value as { json: unknown }).json)
  return String(value)
}
