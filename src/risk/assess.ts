import type { IntelView } from '../intel/intel-view.js'
import type { DeviceState, Platform } from '../telemetry/device-state.js'
import type { StateSection } from '../telemetry/report.js'
import type { AssessedFinding, Assessment } from './assessment.js'
import type { Detection, DetectionContext, Match } from './detection.js'
import { DETECTIONS } from './detections/index.js'
import { SEVERITIES, worseLevel, type Level, type Severity } from './level.js'
import { mergeMatches } from './merge-matches.js'
import { effectiveSeverity, type Policy } from './policy.js'

export interface AssessInput {
  readonly platform: Platform
  readonly state: DeviceState
  readonly intel: IntelView
  readonly policy: Policy
  readonly now: Date
  /** For tests and benchmarks; all of them by default. */
  readonly detections?: readonly Detection[]
}

/** Complete by type: a section added to the report must be added here. */
const SECTIONS: Readonly<Record<StateSection, true>> = {
  agent: true,
  os: true,
  hardware: true,
  apps: true,
  network: true,
  config: true,
  integrity: true,
  profiles: true,
  certificates: true,
  files: true,
  processes: true,
  properties: true
}

/** Sections the phone has told something about. An empty list tells much; an empty section nothing. */
function coverageOf (state: DeviceState): string[] {
  return (Object.keys(SECTIONS) as StateSection[]).filter((name) => {
    const section = state[name]
    return section !== undefined && (Array.isArray(section) || Object.keys(section).length > 0)
  })
}

function toFinding (detection: Detection, severity: Severity, match: Match): AssessedFinding {
  const { intel } = match
  return {
    detection: detection.id,
    ruleVersion: detection.version,
    category: detection.category,
    severity,
    raisesLevel: detection.raisesLevel && severity !== 'audit',
    subject: match.subject,
    title: match.title,
    evidence: match.evidence,
    intel: intel === undefined
      ? null
      : { feed: intel.feed, family: intel.family, type: intel.type, value: intel.value, threatClass: intel.threatClass },
    attack: detection.attack,
    remediation: match.remediation ?? detection.remediation,
    expiresAt: match.expiresAt ?? null
  }
}

/** Worst first, then by detection and subject: the same phone always gives the same list. */
function byGravity (a: AssessedFinding, b: AssessedFinding): number {
  if (a.severity !== b.severity) return SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity)
  if (a.detection !== b.detection) return a.detection < b.detection ? -1 : 1
  return a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : 0
}

function earliestAfter (now: Date, times: ReadonlyArray<string | undefined>): string | null {
  let earliest = Infinity
  for (const time of times) {
    const ms = time === undefined ? NaN : Date.parse(time)
    if (ms > now.getTime() && ms < earliest) earliest = ms
  }
  return earliest === Infinity ? null : new Date(earliest).toISOString()
}

/** The level is the worst severity among findings that raise it (contract, "Levels and states"). */
function levelOf (findings: readonly AssessedFinding[]): Level {
  return findings.reduce<Level>((level, { raisesLevel, severity }) =>
    raisesLevel && severity !== 'audit' ? worseLevel(level, severity) : level, 'secured')
}

/**
 * Judges one phone: what is wrong with it, how dangerous that makes it, on what the answer rests,
 * and when it changes by itself. Pure: time, history, intel and policy are arguments, and nothing
 * given is changed. A detection that throws is named in `failures` and leaves the rest alone.
 */
export function assess ({ platform, state, intel, policy, now, detections = DETECTIONS }: AssessInput): Assessment {
  const context: DetectionContext = { platform, state, intel, policy, now }
  const findings: AssessedFinding[] = []
  const changes: Array<string | undefined> = []
  const failures: Array<{ detection: string, error: string }> = []

  for (const detection of detections) {
    if (!detection.platforms.includes(platform) || policy.severities[detection.id] === 'off') continue
    try {
      const matches = mergeMatches(detection.detect(context), detection.severity)
      const nextChange = detection.nextChangeAt?.(context)
      for (const match of matches) {
        const severity = effectiveSeverity(policy, detection, match.severity)
        if (severity !== 'off') findings.push(toFinding(detection, severity, match))
        changes.push(match.expiresAt, match.recheckAt)
      }
      changes.push(nextChange)
    } catch (error) {
      failures.push({ detection: detection.id, error: error instanceof Error ? error.message : String(error) })
    }
  }

  findings.sort(byGravity)
  return { level: levelOf(findings), findings, coverage: coverageOf(state), failures, dueAt: earliestAfter(now, changes) }
}
