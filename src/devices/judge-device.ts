import { randomUUID } from 'node:crypto'
import type { IntelView } from '../intel/intel-view.js'
import type { AssessInput } from '../risk/assess.js'
import type { AssessedFinding, Assessment } from '../risk/assessment.js'
import { type Level, type ReportingState, worseLevel } from '../risk/level.js'
import type { Policy } from '../risk/policy/policy.js'
import type { DeviceState, KeptEvent, Platform } from '../telemetry/device-state.js'
import type { JournalReport } from '../telemetry/journal-groups.js'
import { mergeReport } from '../telemetry/merge.js'
import { withoutPersonalFields } from '../telemetry/privacy.js'
import { compareFindings, type FindingBehindLevel, type FindingChanges, type OpenFinding } from './compare-findings.js'
import { type Health, silentAt, toHealth, toReportingState } from './health.js'

/** Nothing of this is due, yet a look once in a while costs little and heals what a bug broke. */
const LOOK_AGAIN_MS = 30 * 24 * 60 * 60 * 1000

/** A phone as it was stored, locked for this judgement. */
export interface StoredDevice {
  readonly deviceId: string
  readonly tenantId: string
  readonly platform: Platform
  readonly state: DeviceState
  readonly resend: readonly string[]
  readonly reportingState: ReportingState
  readonly level: Level | null
  readonly levelSince: Date | null
  readonly lastReportAt: Date | null
  readonly desiredHealth: string | null
  readonly desiredVersion: number
  readonly findings: readonly OpenFinding[]
}

export interface JudgeContext {
  readonly assess: (input: AssessInput) => Assessment
  readonly intel: IntelView
  readonly policy: Policy
  readonly now: Date
  /** Personal fields are forgotten once they were judged. */
  readonly privacyMode?: boolean
}

export interface LevelChange {
  readonly from: Level | null
  readonly to: Level
  readonly findings: readonly FindingBehindLevel[]
}

/** A detection that threw, and the report that made it; null: none of those just merged. */
export interface DetectionFailure {
  readonly reportId: number | null
  readonly detection: string
  readonly error: string
}

/** What changes in what is stored about a phone. */
export interface Judgement {
  readonly device: StoredDevice
  readonly state: DeviceState
  readonly resend: readonly string[]
  readonly reportingState: ReportingState
  readonly level: Level
  readonly levelSince: Date
  readonly coverage: readonly string[]
  readonly lastReportAt: Date
  readonly dueAt: Date
  readonly health: Health
  readonly findings: FindingChanges
  readonly levelChange: LevelChange | null
  readonly failures: readonly DetectionFailure[]
  /** The journal's id of the last report merged; null when there was none. */
  readonly lastReport: number | null
}

/**
 * Merges reports into a phone's state, in the order of their sequence, and judges what comes
 * out. Pure but for the ids of new findings. Undefined when the phone never reported: it has
 * no level then.
 */
export function judgeDevice (device: StoredDevice, reports: readonly JournalReport[], context: JudgeContext): Judgement | undefined {
  const ordered = [...reports].sort(inOrder)
  const lastReportAt = latest(device.lastReportAt, ordered)
  if (lastReportAt === null) return undefined

  const { state, resend } = mergeAll(device, ordered)
  const { policy, now } = context
  const assessment = assessDevice(device, state, context)
  const findings = compareFindings(device.findings, assessment, now, randomUUID)
  const level = findings.keptOpen.reduce<Level>((worst, { raisesLevel, severity }) =>
    raisesLevel && severity !== 'audit' ? worseLevel(worst, severity) : worst, assessment.level)
  // Only an operator or a successor deactivates; reports that were on their way change nothing in it.
  const reportingState = device.reportingState === 'deactivated'
    ? device.reportingState
    : toReportingState({ lastReportAt, missingPermissions: state.agent?.missingPermissions ?? [], silenceDays: policy.thresholds.silenceDays, now })

  return {
    device,
    state: context.privacyMode === true ? withoutPersonalFields(state, restsOn([...assessment.findings, ...findings.keptOpen])) : state,
    resend,
    reportingState,
    level,
    levelSince: level === device.level && device.levelSince !== null ? device.levelSince : now,
    coverage: assessment.coverage,
    lastReportAt,
    dueAt: nextDue(assessment.dueAt, silentAt(lastReportAt, policy.thresholds.silenceDays), now),
    health: toHealth(reportingState, level, assessment.coverage),
    findings,
    levelChange: level === device.level ? null : { from: device.level, to: level, findings: findings.behindLevel },
    failures: assessment.failures.length === 0 ? [] : blame(device, ordered, assessment.failures, context),
    lastReport: ordered.at(-1)?.id ?? null
  }
}

function assessDevice (device: StoredDevice, state: DeviceState, { assess, intel, policy, now }: JudgeContext): Assessment {
  return assess({ platform: device.platform, state, intel, policy, now })
}

/** Whether one of these findings names the event as evidence. */
function restsOn (findings: readonly AssessedFinding[]): (event: KeptEvent) => boolean {
  const paths = findings.flatMap(({ evidence }) => evidence.map(({ path }) => path))
  return ({ eventId }) => paths.some((path) => path.includes(eventId))
}

function latest (known: Date | null, reports: readonly JournalReport[]): Date | null {
  return reports.reduce<Date | null>((last, { receivedAt }) => last === null || receivedAt > last ? receivedAt : last, known)
}

function mergeAll (device: StoredDevice, reports: readonly JournalReport[]): { state: DeviceState, resend: string[] } {
  let state = device.state
  const resend = new Set(device.resend)
  for (const one of reports) {
    const merged = mergeReport(state, one)
    // The whole list came, or the base that a delta waited for.
    if (merged.state.apps !== state.apps && merged.resend.length === 0) resend.delete('apps')
    for (const section of merged.resend) resend.add(section)
    state = merged.state
  }
  return { state, resend: [...resend] }
}

/** An agent's in the order of their sequence; what was translated counts as of its receipt. */
function inOrder (a: JournalReport, b: JournalReport): number {
  if (a.source === null && b.source === null) return a.report.sequence - b.report.sequence || a.id - b.id
  return Number(a.source !== null) - Number(b.source !== null) || a.id - b.id
}

/** Which report made a detection throw: the first after which it does. */
function blame (device: StoredDevice, reports: readonly JournalReport[], failures: Assessment['failures'], context: JudgeContext): DetectionFailure[] {
  const blamed = new Map<string, number | null>()
  const note = (state: DeviceState, reportId: number | null): void => {
    for (const { detection } of assessDevice(device, state, context).failures) {
      if (!blamed.has(detection)) blamed.set(detection, reportId)
    }
  }
  let state = device.state
  // What failed before them is no fault of these reports.
  note(state, null)
  for (const one of reports) {
    state = mergeReport(state, one).state
    note(state, one.id)
  }
  return failures.map(({ detection, error }) => ({ reportId: blamed.get(detection) ?? null, detection, error }))
}

/** Intel and events change the answer at one moment, silence at another. Never in the past: that would come due for ever. */
function nextDue (assessmentDueAt: string | null, silenceAt: Date, now: Date): Date {
  const times = [assessmentDueAt === null ? NaN : Date.parse(assessmentDueAt), silenceAt.getTime()].filter((time) => time > now.getTime())
  return new Date(Math.min(...times, now.getTime() + LOOK_AGAIN_MS))
}
