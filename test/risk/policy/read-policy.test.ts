import fc from 'fast-check'
import t from 'tap'
import { BUILT_IN_POLICY } from '../../../src/risk/policy/policy.js'
import { checkPolicyDocument, readPolicyDocument } from '../../../src/risk/policy/read-policy.js'
import { resolvePolicy, type PhoneAttributes } from '../../../src/risk/policy/resolve-policy.js'

const PHONE: PhoneAttributes = { platform: 'android', ownership: 'corporate', tags: ['vip'], entraGroups: ['board'] }
const faultsOf = (text: string): string[] => {
  const read = readPolicyDocument(text)
  return 'faults' in read ? read.faults.map(({ path, message }) => `${path} ${message}`) : []
}
const documentOf = (text: string) => {
  const read = readPolicyDocument(text)
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  return read.document
}

t.test('each fault is named, all at once', async (t) => {
  t.strictSame(faultsOf(`
severities: { dev-no-passcod: high, dev-rooted: terrible }
thresholds: { silenceDays: 0, nonsense: 3 }
apps: { deny: [17] }
colour: blue
`).sort(), [
    '/apps/deny/0 must be an app id, or an object with appId, hash, certificate, name or namePattern',
    '/colour is not a member that a policy has here',
    '/severities/dev-no-passcod is no detection; "dev-no-passcode" is',
    '/severities/dev-rooted must be one of off, audit, low, medium, high',
    '/thresholds/nonsense is not a member that a policy has here',
    '/thresholds/silenceDays must be at least 1'
  ])
  const faults = faultsOf(`
severities: { dev-no-passcod: high }
grace: { dev-rooted: 3 }
eventLifetimes: { dev-no-passcode: 60 }
thresholds: { patchAgeLowDays: 300, patchAgeMediumDays: 200 }
versions: { minimum: { ios: '19.2' }, maximum: { ios: '19.1.9' } }
domains: { allow: [example.com], deny: [example.com, 'not a host'] }
certificates: { allow: [abc] }
apps: { allow: ['*'], deny: [{ namePattern: '(a+)+$' }, { namePattern: '(?=x)' }, { hash: zz }, {}] }
locked: [net-tls-interception]
groups:
  - { name: a, extends: b, match: { tags: [x] } }
  - { name: b, extends: c }
  - { name: c, extends: a }
  - { name: a, match: {} }
  - { name: d, extends: nobody, policy: { severities: { net-tls-interception: off } } }
`)
  for (const words of [
    '/severities/dev-no-passcod is no detection; "dev-no-passcode" is', '/grace/dev-rooted cannot wait', '/eventLifetimes/dev-no-passcode has no events',
    '/thresholds patch ages must rise', '/versions/minimum/ios 19.2 is above the maximum 19.1.9', '/domains/allow/0 is allowed and denied', '/domains/deny/1 is no host name',
    '/certificates/allow/0 must be a SHA-256', '/apps/allow/0 means every app', '/apps/deny/0/namePattern repeats what repeats', '/apps/deny/1/namePattern is no regular expression of RE2',
    '/apps/deny/2/hash must be', '/apps/deny/3 must say something', '/groups/0/extends goes round in a circle: a → b → c → a', '/groups/3/name "a" is there twice', '/groups/3/match must name',
    '/groups/4/extends there is no group "nobody"', '/groups/4/policy/severities/net-tls-interception is locked'
  ]) t.ok(faults.some((fault) => fault.startsWith(words)), words)
})

t.test('hostile and broken texts are faults, not crashes', async (t) => {
  t.match(faultsOf('a: [1'), [/^line 1/])
  t.match(faultsOf('severities: { a: high }\nseverities: { b: high }'), [/^line 2 .*unique/])
  t.match(faultsOf('a: !!js/function "x"'), [/line 1/])
  t.match(faultsOf('['.repeat(100_000)), [/nested too deep/])
  t.match(faultsOf(`a: &a [x]\nb: [${Array.from({ length: 200 }, () => '*a').join(', ')}]`), [/alias/i])
  t.match(faultsOf('# '.padEnd(1024 * 1024 + 1, 'x')), [/at most/])
  t.match(faultsOf('__proto__: { severities: {} }'), [/__proto__ is not a member/])
  t.match(faultsOf('17'), [/must be an object/])
  t.match(faultsOf(''), [/must be an object/])
})

t.test('patterns that would keep the workers busy are refused, and at once', async (t) => {
  const startedAt = performance.now()
  const rules = Array.from({ length: 5_000 }, (_, n) => ({ namePattern: `a{1000}${n}` }))
  t.match(faultsOf(JSON.stringify({ apps: { deny: rules } })), [/more than 10000 steps/])
  t.match(faultsOf(JSON.stringify({ groups: [{ name: 'a', policy: { apps: { deny: rules.slice(0, 6) } } }, { name: 'b', policy: { apps: { allow: rules.slice(6, 12) } } }] })), [/more than 10000 steps/], 'of all groups together')
  t.ok(performance.now() - startedAt < 10_000)
  for (const plain of ['(?i)miner', '(?i:coin).*miner', '(?P<coin>a+)']) t.notOk('faults' in readPolicyDocument(JSON.stringify({ apps: { deny: [{ namePattern: plain }] } })), plain)
  t.match(faultsOf(JSON.stringify({ apps: { deny: [{ namePattern: '(?i)(a+)+' }] } })), [/repeats what repeats/])
  t.notOk('faults' in readPolicyDocument(JSON.stringify({ apps: { deny: Array.from({ length: 200 }, (_, n) => ({ namePattern: `(?i)coin.*miner ${n}` })) } })), 'two hundred plain ones are well within')
})

t.test('the layers lie over each other, and locked ones stay', async (t) => {
  const document = documentOf(`
severities: { dev-no-passcode: high, dev-developer-mode: low }
apps: { allow: [com.example.one] }
locked: [dev-no-passcode]
groups:
  - { name: base, policy: { apps: { allow: [com.example.two] }, thresholds: { silenceDays: 3 } } }
  - { name: vips, extends: base, match: { tags: [vip], ownership: corporate }, policy: { severities: { dev-developer-mode: medium }, requirements: { lockdownMode: true } } }
  - { name: apples, match: { platform: [ios, ipados] }, policy: { severities: { dev-developer-mode: off } } }
  - { name: board, match: { entraGroups: [board, other] }, policy: { thresholds: { silenceDays: 5 } } }
`)
  const vip = resolvePolicy(document, 4, PHONE)
  t.strictSame(vip.groups, ['vips', 'board'])
  t.match(vip.policy, {
    version: 4, severities: { 'dev-no-passcode': 'high', 'dev-developer-mode': 'medium' }, apps: { allow: ['com.example.one', 'com.example.two'] },
    thresholds: { silenceDays: 5, patchAgeMediumDays: 180 }, requirements: { lockdownMode: true, vpn: false }
  })
  t.equal(resolvePolicy(document, 4, { ...PHONE, tags: ['vip', 'other'] }).policy, vip.policy, 'phones of the same groups share one object')
  const personal = resolvePolicy(document, 4, { ...PHONE, ownership: null, entraGroups: [] })
  t.strictSame(personal.groups, [])
  t.match(personal.policy.severities, { 'dev-developer-mode': 'low' })
  t.equal(resolvePolicy(null, 0, PHONE).policy, BUILT_IN_POLICY)
})

t.test('whatever is given, it answers; what it takes, resolves', async (t) => {
  const result = fc.check(fc.property(fc.oneof(fc.json(), fc.string(), fc.object().map((value) => JSON.stringify({ severities: value, groups: [value] }))), (text) => {
    const read = readPolicyDocument(text)
    return 'faults' in read ? read.faults.length > 0 : resolvePolicy(read.document, 1, PHONE).policy.version === 1
  }), { numRuns: 300 })
  t.notOk(result.failed, result.failed ? fc.defaultReportMessage(result) ?? '' : `seed ${result.seed}`)
  t.match(checkPolicyDocument({ severities: { 'dev-rooted': 'low' }, version: 3 }), { document: { version: 3 } })
})
