import t from 'tap'
import { assess } from '../../../src/risk/assess.js'
import { BUILT_IN_POLICY } from '../../../src/risk/policy/policy.js'
import { at, checkCases, DAY_MS, entry, HOUR_MS, intelOf, judge, NOW, only, phone, type Case } from '../helpers.js'

const APP = 'com.example.app'
const HASH = 'ab'.repeat(32)
const CERT = 'cd'.repeat(20)
const AOSP_TEST_KEY_SHA1 = '61ed377e85d386a8dfee6b864bd85b0bfaa5af81'

t.test('known malware is judged by the strength of the facts', async (t) => {
  checkCases(t, [
    { name: 'a listed package hash is proof', phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [entry('sha256', HASH)], finds: [`app-malware-known ${APP} high`] },
    { name: 'a hash in capitals is the same hash', phone: { apps: [{ appId: APP, sha256: HASH.toUpperCase() }] }, intel: [entry('sha256', HASH)], finds: [`app-malware-known ${APP} high`] },
    { name: 'a listed signing certificate is proof', phone: { apps: [{ appId: APP, signingCertSha1: ['00'.repeat(20), CERT] }] }, intel: [entry('cert-sha1', CERT)], finds: [`app-malware-known ${APP} high`] },
    { name: 'colons in a fingerprint do not hide it', phone: { apps: [{ appId: APP, signingCertSha1: [CERT.match(/../g)!.join(':')] }] }, intel: [entry('cert-sha1', CERT)], finds: [`app-malware-known ${APP} high`] },
    { name: 'a package name alone is weak', phone: { apps: [{ appId: APP }] }, intel: [entry('app-id', APP)], finds: [`app-malware-known ${APP} medium`] },
    { name: 'an iPhone app is judged too', platform: 'ios', phone: { apps: [{ appId: APP }] }, intel: [entry('app-id', APP)], finds: [`app-malware-known ${APP} medium`] },
    { name: 'a system app may be malware as well', phone: { apps: [{ appId: APP, system: true, sha256: HASH }] }, intel: [entry('sha256', HASH)], finds: [`app-malware-known ${APP} high`] },
    { name: 'a list without classes still calls the app bad', phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [entry('sha256', HASH, { threatClass: 'unknown' })], finds: [`app-malware-known ${APP} high`] },
    { name: 'the allowed apps settle a name', phone: { apps: [{ appId: APP }] }, intel: [entry('app-id', APP)], policy: { apps: { allow: [APP] } }, finds: [] },
    { name: 'the allowed apps never settle a hash', phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [entry('sha256', HASH)], policy: { apps: { allow: [APP] } }, finds: [`app-malware-known ${APP} high`] },
    { name: 'a key that everybody has proves nothing', phone: { apps: [{ appId: APP, signingCertSha1: [AOSP_TEST_KEY_SHA1] }] }, intel: [entry('cert-sha1', AOSP_TEST_KEY_SHA1)], finds: [] },
    { name: 'intel that has run out counts no more', phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [entry('sha256', HASH, { validUntil: at(-1) })], finds: [] },
    { name: 'intel that is not valid yet does not count', phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [entry('sha256', HASH, { validFrom: at(1) })], finds: [] },
    { name: 'adware is low', phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [entry('sha256', HASH, { threatClass: 'adware' })], finds: [`app-adware ${APP} low`] },
    { name: 'watchware is medium', phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [entry('sha256', HASH, { threatClass: 'watchware' })], finds: [`app-watchware ${APP} medium`] },
    { name: 'another hash is another app', phone: { apps: [{ appId: APP, sha256: '00'.repeat(32) }] }, intel: [entry('sha256', HASH)], finds: [] },
    { name: 'no app list is unknown', phone: {}, intel: [entry('app-id', APP)], finds: [] }
  ])
})

t.test('known malware comes with its proof', async (t) => {
  const finding = only(judge({ phone: { apps: [{ appId: APP, sha256: HASH, signingCertSha1: [CERT] }] }, intel: [entry('sha256', HASH), entry('cert-sha1', CERT, { family: 'Other' })] }))
  t.strictSame(finding.evidence, [
    { path: 'apps.items["com.example.app"].sha256', value: HASH },
    { path: 'apps.items["com.example.app"].signingCertSha1[0]', value: CERT }
  ])
  t.strictSame(finding.intel, { feed: 'test-feed', family: 'TestFamily', type: 'sha256', value: HASH, threatClass: 'malware' })
  t.match(finding.title, /its package hash and signing certificate are listed for TestFamily \(test-feed\)/)
  t.equal(finding.expiresAt, null, 'a state does not expire')
  t.ok(finding.remediation.user && finding.remediation.admin)
})

t.test('a phone is judged again when the intel it rests on runs out', async (t) => {
  t.equal(judge({ phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [entry('sha256', HASH, { validUntil: at(DAY_MS) })] }).dueAt, at(DAY_MS))
})

const stalker = (type: 'app-id' | 'cert-sha1' | 'sha256', value: string): ReturnType<typeof entry> => entry(type, value, { threatClass: 'stalkerware', family: 'SpyFamily' })
const stalkerC2 = entry('domain', 'c2.example', { threatClass: 'stalkerware', family: 'SpyFamily', role: 'c2' })
const query = { eventId: 'e1', type: 'dns-query', at: at(-HOUR_MS), host: 'api.c2.example' }

t.test('stalkerware is high only with more than a package name', async (t) => {
  checkCases(t, [
    { name: 'package and certificate', phone: { apps: [{ appId: APP, signingCertSha1: [CERT] }] }, intel: [stalker('app-id', APP), stalker('cert-sha1', CERT)], finds: [`app-stalkerware ${APP} high`] },
    { name: 'package and hash', phone: { apps: [{ appId: APP, sha256: HASH }] }, intel: [stalker('app-id', APP), stalker('sha256', HASH)], finds: [`app-stalkerware ${APP} high`] },
    { name: 'certificate alone, under a new name', phone: { apps: [{ appId: 'com.renamed', signingCertSha1: [CERT] }] }, intel: [stalker('app-id', APP), stalker('cert-sha1', CERT)], finds: ['app-stalkerware com.renamed high'] },
    { name: 'package alone', phone: { apps: [{ appId: APP, signingCertSha1: ['00'.repeat(20)] }] }, intel: [stalker('app-id', APP), stalker('cert-sha1', CERT)], finds: [`app-stalkerware ${APP} medium`] },
    { name: 'package, and the phone asks for its maker\'s server', phone: { apps: [{ appId: APP }], events: [query] }, intel: [stalker('app-id', APP), stalkerC2], finds: [`app-stalkerware ${APP} high`, 'net-c2-domain api.c2.example high'] },
    { name: 'package, and another app asked for that server', phone: { apps: [{ appId: APP }], events: [{ ...query, appId: 'com.other' }] }, intel: [stalker('app-id', APP), stalkerC2], finds: ['app-c2-contact com.other high', `app-stalkerware ${APP} medium`] },
    { name: 'package, and a server of another family', phone: { apps: [{ appId: APP }], events: [query] }, intel: [stalker('app-id', APP), { ...stalkerC2, family: 'Other' }], finds: ['net-c2-domain api.c2.example high', `app-stalkerware ${APP} medium`] },
    { name: 'the allowed apps settle the name alone', phone: { apps: [{ appId: APP }] }, intel: [stalker('app-id', APP)], policy: { apps: { allow: [APP] } }, finds: [] },
    { name: 'the allowed apps do not settle the certificate', phone: { apps: [{ appId: APP, signingCertSha1: [CERT] }] }, intel: [stalker('cert-sha1', CERT)], policy: { apps: { allow: [APP] } }, finds: [`app-stalkerware ${APP} high`] },
    { name: 'what the organisation sets is final', phone: { apps: [{ appId: APP }] }, intel: [stalker('app-id', APP)], policy: { severities: { 'app-stalkerware': 'high' } }, finds: [`app-stalkerware ${APP} high`] }
  ])
  const weaker = judge({ phone: { apps: [{ appId: APP }], events: [query] }, intel: [stalker('app-id', APP), stalkerC2] })
  t.equal(weaker.dueAt, at(DAY_MS - HOUR_MS), 'judged again when the contact is too long ago to count')
})

t.test('a package name of its own is enough for stalkerware', async (t) => {
  const named = (appId: string, ...families: string[]): Pick<Case, 'phone' | 'intel'> => ({
    phone: { apps: [{ appId }] },
    intel: families.map((family, index) => entry('app-id', appId, { threatClass: 'stalkerware', family, feed: `feed-${index}` }))
  })
  checkCases(t, [
    { name: 'the family\'s brand', ...named('com.cocospy', 'Cocospy'), finds: ['app-stalkerware com.cocospy high'] },
    { name: 'in two lists that agree', ...named('com.cocospy', 'Cocospy', 'CocoSpy'), finds: ['app-stalkerware com.cocospy high'] },
    { name: 'in two lists that do not', ...named('com.cocospy', 'Cocospy', 'Other'), finds: ['app-stalkerware com.cocospy medium'] },
    { name: 'a name like a system\'s', ...named('com.android.cocospy', 'Cocospy'), finds: ['app-stalkerware com.android.cocospy medium'] },
    { name: 'ordinary words', ...named('com.system.user', 'uMobix'), finds: ['app-stalkerware com.system.user medium'] },
    { name: 'the allowed apps settle it all the same', ...named('com.cocospy', 'Cocospy'), policy: { apps: { allow: ['com.cocospy'] } }, finds: [] }
  ])
  const wildcard = entry('app-id', 'com.cocospy.*', { threatClass: 'stalkerware', family: 'Cocospy' })
  const byWildcard = assess({
    platform: 'android',
    state: phone({ apps: [{ appId: 'com.cocospy.v3' }] }),
    intel: { ...intelOf(), lookup: (type) => type === 'app-id' ? [wildcard] : [] },
    policy: BUILT_IN_POLICY,
    now: NOW
  })
  t.strictSame(byWildcard.findings.map(({ severity }) => severity), ['medium'], 'a wildcard names many apps')
})

t.test('a server of the family confirms a name, however a list spells the family', async (t) => {
  checkCases(t, [{
    name: 'another spelling',
    phone: { apps: [{ appId: APP }], events: [query] },
    intel: [stalker('app-id', APP), { ...stalkerC2, family: 'spy-family', feed: 'other' }],
    finds: [`app-stalkerware ${APP} high`, 'net-c2-domain api.c2.example high']
  }])
})

t.test('intel of little confidence weighs a step less', async (t) => {
  const apps = [{ appId: APP, sha256: HASH }]
  const sure = (threatClass: Parameters<typeof entry>[2], confidence?: number): ReturnType<typeof entry> => entry('sha256', HASH, { ...threatClass, ...(confidence === undefined ? {} : { confidence }) })
  const thresholds = { ...BUILT_IN_POLICY.thresholds }
  checkCases(t, [
    { name: 'at the bound', phone: { apps }, intel: [sure({}, 30)], finds: [`app-malware-known ${APP} high`] },
    { name: 'one below', phone: { apps }, intel: [sure({}, 29)], finds: [`app-malware-known ${APP} medium`] },
    { name: 'somebody is sure', phone: { apps }, intel: [sure({}, 5), sure({ feed: 'other' })], finds: [`app-malware-known ${APP} high`] },
    { name: 'somebody is sure of another class', phone: { apps }, intel: [sure({ threatClass: 'mercenary-spyware' }, 5), sure({})], finds: [`app-mercenary-spyware ${APP} medium`] },
    { name: 'stalkerware', phone: { apps }, intel: [sure({ threatClass: 'stalkerware' }, 0)], finds: [`app-stalkerware ${APP} medium`] },
    { name: 'watchware', phone: { apps }, intel: [sure({ threatClass: 'watchware' }, 0)], finds: [`app-watchware ${APP} low`] },
    { name: 'adware is not shown to the user any more', phone: { apps }, intel: [sure({ threatClass: 'adware' }, 0)], finds: [`app-adware ${APP} audit`] },
    { name: 'a bound of the organisation', phone: { apps }, intel: [sure({}, 60)], policy: { thresholds: { ...thresholds, lowConfidence: 70 } }, finds: [`app-malware-known ${APP} medium`] },
    { name: 'no bound', phone: { apps }, intel: [sure({}, 0)], policy: { thresholds: { ...thresholds, lowConfidence: 0 } }, finds: [`app-malware-known ${APP} high`] },
    { name: 'what the organisation sets is final', phone: { apps }, intel: [sure({}, 0)], policy: { severities: { 'app-malware-known': 'high' } }, finds: [`app-malware-known ${APP} high`] }
  ])
})

t.test('stalkerware is told with care', async (t) => {
  const { remediation } = only(judge({ phone: { apps: [{ appId: APP }] }, intel: [stalker('app-id', APP)] }))
  t.match(remediation.user, /notice/, 'warns that whoever installed it may notice')
  t.match(remediation.user, /stopstalkerware\.org/, 'names a help line')
  t.match(remediation.admin, /do not remove the app remotely/i)
})

t.test('an app in several lists is reported once, as the worst', async (t) => {
  const listed = (...classes: Array<'malware' | 'stalkerware' | 'mercenary-spyware' | 'adware'>): Case['intel'] => classes.map((threatClass) => entry('sha256', HASH, { threatClass }))
  const apps = [{ appId: APP, sha256: HASH }]
  checkCases(t, [
    { name: 'malware and stalkerware', phone: { apps }, intel: listed('malware', 'stalkerware'), finds: [`app-stalkerware ${APP} high`] },
    { name: 'all of them', phone: { apps }, intel: listed('adware', 'malware', 'stalkerware', 'mercenary-spyware'), finds: [`app-mercenary-spyware ${APP} high`] },
    { name: 'adware and malware', phone: { apps }, intel: listed('adware', 'malware'), finds: [`app-malware-known ${APP} high`] }
  ])
})

const spy = (type: Parameters<typeof entry>[0], value: string, role: 'artifact' | 'c2' | 'website' = 'artifact'): ReturnType<typeof entry> => entry(type, value, { threatClass: 'mercenary-spyware', family: 'SpyVendor', role })
const PROFILE = '76dab334-7e17-475d-a5d6-0794eb5818a5'

t.test('mercenary spyware is found by any of its traces', async (t) => {
  checkCases(t, [
    { name: 'app', phone: { apps: [{ appId: APP }] }, intel: [spy('app-id', APP)], finds: [`app-mercenary-spyware ${APP} high`] },
    { name: 'the allowed apps do not count', phone: { apps: [{ appId: APP }] }, intel: [spy('app-id', APP)], policy: { apps: { allow: [APP] } }, finds: [`app-mercenary-spyware ${APP} high`] },
    { name: 'file', phone: { files: [{ path: '/data/local/tmp/wd/fs.db' }] }, intel: [spy('file-path', '/data/local/tmp/wd/fs.db')], finds: ['app-mercenary-spyware /data/local/tmp/wd/fs.db high'] },
    { name: 'file in a listed folder', phone: { files: [{ path: '/data/local/tmp/wd/deep/x' }] }, intel: [spy('file-path', '/data/local/tmp/wd/')], finds: ['app-mercenary-spyware /data/local/tmp/wd/deep/x high'] },
    { name: 'file beside a listed folder', phone: { files: [{ path: '/data/local/tmp/wdx' }] }, intel: [spy('file-path', '/data/local/tmp/wd/')], finds: [] },
    { name: 'file in the other spelling of iOS', platform: 'ios', phone: { files: [{ path: '/var/tmp/hooker' }] }, intel: [spy('file-path', '/private/var/tmp/hooker')], finds: ['app-mercenary-spyware /var/tmp/hooker high'] },
    { name: 'file by name', platform: 'ios', phone: { files: [{ path: '/a/b/implant' }] }, intel: [spy('file-name', 'implant')], finds: ['app-mercenary-spyware /a/b/implant high'] },
    { name: 'file by hash, without a path', phone: { files: [{ sha256: HASH }] }, intel: [spy('sha256', HASH)], finds: [`app-mercenary-spyware ${HASH} high`] },
    { name: 'process', platform: 'ios', phone: { processes: ['launchd', 'bh'] }, intel: [spy('process', 'bh')], finds: ['app-mercenary-spyware bh high'] },
    { name: 'process of a listed app', phone: { processes: ['com.serv.services:remote'] }, intel: [spy('app-id', 'com.serv.services')], finds: ['app-mercenary-spyware com.serv.services:remote high'] },
    { name: 'profile, whatever its letters', platform: 'ios', phone: { profiles: [{ uuid: PROFILE.toUpperCase() }] }, intel: [spy('profile-id', PROFILE)], finds: [`app-mercenary-spyware ${PROFILE.toUpperCase()} high`] },
    { name: 'property', phone: { properties: { 'persist.spy': '1' } }, intel: [spy('property', 'persist.spy')], finds: ['app-mercenary-spyware persist.spy high'] },
    { name: 'server, and no second finding for it', phone: { events: [query] }, intel: [spy('domain', 'c2.example', 'c2')], finds: ['app-mercenary-spyware api.c2.example high'] },
    { name: 'opened page', platform: 'ios', phone: { events: [{ eventId: 'e', type: 'url-visit', at: at(-1), url: 'https://spy.example/x', action: 'opened' }] }, intel: [spy('domain', 'spy.example')], finds: ['app-mercenary-spyware spy.example high'] },
    { name: 'blocked page', platform: 'ios', phone: { events: [{ eventId: 'e', type: 'url-visit', at: at(-1), url: 'https://spy.example/x', action: 'blocked' }] }, intel: [spy('domain', 'spy.example')], finds: ['net-malicious-site spy.example medium'] },
    { name: 'a vendor\'s own web site is no trace', phone: { events: [query] }, intel: [spy('domain', 'c2.example', 'website')], finds: [] },
    { name: 'a contact a lifetime ago', phone: { events: [{ ...query, at: at(-DAY_MS) }] }, intel: [spy('domain', 'c2.example', 'c2')], finds: [] },
    { name: 'nothing told', phone: {}, intel: [spy('process', 'bh'), spy('app-id', APP)], finds: [] }
  ])
  t.match(only(judge({ phone: { processes: ['bh'] }, intel: [spy('process', 'bh')] })).remediation.user, /not wipe/)
})

const sideloaded = (app: object, allow: string[] = []): Pick<Case, 'phone' | 'policy'> => ({ phone: { apps: [{ appId: APP, ...app }] }, policy: { apps: { allow, deny: [] } } })

t.test('an app that no store installed is sideloaded', async (t) => {
  const found = [`app-sideloaded ${APP} medium`]
  checkCases(t, [
    { name: 'no installer', ...sideloaded({ installer: null, system: false }), finds: found },
    { name: 'the installer of files', ...sideloaded({ installer: 'com.google.android.packageinstaller', system: false }), finds: found },
    { name: 'a browser', ...sideloaded({ installer: 'com.android.chrome', system: false }), finds: found },
    { name: 'a file manager', ...sideloaded({ installer: 'com.sec.android.app.myfiles', system: false }), finds: found },
    { name: 'adb is another detection', ...sideloaded({ installer: 'com.android.shell', system: false }), finds: ['app-adb-installed com.example.app medium'] },
    { name: 'Google Play', ...sideloaded({ installer: 'com.android.vending', system: false }), finds: [] },
    { name: 'a maker\'s store', ...sideloaded({ installer: 'com.sec.android.app.samsungapps', system: false }), finds: [] },
    { name: 'management', ...sideloaded({ installer: 'com.microsoft.windowsintune.companyportal', system: false }), finds: [] },
    { name: 'F-Droid is another detection', ...sideloaded({ installer: 'org.fdroid.fdroid', system: false }), finds: ['app-third-party-store com.example.app audit'] },
    { name: 'an installer nobody told', ...sideloaded({ system: false }), finds: [] },
    { name: 'a system app', ...sideloaded({ installer: null, system: true }), finds: [] },
    { name: 'perhaps a system app', ...sideloaded({ installer: null }), finds: [] },
    { name: 'an allowed app', ...sideloaded({ installer: null, system: false }, [APP]), finds: [] },
    { name: 'an iPhone', platform: 'ios', ...sideloaded({ installer: null, system: false }), finds: [] }
  ])
  t.strictSame(only(judge(sideloaded({ installer: null, system: false }))).evidence, [
    { path: 'apps.items["com.example.app"].installer', value: null },
    { path: 'apps.items["com.example.app"].system', value: false }
  ])
})

t.test('the same phone and the same intel are judged by the time of each judgement', async (t) => {
  const state = phone({ apps: [{ appId: APP, sha256: HASH }] })
  const intel = intelOf([entry('sha256', HASH, { validFrom: at(-DAY_MS), validUntil: at(DAY_MS) })])
  const levelAt = (offsetMs: number): string => assess({ platform: 'android', state, intel, policy: BUILT_IN_POLICY, now: new Date(NOW.getTime() + offsetMs) }).level
  t.strictSame([-2 * DAY_MS, 0, 2 * DAY_MS, 0].map(levelAt), ['secured', 'high', 'secured', 'high'])
})
