import t from 'tap'
import { at, checkCases, DAY_MS, judge, NOW, only, vulnerability } from '../helpers.js'

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

t.test('a patch level is old from one day past the limit', async (t) => {
  const old = ['os-patch-180d securityPatchLevel medium']
  const level = (securityPatchLevel: string): { os: { securityPatchLevel: string } } => ({ os: { securityPatchLevel } })
  checkCases(t, [
    { name: '181 days', phone: level(day(-181)), finds: old },
    { name: '180 days', phone: level(day(-180)), finds: [] },
    { name: 'the policy\'s limit', phone: level(day(-31)), policy: { thresholds: { patchAgeMediumDays: 30 } }, finds: old },
    { name: 'one below the policy\'s limit', phone: level(day(-30)), policy: { thresholds: { patchAgeMediumDays: 30 } }, finds: [] },
    { name: 'a future level', phone: level(day(30)), finds: [] },
    { name: 'no such day', phone: level('2025-02-31'), finds: [] },
    { name: 'no day', phone: level('2020-01'), finds: [] },
    { name: 'nonsense', phone: level('unknown'), finds: [] },
    { name: 'empty', phone: level(''), finds: [] },
    { name: 'unknown', phone: { os: { version: '9' } }, finds: [] },
    { name: 'an iPhone has none', platform: 'ios', phone: level(day(-900)), finds: [] }
  ])
})

t.test('a phone is judged again on the day its patch level becomes old', async (t) => {
  const { dueAt } = judge({ phone: { os: { securityPatchLevel: day(-180) } } })
  t.equal(dueAt, startOf(day(1)))
  const then = new Date(dueAt!)
  t.equal(judge({ phone: { os: { securityPatchLevel: day(-180) } }, now: then }).level, 'medium')
  t.equal(judge({ phone: { os: { securityPatchLevel: day(-180) } }, now: new Date(then.getTime() - 1) }).level, 'secured')
  t.equal(judge({ phone: { os: { securityPatchLevel: day(-200) } } }).dueAt, null, 'an old one stays old')
})
