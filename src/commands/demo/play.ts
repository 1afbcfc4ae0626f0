import { randomUUID } from 'node:crypto'
import { RESOURCES, type Resource, type Scenario, type Step } from './scenarios.js'

/** What the demo needs of the world: our public API as a phone and an operator see it, and Intune's control page. */
export interface DemoWorld {
  enroll (phone: Scenario['phone'] & { entraDeviceId: string }): Promise<DemoPhone>
  /** Waits until Intune holds this state and answers how it sees the phone then. */
  waitForIntune (entraDeviceId: string, threatState: string): Promise<IntuneView>
}

export interface DemoPhone {
  readonly entraDeviceId: string
  report (sections: ReturnType<Step['report']>, collectedAt: string): Promise<void>
  status (): Promise<{ level: string | null, findings: Finding[] }>
}

export interface Finding { readonly detection: string, readonly title: string, readonly todo: string }

export interface IntuneView {
  readonly threatState: string
  readonly complianceState: string
  readonly access: Readonly<Record<Resource, 'granted' | 'blocked'>>
  /** When Intune took the state in, milliseconds since 1970. */
  readonly receivedAtMs: number
}

export interface StepResult {
  readonly says: string
  readonly ok: boolean
  readonly level: string | null
  readonly detections: readonly string[]
  readonly reasons: readonly string[]
  readonly todo: string | null
  readonly intune: Omit<IntuneView, 'receivedAtMs'> | null
  /** From sending the report to Intune having the level. */
  readonly reportToIntuneMs: number | null
  readonly faults: readonly string[]
}

export interface ScenarioResult {
  readonly id: string
  readonly title: string
  readonly ok: boolean
  readonly steps: readonly StepResult[]
}

const THREAT_STATE: Readonly<Record<string, string>> = {
  secured: 'secured', low: 'lowSeverity', medium: 'mediumSeverity', high: 'highSeverity'
}

/** Plays one story on a phone of its own; every expectation that fails is a fault in words. */
export async function playScenario (world: DemoWorld, scenario: Scenario, onStep: (step: StepResult) => void): Promise<ScenarioResult> {
  const phone = await world.enroll({ ...scenario.phone, entraDeviceId: randomUUID() })
  const steps: StepResult[] = []
  for (const step of scenario.steps) {
    const result = await playStep(world, phone, step)
    steps.push(result)
    onStep(result)
  }
  return { id: scenario.id, title: scenario.title, ok: steps.every(({ ok }) => ok), steps }
}

async function playStep (world: DemoWorld, phone: DemoPhone, step: Step): Promise<StepResult> {
  const collectedAt = new Date().toISOString()
  const sentAtMs = performance.timeOrigin + performance.now()
  try {
    await phone.report(step.report(collectedAt), collectedAt)
    const intune = await world.waitForIntune(phone.entraDeviceId, THREAT_STATE[step.expect.level]!)
    const status = await phone.status()
    return judge(step, intune, status, intune.receivedAtMs - sentAtMs)
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    return { says: step.says, ok: false, level: null, detections: [], reasons: [], todo: null, intune: null, reportToIntuneMs: null, faults: [fault] }
  }
}

function judge (step: Step, intune: IntuneView, status: Awaited<ReturnType<DemoPhone['status']>>, tookMs: number): StepResult {
  const faults: string[] = []
  const expectEqual = (what: string, actual: string | null, expected: string): void => {
    if (actual !== expected) faults.push(`${what} is ${actual}, expected ${expected}`)
  }
  const detections = [...new Set(status.findings.map(({ detection }) => detection))].sort()
  expectEqual('level', status.level, step.expect.level)
  expectEqual('threat state at Intune', intune.threatState, THREAT_STATE[step.expect.level]!)
  expectEqual('open detections', detections.join(', '), [...step.expect.detections].sort().join(', '))
  for (const resource of RESOURCES) expectEqual(`access to ${resource}`, intune.access[resource], step.expect.access)

  return {
    says: step.says,
    ok: faults.length === 0,
    level: status.level,
    detections,
    reasons: status.findings.map(({ title }) => title),
    todo: status.findings[0]?.todo ?? null,
    intune: { threatState: intune.threatState, complianceState: intune.complianceState, access: intune.access },
    reportToIntuneMs: Math.round(tookMs * 10) / 10,
    faults
  }
}
