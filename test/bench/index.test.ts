import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'

const run = promisify(execFile)

t.test('the index benchmark prints the object of the contract, and every answer is right', async (t) => {
  const { stdout } = await run(process.execPath, [join(packageRoot, 'dist/bench/run.js'), 'index', '--json', '--indicators', '5000'])
  const report = JSON.parse(stdout)
  t.strictSame(Object.keys(report), ['name', 'seconds', 'machine', 'config', 'results', 'baselines', 'ratios', 'checks'])
  t.match(report, {
    name: 'index',
    results: { indicators: 5_000, bytesPerIndicator: Number, bytesPerIndicatorWithOwnValidity: Number, loadMs: Number, lookupsPerSecond: Number, longestPauseMs: Number },
    baselines: { map: { bytesPerIndicator: Number, lookupsPerSecond: Number } },
    ratios: { memory: Number, lookups: Number },
    checks: { answersEqualTheMaps: true, everyEntryIsRight: true, somethingWasFound: true }
  })
})
