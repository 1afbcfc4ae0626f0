import type { Logger } from 'pino'
import type { IntelView } from '../intel/intel-view.js'
import { readIntelVersion } from '../intel/intel-version.js'
import type { Database, Tx } from '../platform/database.js'
import { isWorthRetrying, mayBeDataFault } from '../platform/database-errors.js'
import type { Producer } from '../platform/queue-names.js'
import { NO_TRACING, type Span, type Tracing } from '../platform/tracing.js'
import { assess, type AssessInput } from '../risk/assess.js'
import type { Assessment } from '../risk/assessment.js'
import {
  deleteWaitingGroup, insertQuarantined, type JournalReport, listWaitingReports, takeGroup, type TakenGroups, takeWaitingGroups, withholdBodies
} from '../telemetry/journal-groups.js'
import { type AppInventories, createAppInventories } from './app-inventories.js'
import { groupBy } from './group-by.js'
import { judgeDevice, type Judgement } from './judge-device.js'
import { holdJudgementLock } from './retro/judgement-lock.js'
import { takeOffList } from './retro/rescorings.js'
import { createCoverageSets, type CoverageSets } from './rules/coverage-sets.js'
import { createTenantRules, type TenantRulesReader } from './rules/tenant-rules.js'
import { hasNewHealth, insertMissingStates, lockDevices, saveJudgements } from './score-repository.js'

export interface ScoreDeps {
  readonly db: Database
  /** `refresh` looks whether the store has changed; without it what is current is what counts. */
  readonly intel: { current (): IntelView, refresh? (): Promise<IntelView> }
  readonly sync: Producer<'sync'>
  readonly log: Logger
  /** Policies and suppressions, kept between calls; by default nothing is kept. */
  readonly rules?: TenantRulesReader
  readonly coverageSets?: CoverageSets
  /** For tests; the whole catalogue by default. */
  readonly assess?: (input: AssessInput) => Assessment
  readonly now?: () => Date
  /** App lists, kept between calls; by default nothing is kept. */
  readonly apps?: AppInventories
  /** What was said is kept only until it is scored, and personal fields not even in the state. */
  readonly privacyMode?: boolean
  readonly tracing?: Tracing
  /** Told after each commit. */
  readonly onScored?: (scored: ScoredBatch) => void
}

export interface ScoredBatch {
  readonly reports: readonly JournalReport[]
  readonly judgements: readonly Judgement[]
  readonly seconds: number
}

export interface ScoreResult {
  /** Tenants of which Intune must be told something new. */
  readonly changedTenants: string[]
}

interface InnerDeps extends ScoreDeps {
  /** Reports answer also for failures that stood before they were merged again. */
  readonly blameStanding?: boolean
}

/** The store knows more than this process. */
class OutdatedIntelError extends Error {}

interface Outcome {
  readonly judgements: readonly Judgement[]
}

const MAX_RETRIES = 3
/** Devices locked by one transaction. */
const MAX_DEVICES = 500
/** Taken along by the job of another group. */
const MAX_GROUPS = 32
const MAX_REPORTS = 500
const MAX_ERROR_LENGTH = 500
const WHATEVER_VERSION = Number.MAX_SAFE_INTEGER

/**
 * Scores a group of the journal: merges its reports, judges the phones they are about, saves
 * all of it in one transaction, then wakes the sync of tenants with something new for
 * Intune. Groups that wait as well are taken along, so that a worker that fell behind catches
 * up with few large transactions; their own jobs then find them scored, which changes nothing.
 * When a report breaks a group, the group is split until that report is alone; it is set
 * aside and the others count.
 * @throws when the fault lies elsewhere, such as the database being away: the job comes again
 */
export async function scoreGroup (deps: ScoreDeps, groupId: number): Promise<ScoreResult> {
  const outcomes = await scoreWaitingGroups(deps, groupId).catch(async (error: unknown) => {
    if (!mayBeDataFault(error)) throw error
    // One of them is at fault; the others have jobs of their own.
    return await scoreOneGroup(deps, groupId)
  })
  return await wakeSync(deps, outcomes)
}

/** Judges phones anew from what is stored: time passed, intel or policy changed, or an operator asks. */
export async function scoreDevices (deps: ScoreDeps, deviceIds: readonly string[]): Promise<ScoreResult> {
  const ids = [...new Set(deviceIds)].sort()
  const outcomes: Outcome[] = []
  for (let at = 0; at < ids.length; at += MAX_DEVICES) {
    outcomes.push(...await rescoreApart(deps, ids.slice(at, at + MAX_DEVICES)))
  }
  return await wakeSync(deps, outcomes)
}

/** Scores reports that were set aside once more. Those that still fail are set aside again. */
export async function rescoreReports (deps: ScoreDeps, reports: readonly JournalReport[]): Promise<ScoreResult> {
  return await wakeSync(deps, await scoreApart({ ...deps, blameStanding: true }, reports))
}

async function scoreWaitingGroups (deps: ScoreDeps, groupId: number): Promise<Outcome[]> {
  let taken: readonly number[] = []
  const outcome = await inTransaction(deps, async (tx) => {
    const groups = await takeWaitingGroups(tx, { groupId, maxGroups: MAX_GROUPS, maxReports: MAX_REPORTS })
    taken = groups.groupIds
    return await reportsOf(deps, tx, groups)
  })
  if (taken.includes(groupId)) return [outcome]
  // Scored, or in somebody's hands right now: the job must not end before that is sure to count.
  return [outcome, ...await scoreOneGroup(deps, groupId)]
}

async function scoreOneGroup (deps: ScoreDeps, groupId: number): Promise<Outcome[]> {
  try {
    return [await inTransaction(deps, async (tx) => await reportsOf(deps, tx, await takeGroup(tx, groupId)))]
  } catch (error) {
    if (!mayBeDataFault(error)) throw error
    deps.log.warn({ err: error, groupId }, 'a group could not be scored as a whole')
    const outcomes = await scoreApart(deps, await listWaitingReports(deps.db, groupId))
    await deps.db.transaction().execute(async (tx) => {
      await deleteWaitingGroup(tx, groupId)
      await dropBodies(deps, tx, [groupId])
    })
    return outcomes
  }
}

async function reportsOf (deps: ScoreDeps, tx: Tx, { groupIds, reports }: TakenGroups): Promise<readonly JournalReport[]> {
  await dropBodies(deps, tx, groupIds)
  return reports
}

async function dropBodies ({ privacyMode = false }: ScoreDeps, tx: Tx, groupIds: readonly number[]): Promise<void> {
  if (privacyMode && groupIds.length > 0) await withholdBodies(tx, groupIds)
}

async function scoreApart (deps: InnerDeps, reports: readonly JournalReport[]): Promise<Outcome[]> {
  if (reports.length === 0) return []
  try {
    return [await inTransaction(deps, async () => reports)]
  } catch (error) {
    if (!mayBeDataFault(error)) throw error
    if (reports.length > 1) {
      const half = reports.length >> 1
      return [...await scoreApart(deps, reports.slice(0, half)), ...await scoreApart(deps, reports.slice(half))]
    }
    const { id, deviceId } = reports[0]!
    deps.log.error({ err: error, deviceId, report: id }, 'a report could not be scored; it is set aside')
    await insertQuarantined(deps.db, [{ reportId: id, error: describe(error) }], nowOf(deps))
    return []
  }
}

async function rescoreApart (deps: InnerDeps, deviceIds: readonly string[]): Promise<Outcome[]> {
  try {
    return [await inTransaction(deps, async () => [], deviceIds)]
  } catch (error) {
    if (!mayBeDataFault(error)) throw error
    if (deviceIds.length > 1) {
      const half = deviceIds.length >> 1
      return [...await rescoreApart(deps, deviceIds.slice(0, half)), ...await rescoreApart(deps, deviceIds.slice(half))]
    }
    deps.log.error({ err: error, deviceId: deviceIds[0] }, 'a device could not be judged anew')
    // Not again and again: the next version of the intelligence, or the phone's next report, gives another chance.
    await deps.db.transaction().execute(async (tx) => await takeOffList(tx, deviceIds.map((deviceId) => ({ deviceId, rulesVersion: WHATEVER_VERSION })), deps.intel.current().version))
    return []
  }
}

/** One transaction over the devices of some reports, repeated when it lost against another. */
async function inTransaction (deps: InnerDeps, load: (tx: Tx) => Promise<readonly JournalReport[]>, moreDeviceIds: readonly string[] = []): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const startedAt = performance.now()
    try {
      const { reports, judgements } = await deps.db.transaction().execute(async (tx) => {
        const reports = await load(tx)
        return { reports, judgements: await judgeInSpan(deps, tx, reports, moreDeviceIds) }
      })
      if (reports.length > 0 || judgements.length > 0) {
        deps.onScored?.({ reports, judgements, seconds: (performance.now() - startedAt) / 1000 })
      }
      return { judgements }
    } catch (error) {
      if (attempt > MAX_RETRIES || !(error instanceof OutdatedIntelError || isWorthRetrying(error))) throw error
      // Outside the transaction: to read the store takes longer than locks may be held.
      if (error instanceof OutdatedIntelError) await deps.intel.refresh?.()
    }
  }
}

async function judgeInSpan (deps: InnerDeps, tx: Tx, reports: readonly JournalReport[], moreDeviceIds: readonly string[]): Promise<Judgement[]> {
  const { tracing = NO_TRACING } = deps
  // The job may have lost its trace, or be that of another group; the reports have theirs.
  const continues = tracing.isOn ? [tracing.current(), ...reports.map(({ trace }) => trace)] : []
  const attributes = { 'sallyport.reports': reports.length, 'sallyport.devices_again': moreDeviceIds.length }
  return await tracing.inSpan('judge devices', { continues, attributes }, async (span) => await judgeLocked(deps, tx, reports, moreDeviceIds, span))
}

async function judgeLocked (deps: InnerDeps, tx: Tx, reports: readonly JournalReport[], moreDeviceIds: readonly string[], span: Span): Promise<Judgement[]> {
  const byDevice = groupBy(reports, ({ deviceId }) => deviceId)
  const deviceIds = [...new Set([...byDevice.keys(), ...moreDeviceIds])].sort()
  if (deviceIds.length === 0) return []

  await holdJudgementLock(tx)
  const apps = deps.apps ?? createAppInventories({ db: deps.db })
  let devices = await lockDevices(tx, deviceIds, apps)
  if (devices.length < deviceIds.length) {
    await insertMissingStates(tx, deviceIds)
    devices = await lockDevices(tx, deviceIds, apps)
  }
  // The devices are locked: whoever changes the intelligence from here on has them judged anew
  // after us. Judged by what this process knew a moment ago, they would keep that judgement.
  if (deps.intel.refresh !== undefined && await readIntelVersion(tx) > deps.intel.current().version) throw new OutdatedIntelError()
  const rules = await (deps.rules ?? createTenantRules()).read(tx, devices.map(({ tenantId }) => tenantId))
  const now = nowOf(deps)
  const judgements = devices.flatMap((device) => judgeDevice(device, byDevice.get(device.deviceId) ?? [], {
    assess: deps.assess ?? assess,
    intel: deps.intel.current(),
    rules: rules.get(device.tenantId)!,
    now,
    privacyMode: deps.privacyMode ?? false
  }) ?? [])

  const coverageSets = deps.coverageSets ?? createCoverageSets({ db: deps.db })
  await saveJudgements(tx, judgements, apps, { now, keepEvidence: deps.privacyMode !== true, coverageSets, traceOf: traceOf(deps, byDevice, span) })
  if (moreDeviceIds.length > 0) {
    const versions = new Map(devices.map(({ deviceId, tenantId }) => [deviceId, rules.get(tenantId)!.rulesVersion]))
    // What is erased is never judged again.
    await takeOffList(tx, deviceIds.map((deviceId) => ({ deviceId, rulesVersion: versions.get(deviceId) ?? WHATEVER_VERSION })), deps.intel.current().version)
  }
  await setAsideFailures(deps, tx, judgements, now)
  return judgements
}

/** A phone's change goes on in the trace of what it said last, or of whoever had it judged anew. */
function traceOf ({ tracing = NO_TRACING }: InnerDeps, byDevice: ReadonlyMap<string, readonly JournalReport[]>, span: Span): ((deviceId: string) => string | null) | undefined {
  if (!tracing.isOn) return undefined
  return (deviceId) => {
    const reports = byDevice.get(deviceId)
    return reports === undefined ? span.traceParent ?? null : span.nextOf(reports.findLast(({ trace }) => trace !== null && trace !== undefined)?.trace)
  }
}

/** The phone is judged by the other detections; the report stays listed until somebody looked. */
async function setAsideFailures (deps: InnerDeps, tx: Tx, judgements: readonly Judgement[], now: Date): Promise<void> {
  const failures = judgements.flatMap(({ device, failures, lastReport }) => failures.map((failure) => ({
    ...failure,
    reportId: failure.reportId ?? (deps.blameStanding === true ? lastReport : null),
    deviceId: device.deviceId
  })))
  if (failures.length === 0) return
  for (const failure of failures) deps.log.error(failure, 'a detection failed')
  const listed = failures.flatMap(({ reportId, detection, error }) => reportId === null ? [] : [{ reportId, error: `${detection}: ${error}`.slice(0, MAX_ERROR_LENGTH) }])
  if (listed.length > 0) await insertQuarantined(tx, listed, now)
}

async function wakeSync (deps: InnerDeps, outcomes: readonly Outcome[]): Promise<ScoreResult> {
  const changedTenants = [...new Set(outcomes.flatMap(({ judgements }) => judgements.filter(hasNewHealth).map(({ device }) => device.tenantId)))]
  if (changedTenants.length > 0) {
    await deps.sync.add(changedTenants.map((tenantId) => ({ tenantId }))).catch((err: unknown) => {
      deps.log.warn({ err, tenants: changedTenants.length }, 'sync jobs could not be added; the sweep will')
    })
  }
  return { changedTenants }
}

const nowOf = (deps: InnerDeps): Date => deps.now?.() ?? new Date()

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_LENGTH)
