/** What of OCSF 1.6.0 (schema.ocsf.io) our events use, written anew as JSON Schema: what is required, and of what type. */
const integer = { type: 'integer' }
const text = { type: 'string', minLength: 1 }
const time = { type: 'integer', minimum: 1_600_000_000_000, maximum: 4_102_444_800_000 }
const closed = (properties: object, required: readonly string[] = [], more: object = {}): object => ({ type: 'object', properties, required, additionalProperties: false, ...more })

const technique = closed({ uid: { type: 'string', pattern: '^T\\d{4}(\\.\\d{3})?$' }, name: text })
const device = closed({
  uid: text, uid_alt: text, type_id: { enum: [0, 1, 2, 3, 4, 5, 6, 7, 99] }, type: text, vendor_name: text, model: text, is_personal: { type: 'boolean' }, is_compliant: { type: 'boolean' },
  hw_info: closed({ serial_number: text }), os: closed({ name: text, type_id: { enum: [0, 201, 301, 302, 99] }, type: text, version: text }, ['name', 'type_id'])
}, ['type_id'], { anyOf: [{ required: ['uid'] }, { required: ['name'] }] })
const metadata = closed({
  version: { const: '1.6.0' }, product: closed({ name: text, vendor_name: text, version: text }, [], { anyOf: [{ required: ['name'] }, { required: ['uid'] }] }),
  uid: text, sequence: integer, tenant_uid: text, original_time: text, log_name: text
}, ['version', 'product'])

const base = {
  category_uid: integer, category_name: text, class_uid: integer, class_name: text, activity_id: integer, activity_name: text, type_uid: integer, type_name: text,
  time, metadata, message: text, severity_id: { enum: [0, 1, 2, 3, 4, 5, 6, 99] }, severity: text, unmapped: { type: 'object' }
}
const requiredOfAll = ['category_uid', 'class_uid', 'activity_id', 'type_uid', 'time', 'metadata', 'severity_id']
const findingInfo = closed({
  uid: text, title: text, desc: text, types: { type: 'array', items: text }, created_time: time, first_seen_time: time, last_seen_time: time, modified_time: time,
  analytic: closed({ uid: text, name: text, type_id: { enum: [0, 1, 2, 3, 4, 5, 99] }, type: text, version: text }, ['type_id']),
  attacks: { type: 'array', items: closed({ technique, sub_technique: technique }, [], { anyOf: [{ required: ['technique'] }, { required: ['sub_technique'] }] }) }
}, ['uid'])

export const DETECTION_FINDING = closed({
  ...base, category_uid: { const: 2 }, class_uid: { const: 2004 }, activity_id: { enum: [1, 2, 3] }, status_id: { enum: [0, 1, 2, 3, 4, 5, 6, 99] }, status: text,
  finding_info: findingInfo, is_alert: { type: 'boolean' }, evidences: { type: 'array', items: closed({ data: {} }, ['data']) }, remediation: closed({ desc: text }, ['desc']),
  device, risk_level_id: { enum: [0, 1, 2, 3, 4, 99] }, risk_level: text, risk_score: integer
}, [...requiredOfAll, 'finding_info'])

export const COMPLIANCE_FINDING = closed({
  ...base, category_uid: { const: 2 }, class_uid: { const: 2003 }, activity_id: { enum: [1, 2, 3] }, finding_info: findingInfo,
  compliance: closed({ control: text, standards: { type: 'array', items: text }, status_id: { enum: [0, 1, 2, 3, 99] }, status: text, status_detail: text }), device
}, [...requiredOfAll, 'finding_info', 'compliance'])

export const BASE_EVENT = closed({ ...base, category_uid: { const: 0 }, class_uid: { const: 0 }, activity_id: { enum: [0, 99] } }, requiredOfAll)
