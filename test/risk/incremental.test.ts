import fc from 'fast-check'
import t from 'tap'
import { assess, type AssessInput, type EarlierAssessment } from '../../src/risk/assess.js'
import { DETECTIONS } from '../../src/risk/detections/index.js'
import type { Example } from '../../src/risk/example.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'
import { EMPTY_STATE, type DeviceState } from '../../src/telemetry/device-state.js'
import { mergeReport } from '../../src/telemetry/merge.js'
import type { Report } from '../../src/telemetry/report.js'
import { EXAMPLE_NOW } from '../../src/risk/example.js'
import { intelOf, entry } from './helpers.js'

const MINUTE_MS = 60_000
/** Reports of all examples, which together have something for every detection, and what their intelligence knows. */
const EXAMPLES: ReadonlyArray<{ readonly id: string, readonly example: Example }> = DETECTIONS.flatMap(({ id, examples }) => examples.map((example) => ({ id, example })))
const REPORTS = EXAMPLES.filter(({ example: { platform } }) => platform === 'android').map(({ example }) => example.report)
const INTEL = intelOf(EXAMPLES.flatMap(({ example: { intel = [] } }) => intel.map(({ type, value, ...rest }) => entry(type, value, rest))))

/** A phone's life: which example's report comes when, with some of its sections only. */
const aLife = fc.array(fc.record({
  report: fc.nat({ max: REPORTS.length - 1 }),
  keep: fc.integer({ min: 1, max: 255 }),
  afterMinutes: fc.integer({ min: 0, max: 3 * 24 * 60 })
}), { minLength: 2, maxLength: 8 })

function reportsOf (life: ReadonlyArray<{ readonly report: number, readonly keep: number, readonly afterMinutes: number }>): Array<{ readonly report: Report, readonly receivedAt: Date }> {
  let at = Date.parse(EXAMPLE_NOW)
  return life.map(({ report, keep, afterMinutes }, index) => {
    at += afterMinutes * MINUTE_MS
    const { apps, events, ...sections } = REPORTS[report]!
    const time = new Date(at - MINUTE_MS).toISOString()
    const all: Array<[string, unknown]> = [
      ...Object.entries(sections),
      ...(apps === undefined ? [] : [['apps', { mode: 'snapshot', items: apps }] as [string, unknown]]),
      ...(events === undefined ? [] : [['events', events.map((event, number) => ({ eventId: `${index}-${number}`, at: time, ...event }))] as [string, unknown]])
    ]
    const kept = all.filter((_, place) => (keep >> (place % 8) & 1) === 1)
    return { report: { reportId: `r${index}`, sequence: index + 1, collectedAt: time, ...Object.fromEntries(kept) } as unknown as Report, receivedAt: new Date(at) }
  })
}

interface Run { readonly full: ReturnType<typeof assess>, readonly incremental: ReturnType<typeof assess>, readonly wasIncremental: boolean }

function run (life: Parameters<typeof reportsOf>[0], detections = DETECTIONS): Run[] {
  let state: DeviceState = EMPTY_STATE
  let earlier: EarlierAssessment | undefined
  return reportsOf(life).map(({ report, receivedAt }) => {
    state = mergeReport(state, { report, receivedAt }).state
    const input: AssessInput = { platform: 'android', state, intel: INTEL, policy: BUILT_IN_POLICY, now: receivedAt, detections }
    const full = assess(input)
    // As the workers do: no base when a time has come that it named.
    const base = earlier !== undefined && (earlier.dueAt === null || Date.parse(earlier.dueAt) > receivedAt.getTime()) ? earlier : undefined
    const incremental = assess({ ...input, ...(base === undefined ? {} : { earlier: base }) })
    earlier = { state, findings: incremental.findings, dueAt: incremental.dueAt }
    return { full, incremental, wasIncremental: base !== undefined }
  })
}

const agrees = ({ full, incremental }: Run): boolean => {
  const { dueAt: fullDue, ...rest } = full
  const { dueAt, ...others } = incremental
  return JSON.stringify(rest) === JSON.stringify(others) && (fullDue === null || (dueAt !== null && dueAt <= fullDue))
}

t.test('judging what changed alone gives the same answer as judging all', async (t) => {
  let steps = 0
  let increments = 0
  const result = fc.check(fc.property(aLife, (life) => run(life).every((one) => {
    steps++
    if (one.wasIncremental) increments++
    return agrees(one)
  })), { numRuns: 1_500 })
  t.notOk(result.failed, result.failed ? fc.defaultReportMessage(result) ?? '' : `seed ${result.seed}`)
  t.ok(increments > steps / 4, `${increments} of ${steps} judgements were of what changed alone`)
})

t.test('a detection that reads what it does not name is found out', async (t) => {
  const forgetful = DETECTIONS.map((detection) => detection.id === 'dev-no-passcode' ? { ...detection, sections: ['files' as const] } : detection)
  const config = { config: { passcodeSet: false } }
  const life = (reports: ReadonlyArray<Partial<Report>>): boolean => {
    let state: DeviceState = EMPTY_STATE
    let earlier: EarlierAssessment | undefined
    return reports.every((sections, index) => {
      const now = new Date(Date.parse(EXAMPLE_NOW) + index * MINUTE_MS)
      state = mergeReport(state, { report: { reportId: 'r', sequence: index, collectedAt: now.toISOString(), ...sections } as Report, receivedAt: now }).state
      const input: AssessInput = { platform: 'android', state, intel: INTEL, policy: BUILT_IN_POLICY, now, detections: forgetful }
      const incremental = assess({ ...input, ...(earlier === undefined ? {} : { earlier }) })
      earlier = { state, findings: incremental.findings, dueAt: incremental.dueAt }
      return JSON.stringify(incremental.findings) === JSON.stringify(assess(input).findings)
    })
  }
  t.notOk(life([{ agent: { version: '1' } }, config]), 'this test can fail')
  t.ok(life([config, config]))
})
