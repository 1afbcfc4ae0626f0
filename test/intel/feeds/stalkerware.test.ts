import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { isStalkerwareList, parseStalkerware } from '../../../src/intel/feeds/stalkerware.js'
import type { Indicator, IndicatorType } from '../../../src/intel/indicators/indicator.js'
import { readSharedData } from '../shared-data.js'

const LIST = `
- name: OneSpy
  names: [OneSpy, UnoSpy]
  type: stalkerware
  packages: [com.onespy.app, com.onespy.app, 'not a package']
  certificates:
    - AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD
    - 123
  websites: [www.onespy.example, 203.0.113.8]
  distribution: ['https://files.example/one.apk', get.onespy.example]
  certificate_organizations: [One Spy Ltd]
  constructor: [x]
  c2:
    domains: [API.onespy.example, 127.0.0.1]
    ips: [198.51.100.20]
    ip: [198.51.100.21]
- name: TwoWatch
  type: watchware
  packages: [com.twowatch]
`

const valuesOf = (indicators: readonly Indicator[], type: IndicatorType, role?: string): string[] =>
  [...new Set(indicators.filter((one) => one.type === type && (role === undefined || one.role === role)).map(({ value }) => value))]

t.test('imports each value under its true type and role', async (t) => {
  const { indicators, vulnerabilities } = parseStalkerware(LIST)
  t.strictSame(vulnerabilities, [])
  t.strictSame(indicators.map(({ type, value, role, family, threatClass }) => [type, value, role, family, threatClass].join(' ')).sort(), [
    'app-id com.onespy.app artifact OneSpy stalkerware',
    'app-id com.twowatch artifact TwoWatch watchware',
    'cert-sha1 aabbccddeeff00112233445566778899aabbccdd artifact OneSpy stalkerware',
    'domain api.onespy.example c2 OneSpy stalkerware',
    'domain get.onespy.example distribution OneSpy stalkerware',
    'domain www.onespy.example website OneSpy stalkerware',
    'ipv4 198.51.100.20 c2 OneSpy stalkerware',
    'ipv4 198.51.100.21 c2 OneSpy stalkerware',
    'ipv4 203.0.113.8 website OneSpy stalkerware',
    'url https://files.example/one.apk distribution OneSpy stalkerware'
  ])
})

t.test('counts what it leaves out, by reason, with examples', async (t) => {
  t.strictSame(parseStalkerware(LIST).skipped, [
    { reason: 'packages: not a valid app-id', count: 1, examples: ['not a package'] },
    { reason: 'certificates: not text', count: 1, examples: ['123'] },
    { reason: 'certificate_organizations: cannot be matched exactly', count: 1, examples: ['OneSpy: One Spy Ltd'] },
    { reason: 'constructor: cannot be matched exactly', count: 1, examples: ['OneSpy: x'] },
    { reason: 'c2.domains: an address that is no public one', count: 1, examples: ['127.0.0.1'] }
  ])
})

t.test('reads odd keys by what they mean', async (t) => {
  const { indicators, skipped } = parseStalkerware(`
- Name: OddSpy
  Type: Watchware
  Packages: com.odd.one
  package: [com.odd.two]
  pakages: [com.odd.three]
  ios_bundles: [com.odd.ios]
  Certficates: [AABBCCDDEEFF00112233445566778899AABBCCDD, nonsense]
  certificate: [${'ab'.repeat(32)}]
  sha256: [${'cd'.repeat(32)}]
  website: www.odd.example
  distributon: [get.odd.example]
  domains: [api.odd.example]
  references: ['https://lab.example/odd', 5]
  nemas: [x]
  C2:
    IP: [198.51.100.9]
    Domain: c2.odd.example
    domians: [c3.odd.example]
    port: [80]
- name: 360
  type: stalkerwear
  c2: [198.51.100.10, 'c2.flat.example']
- name: Kind
  type: something else
  c2: {domains: [c2.kind.example]}
- name: Spy
  type: adware
  packages: [com.ad]
`)
  t.strictSame(indicators.map(({ type, value, role, family, threatClass }) => [type, value, role, family, threatClass].join(' ')).sort(), [
    'app-id com.ad artifact Spy adware',
    'app-id com.odd.ios artifact OddSpy watchware',
    'app-id com.odd.one artifact OddSpy watchware',
    'app-id com.odd.three artifact OddSpy watchware',
    'app-id com.odd.two artifact OddSpy watchware',
    'cert-sha1 aabbccddeeff00112233445566778899aabbccdd artifact OddSpy watchware',
    `cert-sha256 ${'ab'.repeat(32)} artifact OddSpy watchware`,
    'domain api.odd.example c2 OddSpy watchware',
    'domain c2.flat.example c2 360 stalkerware',
    'domain c2.kind.example c2 Kind stalkerware',
    'domain c2.odd.example c2 OddSpy watchware',
    'domain c3.odd.example c2 OddSpy watchware',
    'domain get.odd.example distribution OddSpy watchware',
    'domain www.odd.example website OddSpy watchware',
    'ipv4 198.51.100.10 c2 360 stalkerware',
    'ipv4 198.51.100.9 c2 OddSpy watchware',
    `sha256 ${'cd'.repeat(32)} artifact OddSpy watchware`
  ])
  t.ok(indicators.filter(({ family }) => family === 'OddSpy').every(({ references }) => JSON.stringify(references) === '["https://lab.example/odd"]'))
  t.strictSame(skipped.map(({ reason, examples }) => [reason, ...examples]), [
    ['Certficates (read as certificates): not a valid cert-sha1', 'nonsense'],
    ['nemas: cannot be matched exactly', 'OddSpy: x'],
    ['c2.port: cannot be matched exactly', 'OddSpy: 80'],
    ['type: read as stalkerware', 'Kind: something else']
  ])
})

t.test('reads or refuses whatever stands in a family', async (t) => {
  const family = fc.dictionary(fc.oneof(fc.constantFrom('name', 'Name', 'type', 'packages', 'c2', 'C2', 'certificate', 'references', '__proto__', 'constructor', 'domains'), fc.string()), fc.jsonValue())
  const result = fc.check(fc.property(fc.array(family, { maxLength: 5 }), (families) => {
    try {
      parseStalkerware(JSON.stringify(families))
    } catch (error) {
      if (!['validation', 'VALIDATION'].includes((error as { code?: string }).code ?? '')) throw error
    }
  }), { numRuns: 1_000 })
  t.notOk(result.failed, result.failed ? fc.defaultReportMessage(result) ?? 'fails' : 'never another error')
})

t.test('recognises its lists, and no others', async (t) => {
  t.ok(isStalkerwareList([{ name: 'A', type: 'stalkerware' }, { Name: 'B', TYPE: 'watchware' }]))
  for (const other of [[], {}, null, [{ name: 'A' }], [{ type: 'stalkerware' }], ['a'], [[]]]) t.notOk(isStalkerwareList(other), JSON.stringify(other))
})

t.test('refuses what is no such list, naming line or family', async (t) => {
  const faultsOf = (text: string): unknown => {
    try {
      return parseStalkerware(text)
    } catch (error) {
      return (error as { faults?: unknown }).faults
    }
  }
  t.match(faultsOf('- name: A\n  packages: [a, b\n- name: B'), [{ path: /^line [23]$/ }])
  t.match(faultsOf('- name: A\n- 5\n- { names: [x] }'), [{ path: '/1' }, { path: '/2' }])
  t.match(faultsOf('name: A'), [{ path: '', message: 'must be a list of families' }])
  t.match(faultsOf(''), [{ message: 'must be a list of families' }])
})

t.test('refuses aliases that unfold without end', async (t) => {
  const bomb = ['- &a [x, x, x, x, x, x, x, x, x]', ...'bcdefghi'.split('').map((name, i) => `- &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`)].join('\n')
  t.throws(() => parseStalkerware(bomb), { code: 'validation' })
})

t.test('refuses a file too big to be read while others wait', async (t) => {
  t.throws(() => parseStalkerware('#'.repeat(8 * 1024 * 1024 + 1)), { code: 'UNPROCESSABLE' })
})

t.test('reads the public list with exactly its counts', async (t) => {
  const text = readSharedData(t, 'stalkerware-indicators/ioc.yaml', 12)
  if (text === undefined) return
  const { indicators, skipped } = parseStalkerware(text)
  t.equal(valuesOf(indicators, 'app-id').length, 613)
  t.equal(valuesOf(indicators, 'cert-sha1').length, 471)
  t.equal(valuesOf(indicators, 'domain', 'c2').length, 925)
  // 65 of c2.ips and the three that stand under c2.ip.
  t.equal(valuesOf(indicators, 'ipv4', 'c2').length, 65 + 3)
  t.equal(valuesOf(indicators, 'domain', 'website').length, 624)
  // 44 entries, of which one is an address and two are addresses of pages.
  t.equal(valuesOf(indicators, 'domain', 'distribution').length, 41)
  t.strictSame(valuesOf(indicators, 'ipv4', 'distribution'), ['178.63.71.15'])
  t.strictSame(valuesOf(indicators, 'url'), ['https://github.com/earthshakira/android_hack', 'https://github.com/karma9874/AndroRAT'])
  t.equal(valuesOf(indicators, 'domain').length, 1_452)
  t.equal(valuesOf(indicators, 'ipv4').length, 69)
  t.strictSame(skipped.map(({ reason, count }) => [reason, count]), [
    ['certificate_cname_re: cannot be matched exactly', 1],
    ['certificate_organizations: cannot be matched exactly', 6]
  ].sort((a, b) => skipped.findIndex(({ reason }) => reason === a[0]) - skipped.findIndex(({ reason }) => reason === b[0])))
  t.ok(indicators.every(({ threatClass }) => threatClass === 'stalkerware'))
})

t.test('imports or counts every entry of every field of the public list', async (t) => {
  const text = readSharedData(t, 'stalkerware-indicators/ioc.yaml', 7)
  if (text === undefined) return
  type Family = Readonly<Record<string, unknown>> & { readonly name: string }
  for (const [field, entries, unique] of [['packages', 616, 613], ['certificates', 472, 471], ['websites', 624, 624], ['distribution', 44, 44], ['domains', 925, 925], ['ips', 65, 65], ['ip', 3, 3]] as const) {
    const lists = (parse(text) as Family[]).map((family) => {
      const isC2 = field === 'domains' || field === 'ips' || field === 'ip'
      const values = (isC2 ? (family.c2 as Family | undefined)?.[field] : family[field]) as unknown[] | undefined ?? []
      return { family, values, alone: { name: family.name, type: family.type, ...(isC2 ? { c2: { [field]: values } } : { [field]: values }) } }
    })
    const { indicators, skipped } = parseStalkerware(JSON.stringify(lists.map(({ alone }) => alone)))
    // One entry each: the same value in two families is two claims, twice in one family is one.
    const claims = lists.reduce((sum, { values }) => sum + new Set(values).size, 0)
    t.equal(lists.reduce((sum, { values }) => sum + values.length, 0), entries, `${field}: entries`)
    t.equal(indicators.length + skipped.reduce((sum, { count }) => sum + count, 0), claims, `${field}: imported and skipped`)
    t.equal(new Set(indicators.map(({ value }) => value)).size, unique, `${field}: unique`)
  }
})
