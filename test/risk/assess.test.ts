import t from 'tap'
import type { Detection, Match } from '../../src/risk/detection.js'
import type { Severity } from '../../src/risk/level.js'
import { at, DAY_MS, HOUR_MS, judge, summary } from './helpers.js'

/** A detection that says what a test wants. */
function says (id: string, severity: Severity, matches: ReadonlyArray<Partial<Match>>, rest: Partial<Detection> = {}): Detection {
  return {
    id,
    version: 3,
    category: 'device',
    platforms: ['android'],
    severity,
    attack: ['T1404'],
    raisesLevel: true,
    description: 'says what a test wants',
    sections: ['config'],
    needs: [],
    examples: [],
    remediation: { user: 'user', admin: 'admin' },
    detect: () => matches.map((match) => ({ subject: 'thing', title: 'title', evidence: [], ...match })),
    ...rest
  }
}
const throws = (id: string): Detection => says(id, 'high', [], { detect () { throw new Error('broken') } })

t.test('a phone without findings is secured', async (t) => {
  t.match(judge({ phone: {} }), { level: 'secured', findings: [], coverage: [], failures: [], dueAt: null })
})

t.test('the level is the worst severity among findings that raise it', async (t) => {
  const low = says('x-low', 'low', [{}])
  const medium = says('x-medium', 'medium', [{}])
  const silent = says('x-silent', 'high', [{}], { raisesLevel: false })
  t.equal(judge({ phone: {}, detections: [low] }).level, 'low')
  t.equal(judge({ phone: {}, detections: [medium, low] }).level, 'medium')
  const { level, findings } = judge({ phone: {}, detections: [low, silent] })
  t.equal(level, 'low', 'a detection that only records does not count')
  t.strictSame(findings.map(({ raisesLevel }) => raisesLevel), [false, true])
})

t.test('the policy has the last word on severity', async (t) => {
  const detections = [says('x-rule', 'high', [{}, { subject: 'weak', severity: 'low' }])]
  const under = (severity?: 'off' | Severity): ReturnType<typeof judge> => judge({ phone: {}, detections, ...(severity === undefined ? {} : { policy: { severities: { 'x-rule': severity } } }) })
  t.strictSame(summary(under()), ['x-rule thing high', 'x-rule weak low'], 'without a word, the facts decide')
  t.strictSame(summary(under('medium')), ['x-rule thing medium', 'x-rule weak medium'])
  t.strictSame(summary(under('off')), [])
  const audited = under('audit')
  t.strictSame(summary(audited), ['x-rule thing audit', 'x-rule weak audit'])
  t.equal(audited.level, 'secured', 'audit records and never raises')
  t.notOk(audited.findings.some(({ raisesLevel }) => raisesLevel))
})

t.test('a detection that throws leaves the rest alone', async (t) => {
  const result = judge({ phone: {}, detections: [says('x-a', 'low', [{}]), throws('x-broken'), says('x-b', 'medium', [{}])] })
  t.strictSame(result.failures, [{ detection: 'x-broken', error: 'broken' }])
  t.strictSame(summary(result), ['x-b thing medium', 'x-a thing low'])
  t.strictSame(judge({ phone: {}, detections: [throws('x-broken')], policy: { severities: { 'x-broken': 'off' } } }).failures, [], 'what is off is not run')
})

t.test('findings come worst first, then by detection and subject', async (t) => {
  const result = judge({
    phone: {},
    detections: [says('x-b', 'low', [{ subject: '2' }, { subject: '1' }]), says('x-c', 'high', [{}]), says('x-a', 'low', [{}]), says('x-d', 'audit', [{}])]
  })
  t.strictSame(summary(result), ['x-c thing high', 'x-a thing low', 'x-b 1 low', 'x-b 2 low', 'x-d thing audit'])
})

t.test('matches of one subject become one finding', async (t) => {
  const result = judge({
    phone: {},
    detections: [says('x-rule', 'medium', [
      { title: 'weak', evidence: [{ path: 'a', value: 1 }], expiresAt: at(2 * HOUR_MS) },
      { title: 'strong', severity: 'high', evidence: [{ path: 'b', value: 2 }, { path: 'a', value: 1 }], expiresAt: at(HOUR_MS) }
    ])]
  })
  t.match(result.findings, [{ severity: 'high', title: 'strong', expiresAt: at(2 * HOUR_MS), evidence: [{ path: 'b' }, { path: 'a' }] }])
  t.equal(result.findings[0]!.evidence.length, 2)
  t.equal(result.dueAt, at(HOUR_MS), 'judged again when the first of them ends')
})

t.test('a state among the matches keeps a finding from expiring', async (t) => {
  const { findings } = judge({ phone: {}, detections: [says('x-rule', 'low', [{ expiresAt: at(HOUR_MS) }, {}])] })
  t.equal(findings[0]!.expiresAt, null)
})

t.test('the next moment of change is the earliest that lies ahead', async (t) => {
  const result = judge({
    phone: {},
    detections: [
      says('x-a', 'low', [{ expiresAt: at(3 * HOUR_MS) }, { subject: 'other', recheckAt: at(2 * HOUR_MS) }]),
      says('x-b', 'low', [], { nextChangeAt: () => at(DAY_MS) }),
      says('x-c', 'low', [], { nextChangeAt: () => at(-DAY_MS) })
    ]
  })
  t.equal(result.dueAt, at(2 * HOUR_MS))
})

t.test('detections of other platforms are not asked', async (t) => {
  t.strictSame(summary(judge({ platform: 'ios', phone: {}, detections: [says('x-rule', 'high', [{}])] })), [])
})

t.test('coverage names the sections that the phone told something about', async (t) => {
  const { coverage } = judge({ phone: { config: { passcodeSet: true }, apps: [], profiles: [], os: {}, network: { type: 'wifi' } } })
  t.strictSame(coverage, ['apps', 'network', 'config', 'profiles'])
})

t.test('a finding carries what its detection says about itself', async (t) => {
  t.match(judge({ phone: {}, detections: [says('x-rule', 'high', [{}])] }).findings[0], {
    detection: 'x-rule', ruleVersion: 3, category: 'device', attack: ['T1404'], remediation: { user: 'user', admin: 'admin' }, intel: null, raisesLevel: true
  })
})
