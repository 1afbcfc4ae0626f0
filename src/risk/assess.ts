import type { IntelView } from '../intel/intel-view.js'
import type { DeviceState, Platform } from '../telemetry/device-state.js'
import type { AssessedFinding, Assessment } from './assessment.js'
import type { Detection, DetectionContext, Match } from './detection.js'
import { DETECTIONS } from './detections/index.js'
import { isDecided } from './facts/told.js'
import { SEVERITIES, worseLevel, type Level, type Severity } from './level.js'
import { mergeMatches } from './merge-matches.js'
import { planOf, STATE_SECTIONS, toldSince } from './plan.js'
import { effectiveSeverity, type Policy } from './policy/policy.js'
import { priorityScore } from './score.js'
import { findSuppression, type Suppression } from './suppression.js'

export interface AssessInput {
  readonly platform: Platform
  readonly state: DeviceState
  readonly intel: IntelView
  readonly policy: Policy
  readonly now: Date
  /** Those that concern this phone; none by default. */
  readonly suppressions?: readonly Suppression[]
  /** What was found before: only what has changed since is judged anew. */
  readonly earlier?: EarlierAssessment
  /** For tests and benchmarks; all of them by default. Composites come after what they are built from. */
  readonly detections?: readonly Detection[]
}

/**
 * An assessment of the same phone by the same rules, intelligence, policy and suppressions, of
 * which no time has come yet that it named. Without failures: what threw is asked again.
 */
export interface EarlierAssessment {
  readonly state: DeviceState
  readonly findings: readonly AssessedFinding[]
  /** Its `dueAt`. */
  readonly dueAt: string | null
}

/** Sections the phone has told something about. An empty list tells much; an empty section nothing. */
function coverageOf (state: DeviceState): string[] {
  return STATE_SECTIONS.filter((name) => {
    const section = state[name]
    return section !== undefined && (Array.isArray(section) || Object.keys(section).length > 0)
  })
}

function toFinding (detection: Detection, severity: Severity, match: Match, suppression: Suppression | undefined): AssessedFinding {
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
    expiresAt: match.expiresAt ?? null,
    suppressedBy: suppression?.id ?? null
  }
}

function groupByDetection (findings: readonly AssessedFinding[]): Map<string, AssessedFinding[]> {
  const groups = new Map<string, AssessedFinding[]>()
  for (const finding of findings) {
    const group = groups.get(finding.detection)
    if (group === undefined) groups.set(finding.detection, [finding])
    else group.push(finding)
  }
  return groups
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

/** The level is the worst severity among unsuppressed findings that raise it (contract, "Levels and states"); nothing else decides. */
function levelOf (findings: readonly AssessedFinding[]): Level {
  return findings.reduce<Level>((level, { raisesLevel, severity, suppressedBy }) =>
    raisesLevel && severity !== 'audit' && suppressedBy === null ? worseLevel(level, severity) : level, 'secured')
}

/**
 * Judges one phone: what is wrong with it, how dangerous that makes it, on what the answer rests,
 * and when it changes by itself. Pure: time, history, intel, policy and suppressions are arguments,
 * and nothing given is changed. A detection that throws is named in `failures` and leaves the rest alone.
 * With an earlier assessment the answer is the same, sooner.
 */
export function assess ({ platform, state, intel, policy, now, suppressions = [], earlier, detections = DETECTIONS }: AssessInput): Assessment {
  const byDetection = new Map<string, AssessedFinding[]>()
  const findingsOf = (id: string): readonly AssessedFinding[] => byDetection.get(id)?.filter(({ suppressedBy }) => suppressedBy === null) ?? []
  const context: DetectionContext = { platform, state, intel, policy, now, findingsOf, answers: [] }
  const findings: AssessedFinding[] = []
  const changes: Array<string | undefined> = []
  const failures: Array<{ detection: string, error: string }> = []
  const undecided: string[] = []
  const plan = planOf(policy, detections, platform)
  // Without an earlier assessment everything is new.
  const told = earlier === undefined ? -1 : toldSince(earlier.state, state)
  const before = earlier === undefined ? undefined : groupByDetection(earlier.findings)
  const isJudged = new Uint8Array(plan.length)
  const hasEvents = state.events.length > 0
  if (earlier !== undefined) changes.push(earlier.dueAt ?? undefined)

  for (let place = 0; place < plan.length; place++) {
    const { detection, needs, reads, builtFrom, isAboutEventsAlone } = plan[place]!
    const isAsked = (reads & told) !== 0 || builtFrom.some((part) => isJudged[part] === 1)
    // Also when there is no answer any more: what is built from it must be asked again.
    if (isAsked) isJudged[place] = 1
    if (isAboutEventsAlone && !hasEvents) continue
    if (!isDecided(state, needs)) {
      undecided.push(detection.id)
      continue
    }
    if (!isAsked) {
      const found = before?.get(detection.id)
      if (found !== undefined) {
        findings.push(...found)
        byDetection.set(detection.id, found)
      }
      continue
    }
    try {
      const raw = detection.detect(context)
      const nextChange = detection.nextChangeAt?.(context)
      if (nextChange !== undefined) changes.push(nextChange)
      if (raw.length === 0) continue
      const found: AssessedFinding[] = []
      for (const match of mergeMatches(raw, detection.severity)) {
        const severity = effectiveSeverity(policy, detection, match.severity)
        changes.push(match.expiresAt, match.recheckAt)
        if (severity === 'off') continue
        const suppression = suppressions.length === 0 ? undefined : findSuppression(suppressions, { detection: detection.id, subject: match.subject }, now)
        if (suppression !== undefined) changes.push(suppression.expiresAt)
        found.push(toFinding(detection, severity, match, suppression))
      }
      findings.push(...found)
      if (found.length > 0) byDetection.set(detection.id, found)
    } catch (error) {
      failures.push({ detection: detection.id, error: error instanceof Error ? error.message : String(error) })
    }
  }

  findings.sort(byGravity)
  const level = levelOf(findings)
  return { level, score: priorityScore(level, findings), findings, coverage: coverageOf(state), undecided, failures, dueAt: earliestAfter(now, changes) }
}
