import t from 'tap'
import { at, checkCases, DAY_MS, entry, HOUR_MS, judge, only, type Phone, summary } from '../helpers.js'

t.test('a rooted or jailbroken phone is found by its verdict', async (t) => {
  checkCases(t, [
    { name: 'rooted', phone: { integrity: { rooted: true } }, finds: ['dev-rooted rooted high'] },
    { name: 'not rooted', phone: { integrity: { rooted: false, reasons: ['nothing found'] } }, finds: [] },
    { name: 'unknown', phone: { integrity: { reasons: ['?'] } }, finds: [] },
    { name: 'no section', phone: {}, finds: [] },
    { name: 'jailbroken', platform: 'ios', phone: { integrity: { jailbroken: true } }, finds: ['dev-jailbroken jailbroken high'] },
    { name: 'jailbroken iPad', platform: 'ipados', phone: { integrity: { jailbroken: true } }, finds: ['dev-jailbroken jailbroken high'] },
    { name: 'not jailbroken', platform: 'ios', phone: { integrity: { jailbroken: false } }, finds: [] },
    { name: 'a jailbroken Android phone is a mistake', phone: { integrity: { jailbroken: true } }, finds: [] },
    { name: 'a rooted iPhone is a mistake', platform: 'ios', phone: { integrity: { rooted: true } }, finds: [] }
  ])
  const { evidence, title } = only(judge({ phone: { integrity: { rooted: true, reasons: ['su found', 'boot image changed'] } } }))
  t.strictSame(evidence, [
    { path: 'integrity.rooted', value: true },
    { path: 'integrity.reasons[0]', value: 'su found' },
    { path: 'integrity.reasons[1]', value: 'boot image changed' }
  ])
  t.match(title, /su found, boot image changed/)
})

t.test('each root tool is a finding of its own', async (t) => {
  checkCases(t, [
    { name: 'two', phone: { integrity: { rootBinaries: ['/system/xbin/su', '/sbin/magisk'] } }, finds: ['dev-root-binary /sbin/magisk high', 'dev-root-binary /system/xbin/su high'] },
    { name: 'one told twice', phone: { integrity: { rootBinaries: ['/system/xbin/su', '/system/xbin/su'] } }, finds: ['dev-root-binary /system/xbin/su high'] },
    { name: 'none', phone: { integrity: { rootBinaries: [] } }, finds: [] },
    { name: 'unknown', phone: { integrity: {} }, finds: [] }
  ])
})

t.test('unsafe settings are found, unknown ones are not', async (t) => {
  checkCases(t, [
    { name: 'no lock', phone: { config: { passcodeSet: false } }, finds: ['dev-no-passcode passcodeSet medium'] },
    { name: 'no lock on an iPhone', platform: 'ios', phone: { config: { passcodeSet: false } }, finds: ['dev-no-passcode passcodeSet medium'] },
    { name: 'lock', phone: { config: { passcodeSet: true } }, finds: [] },
    { name: 'not encrypted', phone: { config: { encryption: 'inactive' } }, finds: ['dev-unencrypted encryption high'] },
    { name: 'cannot encrypt', phone: { config: { encryption: 'unsupported' } }, finds: ['dev-unencrypted encryption high'] },
    { name: 'encrypted', phone: { config: { encryption: 'active' } }, finds: [] },
    { name: 'encrypted with the default key is another detection', phone: { config: { encryption: 'default-key' } }, finds: ['dev-encryption-default-key encryption low'] },
    { name: 'debugging', phone: { config: { usbDebugging: true } }, finds: ['dev-usb-debugging usbDebugging medium'] },
    { name: 'no debugging', phone: { config: { usbDebugging: false } }, finds: [] },
    { name: 'nothing known', phone: { config: {} }, finds: [] }
  ])
})

t.test('a listed profile is reported by one detection', async (t) => {
  const profiles = [{ uuid: 'AAAA-1', identifier: 'com.bad.profile' }]
  checkCases(t, [
    { name: 'by its uuid', platform: 'ios', phone: { profiles }, intel: [entry('profile-id', 'aaaa-1')], finds: ['dev-malicious-profile AAAA-1 high'] },
    { name: 'by its identifier', platform: 'ios', phone: { profiles }, intel: [entry('profile-id', 'com.bad.profile')], finds: ['dev-malicious-profile com.bad.profile high'] },
    { name: 'mercenary spyware has its own', platform: 'ios', phone: { profiles }, intel: [entry('profile-id', 'aaaa-1', { threatClass: 'mercenary-spyware' })], finds: ['app-mercenary-spyware AAAA-1 high'] },
    { name: 'an unlisted one is fine', platform: 'ios', phone: { profiles }, intel: [entry('profile-id', 'bbbb')], finds: [] }
  ])
})

const event = (type: string, ago: number, rest: object = {}): NonNullable<Phone['events']>[number] => ({ eventId: `${type} ${ago}`, type, at: at(-ago), ...rest })

t.test('failed unlocks count together as long as the last of them is young enough', async (t) => {
  const failures = (count: number, from: number): Phone['events'] => Array.from({ length: count }, (_, index) => event('auth-failure', from - index * 60_000))
  const result = judge({ phone: { events: failures(12, 5 * HOUR_MS)! } })
  t.strictSame(summary(result), ['dev-keyguard-failures keyguard medium'])
  t.equal(only(result).expiresAt, at(-5 * HOUR_MS + 11 * 60_000 + DAY_MS), 'a day after the last')
  t.strictSame(summary(judge({ phone: { events: failures(12, 30 * HOUR_MS)! } })), [])
  // A phone whose clock runs ahead cannot make it last longer.
  const ahead = failures(12, -40 * DAY_MS)!.map((one) => ({ ...one, receivedAt: at(-HOUR_MS) }))
  t.equal(only(judge({ phone: { events: ahead } })).expiresAt, at(-HOUR_MS + DAY_MS))
})

t.test('gaps of the log are graver while there are many of them', async (t) => {
  const phone = { events: [event('log-stopped', 23 * HOUR_MS), event('log-stopped', 10 * HOUR_MS), event('log-buffer-critical', HOUR_MS)] }
  const result = judge({ phone })
  t.equal(only(result).severity, 'medium')
  t.equal(result.dueAt, at(HOUR_MS), 'the first of the three stops to count')
  t.equal(only(judge({ phone, now: new Date(result.dueAt!) })).severity, 'low')
  t.equal(judge({ phone, now: new Date(at(23 * HOUR_MS)) }).level, 'secured')
})

t.test('an attestation grows old on its day', async (t) => {
  const phone: Phone = { integrity: { attestation: { verdict: 'strong', at: at(-3 * DAY_MS) } } }
  const { level, dueAt } = judge({ phone, policy: { thresholds: { attestationAgeDays: 10 } } })
  t.strictSame([level, dueAt], ['secured', at(7 * DAY_MS)])
  t.equal(judge({ phone, policy: { thresholds: { attestationAgeDays: 10 } }, now: new Date(dueAt!) }).level, 'low')
})

t.test('foreign management is said once, whatever else its profile brings', async (t) => {
  const profiles = [{ identifier: 'com.stranger.mdm', managed: false, removalDisallowed: true, payloadTypes: ['com.apple.mdm'] }]
  checkCases(t, [
    { name: 'where the organisation is known', platform: 'ios', phone: { profiles }, policy: { management: { organizations: ['Example'] } }, finds: ['dev-foreign-mdm com.stranger.mdm high'] },
    { name: 'where it is not', platform: 'ios', phone: { profiles }, finds: [] },
    { name: 'a phone that is not managed has no manager', phone: { config: { managed: false, managedBy: { identifier: 'x' } } }, policy: { management: { organizations: ['Example'] } }, finds: [] }
  ])
})

t.test('developers\' and testers\' phones are a matter of their group\'s policy', async (t) => {
  const phone: Phone = {
    config: { developerMode: true, usbDebugging: true, adbKeys: 2, passcodeSet: true },
    files: [{ path: '/data/local/tmp/perfd/perfd', executable: true }, { path: '/data/local/tmp/scrcpy-server.jar', executable: true }],
    events: [event('adb-shell', HOUR_MS), event('file-push', HOUR_MS)]
  }
  t.equal(judge({ phone }).level, 'medium')
  const policy = { severities: { 'dev-developer-mode': 'off', 'dev-usb-debugging': 'audit', 'dev-adb-activity': 'audit' } } as const
  t.equal(judge({ phone, policy }).level, 'secured')
})
