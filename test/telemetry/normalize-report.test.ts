import fc from 'fast-check'
import t from 'tap'
import { mayHoldSentinel, removeSentinels } from '../../src/telemetry/normalize-report.js'
import { parseReports } from '../../src/telemetry/parse-report.js'

function normalized (report: unknown): unknown {
  const copy = structuredClone(report)
  removeSentinels(copy)
  return copy
}

t.test('what only says "not known" is absent, at any depth and in any case', async (t) => {
  t.strictSame(normalized({
    os: { version: 'Unknown', build: '', update: { version: 'NULL', available: true } },
    config: { encryption: 'ENCRYPTION_STATUS_UNSPECIFIED', selinux: 'enforcing', deviceAdmins: ['unknown', 'pkg'] },
    network: { type: 'unknown', wifi: { ssid: '<unknown ssid>', security: 'wpa2' } },
    properties: { 'ro.a': 'unknown', 'ro.b': '1' }
  }), {
    os: { update: { available: true } },
    config: { selinux: 'enforcing', deviceAdmins: ['pkg'] },
    network: { wifi: { security: 'wpa2' } },
    properties: { 'ro.b': '1' }
  })
})

t.test('ids and required members stay, for the validation to name', async (t) => {
  const report = {
    reportId: 'unknown',
    sequence: 1,
    collectedAt: '',
    apps: { mode: 'null', baseDigest: '', upsert: [{ appId: 'unknown' }], remove: ['', 'unknown'] },
    events: [{ eventId: '', type: 'unknown', at: 'null' }]
  }
  t.strictSame(normalized(report), report)
})

t.test('an installer that is null is known to be none, one that is "null" is not known', async (t) => {
  t.strictSame(normalized({ apps: { mode: 'snapshot', items: [{ appId: 'a', installer: null }, { appId: 'b', installer: 'null' }] } }),
    { apps: { mode: 'snapshot', items: [{ appId: 'a', installer: null }, { appId: 'b' }] } })
})

t.test('words that merely contain a sentinel are values', async (t) => {
  const report = { os: { build: 'unknown-1', version: 'x_UNSPECIFIED_y' }, hardware: { model: 'nullable' } }
  t.strictSame(normalized(report), report)
})

t.test('the cheap look never misses one', async (t) => {
  fc.assert(fc.property(fc.jsonValue(), fc.constantFrom('', 'unknown', 'UNKNOWN', 'Null', 'X_UNSPECIFIED', '_unspecified'), (value, sentinel) => {
    t.ok(mayHoldSentinel(JSON.stringify({ value, deep: [{ os: { version: sentinel } }] })))
  }), { numRuns: 50 })
  t.notOk(mayHoldSentinel('{"os":{"version":"14","build":"unknown-1"},"installer":null}'))
})

t.test('a report, a list and a batch are normalised alike', async (t) => {
  const expected = { reportId: 'r', os: {} }
  t.strictSame(parseReports('{"reportId":"r","os":{"version":"unknown"}}'), { value: expected, isAsSent: false })
  t.strictSame(parseReports('[{"reportId":"r","os":{"version":"unknown"}}]').value, [expected])
  t.strictSame(parseReports('{"reports":[{"reportId":"r","os":{"version":"unknown"}}]}').value, { reports: [expected] })
  t.strictSame(parseReports('{"reportId":"r"}'), { value: { reportId: 'r' }, isAsSent: true })
})

t.test('nesting without end is refused, brackets in text are not nesting', async (t) => {
  t.throws(() => parseReports('{"a":'.repeat(100_000)), { code: 'validation' })
  t.throws(() => parseReports(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`), { code: 'validation' })
  t.strictSame(parseReports(JSON.stringify({ a: '['.repeat(100) + '\\"' })).value, { a: '['.repeat(100) + '\\"' })
  t.throws(() => parseReports('{"a":'), SyntaxError)
})
