import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readPolicyCases } from '../../src/commands/policy-cases.js'
import { judgeCase } from '../../src/commands/test-policy.js'
import { parsePolicy } from '../../src/operators/policies.js'
import { packageRoot } from '../../src/platform/package-root.js'

const run = promisify(execFile)
const POLICY = `
severities: { dev-no-passcode: high, net-open-wifi: medium }
apps: { deny: [com.example.game] }
groups:
  - name: board
    match: { tags: [board] }
    policy: { severities: { dev-usb-debugging: high } }
`
const CASES = `
cases:
  - name: no screen lock
    platform: android
    report: { config: { passcodeSet: false } }
    level: high
    findings: [dev-no-passcode passcodeSet high]
  - name: a member of the board who develops
    platform: android
    tags: [board]
    report: { config: { usbDebugging: true, passcodeSet: true } }
    level: high
    groups: [board]
    finds: [dev-usb-debugging]
    findsNot: [dev-no-passcode]
  - name: an app of a list, next to one that the organisation forbids
    platform: android
    report: { apps: [{ appId: com.example.game }, { appId: com.spy.app, sha256: ${'ab'.repeat(32)} }] }
    intel: [{ type: sha256, value: ${'ab'.repeat(32)}, threatClass: stalkerware }]
    finds: [app-denylisted com.example.game high, app-stalkerware com.spy.app high]
  - name: an open Wi-Fi that the organisation minds
    platform: ios
    report: { network: { type: wifi, wifi: { ssid: Cafe, security: open } } }
    level: medium
  - name: a phone that was rooted an hour ago
    platform: android
    earlier: [{ integrity: { rooted: true } }]
    report: { integrity: { rooted: false } }
    level: secured
`
const NOTHING = { entries: [], vulnerabilities: [] }

t.test('phones of cases are judged as workers would, by the groups that they are in', async (t) => {
  const document = parsePolicy(POLICY)
  for (const one of readPolicyCases(CASES)) t.strictSame(judgeCase(one, document, NOTHING).faults, [], one.name)
})

t.test('what comes out otherwise is named', async (t) => {
  const cases = readPolicyCases('cases: [{ name: x, platform: android, report: { config: { passcodeSet: false } }, level: low, groups: [board], findings: [dev-rooted], findsNot: [dev-no-passcode] }]')
  const { passed, faults } = judgeCase(cases[0]!, parsePolicy(POLICY), NOTHING)
  t.equal(passed, false)
  t.strictSame(faults, ['level high instead of low', 'in the groups none instead of board', 'does not find dev-rooted', 'finds dev-no-passcode passcodeSet high', 'finds dev-no-passcode passcodeSet high'])
})

t.test('faults of cases are named all at once', async (t) => {
  const faultOf = (text: string): string => { try { readPolicyCases(text) } catch (error) { return (error as Error).message } return '' }
  const schema = faultOf('cases: [{ name: x, platform: symbian, report: {}, level: worst, colour: red }, { platform: ios }]')
  t.match(schema, /platform: must be one of android, ios, ipados/)
  t.match(schema, /level: must be one of/)
  t.match(schema, /colour: is not known here/)
  t.match(schema, /\/cases\/1: must have required property 'name'/)
  t.match(faultOf('cases: [{ name: x, platform: ios, report: { config: { passcodeSet: perhaps } }, finds: [dev-nothing] }, { name: y, platform: ios, report: {} }]'), /passcodeSet[^]*dev-nothing[^]*expects nothing/)
  t.match(faultOf('cases: ['), /./)
})

t.test('the command needs no database, and ends with 1 when a case fails or the policy is faulty', async (t) => {
  const folder = t.testdir({ 'policy.yml': POLICY, 'cases.yml': CASES, 'failing.yml': 'cases: [{ name: too lax, platform: android, report: { integrity: { rooted: true } }, level: low }]', 'faulty.yml': 'severities: { dev-no-pascode: high }\nthresholds: { silenceDays: 0 }' })
  const sallyport = async (...args: readonly string[]): Promise<{ code: number, out: string, err: string }> => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME }
    return await run(process.execPath, [join(packageRoot, 'bin/sallyport.js'), 'policy', 'test', ...args], { cwd: folder, env })
      .then(({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }), (error: { code: number, stdout: string, stderr: string }) => ({ code: error.code, out: error.stdout, err: error.stderr }))
  }
  const passing = await sallyport('policy.yml', '--expect', 'cases.yml', '--json')
  t.equal(passing.code, 0, passing.err)
  t.match(JSON.parse(passing.out), { passed: 5, failed: 0, cases: [{ name: 'no screen lock', passed: true, level: 'high' }] })
  const failing = await sallyport('policy.yml', '--expect', 'cases.yml', 'failing.yml')
  t.equal(failing.code, 1)
  t.match(failing.out, /ok {4} no screen lock \(high\)[^]*failed too lax\n\s+level high instead of low[^]*1 of 6 cases failed/)
  const faulty = await sallyport('faulty.yml', '--expect', 'cases.yml')
  t.equal(faulty.code, 1)
  t.match(faulty.err, /dev-no-pascode[^]*silenceDays/)
  const feed = join(folder, 'list.txt')
  await writeFile(feed, '0.0.0.0 spy.test-feed.com\n')
  await writeFile(join(folder, 'contact.yml'), 'cases: [{ name: contact, platform: ios, report: { events: [{ type: dns-query, host: spy.test-feed.com }] }, finds: [net-c2-domain] }]')
  t.equal((await sallyport('policy.yml', '--expect', 'contact.yml')).code, 1, 'nobody lists it')
  const listed = await sallyport('policy.yml', '--expect', 'contact.yml', '--feed', 'list.txt', '--json')
  t.notSame(JSON.parse(listed.out).cases[0].findings, [], listed.err + 'a feed of one\'s own counts')
})
