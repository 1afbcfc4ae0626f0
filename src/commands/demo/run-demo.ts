import { Agent } from '../../agent/agent.js'
import { createLogger } from '../../platform/log.js'
import { type Running, up } from '../up.js'
import { playScenario, type DemoWorld, type IntuneView, type ScenarioResult } from './play.js'
import { printHeading, printScenario, printStep, printSummary } from './print.js'
import { SCENARIOS } from './scenarios.js'

const WAIT_MS = 15_000

/** `sallyport demo`: everything on a throw-away folder, every scenario through the public API. */
export async function runDemo (options: { json?: boolean }, env: NodeJS.ProcessEnv): Promise<void> {
  const log = createLogger({ level: env.LOG_LEVEL ?? 'warn' })
  const write = (line: string): void => { if (options.json !== true) process.stdout.write(line + '\n') }
  printHeading(write)

  const startedAt = performance.now()
  const running = await up({ port: 0, opsPort: 0, simulatorPort: 0, ephemeral: true }, env, log)
  // Ctrl-C in the middle leaves nothing behind, either.
  process.once('SIGINT', () => { void running.stop().finally(() => process.exit(130)) })
  const startMs = Math.round(performance.now() - startedAt)
  const results: ScenarioResult[] = []
  try {
    const world = openWorld(running)
    for (const [index, scenario] of SCENARIOS.entries()) {
      printScenario(write, index + 1, scenario)
      results.push(await playScenario(world, scenario, (step) => printStep(write, scenario, step)))
    }
    printSummary(write, results)
  } finally {
    await running.stop()
  }
  const ok = results.every((result) => result.ok)
  if (options.json === true) process.stdout.write(JSON.stringify({ ok, startMs, scenarios: results }) + '\n')
  process.exit(ok ? 0 : 1)
}

/** The public API and Intune's control page; the demo has no other way in. */
function openWorld ({ ready }: Running): DemoWorld {
  const { api, enrollmentToken, intuneSimulator, entraTenantId } = ready
  if (enrollmentToken === null || intuneSimulator === null) throw new Error('the demo needs the bundled Intune simulator: unset DATABASE_URL and INTUNE_CLIENT_ID')
  return {
    async enroll (phone) {
      const agent = await Agent.enroll(api, enrollmentToken, phone)
      return {
        entraDeviceId: phone.entraDeviceId,
        report: async (sections, collectedAt) => { await agent.report(sections, collectedAt) },
        status: async () => {
          const { level, findings } = await agent.status()
          return { level, findings: findings.map(({ detection, title, steps }) => ({ detection, title, todo: steps[0] ?? '' })) }
        }
      }
    },
    async waitForIntune (entraDeviceId, threatState) {
      const url = `${intuneSimulator}/_sim/tenants/${entraTenantId}/devices/${entraDeviceId}/wait?threatState=${threatState}&timeoutMs=${WAIT_MS}`
      const answer = await (await fetch(url)).json() as IntuneView & { lastUpdate: { receivedAtMs: number } | null }
      return { ...answer, receivedAtMs: answer.lastUpdate?.receivedAtMs ?? NaN }
    }
  }
}
