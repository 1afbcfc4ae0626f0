import t from 'tap'
import { appStatement, kevStatement, osStatement, release } from '../../intel/vulnerabilities/facts.js'
import { checkCases, judge, only } from '../helpers.js'

const app = (version: string | undefined, rest: object = {}): { apps: [{ appId: string }] } => ({ apps: [{ appId: 'com.example.app', ...(version === undefined ? {} : { version }), ...rest }] })

t.test('an app is judged by the holes of its version', async (t) => {
  const medium = ['app-vulnerable com.example.app medium']
  const high = ['app-kev-vulnerable com.example.app high']
  checkCases(t, [
    { name: 'CVSS 7', phone: app('1.9'), facts: [appStatement({ cvss: 7 })], finds: medium },
    { name: 'CVSS 6.9', phone: app('1.9'), facts: [appStatement({ cvss: 6.9 })], finds: [] },
    { name: 'no score but high', phone: app('1.9'), facts: [appStatement({ cvss: undefined, severity: 'high' } as never)], finds: medium },
    { name: 'no score but medium', phone: app('1.9'), facts: [appStatement({ cvss: undefined, severity: 'medium' } as never)], finds: [] },
    { name: 'neither', phone: app('1.9'), facts: [appStatement({ cvss: undefined, severity: null } as never)], finds: [] },
    { name: 'the fixed version', phone: app('2.0'), facts: [appStatement()], finds: [] },
    { name: 'an unknown version', phone: app(undefined), facts: [appStatement()], finds: [] },
    { name: 'no version', phone: app('unknown'), facts: [appStatement()], finds: [] },
    { name: 'disabled', phone: app('1.9', { enabled: false }), facts: [appStatement()], finds: [] },
    { name: 'another app', phone: { apps: [{ appId: 'com.example', version: '1.0' }] }, facts: [appStatement()], finds: [] },
    { name: 'its feed says that it is used', phone: app('1.9'), facts: [appStatement({ exploited: true, cvss: 3 })], finds: high },
    { name: 'CISA says that it is used', platform: 'ios', phone: app('1.9'), facts: [appStatement({ cve: 'CVE-2025-0007' }), kevStatement('CVE-2025-0007')], finds: high },
    { name: 'both', phone: app('1.9'), facts: [appStatement(), appStatement({ cve: 'CVE-2025-0002', exploited: true })], finds: [...high, ...medium] },
    { name: 'a version code', phone: app(undefined, { versionCode: 41 }), facts: [appStatement({ ranges: [{ fixed: '42', by: 'version-code' }] })], finds: medium },
    { name: 'the fixed version code', phone: app('1.0', { versionCode: '42' }), facts: [appStatement({ ranges: [{ fixed: '42', by: 'version-code' }] })], finds: [] }
  ])
  const two = only(judge({ phone: app('1.9'), facts: [appStatement(), appStatement({ cve: 'CVE-2025-0002', cvss: 9.8 })] }))
  t.equal(two.title, 'The app com.example.app 1.9 has 2 grave known holes: CVE-2025-0002 (CVSS 9.8), CVE-2025-0001 (CVSS 8.1); fixed in 2.0.')
  t.strictSame(two.evidence[0], { path: 'apps.items["com.example.app"].version', value: '1.9' })
})

t.test('an exploited hole says since when a fix exists, and that there is none', async (t) => {
  const facts = [
    osStatement({ fixedIn: ['18.1.1', '17.7.2'], fixedSince: { '18.1.1': '2024-11-19', '17.7.2': '2024-11-20' } }),
    release('18.1.1', { devices: ['iPhone12,1'] }),
    release('17.7.2', { devices: ['iPhone12,1', 'iPhone11,2'] })
  ]
  const found = (version: string, model: string): ReturnType<typeof only> => only(judge({ platform: 'ios', phone: { os: { version }, hardware: { model } }, facts }))
  t.match(found('17.7.1', 'iPhone12,1').title, /fixed in 18\.1\.1, 17\.7\.2 \(since 2024-11-19\)\.$/)
  t.match(found('17.7.1', 'iPhone11,2').title, /\(since 2024-11-20\)\.$/, 'the model cannot run 18')
  t.match(found('17.7.1', 'iPhone11,2').remediation.user, /^Install/)
  const old = found('16.7', 'iPhone10,3')
  t.match(old.title, /nothing comes for this phone\.$/)
  t.match(old.remediation, { user: /another phone/, admin: /^Replace the phone/ })
})

t.test('a release that gets no updates any more is said once, and the patch level knows that looking for one is no use', async (t) => {
  const phone = { os: { version: '10', securityPatchLevel: '2023-01-05' } }
  const cycle = (endOfLife: string | boolean): ReturnType<typeof release> => release('10', { platform: 'android', isCycle: true, endOfLife })
  const of = (id: string, facts: Array<ReturnType<typeof release>>, now?: Date): ReturnType<typeof only> | undefined =>
    judge({ phone, facts, ...(now === undefined ? {} : { now }) }).findings.find(({ detection }) => detection === id)
  t.match(of('os-end-of-life', [cycle('2023-03-06')]), { subject: 'version', title: /^Android 10 gets no security updates any more; the last came by 2023-03-06\.$/ })
  t.match(of('os-patch-365d', [cycle('2023-03-06')]), { remediation: { admin: /replace it/ } })
  t.match(of('os-end-of-life', [cycle(true)])?.title, /any more\.$/)
  for (const facts of [[cycle(false)], []]) {
    t.equal(of('os-end-of-life', facts), undefined, 'an unknown cycle is unknown')
    t.match(of('os-patch-365d', facts), { remediation: { user: /^Install/ } })
  }
  // The last day still counts.
  const last = judge({ phone, facts: [cycle('2026-11-23')] })
  t.notOk(last.findings.some(({ detection }) => detection === 'os-end-of-life'))
  t.equal(last.dueAt, '2026-11-24T00:00:00.000Z')
  t.ok(of('os-end-of-life', [cycle('2026-11-23')], new Date(last.dueAt!)))
})
