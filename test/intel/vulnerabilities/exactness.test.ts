import fc from 'fast-check'
import t from 'tap'
import { readFeed } from '../../../src/intel/feeds/index.js'
import type { VulnerabilityView } from '../../../src/intel/intel-view.js'
import { buildVulnerabilityView, compileVulnerabilityView, viewOfFacts } from '../../../src/intel/vulnerabilities/vulnerability-view.js'
import { isSupported, type AffectedRange, type OsPlatform, type OsStatement, type VulnerabilityRow } from '../../../src/intel/vulnerabilities/vulnerability.js'
import { compareVersions, parseVersion } from '../../../src/intel/vulnerabilities/versions.js'
import { readSharedData } from '../shared-data.js'
import { appStatement, kevStatement, osStatement, release } from './facts.js'

const viewOf = (data: unknown): VulnerabilityView => viewOfFacts(readFeed(typeof data === 'string' ? data : JSON.stringify(data), 'auto').vulnerabilities)
const openOn = (view: VulnerabilityView, platform: OsPlatform, version: string | undefined, patchLevel?: string, rest: object = {}): string[] =>
  view.openVulnerabilities({ platform, version, patchLevel, ...rest }).map(({ cve }) => cve)

const MAY_2023 = [
  'CVE,References,Type,Severity,Component,Updated AOSP versions,Patch level',
  'CVE-2023-21110,A-258422365,EoP,High,Framework,"11, 12, 12L, 13",2023-05-01',
  'CVE-2023-21109,A-261589597,EoP,High,Framework,"11, 12",2023-05-01',
  'CVE-2023-20930,A-250576066,DoS,High,System,12L,2023-05-01',
  'CVE-2023-0266,A-265303544,EoP,High,Kernel,,2023-05-05',
  'CVE-2022-34144,A-268193777,N/A,High,Qualcomm closed-source components,,2023-05-05'
].join('\n')

t.test('the bulletin of May 2023: -01 closes the platform, -05 kernel and vendors\' parts', async (t) => {
  const view = viewOf(MAY_2023)
  const [platform, vendor] = [['CVE-2023-21110'], ['CVE-2022-34144', 'CVE-2023-0266']]
  const on13 = (level: string | undefined): string[] => openOn(view, 'android', '13', level)
  t.strictSame(on13('2023-04-05'), [...vendor, ...platform].sort())
  t.strictSame(on13('2023-05-01'), vendor)
  t.strictSame(on13('2023-05-05'), [])
  t.strictSame(on13('2023-06-01'), [])
  t.strictSame(on13(undefined), [], 'an unknown level decides nothing')
  t.strictSame(openOn(view, 'android', '12', '2023-04-05'), [...vendor, 'CVE-2023-21109', 'CVE-2023-21110'], 'other versions have other holes')
  t.strictSame(openOn(view, 'android', '12', '2023-05-01', { apiLevel: 32 }), vendor)
  t.strictSame(openOn(view, 'android', '12', '2023-04-05', { apiLevel: 32 }), [...vendor, 'CVE-2023-20930', 'CVE-2023-21110'], '12L calls itself 12')
  t.strictSame(openOn(view, 'android', '14', '2023-04-05'), vendor, 'the platform part names its versions')
  t.strictSame(openOn(view, 'android', undefined, '2023-04-05'), vendor, 'of an unknown version only what all have')
  t.strictSame(openOn(view, 'android', '13.0', '2023-04-05'), on13('2023-04-05'))
  t.match(view.openVulnerabilities({ platform: 'android', version: '13', patchLevel: '2023-04-05' }), [{ part: 'kernel-vendor', fixedIn: ['2023-05-05'], fixedSince: '2023-05-05' }, {}, { part: 'platform', fixedIn: ['2023-05-01'], fixedSince: '2023-05-01', severity: 'high', exploited: false }])
})

t.test('a hole that was not fixed wholly comes again, with a later level', async (t) => {
  const at = (patchLevel: string, versions: string[]): AffectedRange => ({ versions, patchLevel, part: 'platform' })
  const view = viewOfFacts([osStatement({ platform: 'android', fixedIn: ['2023-05-01', '2023-09-01'], ranges: [at('2023-05-01', ['13']), at('2023-09-01', ['13', '14'])] })])
  t.strictSame(['2023-04-05', '2023-05-05', '2023-08-05', '2023-09-01'].map((level) => openOn(view, 'android', '13', level).length), [1, 1, 1, 0])
  t.match(view.openVulnerabilities({ platform: 'android', version: '13', patchLevel: '2023-04-05' }), [{ fixedIn: ['2023-05-01', '2023-09-01'], fixedSince: '2023-09-01' }])
})

t.test('what NVD says of Android is used with the bulletin that it refers to, and only where no bulletin speaks', async (t) => {
  const nvd = osStatement({ platform: 'android', fixedIn: [], ranges: [{ versions: ['13.0'], patchLevel: '2023-05-01', part: 'platform', concluded: true }] })
  const alone = viewOfFacts([nvd])
  t.strictSame(['2023-04-05', '2023-05-01'].map((level) => openOn(alone, 'android', '13', level).length), [1, 0])
  const withBulletin = buildVulnerabilityView([{ feed: 'nvd', bundled: false, fact: nvd }, { feed: 'shipped', bundled: true, fact: osStatement({ platform: 'android', fixedIn: ['2023-06-05'], part: 'kernel-vendor' }) }])
  t.strictSame(['2023-05-05', '2023-06-05'].map((level) => openOn(withBulletin, 'android', '11', level).length), [1, 0])
  const versionEnds = viewOfFacts([osStatement({ platform: 'android', fixedIn: [], ranges: [{ fixed: '8.1' }] })])
  t.strictSame([['8.0.0'], ['8.1.0'], ['7.1.2'], [undefined]].map(([version]) => openOn(versionEnds, 'android', version).length), [1, 0, 1, 0])
  t.strictSame(openOn(viewOfFacts([osStatement({ platform: 'android', fixedIn: [], ranges: [{ versions: ['13'] }] })]), 'android', '13', '2020-01-01'), [], 'a version without a fix decides nothing')
})

// A complete feed: releases of several branches, each with what it fixes.
interface Release { readonly version: string, readonly cves: readonly string[] }
const sofaOf = (releases: readonly Release[]): object => ({
  UpdateHash: 'x',
  OSVersions: [{ OSVersion: '18', SecurityReleases: releases.map(({ version, cves }) => ({ UpdateName: `iOS ${version}`, ProductVersion: version, ReleaseDate: '2024-01-01T00:00:00Z', CVEs: Object.fromEntries(cves.map((cve) => [cve, true])), ActivelyExploitedCVEs: cves })) }]
})

t.test('with a complete feed of iOS a version shows what was fixed later in a branch it could move to', async (t) => {
  const view = viewOf(sofaOf([
    { version: '17.7.2', cves: ['CVE-2024-0001'] }, { version: '17.7.3', cves: ['CVE-2024-0002'] }, { version: '16.5.1 (c)', cves: ['CVE-2023-0001'] }, { version: '16.6', cves: ['CVE-2023-0001'] },
    { version: '18.1', cves: ['CVE-2024-0003'] }, { version: '18.2', cves: ['CVE-2024-0001', 'CVE-2024-0002'] }, { version: '26.3.1 (a)', cves: ['CVE-2026-0001'] }, { version: '26.3.2', cves: ['CVE-2026-0001'] }
  ]))
  const [a, b, c, rapid, late] = ['CVE-2024-0001', 'CVE-2024-0002', 'CVE-2024-0003', 'CVE-2023-0001', 'CVE-2026-0001']
  for (const [version, open] of [
    ['17.7.1', [a, b, c, late]], ['17.7.2', [b, c, late]], ['17.7.3', [c, late]], ['17.7.9', [c, late]], ['18.0', [a, b, c, late]], ['18.1', [a, b, late]], ['18.2', [late]], ['18.7.10', [late]],
    ['16.5.1', [rapid, a, b, c, late]], ['16.5.1 (b)', [rapid, a, b, c, late]], ['16.5.1 (c)', [a, b, c, late]], ['26.3.1', [late]], ['26.3.1 (a)', []], ['26.3.2', []], ['27.0', []], ['x', []]
  ] as const) t.strictSame(openOn(view, 'ios', version), [...open].sort(), version)
})

t.test('the same as a naive reading of the whole feed', async (t) => {
  const version = fc.tuple(fc.integer({ min: 15, max: 18 }), fc.nat(3), fc.nat(3), fc.constantFrom('', '', '', ' (a)', ' (c)')).map(([major, minor, patch, letter]) => `${major}.${minor}.${patch}${letter}`)
  const cve = fc.nat(5).map((n) => `CVE-2024-000${n}`)
  const feed = fc.array(fc.record({ version, cves: fc.uniqueArray(cve, { maxLength: 4 }) }), { minLength: 1, maxLength: 12 })
  const asked = fc.array(version, { minLength: 1, maxLength: 8 })
  fc.assert(fc.property(feed, asked, (releases, versions) => {
    const view = viewOf(sofaOf(releases))
    for (const one of versions) {
      const numbers = parseVersion(one)!
      // Somebody who reads the list: fixed at or before mine in my branch? Else, is there one later that has the fix?
      const naive = [...new Set(releases.flatMap(({ cves }) => cves))].filter((id) => {
        const fixes = releases.filter(({ cves }) => cves.includes(id)).map((fix) => parseVersion(fix.version)!)
        if (fixes.some((fix) => fix[0] === numbers[0] && compareVersions(fix, numbers) <= 0)) return false
        return fixes.some((fix) => compareVersions(fix, numbers) > 0)
      }).sort()
      if (JSON.stringify(openOn(view, 'ios', one)) !== JSON.stringify(naive)) return false
    }
    return true
  }), { numRuns: 500 })
  t.pass()
})

t.test('ranges are asked as they are written', async (t) => {
  const bound = fc.tuple(fc.integer({ min: 15, max: 17 }), fc.nat(2), fc.nat(2)).map((numbers) => numbers.join('.'))
  const range = fc.record({ introduced: bound, after: bound, fixed: bound, lastAffected: bound }, { requiredKeys: [] })
  const order = (text: string): number => text.split('.').map(Number).reduce((sum, number) => sum * 100 + number, 0)
  fc.assert(fc.property(fc.array(range, { minLength: 1, maxLength: 4 }), bound, (ranges, version) => {
    const v = order(version)
    const naive = ranges.some(({ introduced, after, fixed, lastAffected }) =>
      (introduced === undefined || v >= order(introduced)) && (after === undefined || v > order(after)) && (fixed === undefined || v < order(fixed)) && (lastAffected === undefined || v <= order(lastAffected)))
    const written = ranges.map((one) => Object.fromEntries(Object.entries(one).filter(([, text]) => text !== undefined)) as AffectedRange)
    return (openOn(viewOfFacts([osStatement({ fixedIn: [], ranges: written })]), 'ios', version).length === 1) === naive &&
      (viewOfFacts([appStatement({ ranges: written })]).appVulnerabilities({ appId: 'com.example.app', version }).length === 1) === naive
  }), { numRuns: 2_000 })
  t.pass()
})

t.test('the maker\'s fix in the phone\'s branch counts more than another\'s range, his range more than a later branch', async (t) => {
  const row = (feed: string, fact: OsStatement, bundled = false): VulnerabilityRow => ({ feed, bundled, fact })
  const sofa = osStatement({ fixedIn: ['18.1.1', '17.7.2'] })
  const nvd = osStatement({ fixedIn: ['18.1.1'], ranges: [{ introduced: '16.0', fixed: '18.1.1' }] })
  const both = buildVulnerabilityView([row('nvd', nvd), row('sofa', sofa)])
  t.strictSame(['15.8', '16.0', '17.7.1', '17.7.2', '18.1', '18.1.1', '26.0'].map((version) => openOn(both, 'ios', version).length), [0, 1, 1, 0, 1, 0, 0])
  // What came with Sallyport knows the old branches that SOFA has no more.
  const shipped = osStatement({ fixedIn: ['18.1.1', '17.7.3', '15.8.4'] })
  const old = buildVulnerabilityView([row('sofa', sofa), row('shipped', shipped, true)])
  t.strictSame(['15.8.3', '15.8.4', '16.7', '17.7.2'].map((version) => openOn(old, 'ios', version).length), [1, 0, 1, 0])
})

t.test('CISA\'s catalogue marks what other feeds place, and places nothing itself', async (t) => {
  const view = viewOfFacts([osStatement({ cve: 'CVE-2024-0001', exploited: false, kevDateAdded: null, kevDueDate: null }), osStatement({ cve: 'CVE-2024-0002', exploited: false, kevDateAdded: null, kevDueDate: null }), kevStatement('CVE-2024-0001'), kevStatement('CVE-2024-0003')])
  t.match(view.openVulnerabilities({ platform: 'ios', version: '18.0' }), [{ cve: 'CVE-2024-0001', exploited: true, kevDateAdded: '2025-02-01', kevDueDate: '2025-02-22' }, { cve: 'CVE-2024-0002', exploited: false, kevDateAdded: null }])
  t.equal(view.openVulnerabilities({ platform: 'ios', version: '18.0' }).length, 2)
})

t.test('a release is supported as its own cycle says; an unknown one is unknown', async (t) => {
  const view = viewOfFacts([
    release('17', { isCycle: true, endOfLife: '2025-05-13', latest: '17.7.7' }), release('16', { isCycle: true, endOfLife: false }), release('12', { platform: 'android', isCycle: true, endOfLife: '2025-03-03' }),
    release('12.1', { platform: 'android', isCycle: true, endOfLife: '2025-03-04' }), release('8.1', { platform: 'android', isCycle: true, endOfLife: true }), release('4.4w', { platform: 'android', isCycle: true, endOfLife: true })
  ])
  const now = new Date('2025-05-13T23:00:00Z')
  const supported = (platform: OsPlatform, version: string | undefined, rest: object = {}): boolean | null => isSupported(view.osSupport({ platform, version, ...rest }), now)
  t.strictSame([supported('ios', '17.7.2'), isSupported(view.osSupport({ platform: 'ios', version: '17.7.2' }), new Date('2025-05-14T00:00:00Z'))], [true, false], 'the last day still counts')
  t.equal(supported('ios', '16.7.11'), true, 'an older cycle can outlive a newer one')
  t.match(view.osSupport({ platform: 'ios', version: '17.7.2' }), { cycle: '17', endOfLife: '2025-05-13', latest: '17.7.7' })
  t.match([view.osSupport({ platform: 'android', version: '12' }).cycle, view.osSupport({ platform: 'android', version: '12', apiLevel: 32 }).cycle, view.osSupport({ platform: 'android', version: '8.1.0' }).cycle], ['12', '12.1', '8.1'])
  for (const [platform, version] of [['ios', '15.8'], ['ipados', '17.7'], ['android', '8.0.0'], ['android', undefined], ['ios', 'x']] as const) t.equal(supported(platform, version), null, `${platform} ${version}`)
})

t.test('a fix that comes after its release\'s end does not come', async (t) => {
  const view = viewOfFacts([osStatement({ platform: 'android', fixedIn: ['2025-04-05'] }), release('12', { platform: 'android', isCycle: true, endOfLife: '2025-03-03' }), release('14', { platform: 'android', isCycle: true, endOfLife: false })])
  t.match(['12', '14', '15'].map((version) => view.openVulnerabilities({ platform: 'android', version, patchLevel: '2025-01-01' })[0]), [{ fixAvailable: false, fixedSince: null }, { fixAvailable: true, fixedSince: '2025-04-05' }, { fixAvailable: null }])
})

t.test('the real lists: cycles by version, and days of fixes that a feed does not tell', async (t) => {
  const [cycles, versions] = [readSharedData(t, 'endoflife/ios.json', 3), readSharedData(t, 'endoflife/ios-versions.json', 1)]
  if (cycles === undefined || versions === undefined) return
  const facts = [cycles, versions].flatMap((text) => readFeed(text, 'endoflife').vulnerabilities)
  const view = viewOfFacts([...facts, osStatement({ fixedIn: ['18.1.1', '17.7.2'] })])
  const now = new Date('2026-11-23T00:00:00Z')
  t.strictSame(['26.6', '18.7.10', '17.7.2', '16.7.12', '15.8.5', '14.8', '12.5.7', '4.0'].map((version) => isSupported(view.osSupport({ platform: 'ios', version }), now)), [true, true, false, true, true, false, false, null])
  t.match(view.openVulnerabilities({ platform: 'ios', version: '17.7.1' }), [{ fixAvailable: true, fixedSince: '2024-11-19' }])
  t.equal(view.osSupport({ platform: 'ipados', version: '17.7' }).cycle, null, 'iPadOS is another product')
})

t.test('20,000 statements are compiled at once and asked in no time', async (t) => {
  const facts = Array.from({ length: 20_000 }, (_, index) => {
    const cve = `CVE-2024-${10_000 + index}`
    const level = `20${10 + index % 15}-0${1 + index % 9}-05`
    return index % 2 === 0
      ? osStatement({ cve, fixedIn: [`${12 + index % 7}.${index % 8}.${index % 5}`, `18.${index % 7}`] })
      : osStatement({ cve, platform: 'android', fixedIn: [level], ranges: [{ versions: ['11', '12', '13'], patchLevel: level, part: 'kernel-vendor' }] })
  })
  const before = performance.now()
  const view = viewOfFacts(facts)
  const built = performance.now()
  for (let i = 0; i < 20; i++) view.openVulnerabilities({ platform: i % 2 === 0 ? 'ios' : 'android', version: i % 2 === 0 ? `17.${i}` : '13', patchLevel: `2020-01-${10 + i}` })
  const asked = performance.now()
  t.comment(`20,000 statements compiled in ${(built - before).toFixed(1)} ms, a new question ${((asked - built) / 20).toFixed(2)} ms`)
  // Many times what it takes: the machine may do other things too.
  t.ok(built - before < 10_000 && asked - built < 10_000)
  t.equal(view.openVulnerabilities({ platform: 'ios', version: '17.2' }), view.openVulnerabilities({ platform: 'ios', version: '17.2' }))

  // In pieces it is the same, and others get their turn.
  let turns = 0
  const others = setInterval(() => turns++, 0)
  const inPieces = await compileVulnerabilityView(facts.map((fact) => ({ feed: 'feed', bundled: false, fact })))
  clearInterval(others)
  t.ok(turns > 0)
  t.equal(JSON.stringify(inPieces.openVulnerabilities({ platform: 'ios', version: '17.2' })), JSON.stringify(view.openVulnerabilities({ platform: 'ios', version: '17.2' })))
})
