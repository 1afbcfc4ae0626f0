import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { packageRoot } from '../../src/platform/package-root.js'
import { QUEUE_NAMES } from '../../src/platform/queue-names.js'
import { findProgram } from '../deploy/find-program.js'
import { selectorsOf } from '../deploy/promql.js'
import { makeKey } from '../helpers/device-keys.js'
import { makeReport } from '../helpers/devices.js'
import { startUp } from './sallyport.js'

const RULES_FILE = join(packageRoot, 'deploy/prometheus/alerts.yml')
const alerts = (parse(readFileSync(RULES_FILE, 'utf8')) as { groups: Array<{ rules: Array<{ alert: string, expr: string }> }> }).groups.flatMap(({ rules }) => rules)
const { panels } = JSON.parse(readFileSync(join(packageRoot, 'deploy/grafana/dashboards/sallyport.json'), 'utf8')) as { panels: Array<{ title: string, targets?: Array<{ expr: string }> }> }
const expressions = [...alerts.map(({ alert, expr }) => ({ name: alert, expr })), ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ name: title, expr })))]

const freePort = async (): Promise<number> => await new Promise((resolve, reject) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')))
  })
})

/** What of Prometheus' answers is looked at (prometheus.io, HTTP API). */
interface RuleState { readonly name: string, readonly health: string, readonly state: string, readonly lastEvaluation: string, readonly lastError?: string }
interface Answer {
  readonly status: string
  readonly error?: string
  readonly data: { readonly result?: ReadonlyArray<{ readonly value: readonly [number, string] }>, readonly groups?: ReadonlyArray<{ readonly rules: readonly RuleState[] }> }
}

/** A Prometheus of the test's own that scrapes one process every second, with our rules. */
async function startPrometheus (t: Test, program: string, target: string): Promise<{ ask (path: string): Promise<Answer> }> {
  const folder = t.testdir()
  const port = await freePort()
  writeFileSync(join(folder, 'prometheus.yml'), stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [RULES_FILE],
    scrape_configs: [{ job_name: 'sallyport-api', static_configs: [{ targets: [target] }] }]
  }))
  const child = spawn(program, [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await exited
  })
  return { ask: async (path) => await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json() as Answer }
}

/** Asks until the answer is right; Prometheus is still starting at first. */
async function until<T> (ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined && isRight(answer)) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

t.test('a running installation has every metric that an alert or a panel asks for, and says what it looked at to be ready', async (t) => {
  const { ready, child, exited } = await startUp(t, ['--ephemeral'])
  const post = async (path: string, bearer: string, body: object): Promise<Record<string, string>> =>
    await (await fetch(`${ready.api}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` }, body: JSON.stringify(body) })).json() as Record<string, string>
  const { accessToken } = await post('/v1/enroll', ready.enrollmentToken!, { entraDeviceId: randomUUID(), platform: 'android', osVersion: '15', manufacturer: 'Google', model: 'Pixel 8', publicKey: (await makeKey()).publicJwk })
  await post('/v1/telemetry', accessToken!, makeReport(1, { integrity: { rooted: true } }))
  const page = await until(async () => await (await fetch(`${ready.ops}/metrics`)).text(), (page) => /^sallyport_report_to_intune_seconds_count [1-9]/m.test(page))

  const told = new Map([...page.matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, name, type]) => [name!, type!]))
  for (const { name, expr } of expressions) {
    for (const { metric } of selectorsOf(expr)) {
      if (metric === 'up') continue
      const base = told.has(metric) ? metric : metric.replace(/_(?:bucket|sum|count)$/, '')
      t.ok(told.has(base) && (metric === base || told.get(base) === 'histogram'), `${name}: ${metric}`)
    }
  }
  for (const line of [
    /^sallyport_http_requests_total\{route="\/v1\/telemetry",status="2xx"\} 1$/m, /^sallyport_devices\{level="high",state="activated"\} 1$/m, /^sallyport_queue_workers\{queue="score"\} 1$/m, /^sallyport_database_up 1$/m,
    /^sallyport_disk_free_ratio 0\.\d+$/m, /^sallyport_intune_calls_total\{kind="upload",outcome="2xx"\} [1-9]/m, /^sallyport_build_info\{version="[^"]+",node="v\d/m
  ]) t.match(page, line)

  const readiness = await (await fetch(`${ready.ops}/readyz`)).json() as { status: string, checked: string[], missing: object }
  t.strictSame([readiness.status, readiness.missing, readiness.checked.sort()], ['ready', {}, ['API', 'database', 'intel', 'journal', 'process', 'queues', 'schema', ...QUEUE_NAMES.map((name) => `worker ${name}`)].sort()])

  const prometheus = findProgram('prometheus')
  if (prometheus === undefined) {
    t.comment('Prometheus is not installed (Debian: apt-get install prometheus); the expressions were not evaluated')
  } else {
    const { ask } = await startPrometheus(t, prometheus, new URL(ready.ops!).host)
    await until(async () => await ask('query?query=up'), ({ data }) => data.result?.[0]?.value[1] === '1')
    const isEvaluated = ({ health, lastEvaluation }: RuleState): boolean => health !== 'unknown' && !lastEvaluation.startsWith('0001')
    const { data } = await until(async () => await ask('rules'), ({ data }) => data.groups?.every(({ rules }) => rules.every(isEvaluated)) === true)
    const evaluated = data.groups!.flatMap(({ rules }) => rules)
    t.strictSame(evaluated.map(({ name }) => name).sort(), alerts.map(({ alert }) => alert).sort())
    t.strictSame(evaluated.filter(({ health, state }) => health !== 'ok' || state === 'firing').map(({ name, health, state, lastError }) => ({ name, health, state, lastError })), [], 'all are evaluated, and none fires where all is well')
    for (const { name, expr } of expressions) {
      const answer = await ask(`query?query=${encodeURIComponent(expr.replaceAll('$__rate_interval', '1m'))}`)
      t.equal(answer.status, 'success', `${name}: ${answer.error ?? ''}`)
    }
  }
  child.kill('SIGTERM')
  t.equal(await exited, 0)
})
