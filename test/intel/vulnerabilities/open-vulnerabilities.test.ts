import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseStarter } from '../../../src/intel/feeds/starter.js'
import type { OsPlatform, OsStatement, VulnerabilityFact } from '../../../src/intel/vulnerabilities/vulnerability.js'
import { buildVulnerabilityView, viewOfFacts } from '../../../src/intel/vulnerabilities/vulnerability-view.js'
import { compareVersions, isPatchLevelOpen, parsePatchLevel, parseVersion } from '../../../src/intel/vulnerabilities/versions.js'
import { packageRoot } from '../../../src/platform/package-root.js'
import { osStatement } from './facts.js'

const createVulnerabilityLookup = (facts: readonly VulnerabilityFact[]): ReturnType<typeof viewOfFacts>['openVulnerabilities'] => viewOfFacts(facts).openVulnerabilities
const apple = (...fixedIn: readonly string[]): OsStatement => osStatement({ platform: 'ios', fixedIn })
const android = (fixedIn: string, rest: Partial<OsStatement> = {}): OsStatement => osStatement({ platform: 'android', fixedIn: [fixedIn], ...rest })
const isOpen = (one: OsStatement, version: string | undefined): boolean => createVulnerabilityLookup([one])({ platform: one.platform, version }).length === 1
const isLevelOpen = (one: OsStatement, patchLevel: string | undefined): boolean => createVulnerabilityLookup([one])({ platform: 'android', patchLevel }).length === 1

t.test('a version is a few numbers, perhaps with the letter of a Rapid Security Response', async (t) => {
  for (const [text, numbers] of [
    ['17', [17]], ['17.6.1', [17, 6, 1]], [' 16.0 ', [16, 0]], ['15.8.4.1', [15, 8, 4, 1]],
    ['16.5.1 (c)', [16, 5, 1, 0, 3]], ['16.5.1(C)', [16, 5, 1, 0, 3]], ['16.4 (a)', [16, 4, 0, 0, 1]],
    ['', undefined], ['17.', undefined], ['.17', undefined], ['17..1', undefined], ['1.2.3.4.5', undefined], ['17.6.1 beta', undefined],
    ['v17', undefined], ['17,6', undefined], ['-1', undefined], ['1e3', undefined], ['16.5.1 (cc)', undefined], ['16.5.1 c', undefined], ['123456', undefined], ['１７', undefined]
  ] as const) t.strictSame(parseVersion(text), numbers, JSON.stringify(text))
})

t.test('versions are in the order in which they came out', async (t) => {
  const inOrder = ['9.3.6', '12.5.7', '15.8', '15.8.4', '15.8.4.1', '16', '16.4.1', '16.4.1 (a)', '16.5', '16.5.1', '16.5.1 (a)', '16.5.1 (c)', '16.6', '16.10', '18.6.2', '26.0.1']
  const numbers = inOrder.map((text) => parseVersion(text)!)
  for (const [i, a] of numbers.entries()) {
    for (const [j, b] of numbers.entries()) t.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${inOrder[i]} and ${inOrder[j]}`)
  }
  t.equal(compareVersions([16], [16, 0, 0]), 0)
})

t.test('a version of iOS counts against the fix of its own branch', async (t) => {
  // CVE-2025-43300 on iPhones: fixed on three branches, in 2025.
  const three = apple('18.6.2', '16.7.12', '15.8.5')
  for (const [version, open] of [
    ['18.6.1', true], ['18.6.2', false], ['18.7', false], ['18', true],
    ['16.7.11', true], ['16.7.12', false], ['16.7.16', false], ['16.7', true],
    ['15.8.4', true], ['15.8.5', false], ['15.8.10', false], ['15.7.9', true],
    // A branch without a fix of its own: before the last fixed one it has the fault, after it never had it.
    ['17.7.10', true], ['14.8.1', true], ['12.5.7', true], ['26.0', false], ['19', false]
  ] as const) t.equal(isOpen(three, version), open, version)
  // The order in which a feed names the branches says nothing.
  t.equal(isOpen(apple('15.8.5', '18.6.2', '16.7.12'), '16.7.12'), false)
})

t.test('a Rapid Security Response fixes its version and all after it', async (t) => {
  // CVE-2023-37450.
  const response = apple('16.5.1 (c)', '16.6', '15.7.8')
  for (const [version, open] of [
    ['16.5', true], ['16.5.1', true], ['16.5.1 (a)', true], ['16.5.1 (b)', true], ['16.5.1 (c)', false], ['16.5.1(C)', false], ['16.5.2', false], ['16.6', false],
    ['15.7.7', true], ['15.7.8', false], ['17.0', false]
  ] as const) t.equal(isOpen(response, version), open, version)
})

t.test('what cannot be decided is not claimed', async (t) => {
  for (const version of [undefined, '', 'unknown', '17.x', '17.6.1 beta 3', '18.3.1\n18.4', '१८']) t.equal(isOpen(apple('18.6.2'), version), false, String(version))
  for (const level of [undefined, '', 'unknown', '2024', '2024-01', '2024-13-01', '2024-02-30', '0000-00-00', '2024/01/01', '20240101', '24-01-01', '2024-01-01T00:00:00Z']) {
    t.equal(isLevelOpen(android('2025-08-05'), level), false, String(level))
  }
  for (const one of [apple(), apple('soon'), osStatement({ platform: 'android', fixedIn: [] }), android('soon'), android('2024-02-30')]) {
    const ask = createVulnerabilityLookup([one])
    t.strictSame(ask({ platform: one.platform, version: '1', patchLevel: '2000-01-01' }), [], JSON.stringify(one.fixedIn))
  }
  t.equal(isOpen(apple('soon', '18.6.2'), '18.6.1'), true, 'one bad fix does not hide the others')
  t.strictSame(createVulnerabilityLookup([])({ platform: 'ios', version: '1.0' }), [])
})

t.test('an Android counts by its patch level alone', async (t) => {
  for (const [fixedIn, level, open] of [
    ['2024-10-05', '2024-10-01', true], ['2024-10-05', '2024-10-05', false], ['2024-10-05', '2024-11-01', false], ['2024-10-05', '2024-09-05', true],
    ['2024-10-01', '2024-10-01', false], ['2024-10-01', '2024-09-05', true], ['2021-11-06', '2021-11-05', true], ['2021-11-06', ' 2021-11-06 ', false],
    ['2024-01-01', '2023-12-05', true], ['2024-01-01', '2099-01-01', false]
  ] as const) t.equal(isLevelOpen(android(fixedIn), level), open, `fixed in ${fixedIn}, has ${level}`)
  const ask = createVulnerabilityLookup([android('2024-10-05')])
  t.strictSame(ask({ platform: 'android', version: '10' }), [], 'the version says nothing')
  t.equal(ask({ platform: 'android', version: '17', patchLevel: '2024-01-01' }).length, 1)
  t.equal(parsePatchLevel(' 2024-02-29 '), '2024-02-29')
  t.equal(parsePatchLevel('2023-02-29'), undefined)
  t.equal(isPatchLevelOpen('2024-09-05', '2024-10-01'), true)
})

t.test('iPhones and iPads have fixes of their own', async (t) => {
  const ask = createVulnerabilityLookup([osStatement({ platform: 'ios', fixedIn: ['18.3'] }), osStatement({ platform: 'ipados', fixedIn: ['18.3', '17.7.6'] })])
  t.equal(ask({ platform: 'ios', version: '17.7.6' }).length, 1)
  t.equal(ask({ platform: 'ipados', version: '17.7.6' }).length, 0)
  t.equal(ask({ platform: 'android', version: '17.7.6', patchLevel: '2020-01-01' }).length, 0)
})

t.test('a CVE that several feeds name is answered once, exploited when any says so', async (t) => {
  const rows = [
    { feed: 'a', bundled: false, fact: osStatement({ fixedIn: ['18.4', '17.7.6'], exploited: false, severity: null, kevDateAdded: null, kevDueDate: null }) },
    { feed: 'b', bundled: false, fact: osStatement({ fixedIn: ['18.3'], exploited: true, severity: 'high', kevDateAdded: '2025-01-01', kevDueDate: '2025-01-22' }) }
  ]
  const ask = buildVulnerabilityView(rows).openVulnerabilities
  t.match(ask({ platform: 'ios', version: '17.1' }), [{ fixedIn: ['18.4', '17.7.6', '18.3'], exploited: true, severity: 'high', kevDateAdded: '2025-01-01', kevDueDate: '2025-01-22' }])
  t.equal(ask({ platform: 'ios', version: '18.2' }).length, 1)
  t.strictSame(ask({ platform: 'ios', version: '18.3' }), [], 'one of them says that it is fixed')
  t.strictSame(ask({ platform: 'ios', version: '17.7.6' }), [])
})

t.test('no phone can ask in another\'s name', async (t) => {
  // Answers are kept by question; these would be one question if their parts were merely put together.
  const ask = createVulnerabilityLookup([apple('16.5.1 (c)'), android('2024-10-05')])
  t.equal(ask({ platform: 'ios', version: '16.5.1', patchLevel: '(c) ' }).length, 1)
  t.strictSame(ask({ platform: 'ios', version: '16.5.1 (c)', patchLevel: '' }), [])
  t.strictSame(ask({ platform: 'android', version: '14 2024-01-01', patchLevel: '' }), [])
  t.equal(ask({ platform: 'android', version: '14', patchLevel: '2024-01-01 ' }).length, 1)
  t.equal(ask({ platform: 'ios', version: '16.5.1' }), ask({ platform: 'ios', version: '16.5.1' }), 'the same question has the same answer')
})

t.test('thousands of invented versions do not pile up or change an answer', async (t) => {
  const ask = createVulnerabilityLookup([apple('17.3')])
  for (let i = 0; i < 20_000; i++) ask({ platform: 'ios', version: `invented ${i}` })
  t.equal(ask({ platform: 'ios', version: '17.2' }).length, 1)
  t.equal(ask({ platform: 'ios', version: '17.3' }).length, 0)
})

t.test('an update never opens what was closed', async (t) => {
  const version = fc.tuple(fc.integer({ min: 12, max: 19 }), fc.nat(8), fc.nat(3)).map((numbers) => numbers.join('.'))
  fc.assert(fc.property(fc.array(version, { minLength: 1, maxLength: 4 }), version, fc.nat(3), (fixedIn, from, more) => {
    const one = apple(...fixedIn)
    const [major, minor, patch] = from.split('.').map(Number)
    const to = `${major}.${minor! + more}.${patch! + 1}`
    return isOpen(one, from) || !isOpen(one, to)
  }), { numRuns: 2_000 })
  t.pass()
})

t.test('what ships with Sallyport: old phones have much open, the newest nothing', async (t) => {
  const ask = createVulnerabilityLookup(parseStarter(readFileSync(join(packageRoot, 'src/intel/bundled/starter.yaml'), 'utf8')).vulnerabilities)
  const open = (platform: OsPlatform, version: string, patchLevel?: string): string[] => ask({ platform, version, patchLevel }).map(({ cve }) => cve)
  for (const platform of ['ios', 'ipados'] as const) {
    t.strictSame(open(platform, '18.6.2'), [])
    t.strictSame(open(platform, '26.6.1'), [])
    t.strictSame(open(platform, '16.7.12'), open(platform, '16.7.16'))
    t.ok(open(platform, '15.8.5').length < open(platform, '15.8.4').length, 'a backported fix counts')
    t.ok(open(platform, '16.5.1').includes('CVE-2023-37450') && !open(platform, '16.5.1 (c)').includes('CVE-2023-37450'))
    t.ok(open(platform, '12.1').length > 30)
  }
  t.notOk(open('ipados', '17.7.10').includes('CVE-2025-43300'))
  t.ok(open('ios', '17.7.2').includes('CVE-2025-43300'), 'iPhones of that branch must go to 18')
  t.strictSame(open('android', '15', '2025-08-05'), [])
  t.strictSame(open('android', '15', '2025-08-01'), ['CVE-2025-21479', 'CVE-2025-27038'])
  t.ok(open('android', '10', '2019-10-05').includes('CVE-2019-2215'))
})
