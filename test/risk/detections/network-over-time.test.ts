import fc from 'fast-check'
import t, { type Test } from 'tap'
import { assess } from '../../../src/risk/assess.js'
import type { Assessment } from '../../../src/risk/assessment.js'
import { COMPOSITE_DETECTIONS } from '../../../src/risk/detections/composites/index.js'
import { DETECTIONS } from '../../../src/risk/detections/index.js'
import { NETWORK_DETECTIONS } from '../../../src/risk/detections/network/index.js'
import { BUILT_IN_POLICY } from '../../../src/risk/policy/policy.js'
import { overlay } from '../../../src/risk/policy/overlay.js'
import type { DeviceState } from '../../../src/telemetry/device-state.js'
import { at, DAY_MS, entry, HOUR_MS, intelOf, NOW, phone, type Phone } from '../helpers.js'

/** All of the network, and composites with whatever they are built from. */
const parts = new Set(COMPOSITE_DETECTIONS.flatMap(({ builtFrom = [] }) => builtFrom))
const JUDGED = DETECTIONS.filter((detection) => NETWORK_DETECTIONS.includes(detection) || COMPOSITE_DETECTIONS.includes(detection) || parts.has(detection.id))
const INTEL = intelOf([
  entry('domain', 'c2.example', { role: 'c2' }),
  entry('domain', 'phish.example', { role: 'distribution', threatClass: 'phishing' }),
  entry('domain', 'bad.example', { role: 'distribution' }),
  entry('domain', 'maker.example', { role: 'website', threatClass: 'stalkerware' }),
  entry('domain', 'late.example', { role: 'c2', validUntil: at(3 * HOUR_MS) })
])
const POLICY = overlay(BUILT_IN_POLICY, {
  domains: { deny: ['denied.example'] },
  networks: { trusted: [{ ssid: 'Corp', bssids: ['02:00:00:00:00:01'], security: 'enterprise' }], deny: [{ ssid: 'Fair' }] },
  requirements: { vpn: true, privateDns: true },
  thresholds: { certificateFailureBurst: 2, dgaBurst: 3 }
})
const TYPES = [
  'dns-query', 'connection', 'url-visit', 'message-link', 'message-fraud', 'tls-interception', 'ssl-strip', 'arp-spoof', 'gateway-change', 'rogue-access-point', 'dangerous-access-point', 'evil-twin',
  'dns-tamper', 'captive-portal', 'certificate-validation-failure', 'port-scan', 'arp-scan', 'internal-access', 'cell-downgrade', 'cell-null-cipher', 'sim-change', 'active-exploit', 'something-new'
] as const
const HOSTS = ['c2.example', 'phish.example', 'bad.example', 'maker.example', 'late.example', 'denied.example', 'fine.example', 'xjwqvtkbgpdzrmh.ru', 'qkzfwgbxvnjtcld.ru', 'vbnxqwrtzplkjhg.ru'] as const

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const known = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value)) as T
const ago = (least: number): fc.Arbitrary<string> => fc.integer({ min: least, max: 0 }).map((ms) => at(Math.round(ms / 60_000) * 60_000))

const anEvent = fc.record({
  eventId: fc.uuid(),
  type: fc.constantFrom(...TYPES),
  at: ago(-2 * DAY_MS),
  receivedAt: ago(-DAY_MS),
  endedAt: maybe(ago(-DAY_MS)),
  host: maybe(fc.constantFrom(...HOSTS)),
  url: maybe(fc.constantFrom(...HOSTS).map((host) => `https://${host}/x`)),
  action: maybe(fc.constantFrom('blocked', 'overridden', 'opened', 'added')),
  category: maybe(fc.constantFrom('phishing', 'malware', 'gambling')),
  opened: maybe(fc.boolean()),
  responseCode: maybe(fc.constantFrom('NXDOMAIN', 'NOERROR')),
  appId: maybe(fc.constantFrom('app.0', 'app.1')),
  ssid: maybe(fc.constantFrom('Corp', 'Cafe')),
  bssid: maybe(fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:66')),
  trustedCa: maybe(fc.boolean()),
  observed: maybe(fc.constantFrom<unknown>('203.0.113.1', ['0.0.0.0'], 7, null)),
  expected: maybe(fc.constantFrom<unknown>('203.0.113.1', '203.0.113.2'))
}).map(known) as fc.Arbitrary<NonNullable<Phone['events']>[number]>

const aNetwork = fc.record({
  type: maybe(fc.constantFrom('wifi' as const, 'cellular' as const, 'none' as const)),
  wifi: maybe(fc.record({ ssid: maybe(fc.constantFrom('Corp', 'Cafe', 'Fair')), bssid: maybe(fc.constantFrom('02:00:00:00:00:01', '00:13:37:00:00:01')), security: maybe(fc.constantFrom('open' as const, 'wep' as const, 'wpa2' as const)) })),
  proxy: maybe(fc.constantFrom({}, { host: 'proxy.example', port: 8080 })),
  vpn: maybe(fc.constantFrom({ active: false }, { active: true, managed: false })),
  privateDns: maybe(fc.constantFrom('off' as const, 'strict' as const))
})

const aPhone: fc.Arbitrary<Phone> = fc.record({
  events: fc.uniqueArray(anEvent, { selector: ({ eventId }) => eventId, maxLength: 8 }),
  network: maybe(aNetwork),
  origins: fc.record({ network: maybe(ago(-2 * DAY_MS).map((collectedAt) => ({ sequence: 2, collectedAt }))) }),
  agent: maybe(fc.record({ webProtection: maybe(fc.constantFrom('off' as const, 'on' as const)), webProtectionSince: maybe(ago(-2 * DAY_MS)) })),
  config: maybe(fc.record({ hostsModified: maybe(fc.boolean()), usbDebugging: maybe(fc.boolean()), passcodeSet: maybe(fc.boolean()) })),
  certificates: maybe(fc.array(fc.record({ sha256: fc.constantFrom('01', '02'), store: fc.constantFrom('user' as const, 'system' as const) }), { maxLength: 2 }))
}).map(known) as fc.Arbitrary<Phone>

const judge = (state: DeviceState, now = NOW): Assessment => assess({ platform: 'android', state, intel: INTEL, policy: POLICY, now, detections: JUDGED })
/** What a judgement says, as text: comparing large objects takes long. */
const said = ({ dueAt: _, ...rest }: Assessment): string => JSON.stringify(rest)

/** A property without assertions of its own, so that the test has one. */
function holds<T> (t: Test, property: fc.IProperty<T>): void {
  const result = fc.check(property, { numRuns: 300 })
  t.notOk(result.failed, result.failed ? `seed ${result.seed}: ${fc.defaultReportMessage(result) ?? ''}` : 'holds')
}

t.test('no event makes a detection throw', async (t) => {
  holds(t, fc.property(aPhone, (told) => judge(phone(told)).failures.length === 0))
})

t.test('nothing changes before the moment that was named', async (t) => {
  holds(t, fc.property(aPhone, (told) => {
    const state = phone(told)
    const before = judge(state)
    const until = before.dueAt === null ? NOW.getTime() + 60 * DAY_MS : Date.parse(before.dueAt) - 1
    return said(judge(state, new Date(until))) === said(before)
  }))
})

t.test('after a week without news no event is left', async (t) => {
  holds(t, fc.property(aPhone, (told) => judge(phone({ events: told.events! }), new Date(NOW.getTime() + 8 * DAY_MS)).findings.length === 0))
})

t.test('every finding of an event ends, and says when', async (t) => {
  holds(t, fc.property(aPhone, (told) => judge(phone({ events: told.events! })).findings.every(({ expiresAt }) => expiresAt !== null && Date.parse(expiresAt) > NOW.getTime())))
})

t.test('the order in which events came does not matter', async (t) => {
  holds(t, fc.property(aPhone, (told) => {
    const summary = ({ findings }: Assessment): string => JSON.stringify(findings.map(({ detection, subject, severity, expiresAt }) => [detection, subject, severity, expiresAt]))
    return summary(judge(phone({ ...told, events: told.events!.toReversed() }))) === summary(judge(phone(told)))
  }))
})
