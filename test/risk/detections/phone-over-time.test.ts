import fc from 'fast-check'
import t from 'tap'
import { assess } from '../../../src/risk/assess.js'
import type { Assessment } from '../../../src/risk/assessment.js'
import { DETECTIONS } from '../../../src/risk/detections/index.js'
import { overlay, type PolicyPart } from '../../../src/risk/policy/overlay.js'
import { BUILT_IN_POLICY, type Policy } from '../../../src/risk/policy/policy.js'
import type { DeviceState, Platform } from '../../../src/telemetry/device-state.js'
import { osStatement, release } from '../../intel/vulnerabilities/facts.js'
import { at, DAY_MS, entry, intelOf, NOW, phone, vulnerability, type Phone } from '../helpers.js'

/** System, device and management; the others have properties of their own. */
const OF_THE_PHONE = DETECTIONS.filter(({ category }) => category === 'os' || category === 'device' || category === 'management')
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const told = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<object> =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, maybe(value as fc.Arbitrary<unknown>)]))).map((value) => JSON.parse(JSON.stringify(value)) as object)

const flag = fc.boolean()
const day = fc.integer({ min: -800, max: 120 }).map((days) => at(days * DAY_MS))
const patchLevel = fc.oneof(day.map((time) => time.slice(0, 10)), fc.constantFrom('2026-02-31', 'x'))
const version = fc.constantFrom('9', '12', '12L', '14', '16.5.1', '17.0', '18.10', 'Baklava')
const text = fc.constantFrom('a', 'b', '(c)', '')

const INTEL = intelOf([entry('process', 'evil')], [
  vulnerability({ platform: 'ios', kevDueDate: '2026-12-24', fixedSince: '2026-11-01', fixAvailable: true }),
  vulnerability({ platform: 'android', cve: 'CVE-2025-0002', exploited: false, cvss: 9.9, fixedSince: '2026-10-01', fixedIn: ['2026-10-05'] })
], [
  release('14', { platform: 'android', isCycle: true, endOfLife: '2026-12-31' }), release('12', { platform: 'android', isCycle: true, endOfLife: true }),
  release('17', { isCycle: true, endOfLife: '2027-01-01' }), osStatement({ fixedIn: ['16.5.1 (c)'], fixedSince: { '16.5.1 (c)': '2026-11-20' } })
])

const anEvent = fc.record({
  eventId: fc.uuid(),
  type: fc.constantFrom('adb-shell', 'file-push', 'auth-failure', 'exploit-trace', 'crash', 'active-exploit', 'log-stopped', 'wipe-failed', 'linked-device', 'key-integrity-violation'),
  at: fc.integer({ min: -8 * DAY_MS, max: 0 }).map(at),
  process: fc.constantFrom('evil', 'fine')
})

const aPhone = fc.record({
  os: told({ version, build: text, supplementalBuild: text, supplementalVersion: text, securityPatchLevel: patchLevel, bootloaderLocked: flag, verifiedBootState: fc.constantFrom('green', 'yellow', 'orange', 'red'), testKeys: flag, beta: flag, update: told({ available: flag, security: flag, since: day }) }),
  highestOs: told({ version, securityPatchLevel: patchLevel }),
  hardware: told({ model: text, emulator: flag }),
  config: told({ passcodeSet: flag, passcodeCompliant: flag, autoLockSeconds: fc.constantFrom(0, 60, 10_000), encryption: fc.constantFrom('active', 'default-key', 'inactive'), adbKeys: fc.nat(2), unknownSources: flag, playProtect: flag, managed: flag, managedBy: told({ identifier: text, organization: text }), lockdownMode: flag, commonCriteria: flag, biometrics: flag }),
  integrity: told({ rooted: flag, rootBinaries: fc.array(fc.constantFrom('/su', '/magiskhide')), hooks: fc.array(text), reasons: fc.array(fc.constantFrom('UNKNOWN_OS', 'x')), systemWritable: flag, systemTampered: flag, playProtectVerdict: fc.constantFrom('no-issues', 'possible-risk', 'high-risk'), attestation: told({ verdict: fc.constantFrom('strong', 'basic', 'failed'), at: day, hardwareEvaluation: fc.constantFrom('passed', 'failed'), nonceMatches: flag, activityLevel: fc.integer({ min: 1, max: 4 }) }) }),
  agent: told({ version, missingPermissions: fc.array(text), scope: fc.constantFrom('device', 'work-profile'), appInventory: fc.constantFrom('complete', 'withheld'), lastScanAt: day, policy: told({ applied: text, deployed: text, since: day }) }),
  profiles: fc.array(told({ uuid: text, identifier: text, organization: text, managed: flag, removalDisallowed: flag, payloadTypes: fc.array(fc.constantFrom('com.apple.mdm', 'com.apple.vpn.managed', 'com.apple.wifi.managed', 'com.apple.security.root')) }), { maxLength: 2 }),
  files: fc.array(told({ path: fc.constantFrom('/data/local/tmp/x', '/data/local/tmp/.studio/y', '/x'), executable: flag }), { maxLength: 2 }),
  processes: fc.array(fc.constantFrom('evil', 'init'), { maxLength: 2 }),
  clockOffsetSeconds: fc.constantFrom(-1_000_000, 300, 100_000),
  events: fc.uniqueArray(anEvent, { selector: ({ eventId }) => eventId, maxLength: 12 })
}, { requiredKeys: ['events'] }).map((fields) => fields as Phone)

const aPolicy: fc.Arbitrary<Policy> = fc.record({
  graceDays: fc.constantFrom(0, 10, 60),
  minimum: maybe(fc.constantFrom('13', '17.5')),
  off: fc.subarray(['os-patch-90d', 'os-patch-180d', 'os-patch-365d']),
  required: flag,
  known: flag
}).map(({ graceDays, minimum, off, required, known }): PolicyPart => ({
  grace: graceDays === 0 ? {} : Object.fromEntries(OF_THE_PHONE.filter(({ mayWait }) => mayWait === true).map(({ id }) => [id, graceDays])),
  versions: { minimum: minimum === undefined ? {} : { android: minimum, ios: minimum, agent: minimum } },
  severities: Object.fromEntries(off.map((id) => [id, 'off' as const])),
  thresholds: { keyguardFailures: 2, logGaps: 2 },
  requirements: { lockdownMode: required, biometrics: required, managed: required, commonCriteria: required },
  management: { organizations: known ? ['a'] : [] }
})).map((part) => overlay(BUILT_IN_POLICY, part))

const platforms = fc.constantFrom<Platform>('android', 'ios', 'ipados')
const judge = (platform: Platform, state: DeviceState, policy: Policy, now: Date): Assessment => assess({ platform, state, intel: INTEL, policy, now, detections: OF_THE_PHONE })

t.test('whatever a phone tells, nothing throws, and nothing changes before the moment that was named', async (t) => {
  const seed = Number(process.env.PHONE_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}`)
  let changes = 0
  fc.assert(fc.property(platforms, aPhone, aPolicy, (platform, fields, policy) => {
    const state = phone(fields)
    const frozen = JSON.stringify(state)
    let now = NOW
    // A phone that is left alone settles after a few changes.
    for (let step = 0; step < 40; step++) {
      const { dueAt, ...answer } = judge(platform, state, policy, now)
      if (answer.failures.length > 0) throw new Error(JSON.stringify(answer.failures))
      const until = dueAt === null ? now.getTime() + 3_000 * DAY_MS : Date.parse(dueAt) - 1
      const { dueAt: _, ...later } = judge(platform, state, policy, new Date(until))
      if (JSON.stringify(later) !== JSON.stringify(answer)) throw new Error(`${JSON.stringify(answer.findings)}\nis ${JSON.stringify(later.findings)}\nbefore ${String(dueAt)}`)
      if (dueAt === null) return JSON.stringify(state) === frozen
      changes++
      now = new Date(dueAt)
    }
    throw new Error('never settles')
  }), { numRuns: 1_500, seed })
  t.ok(changes > 1_000, `${changes} changes came on time`)
})
