import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { SLOW } from '../helpers/slow.js'

const run = promisify(execFile)

t.test('the benchmark of the upkeep prints the object of the contract, and nothing was forgotten or found that should not be', SLOW, async (t) => {
  const { stdout } = await run(process.execPath, [join(packageRoot, 'dist/bench/run.js'), 'upkeep', '--json', '--rows', '4000'])
  const report = JSON.parse(stdout)
  t.strictSame(Object.keys(report), ['name', 'seconds', 'machine', 'config', 'results', 'baselines', 'ratios', 'checks'])
  t.match(report, { name: 'upkeep', results: { audit: { verify: { entriesASecond: Number }, upkeep: { entriesASecond: Number } }, history: { rowsASecond: Number } } })
  t.strictSame(Object.entries(report.checks).filter(([, isRight]) => isRight !== true), [])
})
