import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { SLOW } from '../helpers/slow.js'

const run = promisify(execFile)

t.test('the storage benchmark prints the object of the contract, and every answer is right', SLOW, async (t) => {
  const { stdout } = await run(process.execPath, [join(packageRoot, 'dist/bench/run.js'), 'storage', '--json', '--phones', '900'])
  const report = JSON.parse(stdout)
  t.strictSame(Object.keys(report), ['name', 'seconds', 'machine', 'config', 'results', 'baselines', 'ratios', 'checks'])
  const times = { p50: Number, p99: Number }
  t.match(report, {
    name: 'storage',
    config: { phones: 900, apps: 150 },
    results: {
      phones: 900, bytesPerPhone: Number, bytes: { device_state: { bytes: Number, table: Number, indexes: Object } },
      whichPhonesHaveAppMs: times, commonAppMs: times, rareAppMs: times, signerMs: times, osVersionMs: times
    },
    baselines: { jsonb: { bytesPerPhone: Number, whichPhonesHaveAppMs: times } },
    ratios: { appBytes: Number, whichPhonesHaveApp: Number }
  })
  t.ok(Object.keys(report.checks).length >= 8)
  t.ok(Object.values(report.checks).every(Boolean))
})
