import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readPolicyCases } from '../../src/commands/policy-cases.js'
import { judgeCase } from '../../src/commands/test-policy.js'
import { parsePolicy } from '../../src/operators/policies.js'
import { startCommands } from '../helpers/commands.js'

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
  const commands = startCommands(t)
  const sallyport = async (...args: readonly string[]) => await commands(['policy', 'test', ...args], { cwd: folder })
  const passing = await sallyport('policy.yml', '--expect', 'cases.yml', '--json')
  t.equal(passing.code, 0, passing.errors)
  t.match(JSON.parse(passing.out), { passed: 5, failed: 0, cases: [{ name: 'no screen lock', passed: true, level: 'high' }] })
  const failing = await sallyport('policy.yml', '--expect', 'cases.yml', 'failing.yml')
  t.equal(failing.code, 1)
  t.match(failing.out, /ok {4} no screen lock \(high\)[^]*failed too lax\n\s+level high instead of low[^]*1 of 6 cases failed/)
  const faulty = await sallyport('faulty.yml', '--expect', 'cases.yml')
  t.equal(faulty.code, 1)
  t.match(faulty.errors, /silenceDays must be at least 1/)
  t.match(faulty.errors, /dev-no-pascode is no detection/)
  await writeFile(join(folder, 'list.yaml'), '- name: Spy\n  type: stalkerware\n  packages: [com.spy.own]\n  certificates: []\n')
  await writeFile(join(folder, 'listed.yml'), 'cases: [{ name: listed, platform: android, report: { apps: [{ appId: com.spy.own }] }, finds: [app-stalkerware] }]')
  t.equal((await sallyport('policy.yml', '--expect', 'listed.yml')).code, 1, 'nobody lists it')
  const listed = await sallyport('policy.yml', '--expect', 'listed.yml', '--feed', 'list.yaml')
  t.equal(listed.code, 0, 'a feed of one\'s own counts')
})
