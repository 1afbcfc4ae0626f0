import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { IntelView } from '../../src/intel/intel-view.js'
import { UNKNOWN_SUPPORT } from '../../src/intel/vulnerabilities/vulnerability.js'
import type { AssessInput } from '../../src/risk/assess.js'
import type { Detection, Told } from '../../src/risk/detection.js'
import { EXAMPLE_NOW, type Example, type ExampleReport } from '../../src/risk/example.js'
import { overlay } from '../../src/risk/policy/overlay.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'
import { EMPTY_STATE, type DeviceState } from '../../src/telemetry/device-state.js'
import { mergeReport } from '../../src/telemetry/merge.js'
import { type Report, ReportSchema } from '../../src/telemetry/report.js'
import { entry, intelOf } from './helpers.js'

const HOUR_MS = 60 * 60 * 1000
const isReport = addFormats.default(new Ajv({ strict: false, allErrors: true })).compile<Report>(ReportSchema)

/** The report as the API would get it: the last one a minute ago, those before an hour apart. */
function toReport ({ apps, events, ...sections }: ExampleReport, index: number, collectedAt: string): unknown {
  return JSON.parse(JSON.stringify({
    reportId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    sequence: index,
    collectedAt,
    ...sections,
    ...(apps === undefined ? {} : { apps: { mode: 'snapshot', items: apps } }),
    ...(events === undefined ? {} : { events: events.map((event, number) => ({ eventId: `event-${number + 1}`, at: collectedAt, ...event })) })
  }))
}

/** What the assessment gets for an example, by the ways of the API: parsed, merged. `faults`: what the API would refuse. */
export function judgeExample (example: Example): { readonly faults: readonly unknown[], readonly input: AssessInput } {
  const now = new Date(example.now ?? EXAMPLE_NOW)
  const told = [...example.earlier ?? [], example.report]
  const faults: unknown[] = []
  let state: DeviceState = EMPTY_STATE
  told.forEach((one, index) => {
    const receivedAt = new Date(now.getTime() - (told.length - 1 - index) * HOUR_MS)
    const collectedAt = one.collectedAt ?? new Date(receivedAt.getTime() - 60_000).toISOString()
    const report = toReport(one, index + 1, collectedAt)
    if (isReport(report)) state = mergeReport(state, { report, receivedAt }).state
    else faults.push(...isReport.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`))
  })
  return { faults, input: { platform: example.platform, state, intel: intelFor(example), policy: overlay(BUILT_IN_POLICY, example.policy ?? {}), now } }
}

function intelFor ({ intel = [], openVulnerabilities = [], appVulnerabilities = [], osSupport }: Example): IntelView {
  return {
    ...intelOf(intel.map(({ type, value, ...rest }) => entry(type, value, rest))),
    openVulnerabilities: () => openVulnerabilities,
    appVulnerabilities: ({ appId }) => appVulnerabilities.filter((one) => one.appId === appId),
    osSupport: () => osSupport ?? UNKNOWN_SUPPORT
  }
}

/** Which parts of the state detections read. */
export function readsOf (input: AssessInput, detections: readonly Detection[]): Told[] {
  const reads = new Set<string>()
  const watch = <T extends object>(object: T, rename: Readonly<Record<string, string>> = {}): T => new Proxy(object, {
    get (target, name) {
      if (typeof name === 'string') reads.add(rename[name] ?? name)
      return Reflect.get(target, name) as unknown
    }
  })
  for (const detection of detections) {
    const { origins } = input.state
    const state = { ...input.state }
    const watched = watch({ ...state, origins: watch(origins) }, { clockOffsetSeconds: 'clock', highestOs: 'os', origins: '' })
    const context = { ...input, state: watched, findingsOf: () => [] }
    try {
      detection.detect(context)
      detection.nextChangeAt?.(context)
    } catch { /* composites without their parts */ }
  }
  reads.delete('')
  return [...reads] as Told[]
}
