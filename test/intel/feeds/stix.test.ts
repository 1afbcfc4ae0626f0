import t from 'tap'
import { parseStix } from '../../../src/intel/feeds/stix.js'
import { readSharedData } from '../shared-data.js'

const SHA256 = 'ab'.repeat(32)

type Thing = Record<string, unknown>
const malware = (id: string, name: string, rest: Thing = {}): Thing => ({ type: 'malware', id: `malware--${id}`, name, is_family: false, ...rest })
const indicator = (id: string, pattern: string, rest: Thing = {}): Thing => ({ type: 'indicator', id: `indicator--${id}`, pattern, pattern_type: 'stix', ...rest })
const indicates = (from: string, to: string, rest: Thing = {}): Thing => ({ type: 'relationship', id: `relationship--${from}-${to}`, relationship_type: 'indicates', source_ref: `indicator--${from}`, target_ref: `malware--${to}`, ...rest })
const bundle = (...objects: unknown[]): string => JSON.stringify({ type: 'bundle', id: 'bundle--1', objects })

const PATTERNS: ReadonlyArray<[pattern: string, type: string, value: string, role: string]> = [
  ["[domain-name:value='Evil.example']", 'domain', 'evil.example', 'c2'],
  ["[domain-name:value = '203.0.113.5']", 'ipv4', '203.0.113.5', 'c2'],
  ["[ipv4-addr:value='203.0.113.0/24']", 'cidr', '203.0.113.0/24', 'c2'],
  ["[ipv6-addr:value='2001:db8::1']", 'ipv6', '2001:db8::1', 'c2'],
  ["[url:value='https://evil.example/a?b=\\'c\\'']", 'url', 'https://evil.example/a?b=%27c%27', 'c2'],
  ["[email-addr:value='A@Evil.example']", 'email', 'a@evil.example', 'artifact'],
  ["[process:name='bh']", 'process', 'bh', 'artifact'],
  ["[file:name='it\\'s \\\\ it']", 'file-name', "it's \\ it", 'artifact'],
  ["[file:path='/private/var/tmp/hooker']", 'file-path', '/private/var/tmp/hooker', 'artifact'],
  [`[file:hashes.sha256='${SHA256}']`, 'sha256', SHA256, 'artifact'],
  [`[file:hashes.'SHA-256' = '${SHA256.toUpperCase()}']`, 'sha256', SHA256, 'artifact'],
  [`[file:hashes."SHA-256"='${SHA256}']`, 'sha256', SHA256, 'artifact'],
  [`[file:hashes.'SHA-1'='${SHA256.slice(0, 40)}']`, 'sha1', SHA256.slice(0, 40), 'artifact'],
  [`[file:hashes.MD5='${SHA256.slice(0, 32)}']`, 'md5', SHA256.slice(0, 32), 'artifact'],
  ["[app:id='com.Example.app']", 'app-id', 'com.Example.app', 'artifact'],
  [`[app:cert.sha256='${SHA256}']`, 'cert-sha256', SHA256, 'artifact'],
  [`[app:cert.sha1='${SHA256.slice(0, 40)}']`, 'cert-sha1', SHA256.slice(0, 40), 'artifact'],
  [`[app:cert.md5='${SHA256.slice(0, 32)}']`, 'cert-md5', SHA256.slice(0, 32), 'artifact'],
  ["[configuration-profile:id='76DAB334-7E17-475D-A5D6-0794EB5818A5']", 'profile-id', '76DAB334-7E17-475D-A5D6-0794EB5818A5', 'artifact'],
  ["[android-property:name='sys.evil']", 'property', 'sys.evil', 'artifact']
]

t.test('understands every pattern that such bundles have', async (t) => {
  for (const [pattern, type, value, role] of PATTERNS) {
    const { indicators, skipped } = parseStix(bundle(malware('m', 'Thing'), indicator('i', pattern), indicates('i', 'm')))
    t.strictSame(skipped, [], pattern)
    t.strictSame(indicators, [{ type, value, role, threatClass: 'malware', family: 'Thing' }], pattern)
  }
})

t.test('counts what it cannot use, by reason', async (t) => {
  const { indicators, skipped, revoked } = parseStix(bundle(
    malware('m', 'Thing'),
    indicator('0', "[domain-name:value='good.example']"),
    indicator('1', "[domain-name:value='a.example' OR domain-name:value='b.example']"),
    indicator('2', "[domain-name:value='a.example'] AND [domain-name:value='b.example']"),
    indicator('3', "[domain-name:value LIKE '%.example']"),
    indicator('4', "[domain-name:value != 'a.example']"),
    indicator('5', "[mutex:name='x']"),
    indicator('6', "[domain-name:value='not a host']"),
    indicator('7', "[domain-name:value='gone.example']", { revoked: true }),
    indicator('8', 'rule x { condition: true }', { pattern_type: 'yara' }),
    indicator('9', '', { pattern: undefined }),
    indicator('10', "[ipv4-addr:value='0.0.0.0/0']"),
    indicator('11', "[ipv4-addr:value='192.168.1.1']")
  ))
  t.strictSame(indicators.map(({ value }) => value), ['good.example'])
  t.equal(revoked, 1)
  t.strictSame(Object.fromEntries(skipped.map(({ reason, count }) => [reason, count])), {
    'pattern is not one comparison with =': 5,
    'pattern on mutex:name': 1,
    'domain-name:value: not a valid domain': 1,
    'revoked by its publisher': 1,
    'pattern of type yara': 1,
    'ipv4-addr:value: a range too wide to be meant': 1,
    'ipv4-addr:value: an address that is no public one': 1
  })
  t.ok(skipped.every(({ examples }) => examples.length > 0 && examples.length <= 5))
})

t.test('names the family that the relationship names', async (t) => {
  const { indicators } = parseStix(bundle(
    malware('p', 'Pegasus'), malware('a', 'ClickMe', { malware_types: ['adware'] }), malware('gone', 'Gone', { revoked: true }),
    indicator('1', "[domain-name:value='one.example']"), indicator('2', "[domain-name:value='two.example']"),
    indicator('3', "[domain-name:value='three.example']"), indicator('4', "[domain-name:value='four.example']"),
    indicates('1', 'p'), indicates('2', 'a'), indicates('3', 'p', { revoked: true }), indicates('4', 'gone')
  ))
  t.strictSame(indicators.map(({ value, family, threatClass }) => [value, family, threatClass]), [
    ['one.example', 'Pegasus', 'mercenary-spyware'],
    ['two.example', 'ClickMe', 'adware'],
    ['three.example', 'unknown', 'malware'],
    ['four.example', 'unknown', 'malware']
  ])
})

t.test('takes the newest version of an object', async (t) => {
  const { indicators, skipped } = parseStix(bundle(
    malware('m', 'Thing'),
    indicator('1', "[domain-name:value='one.example']", { modified: '2024-02-01T00:00:00Z', revoked: true }),
    indicator('1', "[domain-name:value='one.example']", { modified: '2024-01-01T00:00:00Z' }),
    indicator('2', "[domain-name:value='old.example']", { modified: '2024-01-01T00:00:00Z' }),
    indicator('2', "[domain-name:value='new.example']", { modified: '2024-02-01T00:00:00Z' })
  ))
  t.strictSame(indicators.map(({ value }) => value), ['new.example'])
  t.match(skipped, [{ reason: 'revoked by its publisher', count: 1 }])
})

t.test('keeps bounds in time and confidence that can be, and leaves out others', async (t) => {
  const { indicators } = parseStix(bundle(
    malware('m', 'Thing'),
    indicator('1', "[process:name='one']", { valid_from: '2024-12-13T21:15:49.153129Z', valid_until: '2025-01-01T02:00:00+02:00', confidence: 85 }),
    indicator('2', "[process:name='two']", { valid_from: 'soon', valid_until: '+012345-01-01T00:00:00Z', confidence: 1e9 })
  ))
  t.strictSame(indicators, [
    { type: 'process', value: 'one', role: 'artifact', threatClass: 'malware', family: 'Thing', validFrom: '2024-12-13T21:15:49.153Z', validUntil: '2025-01-01T00:00:00.000Z', confidence: 85 },
    { type: 'process', value: 'two', role: 'artifact', threatClass: 'malware', family: 'Thing' }
  ])
})

t.test('lets nothing through that PostgreSQL cannot store', async (t) => {
  const { indicators, skipped } = parseStix(bundle(
    malware('m', `N\0 ${'x'.repeat(118)}\u{1F600}`),
    indicator('1', "[process:name='fine']"), indicator('2', "[process:name='a\0b']"), indicator('3', "[process:name='\uD800']")
  ))
  t.equal(indicators.length, 1)
  t.equal(skipped[0]?.count, 2)
  t.notMatch(JSON.stringify([indicators, skipped]), /\\u0000|\\ud83d|\\ud800/i)
})

t.test('refuses what is no bundle, naming line or object', async (t) => {
  const faultsOf = (text: string): unknown => {
    try {
      return parseStix(text)
    } catch (error) {
      return (error as { faults?: unknown }).faults
    }
  }
  t.match(faultsOf('{\n"type": "bundle",\n"objects": ["a\nb"]}'), [{ path: 'line 3', message: /^is not JSON: / }])
  // Node.js 20 to 24 do not all say where an unexpected character stands.
  t.match(faultsOf('{\n"type": "bundle",\n"objects": [}'), [{ path: /^(line 3)?$/, message: /^is not JSON: / }])
  t.match(faultsOf(bundle(malware('m', 'x'), 5, null, { id: 'x' })), [{ path: '/objects/1' }, { path: '/objects/2' }, { path: '/objects/3' }])
  for (const text of ['[]', '{}', 'null', '{"type":"bundle"}', '{"type":"report","objects":[]}']) t.match(faultsOf(text), [{ path: '' }], text)
})

const countByType = (indicators: ReadonlyArray<{ type: string }>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { type } of indicators) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

t.test('reads the public bundle of Predator with exactly its counts', async (t) => {
  const text = readSharedData(t, 'amnesty-investigations/2021-12-16_cytrox/cytrox.stix2', 4)
  if (text === undefined) return
  const { indicators, skipped } = parseStix(text)
  t.equal(indicators.length, 343)
  t.strictSame(countByType(indicators), { domain: 336, 'file-path': 6, 'profile-id': 1 })
  t.strictSame(skipped, [])
  t.ok(indicators.every(({ family, threatClass }) => family === 'Predator' && threatClass === 'mercenary-spyware'))
})

t.test('reads the public bundle of NoviSpy with exactly its counts', async (t) => {
  const text = readSharedData(t, 'amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', 3)
  if (text === undefined) return
  const { indicators, skipped } = parseStix(text)
  // The seven domain names are addresses.
  t.strictSame(countByType(indicators), { ipv4: 7, 'app-id': 4, 'cert-sha256': 3, sha256: 4 })
  t.strictSame(skipped, [])
  t.ok(indicators.every(({ family, threatClass }) => family === 'NoviSpy' && threatClass === 'mercenary-spyware'))
})
