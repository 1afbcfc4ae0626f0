import fc from 'fast-check'
import t, { type Test } from 'tap'
import { assess } from '../../src/risk/assess.js'
import { LEVELS, levelRank, type Level } from '../../src/risk/level.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'
import type { App } from '../../src/telemetry/report.js'
import type { DeviceState } from '../../src/telemetry/device-state.js'
import { at, DAY_MS, entry, intelOf, NOW, phone, vulnerability, type Phone } from './helpers.js'

/** Some known, most not; every class is met. */
const INTEL = intelOf([
  entry('app-id', 'app.0', { threatClass: 'stalkerware' }),
  entry('app-id', 'app.1'),
  entry('sha256', 'aa', { threatClass: 'mercenary-spyware' }),
  entry('cert-sha1', 'bb', { threatClass: 'stalkerware' }),
  entry('sha1', 'cc', { threatClass: 'adware' }),
  entry('domain', 'c2.example', { role: 'c2', threatClass: 'stalkerware' })
], [vulnerability({ platform: 'android' })])

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const known = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value)) as T

const anApp: fc.Arbitrary<App> = fc.record({
  appId: fc.integer({ min: 0, max: 6 }).map((number) => `app.${number}`),
  sha256: maybe(fc.constantFrom('aa', '00')),
  sha1: maybe(fc.constantFrom('cc', '00')),
  signingCertSha1: maybe(fc.array(fc.constantFrom('bb', '00'), { maxLength: 2 })),
  installer: fc.constantFrom(undefined, null, 'com.android.vending', 'com.android.chrome'),
  system: maybe(fc.boolean())
}).map(known) as fc.Arbitrary<App>

const anEvent = fc.record({
  eventId: fc.uuid(),
  type: fc.constantFrom('dns-query', 'tls-interception', 'connection', 'something-new'),
  at: fc.integer({ min: -2 * DAY_MS, max: DAY_MS }).map(at),
  receivedAt: fc.integer({ min: -2 * DAY_MS, max: 0 }).map(at),
  endedAt: maybe(fc.integer({ min: -2 * DAY_MS, max: DAY_MS }).map(at)),
  host: maybe(fc.constantFrom('c2.example', 'fine.example')),
  observedSha256: maybe(fc.constantFrom('01', '02'))
}).map(known) as fc.Arbitrary<NonNullable<Phone['events']>[number]>

const aPhone: fc.Arbitrary<Phone> = fc.record({
  apps: maybe(fc.uniqueArray(anApp, { selector: ({ appId }) => appId, maxLength: 6 })),
  events: fc.uniqueArray(anEvent, { selector: ({ eventId }) => eventId, maxLength: 5 }),
  os: maybe(fc.record({ version: maybe(fc.constant('14')), securityPatchLevel: maybe(fc.constantFrom('2020-01-01', '2026-11-01', 'x')) })),
  config: maybe(fc.record({ passcodeSet: maybe(fc.boolean()), usbDebugging: maybe(fc.boolean()), encryption: maybe(fc.constantFrom('active' as const, 'inactive' as const)) })),
  integrity: maybe(fc.record({ rooted: maybe(fc.boolean()), rootBinaries: maybe(fc.array(fc.constantFrom('/su', '/magisk'))) })),
  certificates: maybe(fc.array(fc.record({ sha256: fc.constantFrom('01', '02'), store: fc.constantFrom('user' as const, 'system' as const) }), { maxLength: 3 }))
}).map(known) as fc.Arbitrary<Phone>

/** A property without assertions of its own, so that the test has one. */
function holds<T> (t: Test, property: fc.IProperty<T>): void {
  const result = fc.check(property)
  t.notOk(result.failed, result.failed ? fc.defaultReportMessage(result) ?? 'fails' : 'holds')
}

const judge = (state: DeviceState, severities: typeof BUILT_IN_POLICY.severities = {}): ReturnType<typeof assess> =>
  assess({ platform: 'android', state, intel: INTEL, policy: { ...BUILT_IN_POLICY, severities }, now: NOW })

function deepFreeze<T> (value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}

t.test('no detection throws, and the level is the worst severity that raises it', async (t) => {
  holds(t, fc.property(aPhone, (told) => {
    const { level, findings, failures } = judge(phone(told))
    const worst = Math.max(0, ...findings.filter(({ raisesLevel }) => raisesLevel).map(({ severity }) => LEVELS.indexOf(severity as Level)))
    return failures.length === 0 && levelRank(level) === worst
  }))
})

t.test('the same phone gets the same answer, and nothing given is changed', async (t) => {
  fc.assert(fc.property(aPhone, (told) => {
    const state = deepFreeze(phone(told))
    const first = judge(state)
    t.strictSame(judge(JSON.parse(JSON.stringify(state)) as DeviceState), first)
    return first.failures.length === 0
  }), { numRuns: 50 })
})

t.test('the order of apps does not matter', async (t) => {
  fc.assert(fc.property(aPhone, (told) => {
    t.strictSame(judge(phone({ ...told, apps: (told.apps ?? []).toReversed() })), judge(phone({ ...told, apps: told.apps ?? [] })))
  }), { numRuns: 50 })
})

t.test('one more bad fact never lowers the level', async (t) => {
  const badFacts: ReadonlyArray<(told: Phone) => Phone> = [
    (told) => ({ ...told, apps: [...(told.apps ?? []), { appId: 'new.bad', sha256: 'aa' }] }),
    (told) => ({ ...told, apps: [...(told.apps ?? []), { appId: 'new.sideloaded', installer: null, system: false }] }),
    (told) => ({ ...told, config: { ...told.config, usbDebugging: true } }),
    (told) => ({ ...told, integrity: { ...told.integrity, rooted: true } }),
    (told) => ({ ...told, certificates: [...(told.certificates ?? []), { sha256: '03', store: 'user' }] }),
    (told) => ({ ...told, events: [...(told.events ?? []), { eventId: 'new', type: 'tls-interception', at: at(-1) }] }),
    (told) => ({ ...told, events: [...(told.events ?? []), { eventId: 'new', type: 'dns-query', at: at(-1), host: 'c2.example' }] })
  ]
  holds(t, fc.property(aPhone, fc.constantFrom(...badFacts), (told, add) =>
    levelRank(judge(phone(add(told))).level) >= levelRank(judge(phone(told)).level)))
})

t.test('findings are unique by detection and subject', async (t) => {
  holds(t, fc.property(aPhone, (told) => {
    const keys = judge(phone(told)).findings.map(({ detection, subject }) => `${detection} ${subject}`)
    return new Set(keys).size === keys.length
  }))
})

t.test('nothing changes before the moment that was named', async (t) => {
  fc.assert(fc.property(aPhone, (told) => {
    const state = phone(told)
    const { dueAt, ...before } = judge(state)
    const until = dueAt === null ? NOW.getTime() + 3000 * DAY_MS : Date.parse(dueAt) - 1
    const { dueAt: _, ...justBefore } = assess({ platform: 'android', state, intel: INTEL, policy: BUILT_IN_POLICY, now: new Date(until) })
    t.strictSame(justBefore, before)
  }), { numRuns: 50 })
})

t.test('what is switched off cannot be found', async (t) => {
  holds(t, fc.property(aPhone, fc.constantFrom('app-stalkerware', 'dev-rooted', 'net-tls-interception', 'os-cve-kev'), (told, id) =>
    !judge(phone(told), { [id]: 'off' }).findings.some(({ detection }) => detection === id)))
})
