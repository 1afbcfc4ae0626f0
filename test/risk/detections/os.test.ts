import t from 'tap'
import { osStatement } from '../../intel/vulnerabilities/facts.js'
import { at, checkCases, DAY_MS, judge, NOW, only, summary, vulnerability } from '../helpers.js'

const today = NOW.toISOString().slice(0, 10)
const day = (offsetDays: number): string => at(offsetDays * DAY_MS).slice(0, 10)
const startOf = (date: string): string => `${date}T00:00:00.000Z`

t.test('exploited holes are high when CISA\'s date has passed', async (t) => {
  const phone = { os: { version: '17.0' } }
  const found = (severity: string): string[] => [`os-cve-kev CVE-2025-0001 ${severity}`]
  checkCases(t, [
    { name: 'the day after', platform: 'ios', phone, vulnerabilities: [vulnerability({ kevDueDate: day(-1) })], finds: found('high') },
    { name: 'the last day to patch', platform: 'ios', phone, vulnerabilities: [vulnerability({ kevDueDate: today })], finds: found('medium') },
    { name: 'no date', platform: 'ios', phone, vulnerabilities: [vulnerability({ kevDueDate: null })], finds: found('medium') },
    { name: 'a hole nobody uses', platform: 'ios', phone, vulnerabilities: [vulnerability({ exploited: false })], finds: [] },
    { name: 'an unknown version', platform: 'ios', phone: { os: { build: '21G93' } }, vulnerabilities: [vulnerability()], finds: [] },
    { name: 'no section', platform: 'ios', phone: {}, vulnerabilities: [vulnerability()], finds: [] },
    { name: 'one finding a CVE', platform: 'ios', phone, vulnerabilities: [vulnerability({ cve: 'CVE-2025-2' }), vulnerability({ cve: 'CVE-2025-1' })], finds: ['os-cve-kev CVE-2025-1 high', 'os-cve-kev CVE-2025-2 high'] },
    { name: 'Android by its patch level', phone: { os: { securityPatchLevel: day(-10) } }, vulnerabilities: [vulnerability({ platform: 'android', fixedIn: [day(-5)] })], finds: found('high') }
  ])
})

t.test('an exploited hole says what fixes it, and is judged again when the date passes', async (t) => {
  const result = judge({ platform: 'ios', phone: { os: { version: '17.0' } }, vulnerabilities: [vulnerability({ kevDueDate: day(3), fixedIn: ['17.7.2', '18.1.1'] })] })
  t.match(only(result).title, /CVE-2025-0001.*fixed in 17\.7\.2, 18\.1\.1/)
  t.strictSame(only(result).evidence[0], { path: 'os.version', value: '17.0' })
  t.equal(result.dueAt, startOf(day(4)))

  const levelAt = (ms: number): string => judge({ platform: 'ios', phone: { os: { version: '17.0' } }, vulnerabilities: [vulnerability({ kevDueDate: day(3) })], now: new Date(ms) }).level
  const passes = Date.parse(result.dueAt!)
  t.strictSame([levelAt(passes - 1), levelAt(passes)], ['medium', 'high'])
})

t.test('a patch level is old from one day past the limit, and the gravest stage speaks alone', async (t) => {
  const found = (stage: string, severity: string): string[] => [`os-patch-${stage} securityPatchLevel ${severity}`]
  const unknown = ['os-patch-unknown securityPatchLevel audit']
  const level = (securityPatchLevel: string): { os: { securityPatchLevel: string } } => ({ os: { securityPatchLevel } })
  checkCases(t, [
    { name: '90 days', phone: level(day(-90)), finds: [] },
    { name: '91 days', phone: level(day(-91)), finds: found('90d', 'low') },
    { name: '180 days', phone: level(day(-180)), finds: found('90d', 'low') },
    { name: '181 days', phone: level(day(-181)), finds: found('180d', 'medium') },
    { name: '365 days', phone: level(day(-365)), finds: found('180d', 'medium') },
    { name: '366 days', phone: level(day(-366)), finds: found('365d', 'high') },
    { name: 'years, with the gravest stage off', phone: level(day(-900)), policy: { severities: { 'os-patch-365d': 'off' } }, finds: found('180d', 'medium') },
    { name: 'years, with both off', phone: level(day(-900)), policy: { severities: { 'os-patch-365d': 'off', 'os-patch-180d': 'off' } }, finds: found('90d', 'low') },
    { name: 'a graver stage that waits leaves it to the milder', phone: level(day(-366)), policy: { grace: { 'os-patch-365d': 1 } }, finds: found('180d', 'medium') },
    { name: 'the policy\'s limit', phone: level(day(-31)), policy: { thresholds: { patchAgeMediumDays: 30 } }, finds: found('180d', 'medium') },
    { name: 'one below the policy\'s limit', phone: level(day(-30)), policy: { thresholds: { patchAgeMediumDays: 30 } }, finds: [] },
    { name: 'next month\'s level', phone: level(day(30)), finds: [] },
    { name: 'too far ahead', phone: level(day(33)), finds: unknown },
    { name: 'no such day', phone: level('2025-02-31'), finds: unknown },
    { name: 'no day', phone: level('2020-01'), finds: unknown },
    { name: 'unknown', phone: { os: { version: '9' } }, finds: [] },
    { name: 'an iPhone has none', platform: 'ios', phone: level(day(-900)), finds: [] }
  ])
})

t.test('a phone is judged again on the day its patch level becomes old, through all stages', async (t) => {
  const phone = { os: { securityPatchLevel: day(-80) } }
  const levels: string[] = []
  let now = NOW
  for (;;) {
    const { level, dueAt } = judge({ phone, now })
    levels.push(level)
    if (dueAt === null) break
    t.equal(judge({ phone, now: new Date(Date.parse(dueAt) - 1) }).level, level, 'not a moment earlier')
    now = new Date(dueAt)
  }
  t.strictSame(levels, ['secured', 'low', 'medium', 'high'])
  t.equal(now.toISOString(), startOf(day(-80 + 366)))
  t.equal(judge({ phone: { os: { securityPatchLevel: day(-400) } } }).dueAt, null, 'an old one stays old')
  t.equal(judge({ phone: { os: { securityPatchLevel: day(20) } } }).dueAt, startOf(day(20 + 91)), 'one that lies ahead grows old as well')
})

t.test('what may wait comes on the day that waiting is over', async (t) => {
  const comes = (told: Parameters<typeof judge>[0], from: string): void => {
    const waiting = judge(told)
    t.equal(waiting.level, 'secured')
    t.equal(waiting.dueAt, from)
    t.not(judge({ ...told, now: new Date(from) }).level, 'secured')
    t.equal(judge({ ...told, now: new Date(Date.parse(from) - 1) }).level, 'secured')
  }
  const os = { version: '17.0' }
  const hole = { fixedIn: ['17.1'], fixedSince: day(-5), fixAvailable: true }
  comes({ platform: 'ios', phone: { os }, vulnerabilities: [vulnerability({ ...hole, kevDueDate: null })], policy: { grace: { 'os-cve-kev': 14 } } }, startOf(day(9)))
  comes({ platform: 'ios', phone: { os }, vulnerabilities: [vulnerability({ ...hole, exploited: false, cvss: 9.1 })], policy: { grace: { 'os-cve-critical': 14 } } }, startOf(day(9)))
  comes({ platform: 'ios', phone: { os: { ...os, update: { available: true, since: at(-DAY_MS) } } }, policy: { versions: { minimum: { ios: '18' } }, grace: { 'os-outdated': 3 }, severities: { 'os-update-pending': 'off' } } }, at(2 * DAY_MS))
  comes({ phone: { os: { update: { available: true, since: at(-DAY_MS) } } } }, at(13 * DAY_MS))
  t.equal(judge({ platform: 'ios', phone: { os }, vulnerabilities: [vulnerability({ ...hole, fixAvailable: false, kevDueDate: null })], policy: { grace: { 'os-cve-kev': 14 } } }).level, 'medium', 'where no fix comes there is nothing to wait for')
})

t.test('an installed security response closes what it fixes', async (t) => {
  const os = { version: '16.5', build: '20F66' }
  const facts = [osStatement({ fixedIn: ['16.5 (c)'], exploited: true })]
  const found = (supplementalVersion: string): string[] => summary(judge({ platform: 'ios', phone: { os: { ...os, supplementalVersion } }, facts }))
  t.strictSame(found('(a)').sort(), ['os-cve-kev CVE-2025-0001 high', 'os-rapid-response-missing 16.5 (c) low'])
  t.strictSame([found('(c)'), found('c'), found('(d)')], [[], [], []])
  // Management names no letter any more after an update; the old one stays in the state.
  const updated = { ...os, version: '16.6', build: '20G75', supplementalBuild: '20G75', supplementalVersion: '(c)' }
  t.strictSame(summary(judge({ platform: 'ios', phone: { os: updated }, facts: [osStatement({ fixedIn: ['16.6 (a)'], exploited: true })] })).length, 2)
})

t.test('what a management system says is no proof of a downgrade', async (t) => {
  const highestOs = { version: '15', securityPatchLevel: '2026-10-05' }
  const os = { version: '14', securityPatchLevel: '2026-10-05' }
  const origin = { sequence: 3, collectedAt: at(-DAY_MS) }
  checkCases(t, [
    { name: 'the agent\'s word', phone: { os, highestOs, origins: { os: origin } }, finds: ['os-downgraded version medium'] },
    { name: 'a service\'s', phone: { os, highestOs, origins: { os: { ...origin, source: 'intune-app-sync' } } }, finds: [] },
    { name: 'the agent\'s, which a service left as it was', phone: { os, highestOs, origins: { os: { ...origin, source: 'intune-app-sync', older: { version: 3 } } } }, finds: ['os-downgraded version medium'] },
    { name: 'a state from before it was remembered', phone: { os }, finds: [] }
  ])
})
