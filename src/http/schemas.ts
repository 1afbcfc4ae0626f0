import { Type, type TSchema } from 'typebox'
import { MAX_PAGE_SIZE } from '../devices/cursor.js'
import { CHECK_STATES } from '../onboarding/doctor/check.js'
import { LEVELS, SEVERITIES } from '../risk/level.js'

/** Schemas that several routes share. */
export const Uuid = Type.String({ format: 'uuid' })
export const TenantParams = Type.Object({ tenantId: Uuid })
export const Level = Type.Enum([...LEVELS])
export const Severity = Type.Enum([...SEVERITIES])
export const Time = Type.String({ format: 'date-time' })

/** Text that PostgreSQL can hold: it has no U+0000, and UTF-8 has no half surrogates. */
export const Text = (options: { readonly minLength?: number, readonly maxLength: number, readonly description?: string }) =>
  Type.String({ pattern: '^[^\\u0000\\ud800-\\udfff]*$', ...options })

/** A row's number in an address. */
export const RowId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE })),
  cursor: Type.Optional(Type.String({ maxLength: 512, description: 'nextCursor of the page before.' }))
}

/** A list's answer. */
export const page = <T extends TSchema>(item: T) => Type.Object({ items: Type.Array(item), nextCursor: nullable(Type.String()) })

/** A device's id in an address: our own, or `entra:` and the Entra device id. */
export const DeviceParams = Type.Object({
  tenantId: Uuid,
  deviceId: Type.String({ pattern: '^(entra:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', description: 'Device id, or `entra:` and the Entra device id.' })
})

export const FindingSchema = Type.Object({
  findingId: Uuid,
  deviceId: Uuid,
  detection: Type.String(),
  category: Type.String(),
  severity: Severity,
  subject: Type.String(),
  title: Type.String(),
  evidence: Type.Array(Type.Object({ path: Type.String(), value: Type.Unknown() })),
  intel: nullable(Type.Object({ feed: Type.String(), indicator: Type.String(), family: Type.String() })),
  attack: Type.Array(Type.String()),
  status: Type.Enum(['open', 'resolved', 'suppressed']),
  firstSeen: Time,
  lastSeen: Time,
  expiresAt: nullable(Time),
  resolvedAt: nullable(Time),
  remediation: Type.Object({ user: Type.String(), admin: Type.String() }),
  ruleVersion: Type.Integer(),
  raisesLevel: Type.Boolean(),
  suppressedBy: nullable(Uuid),
  quiet: Type.Boolean({ description: 'Came back within the quiet time of its last alert, so it does not alert again.' })
}, { title: 'Finding' })

const DEVICE = {
  deviceId: Uuid,
  entraDeviceId: Uuid,
  intuneDeviceId: nullable(Uuid),
  platform: Type.Enum(['android', 'ios', 'ipados']),
  osVersion: nullable(Type.String()),
  manufacturer: nullable(Type.String()),
  model: nullable(Type.String()),
  serialNumber: nullable(Type.String()),
  state: Type.String(),
  level: nullable(Level),
  levelSince: nullable(Time),
  stale: Type.Boolean({ description: 'Silent for too long: the level is the last one known.' }),
  score: nullable(Type.Integer({ minimum: 0, maximum: 100, description: 'Priority for sorting; it decides nothing.' })),
  coverage: Type.Array(Type.String()),
  openFindings: Type.Integer(),
  enrolledAt: Type.Union([Time, Type.Null()], { description: 'Null: Entra groups chosen for this tenant say that it should be here, and it has not enrolled; the id is the one it will have.' }),
  lastReportAt: nullable(Time),
  assessedAt: nullable(Time),
  revokedAt: nullable(Time),
  retiredAt: nullable(Time)
}
export const DeviceSchema = Type.Object(DEVICE, { title: 'Device' })
export const WayBackSchema = Type.Array(Type.Object({
  level: Level,
  close: Type.Array(Type.Object({
    findingId: Uuid,
    detection: Type.String(),
    subject: Type.String(),
    remediation: Type.Object({ user: Type.String(), admin: Type.String() }),
    expiresAt: nullable(Time)
  }))
}), { description: 'What must be solved for each better level, the nearest first; access returns where Intune\'s limit is one of them.' })
export const DeviceDetailSchema = Type.Object({
  ...DEVICE,
  findings: Type.Array(FindingSchema),
  reasons: Type.Array(Type.String()),
  unknown: Type.Array(Type.String(), { description: 'Detections that nobody can answer, because the phone told nothing of what they need.' }),
  policyVersion: nullable(Type.Integer()),
  ownership: nullable(Type.Enum(['corporate', 'personal'])),
  tags: Type.Array(Type.String()),
  entraGroups: Type.Array(Type.String()),
  wayBack: WayBackSchema,
  clockOffsetSeconds: nullable(Type.Integer({ description: 'How far the last report\'s time lies from its receipt: positive, the phone\'s clock is ahead; negative, it is behind or the phone was offline. Null below five minutes.' })),
  intune: Type.Object({
    desired: nullable(Type.String()),
    reported: nullable(Type.String()),
    acknowledgedAt: nullable(Time),
    lastError: nullable(Type.String()),
    drift: nullable(Type.Object({
      kind: Type.Enum(['lost', 'milder', 'harsher', 'other']),
      held: Type.String(),
      since: Time,
      heals: Type.Integer({ description: 'How often the state was sent again.' }),
      givenUp: Type.Boolean({ description: 'It is not sent again by itself: Intune keeps its own state.' })
    }, { description: 'Intune holds another state than the one it acknowledged.' }))
  }),
  directory: nullable(Type.Object({
    intuneDeviceId: nullable(Uuid),
    entraObjectId: nullable(Uuid),
    entraUserId: nullable(Uuid),
    deviceName: nullable(Type.String()),
    ownership: nullable(Type.Enum(['corporate', 'personal'])),
    compliance: nullable(Type.String()),
    threatState: nullable(Type.String({ description: 'What Intune holds of what was reported.' })),
    enrolledAt: nullable(Time),
    checkedInAt: nullable(Time),
    missingSince: nullable(Time),
    vanishedAt: nullable(Time),
    removedFromEntraAt: nullable(Time)
  }, { description: 'What Intune and Entra say of the phone, as of the last comparison.' }))
}, { title: 'DeviceDetail' })

export const DiagnosisSchema = Type.Object({
  healthy: Type.Boolean({ description: 'Nothing is broken; a check that could not be made is no failure.' }),
  checkedAt: Time,
  checks: Type.Array(Type.Object({ check: Type.String(), state: Type.Enum([...CHECK_STATES]), text: Type.String(), nextAction: nullable(Type.String()) }))
}, { title: 'Diagnosis' })

export const AuditItemSchema = Type.Object({
  id: Type.Integer(),
  at: Time,
  actor: Type.String(),
  action: Type.String(),
  subject: nullable(Type.String()),
  detail: Type.Unknown()
}, { title: 'AuditEvent' })
