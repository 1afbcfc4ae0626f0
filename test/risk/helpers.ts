import type { Test as Tap } from 'tap'

import type { IndicatorType } from '../../src/intel/indicators/indicator.js'
import { buildIntelIndex } from '../../src/intel/index/intel-index.js'
import type { IntelEntry, IntelView } from '../../src/intel/intel-view.js'
import type { Vulnerability, VulnerabilityFact } from '../../src/intel/vulnerabilities/vulnerability.js'
import { viewOfFacts } from '../../src/intel/vulnerabilities/vulnerability-view.js'
import type { AssessedFinding, Assessment } from '../../src/risk/assessment.js'
import { assess } from '../../src/risk/assess.js'
import type { Detection } from '../../src/risk/detection.js'
import { overlay, type PolicyPart } from '../../src/risk/policy/overlay.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'
import { normalizeUrl } from '../../src/intel/indicators/normalize.js'
import type { DeviceState, KeptEvent, Platform } from '../../src/telemetry/device-state.js'
import type { App, TelemetryEvent } from '../../src/telemetry/report.js'

export const NOW = new Date('2026-11-23T12:00:00Z')
export const HOUR_MS = 60 * 60 * 1000
export const DAY_MS = 24 * HOUR_MS
export const at = (offsetMs: number): string => new Date(NOW.getTime() + offsetMs).toISOString()

export function entry (type: IndicatorType, value: string, rest: Partial<IntelEntry> = {}): IntelEntry {
  return { type, value, role: 'artifact', threatClass: 'malware', family: 'TestFamily', feed: 'test-feed', ...rest }
}

/** A tiny index with the meaning of the real one: exact values, and hosts by parent domain. */
export function intelOf (entries: readonly IntelEntry[] = [], vulnerabilities: readonly Vulnerability[] = [], facts: readonly VulnerabilityFact[] = []): IntelView {
  const view = viewOfFacts(facts)
  const index = buildIntelIndex({ version: 1, entries, vulnerabilities: [] })
  const lookup: IntelView['lookup'] = (type, value) => entries.filter((one) => one.type === type && one.value === value)
  return {
    version: 1,
    lookup,
    lookupHost: (host) => host.split('.').flatMap((_, index, labels) => lookup('domain', labels.slice(index).join('.'))),
    lookupUrl: (url) => lookup('url', normalizeUrl(url) ?? ''),
    namesLike: (appId) => index.namesLike(appId),
    openVulnerabilities: (os) => [...view.openVulnerabilities(os), ...vulnerabilities.filter(({ platform }) => platform === os.platform)],
    appVulnerabilities: view.appVulnerabilities,
    osSupport: view.osSupport
  }
}

export function vulnerability (rest: Partial<Vulnerability> = {}): Vulnerability {
  return {
    cve: 'CVE-2025-0001', platform: 'ios', severity: 'high', exploited: true,
    kevDateAdded: '2025-01-01', kevDueDate: '2025-01-22', fixedIn: ['18.3'], part: null, ...rest
  }
}

export interface Phone extends Omit<Partial<DeviceState>, 'apps' | 'events'> {
  readonly apps?: readonly App[]
  readonly events?: ReadonlyArray<TelemetryEvent & Partial<KeptEvent>>
}

/** A merged state from what a test cares about; events are received when they happen. */
export function phone ({ apps, events = [], ...rest }: Phone): DeviceState {
  return {
    sequence: 1,
    origins: {},
    ...rest,
    ...(apps === undefined ? {} : { apps: { digest: 'test', items: Object.fromEntries(apps.map((app) => [app.appId, app])) } }),
    events: events.map((event) => ({ receivedAt: event.at, sequence: 1, ...event }))
  }
}

export interface Judged {
  readonly platform?: Platform
  readonly phone: Phone
  readonly intel?: readonly IntelEntry[]
  readonly vulnerabilities?: readonly Vulnerability[]
  /** What feeds say, answered by the real compiled view. */
  readonly facts?: readonly VulnerabilityFact[]
  readonly policy?: PolicyPart
  readonly now?: Date
  readonly detections?: readonly Detection[]
}

export function judge ({ platform = 'android', phone: told, intel, vulnerabilities, facts, policy, now = NOW, detections }: Judged): Assessment {
  return assess({
    platform,
    state: phone(told),
    intel: intelOf(intel, vulnerabilities, facts),
    policy: overlay(BUILT_IN_POLICY, policy ?? {}),
    now,
    ...(detections === undefined ? {} : { detections })
  })
}

/** `detection subject severity` lines, which read well in a failing test. */
export const summary = ({ findings }: Pick<Assessment, 'findings'>): string[] =>
  findings.map(({ detection, subject, severity }) => `${detection} ${subject} ${severity}`)

export function only (assessment: Assessment): AssessedFinding {
  if (assessment.findings.length !== 1) throw new Error(`expected one finding, got: ${summary(assessment).join('; ') || 'none'}`)
  return assessment.findings[0]!
}

/** A row of a table: what is told, and the findings there must be. */
export interface Case extends Judged {
  readonly name: string
  readonly finds: readonly string[]
}

export function checkCases (t: Tap, cases: readonly Case[]): void {
  for (const { name, finds, ...told } of cases) {
    const result = judge(told)
    t.strictSame(result.failures, [], `${name}: no detection throws`)
    t.strictSame(summary(result), finds, name)
  }
}
