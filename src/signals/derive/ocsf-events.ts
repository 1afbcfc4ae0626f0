import type { StateChange } from '../../devices/state-change-repository.js'
import type { Destination, NewSignal } from '../destination.js'
import { complianceOf } from './compliance.js'
import type { DeviceFacts, FindingFacts } from './device-facts.js'
import { idOf } from './signal-id.js'
import { describeState } from './words.js'

/** The release of the schema (schema.ocsf.io) that these events follow. */
const OCSF_VERSION = '1.6.0'
const CATEGORY_FINDINGS = 2
const DETECTION_FINDING = { uid: 2004, name: 'Detection Finding' }
const COMPLIANCE_FINDING = { uid: 2003, name: 'Compliance Finding' }
const ACTIVITY = { create: { id: 1, name: 'Create' }, update: { id: 2, name: 'Update' }, close: { id: 3, name: 'Close' } }
const SEVERITY = { none: [1, 'Informational'], audit: [1, 'Informational'], low: [2, 'Low'], medium: [3, 'Medium'], high: [4, 'High'] } as const
/** Of evidence; a finding can have thousands of matches. */
const MAX_EVIDENCES = 20

type OcsfDestination = Extract<Destination, { readonly kind: 'ocsf-https' | 'ocsf-syslog' }>

export interface OcsfContext {
  readonly device: DeviceFacts | undefined
  /** What the change opened or closed. */
  readonly findings: readonly FindingFacts[]
  readonly version: string
}

/**
 * What a SIEM is told of a change: a Detection Finding for each finding that it opened or
 * closed, then a Compliance Finding about the phone itself.
 */
export function deriveOcsf (destination: OcsfDestination, change: StateChange, context: OcsfContext): NewSignal[] {
  const signal = (key: string, type: string, bodyOf: (id: string) => object): NewSignal => {
    const id = idOf(destination.id, change.position, key)
    return { id, deviceId: change.deviceId, type, at: change.at, body: bodyOf(id) }
  }
  return [
    ...context.findings.map((finding) => signal(`finding:${finding.findingId}`, 'ocsf.detection_finding', (id) => detectionFinding(id, change, finding, context))),
    signal('compliance', 'ocsf.compliance_finding', (id) => complianceFinding(id, destination, change, context))
  ]
}

function detectionFinding (id: string, change: StateChange, finding: FindingFacts, { device, version }: OcsfContext): object {
  const closed = finding.resolvedAt !== null && finding.resolvedAt.getTime() === change.at.getTime()
  const [severityId, severity] = SEVERITY[finding.severity]
  const status = closed ? [4, 'Resolved'] : finding.status === 'suppressed' ? [3, 'Suppressed'] : [1, 'New']
  const evidences = finding.evidence.slice(0, MAX_EVIDENCES).map(({ path, value }) => ({ data: { path, value: value ?? null } }))
  return {
    ...head(id, DETECTION_FINDING, closed ? ACTIVITY.close : ACTIVITY.create, change, version),
    message: finding.title,
    severity_id: severityId,
    severity,
    status_id: status[0],
    status: status[1],
    finding_info: {
      uid: finding.findingId,
      title: finding.title,
      desc: finding.title,
      types: [finding.category],
      created_time: finding.firstSeen.getTime(),
      first_seen_time: finding.firstSeen.getTime(),
      last_seen_time: finding.lastSeen.getTime(),
      analytic: { uid: finding.detection, name: finding.detection, type_id: 1, type: 'Rule', version: String(finding.ruleVersion) },
      attacks: finding.attack.map(attackOf)
    },
    is_alert: !closed && finding.severity !== 'audit' && finding.status !== 'suppressed',
    ...(evidences.length === 0 ? {} : { evidences }),
    remediation: { desc: finding.remediation.admin },
    device: deviceObject(change, device),
    ...riskOf(change),
    unmapped: { subject: finding.subject }
  }
}

function complianceFinding (id: string, { settings }: OcsfDestination, change: StateChange, { device, version }: OcsfContext): object {
  const compliance = complianceOf(change.health, settings.notCompliantFrom)
  const status = compliance === undefined ? [0, 'Unknown'] : compliance === 'compliant' ? [1, 'Pass'] : [3, 'Fail']
  const [severityId, severity] = SEVERITY[change.level === null || change.level === 'secured' ? 'none' : change.level]
  const closed = change.reportingState === 'deactivated'
  const words = describeState(change, 'en')
  return {
    ...head(id, COMPLIANCE_FINDING, closed ? ACTIVITY.close : change.previousLevel === null ? ACTIVITY.create : ACTIVITY.update, change, version),
    message: words,
    severity_id: severityId,
    severity,
    // One finding a phone, which its changes update.
    finding_info: { uid: change.deviceId, title: words, types: ['device-threat-level'], modified_time: change.at.getTime() },
    compliance: {
      control: `Device threat level below ${settings.notCompliantFrom}`,
      standards: ['Sallyport policy'],
      status_id: status[0],
      status: status[1],
      status_detail: words
    },
    device: { ...deviceObject(change, device), ...(compliance === undefined ? {} : { is_compliant: compliance === 'compliant' }) },
    unmapped: {
      level: change.level,
      previous_level: change.previousLevel,
      state: change.reportingState,
      previous_state: change.previousReportingState,
      reasons: change.reasons
    }
  }
}

interface EventClass { readonly uid: number, readonly name: string }
interface Activity { readonly id: number, readonly name: string }

function head (id: string, eventClass: EventClass, activity: Activity, change: StateChange, version: string): object {
  return {
    ...classification(eventClass, activity),
    time: change.at.getTime(),
    metadata: metadataOf(version, {
      // The same for what is sent twice.
      uid: id,
      sequence: change.position,
      tenant_uid: change.tenantId,
      original_time: change.at.toISOString()
    })
  }
}

function classification (eventClass: EventClass, activity: Activity): object {
  return {
    category_uid: CATEGORY_FINDINGS,
    category_name: 'Findings',
    class_uid: eventClass.uid,
    class_name: eventClass.name,
    activity_id: activity.id,
    activity_name: activity.name,
    type_uid: eventClass.uid * 100 + activity.id,
    type_name: `${eventClass.name}: ${activity.name}`
  }
}

const metadataOf = (version: string, more: object): object => ({
  version: OCSF_VERSION,
  product: { name: 'Sallyport', vendor_name: 'Sallyport', version },
  log_name: 'state-changes',
  ...more
})

/** ATT&CK for Mobile numbers a sub-technique after its technique: T1626.001. */
function attackOf (technique: string): object {
  const [parent = technique, sub] = technique.split('.')
  return { technique: { uid: parent }, ...(sub === undefined ? {} : { sub_technique: { uid: technique } }) }
}

const OS = { android: [201, 'Android'], ios: [301, 'iOS'], ipados: [302, 'iPadOS'] } as const

function deviceObject ({ deviceId, entraDeviceId }: StateChange, device: DeviceFacts | undefined): object {
  const tablet = device?.platform === 'ipados'
  return {
    uid: entraDeviceId,
    uid_alt: deviceId,
    type_id: tablet ? 4 : 5,
    type: tablet ? 'Tablet' : 'Mobile',
    ...withoutNulls({
      vendor_name: device?.manufacturer,
      model: device?.model,
      is_personal: device?.ownership == null ? null : device.ownership === 'personal',
      hw_info: device?.serialNumber == null ? null : { serial_number: device.serialNumber },
      os: device === undefined ? null : { name: OS[device.platform][1], type_id: OS[device.platform][0], type: OS[device.platform][1], ...withoutNulls({ version: device.osVersion }) }
    })
  }
}

const RISK_LEVEL = { secured: [0, 'Info'], low: [1, 'Low'], medium: [2, 'Medium'], high: [3, 'High'] } as const

function riskOf ({ level, score }: StateChange): object {
  return {
    ...(level === null ? {} : { risk_level_id: RISK_LEVEL[level][0], risk_level: RISK_LEVEL[level][1] }),
    ...(score === null ? {} : { risk_score: score })
  }
}

const withoutNulls = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value != null))

/** To see that a SIEM takes what it is sent; of no phone and no finding. */
export function ocsfTest (id: string, tenantId: string, version: string, now: Date): NewSignal {
  return {
    id,
    deviceId: null,
    type: 'ocsf.test',
    at: now,
    body: {
      category_uid: 0,
      category_name: 'Uncategorized',
      class_uid: 0,
      class_name: 'Base Event',
      activity_id: 99,
      activity_name: 'Test',
      type_uid: 99,
      type_name: 'Base Event: Other',
      severity_id: 1,
      severity: 'Informational',
      message: 'Sallyport sends its events here',
      time: now.getTime(),
      metadata: metadataOf(version, { uid: id, tenant_uid: tenantId })
    }
  }
}
