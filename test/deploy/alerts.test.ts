import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse, stringify } from 'yaml'
import { program } from '../../src/cli.js'
import { METRICS, type MetricDefinition } from '../../src/platform/metric-definitions.js'
import { createMetrics } from '../../src/platform/metrics.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { ALERT_CASES } from './alert-cases.js'
import { findProgram } from './find-program.js'
import { faultsOf, selectorsOf } from './promql.js'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string, readonly runbook_url: string }
}

const RULES_FILE = join(packageRoot, 'deploy/prometheus/alerts.yml')
const rules = (parse(readFileSync(RULES_FILE, 'utf8')) as { groups: Array<{ rules: Rule[] }> }).groups.flatMap(({ rules }) => rules)
const page = readFileSync(join(packageRoot, 'docs/operations.md'), 'utf8')

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string): string => heading.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-')

t.test('every alert asks for metrics and labels that there are', async (t) => {
  const known = new Set([...(await createMetrics().render()).body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!))
  for (const { alert, expr } of rules) {
    for (const { metric } of selectorsOf(expr)) t.ok(metric === 'up' || known.has(metric.replace(/_(?:bucket|sum|count)$/, '')), `${alert}: ${metric}`)
    t.strictSame(faultsOf(expr), [], alert)
  }
  t.strictSame(faultsOf('sum by (tenant) (sallyport_queue_jobs{queue="scoring", colour="red", state=~"active|gone"})'), [
    'sallyport_queue_jobs: queue is never scoring', 'sallyport_queue_jobs has no label colour', 'sallyport_queue_jobs: state is never gone', 'nothing has a label tenant to group by'
  ], 'and the check sees what is wrong')
})

t.test('every alert has a runbook: what it means, where to look, what to do', async (t) => {
  const sections = new Map(page.split(/^### /m).slice(1).map((section) => [anchorOf(section.slice(0, section.indexOf('\n'))), section]))
  for (const { alert, annotations, labels } of rules) {
    const [file, anchor] = annotations.runbook_url.split('#')
    t.equal(file, 'docs/operations.md', alert)
    const section = sections.get(anchor!)
    t.ok(section !== undefined, `${alert} has the section ${anchor}`)
    for (const part of ['**Means**', '**Look**', '**Do**']) t.ok(section?.includes(part), `${alert}: ${part}`)
    t.ok(['warning', 'critical'].includes(labels.severity), alert)
  }
  const alerts = new Set(rules.map(({ alert }) => anchorOf(alert)))
  t.strictSame([...sections.keys()].filter((anchor) => anchor.startsWith('sallyport') && !alerts.has(anchor)), [], 'and there is no runbook without an alert')
})

/** Which programs the tests run on; no process of Sallyport reads them. */
const OF_TESTS = ['POSTGRES_PROGRAMS', 'PGBOUNCER_PROGRAM', 'REDIS_PROGRAM']

t.test('what a runbook names is there: metrics, commands, settings', async (t) => {
  const names = new Set(['up', ...Object.values<MetricDefinition>(METRICS).map(({ name }) => `sallyport_${name}`)])
  const asked = [...page.matchAll(/`(sallyport_[a-z0-9_]+)/g)].map(([, name]) => name!).filter((name) => !/^sallyport_(?:process|nodejs)_/.test(name))
  t.strictSame(asked.filter((name) => !names.has(name) && !names.has(name.replace(/_(?:bucket|sum|count)$/, ''))), [])
  const commands = program.commands.map((command) => command.name())
  for (const [, command] of page.matchAll(/`sallyport ([a-z-]+)/g)) t.ok(commands.includes(command!), command!)
  const routes = readdirSync(join(packageRoot, 'src/http/routes/tenant')).map((file) => readFileSync(join(packageRoot, 'src/http/routes/tenant', file), 'utf8')).join()
  for (const [, method, path] of page.matchAll(/`(GET|POST) \/v1\/tenants\/\{tenantId\}(\/[^`]*)`/g)) {
    t.ok(routes.includes(`app.${method!.toLowerCase()}('${path!.replace(/\{(\w+)\}/g, ':$1')}'`), `${method} ${path}`)
  }
  const config = readFileSync(join(packageRoot, 'src/config.ts'), 'utf8')
  for (const [, setting] of page.matchAll(/`([A-Z]{3,}_[A-Z_]+)`/g)) if (!OF_TESTS.includes(setting!)) t.match(config, setting!, setting!)
})

t.test('every alert fires when it should, and not a moment or a step sooner (promtool)', async (t) => {
  t.strictSame(Object.keys(ALERT_CASES).sort(), rules.map(({ alert }) => alert).sort(), 'each has a case')
  const promtool = findProgram('promtool')
  if (promtool === undefined) {
    t.comment('promtool is not installed (Debian: apt-get install prometheus); the rules were not run')
    return
  }
  const run = (...args: string[]): string => execFileSync(promtool, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  t.match(run('check', 'rules', RULES_FILE), new RegExp(`${rules.length} rules found`))

  const tests = rules.flatMap(({ alert, labels, annotations }) => {
    const one = ALERT_CASES[alert]!
    const told = { severity: labels.severity, ...one.labels }
    const summary = annotations.summary.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => one.labels?.[label] ?? '')
    const test = (series: Readonly<Record<string, string>>, expected: object[]): object => ({
      interval: '1m',
      input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
      alert_rule_test: [{ eval_time: one.at, alertname: alert, exp_alerts: expected }]
    })
    return [test(one.fires, [{ exp_labels: told, exp_annotations: { ...annotations, summary } }]), test(one.quiet, [])]
  })
  const file = join(t.testdir(), 'alerts.test.yml')
  writeFileSync(file, stringify({ rule_files: [RULES_FILE], evaluation_interval: '1m', tests }))
  try {
    t.match(run('test', 'rules', file), 'SUCCESS')
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string, stderr: string }
    t.fail(`promtool: ${stdout}${stderr}`.slice(0, 4_000))
  }
})

t.test('the page for Prometheus is well formed (promtool)', async (t) => {
  const promtool = findProgram('promtool')
  if (promtool === undefined) {
    t.comment('promtool is not installed')
    return
  }
  // prom-client's own names of Node's metrics are not to promtool's taste; only of ours is anything asked.
  const { body } = await createMetrics().render()
  const own = body.split('\n\n').filter((part) => !/sallyport_(?:nodejs|process)_/.test(part)).join('\n\n')
  t.doesNotThrow(() => execFileSync(promtool, ['check', 'metrics'], { input: `${own.trim()}\n`, stdio: ['pipe', 'pipe', 'pipe'] }))
})
