import { createHash, randomUUID } from 'node:crypto'
import type { IntelView } from '../intel/intel-view.js'
import type { AssessInput, EarlierAssessment } from '../risk/assess.js'
import type { AssessedFinding, Assessment } from '../risk/assessment.js'
import { DETECTIONS } from '../risk/detections/index.js'
import { type Level, type ReportingState, worseLevel } from '../risk/level.js'
import type { PhoneAttributes } from '../risk/policy/resolve-policy.js'
import { priorityScore } from '../risk/score.js'
import type { DeviceState, KeptEvent, Platform } from '../telemetry/device-state.js'
import type { JournalReport } from '../telemetry/journal-groups.js'
import { mergeReport } from '../telemetry/merge.js'
import { mayAnswer, owedAfter } from '../telemetry/resend.js'
import { withoutPersonalFields } from '../telemetry/privacy.js'
import { compareFindings, type FindingBehindLevel, type FindingChanges, type OpenFinding } from './compare-findings.js'
import { type Health, silentAt, toHealth, toReportingState } from './health.js'
import { rulesForPhone, type PhoneRules, type TenantRules } from './rules/tenant-rules.js'

/** Nothing of this is due, yet a look once in a while costs little and heals what a bug broke. */
const LOOK_AGAIN_MS = 30 * 24 * 60 * 60 * 1000
/** A look so soon is never put off: it may be the lease of whoever handed the phone on. */
const NEAR_MS = 2 * 60 * 1000
/** Every rule and its version. */
const CATALOGUE = DETECTIONS.map(({ id, version }) => `${id}@${version}`).join()

/** A phone as it was stored, locked for this judgement. */
export interface StoredDevice {
  readonly deviceId: string
  readonly tenantId: string
  readonly platform: Platform
  readonly attributes: Omit<PhoneAttributes, 'platform'>
  readonly state: DeviceState
  /** Of the state's events, those that are stored apart, and such as are gone since. */
  readonly olderEvents: readonly KeptEvent[]
  readonly resend: readonly string[]
  readonly reportingState: ReportingState
  readonly level: Level | null
  readonly levelSince: Date | null
  readonly lastReportAt: Date | null
  readonly desiredHealth: string | null
  readonly desiredVersion: number
  readonly dueAt: Date | null
  /** Of the last judgement; see `Judgement`. */
  readonly judgedBy: Buffer | null
  readonly changesAt: Date | null
  readonly coverageId: number | null
  readonly policyVersion: number | null
  readonly findings: readonly OpenFinding[]
}

export interface JudgeContext {
  readonly assess: (input: AssessInput) => Assessment
  readonly intel: IntelView
  readonly rules: TenantRules
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
  /** 0 to 100, for sorting. */
  readonly score: number
  readonly levelSince: Date
  readonly coverage: readonly string[]
  /** Detections that nobody can answer. */
  readonly undecided: readonly string[]
  readonly groups: readonly string[]
  /** The policy's quiet days, by detection. */
  readonly quiet: Readonly<Record<string, number>>
  readonly policyVersion: number
  readonly intelVersion: number
  /** Rules, intelligence and policy that it was made by, as a digest; null: it is no base for the next one. */
  readonly judgedBy: Buffer | null
  /** When time alone changes it. */
  readonly changesAt: Date | null
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
  const { now } = context
  const rules = rulesForPhone(context.rules, device.deviceId, { platform: device.platform, ...device.attributes })
  const { silenceDays } = rules.policy.thresholds
  const made = digestOf(rules, context)
  const assessment = withoutPlaces(assessDevice(device, state, rules, context, earlierOf(device, made, context)), context)
  const findings = compareFindings(device.findings, assessment, now, randomUUID)
  const level = findings.keptOpen.reduce<Level>((worst, { raisesLevel, severity, suppressedBy }) =>
    raisesLevel && severity !== 'audit' && suppressedBy === null ? worseLevel(worst, severity) : worst, assessment.level)
  // Only an operator or a successor deactivates; reports that were on their way change nothing in it.
  const reportingState = device.reportingState === 'deactivated'
    ? device.reportingState
    : toReportingState({ lastReportAt, missingPermissions: state.agent?.missingPermissions ?? [], silenceDays, now })

  return {
    device,
    state: context.privacyMode === true ? withoutPersonalFields(state, restsOn([...assessment.findings, ...findings.keptOpen])) : state,
    resend,
    reportingState,
    level,
    score: findings.keptOpen.length === 0 ? assessment.score : priorityScore(level, [...assessment.findings, ...findings.keptOpen]),
    levelSince: level === device.level && device.levelSince !== null ? device.levelSince : now,
    coverage: assessment.coverage,
    // Who threw has not answered either.
    undecided: [...assessment.undecided, ...assessment.failures.map(({ detection }) => detection)],
    groups: rules.groups,
    quiet: rules.policy.quiet,
    policyVersion: rules.policyVersion,
    intelVersion: context.intel.version,
    judgedBy: assessment.failures.length > 0 || context.privacyMode === true ? null : made,
    changesAt: assessment.dueAt === null ? null : new Date(assessment.dueAt),
    lastReportAt,
    dueAt: nextDue(device.dueAt, assessment.dueAt, silentAt(lastReportAt, silenceDays), now),
    health: toHealth(reportingState, level, assessment.coverage),
    findings,
    levelChange: level === device.level ? null : { from: device.level, to: level, findings: findings.behindLevel },
    failures: assessment.failures.length === 0 ? [] : blame(device, ordered, assessment.failures, rules, context),
    lastReport: ordered.at(-1)?.id ?? null
  }
}

function assessDevice (device: StoredDevice, state: DeviceState, { policy, suppressions }: PhoneRules, { assess, intel, now }: JudgeContext, earlier?: EarlierAssessment): Assessment {
  return assess({ platform: device.platform, state, intel, policy, suppressions, now, ...(earlier === undefined ? {} : { earlier }) })
}

/** In privacy mode what is only recorded must not tell where somebody was; what raises the level may, as long as it does. */
function withoutPlaces (assessment: Assessment, { privacyMode = false }: JudgeContext): Assessment {
  if (!privacyMode || assessment.findings.every(isNoPlace)) return assessment
  return { ...assessment, findings: assessment.findings.filter(isNoPlace) }
}

const isNoPlace = ({ category, severity }: AssessedFinding): boolean => category !== 'network' || severity !== 'audit'

/** Short: what it stands for is the same for whole fleets, and only whether it changed is asked. */
function digestOf ({ rulesVersion, groups }: PhoneRules, { intel }: JudgeContext): Buffer {
  return createHash('sha256').update(JSON.stringify([CATALOGUE, intel.version, rulesVersion, groups])).digest().subarray(0, 8)
}

/** What was found last time, if the same rules would find it again in the same state. */
function earlierOf (device: StoredDevice, made: Buffer, { now }: JudgeContext): EarlierAssessment | undefined {
  const { judgedBy, changesAt } = device
  if (judgedBy === null || !judgedBy.equals(made) || (changesAt !== null && changesAt <= now)) return undefined
  return { state: device.state, findings: device.findings.map(({ finding }) => finding), dueAt: changesAt?.toISOString() ?? null }
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
  const resend = new Set(owedAfter(device.resend, reports.filter(({ source }) => source === null)))
  for (const one of reports) {
    const merged = mergeReport(state, one)
    // The whole list came, or the base that a delta waited for.
    if (merged.state.apps !== state.apps && merged.resend.length === 0 && mayAnswer(device.resend, one)) resend.delete('apps')
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
function blame (device: StoredDevice, reports: readonly JournalReport[], failures: Assessment['failures'], rules: PhoneRules, context: JudgeContext): DetectionFailure[] {
  const blamed = new Map<string, number | null>()
  const note = (state: DeviceState, reportId: number | null): void => {
    for (const { detection } of assessDevice(device, state, rules, context).failures) {
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

/**
 * Intel and events change the answer at one moment, silence at another. Never in the past: that would come due for ever.
 * An earlier moment that is stored stays, for a look that finds nothing costs less than an index entry moved with every report.
 */
function nextDue (storedDueAt: Date | null, assessmentDueAt: string | null, silenceAt: Date, now: Date): Date {
  const times = [assessmentDueAt === null ? NaN : Date.parse(assessmentDueAt), silenceAt.getTime()].filter((time) => time > now.getTime())
  const next = Math.min(...times, now.getTime() + LOOK_AGAIN_MS)
  const stored = storedDueAt?.getTime() ?? NaN
  return new Date(stored > now.getTime() + NEAR_MS && stored <= next ? stored : next)
}
