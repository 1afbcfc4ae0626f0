import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { SLOW } from '../helpers/slow.js'

async function runBench (args: readonly string[]): Promise<{ code: number, out: string, err: string }> {
  const child = spawn(process.execPath, [join(packageRoot, 'dist/bench/run.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  const [code] = await once(child, 'close') as [number]
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }
}

t.test('the pipeline benchmark prints the object of the contract, and loses nothing', async (t) => {
  const { code, out, err } = await runBench(['pipeline', '--json', '--seconds', '1', '--phones', '300', '--rate', '200', '--naive'])
  t.equal(code, 0, err)
  const report = JSON.parse(out)
  t.equal(out.trim().split('\n').length, 1)
  t.strictSame(Object.keys(report), ['name', 'seconds', 'machine', 'config', 'results', 'baselines', 'ratios', 'checks'])
  t.match(report, {
    name: 'pipeline',
    seconds: 1,
    machine: { cores: Number, memoryBytes: Number, node: process.version },
    results: {
      acceptedPerSecond: Number, scoredPerSecond: Number, acceptMs: { p50: Number, p99: Number }, reportToIntuneMs: { p50: Number, p99: Number },
      cpuSecondsPer1000Reports: { api: Number, worker: Number, postgres: Number }, rssBytes: { api: Number, worker: Number }
    },
    baselines: { bare: { perSecond: Number }, naive: { perSecond: Number } },
    ratios: { bare: Number, naive: Number },
    checks: { noLostReports: true, noDoubledReports: true, noUnscoredReports: true, intuneEqualsOurs: true }
  })
  t.ok(report.results.scoredPerSecond > 0)
  t.ok(report.baselines.bare.perSecond > 0)
})

t.test('the benchmark of the way in alone finds everything scored afterwards', SLOW, async (t) => {
  const { code, out, err } = await runBench(['accept', '--json', '--seconds', '1', '--phones', '300'])
  t.equal(code, 0, err)
  t.match(JSON.parse(out), {
    name: 'accept',
    results: { acceptedPerSecond: Number, acceptMs: { p50: Number, p99: Number }, cpuSecondsPer1000Reports: { api: Number, postgres: Number } },
    baselines: { bare: { perSecond: Number } },
    ratios: { bare: Number, tracingCpu: Number, tracingAccepted: Number, noiseCpu: Number },
    checks: { noLostReports: true, noDoubledReports: true, noUnscoredReports: true, everyRepeatRecognised: true, noLostReportsTraced: true, spansArrived: true }
  })
})

t.test('the benchmark of processes compares them, says why it stops, and loses nothing', SLOW, async (t) => {
  const { code, out, err } = await runBench(['scale', '--json', '--seconds', '1', '--phones', '300'])
  t.equal(code, 0, err)
  const report = JSON.parse(out)
  const one = { scoredPerSecond: Number, idleShare: Number, ceiling: Number, whyNoMore: /1,000 reports take/, drain: { perSecond: Number, coresInUse: { worker: Number, postgres: Number } } }
  t.match(report, { name: 'scale', results: { api1worker1: one, api1worker2: one, api1worker4: one, api2worker2: one }, baselines: { bare: { perSecond: Number } }, ratios: { bare: Number } })
  t.equal(report.results.api1worker4.workerShares.length, 4)
  t.strictSame(Object.values(report.checks as Record<string, boolean>).filter((isSo) => !isSo), [])
  t.equal(Object.keys(report.checks).length, 16)
})

t.test('the benchmark of a large fleet prints what was predicted beside what was measured', SLOW, async (t) => {
  const { code, out, err } = await runBench(['fleet', '--json', '--seconds', '2', '--phones', '6000'])
  t.equal(code, 0, err)
  const prediction = { predicted: Number, measured: Number, ratio: Number }
  const table = { changed: Number, hot: Number, dead: Number, vacuums: Number, heapMb: Number, indexMb: Number }
  t.match(JSON.parse(out), {
    name: 'fleet',
    results: { predictions: { apiMs: prediction, workerMs: prediction, postgresMs: prediction, walBytes: prediction }, tables: { last: { device_state: table, report_group: table } } },
    checks: { noLostReports: true, noDoubledReports: true, noUnscoredReports: true }
  })
  t.match(err, /\| walBytes \| /)
})

t.test('an unknown benchmark is an error that names those there are', async (t) => {
  const { code, out, err } = await runBench(['pipelin'])
  t.equal(code, 2)
  t.equal(out, '')
  t.match(err, /there are: pipeline/)
})
