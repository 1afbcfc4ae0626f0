import fc from 'fast-check'
import t from 'tap'
import { isStixBundle, parseStix } from '../../../src/intel/feeds/stix.js'
import { readSharedData } from '../shared-data.js'

const SHA256 = 'ab'.repeat(32)

type Thing = Record<string, unknown>
const malware = (id: string, name: string, rest: Thing = {}): Thing => ({ type: 'malware', id: `malware--${id}`, name, is_family: false, ...rest })
const indicator = (id: string, pattern: string, rest: Thing = {}): Thing => ({ type: 'indicator', id: `indicator--${id}`, pattern, pattern_type: 'stix', ...rest })
const indicates = (from: string, to: string, rest: Thing = {}): Thing => ({ type: 'relationship', id: `relationship--${from}-${to}`, relationship_type: 'indicates', source_ref: `indicator--${from}`, target_ref: `malware--${to}`, ...rest })
const relation = (kind: string, from: string, to: string): Thing => ({ type: 'relationship', id: `relationship--${kind}-${from}-${to}`, relationship_type: kind, source_ref: from, target_ref: to })
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
    indicator('1', "[domain-name:value='a.example' OR domain-name:value MATCHES 'b']"),
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
  t.strictSame(indicators.map(({ value }) => value), ['good.example', 'a.example'])
  t.equal(revoked, 1)
  t.strictSame(Object.fromEntries(skipped.map(({ reason, count }) => [reason, count])), {
    'pattern with MATCHES': 1,
    'pattern of several observations with AND': 1,
    'pattern with NOT': 1,
    'pattern on mutex:name': 1,
    'domain-name:value: not a valid domain': 2,
    'pattern that cannot be read': 1,
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

t.test('reads relationships in either direction, and the malware of who is indicated', async (t) => {
  const { indicators } = parseStix(bundle(
    malware('a', 'Alpha'), malware('b', 'Beta'), malware('c', 'Gamma'),
    { type: 'campaign', id: 'campaign--one', name: 'One' }, { type: 'campaign', id: 'campaign--two', name: 'Two' },
    relation('uses', 'campaign--one', 'malware--a'), relation('uses', 'campaign--two', 'malware--a'), relation('uses', 'campaign--two', 'malware--b'),
    indicator('1', "[process:name='one']"), indicator('2', "[process:name='two']"), indicator('3', "[process:name='three']"), indicator('4', "[process:name='four']"), indicator('5', "[process:name='five']"),
    relation('indicates', 'malware--c', 'indicator--1'), relation('indicates', 'indicator--2', 'campaign--one'), relation('indicates', 'indicator--3', 'campaign--two'),
    relation('indicates', 'indicator--4', 'malware--nowhere'), relation('indicates', 'indicator--5', 'campaign--one'), relation('indicates', 'indicator--5', 'malware--b')
  ))
  t.strictSame(indicators.map(({ value, family }) => [value, family]), [['one', 'Gamma'], ['two', 'Alpha'], ['three', 'Two'], ['four', 'unknown'], ['five', 'Beta']])
})

t.test('takes nothing that is not bad itself', async (t) => {
  const { indicators, skipped } = parseStix(bundle(
    malware('m', 'Thing'),
    indicator('0', "[domain-name:value='bad.example']", { indicator_types: ['malicious-activity'] }),
    indicator('1', "[app:id='com.bank.app']"), relation('impersonates', 'malware--m', 'indicator--1'),
    indicator('2', "[domain-name:value='victim.example']"), relation('targets', 'malware--m', 'indicator--2'),
    indicator('3', "[domain-name:value='both.example']"), relation('targets', 'indicator--3', 'identity--x'), indicates('3', 'm'),
    indicator('4', "[domain-name:value='good.example']", { indicator_types: ['benign'] }),
    indicator('5', "[ipv4-addr:value='198.51.100.5']", { labels: ['Anonymization'] }),
    indicator('6', "[domain-name:value='tor.example']", { indicator_types: ['anonymization', 'malicious-activity'] }),
    indicator('7', "[domain-name:value='shop.example' OR url:value='https://shop.example/kit.js']", { indicator_types: ['compromised'] }),
    indicator('8', "[domain-name:value='context.example']", { labels: ['misp:type="domain"', 'misp:to_ids="False"'] }),
    { type: 'domain-name', id: 'domain-name--1', value: 'seen.example' },
    { type: 'observed-data', id: 'observed-data--1', objects: { 0: { type: 'domain-name', value: 'seen.example' } } },
    { type: 'infrastructure', id: 'infrastructure--1', name: 'of theirs' }, { type: 'report', id: 'report--1', object_refs: ['indicator--0'] },
    { type: 'identity', id: 'identity--1', name: 'Us' }
  ))
  t.strictSame(indicators.map(({ value }) => value), ['bad.example', 'both.example', 'tor.example', 'https://shop.example/kit.js'])
  t.strictSame(Object.fromEntries(skipped.map(({ reason, count }) => [reason, count])), {
    'impersonated, targeted or mentioned, not bad itself': 2,
    'benign, says its publisher': 1,
    'anonymization: hiding where one is, is not bad by itself': 1,
    'a compromised host: it was innocent before, only its pages are bad': 1,
    'not meant for detection (to_ids false)': 1,
    'domain-name without an indicator': 1,
    'observed-data: says what was seen, not what is bad': 1
  })
})

t.test('takes the observables that an indicator in another language is based on', async (t) => {
  const { indicators, skipped } = parseStix(bundle(
    malware('m', 'Thing'),
    indicator('1', 'rule x { condition: true }', { pattern_type: 'yara' }), relation('based-on', 'indicator--1', 'file--1'), relation('based-on', 'domain-name--1', 'indicator--1'),
    { type: 'file', id: 'file--1', name: 'x.apk', hashes: { 'SHA-256': SHA256, MD5: SHA256.slice(0, 32), SSDEEP: '3:a' } },
    { type: 'domain-name', id: 'domain-name--1', value: 'c2.example' },
    indicator('2', "[domain-name:value='own.example']"), relation('based-on', 'indicator--2', 'domain-name--2'),
    { type: 'domain-name', id: 'domain-name--2', value: 'own.example' }
  ))
  t.strictSame(indicators.map(({ type, value, role }) => [type, value, role]), [
    ['sha256', SHA256, 'artifact'], ['md5', SHA256.slice(0, 32), 'artifact'], ['domain', 'c2.example', 'c2'], ['domain', 'own.example', 'c2']
  ])
  t.strictSame(skipped, [])
})

t.test('keeps the port, and types a value by what it is', async (t) => {
  const { indicators } = parseStix(bundle(malware('m', 'Thing'),
    indicator('1', "[network-traffic:dst_ref.type='ipv4-addr' AND network-traffic:dst_ref.value='203.0.113.9' AND network-traffic:dst_port=8443]"),
    indicator('2', "[domain-name:value='evil.example:8080']"), indicator('3', "[domain-name:value='https://evil.example/x']"),
    indicator('4', `[file:hashes.MD5='${SHA256}']`), indicator('5', "[app:id LIKE 'com.evil.%']")))
  t.strictSame(indicators.map(({ type, value, port }) => [type, value, port]), [
    ['ipv4', '203.0.113.9', 8443], ['domain', 'evil.example', 8080], ['url', 'https://evil.example/x', undefined], ['sha256', SHA256, undefined], ['app-id', 'com.evil.*', undefined]
  ])
})

t.test('a server that only lures is not one that controls', async (t) => {
  const { indicators } = parseStix(bundle(malware('m', 'Thing'),
    indicator('1', "[domain-name:value='lure.example']", { kill_chain_phases: [{ kill_chain_name: 'x', phase_name: 'delivery' }] }),
    indicator('2', "[domain-name:value='both.example']", { kill_chain_phases: [{ kill_chain_name: 'x', phase_name: 'delivery' }, { kill_chain_name: 'x', phase_name: 'command-and-control' }] }),
    indicator('3', "[domain-name:value='odd.example']", { kill_chain_phases: [null, 5] })))
  t.strictSame(indicators.map(({ role }) => role), ['distribution', 'c2', 'c2'])
})

t.test('says where to read more, in few words', async (t) => {
  const { indicators } = parseStix(bundle(
    malware('m', 'Thing', { external_references: [{ source_name: 'lab', url: 'https://lab.example/family' }] }),
    indicator('1', "[process:name='one']", {
      external_references: [null, { source_name: 'cve', external_id: 'CVE-2024-1' }, { source_name: 'lab', url: 'javascript:alert(1)' }, { source_name: 'lab', url: `https://lab.example/${'x'.repeat(300)}` }, { source_name: 'lab', url: 'https://lab.example/1' }]
    }),
    indicator('2', "[process:name='two']", { external_references: Array.from({ length: 50 }, (_, i) => ({ source_name: 'lab', url: `https://lab.example/${i}` })) })
  ))
  t.strictSame(indicators[0]?.references, ['cve CVE-2024-1', 'https://lab.example/1', 'https://lab.example/family'])
  t.equal(indicators[1]?.references?.length, 5)
})

t.test('reads STIX 2.0, and bundles without a version', async (t) => {
  const old = {
    type: 'bundle', id: 'bundle--1', spec_version: '2.0', objects: [
      { type: 'malware', id: 'malware--1', name: 'Spy', labels: ['spyware'] },
      { type: 'indicator', id: 'indicator--1', labels: ['malicious-activity'], pattern: `[file:hashes.'SHA-256' = '${SHA256}']`, valid_from: '2024-01-01T00:00:00Z' },
      { type: 'relationship', id: 'relationship--1', relationship_type: 'indicates', source_ref: 'indicator--1', target_ref: 'malware--1' }
    ]
  }
  const { indicators } = parseStix(JSON.stringify(old))
  t.match(indicators, [{ type: 'sha256', value: SHA256, family: 'Spy', threatClass: 'mercenary-spyware', validFrom: '2024-01-01T00:00:00.000Z' }])
})

t.test('reads the envelope in which TAXII sends objects', async (t) => {
  const objects = [malware('m', 'Thing'), indicator('1', "[process:name='one']", { modified: '2024-03-01T00:00:00Z' })]
  for (const envelope of [{ more: true, next: '1', objects }, { objects }]) {
    t.ok(isStixBundle(envelope))
    t.equal(parseStix(JSON.stringify(envelope)).indicators.length, 1)
  }
  t.ok(isStixBundle({ more: false, objects: [] }))
  for (const other of [{ objects: [] }, { objects: [{ type: 'x' }] }, { objects: [{ type: 'x', id: 'y--1' }] }, { type: 'report', objects }, [], null, 'bundle']) t.notOk(isStixBundle(other), JSON.stringify(other))
})

t.test('says when the publisher last changed it', async (t) => {
  const published = (...times: unknown[]): unknown => parseStix(bundle(...times.map((modified, i) => indicator(String(i), "[process:name='one']", { modified })))).publishedAt
  t.equal(published('2024-01-01T00:00:00Z', '2024-05-01T12:00:00.5Z', '2023-01-01T00:00:00Z', 'never', 5), '2024-05-01T12:00:00.500Z')
  t.equal(published('never'), undefined)
})

t.test('an indicator that was never valid is none', async (t) => {
  const { indicators, skipped } = parseStix(bundle(malware('m', 'Thing'),
    indicator('1', "[process:name='one']", { valid_from: '2024-01-02T00:00:00Z', valid_until: '2024-01-02T00:00:00Z' }),
    indicator('2', "[process:name='two']", { valid_from: '2024-01-02T00:00:00Z', valid_until: '2024-01-01T00:00:00Z' }),
    indicator('3', "[process:name='three']", { valid_until: '2020-01-01T00:00:00Z' })))
  t.strictSame(indicators.map(({ value, validUntil }) => [value, validUntil]), [['three', '2020-01-01T00:00:00.000Z']])
  t.match(skipped, [{ reason: 'valid_until is not after valid_from', count: 2 }])
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

t.test('an id that is no text is nobody\'s, and ends nothing', async (t) => {
  const odd = { toString: '' }
  const { indicators, skipped } = parseStix(bundle({ type: 'indicator', id: odd }, { type: 'relationship', source_ref: odd, target_ref: odd, relationship_type: 'targets' }, { type: 'malware', id: odd }))
  t.strictSame(indicators, [])
  t.ok(skipped.length > 0)
})

t.test('reads or refuses whatever stands in a bundle', async (t) => {
  const odd = fc.oneof(fc.jsonValue(), fc.constantFrom('indicator--1', 'malware--1', 'domain-name--1', 'indicates', 'based-on', 'targets', '2024-01-01T00:00:00Z', "[process:name='x']"))
  const object = fc.record({
    type: fc.constantFrom('indicator', 'malware', 'campaign', 'relationship', 'domain-name', 'file', 'observed-data', 'other', '__proto__'),
    ...Object.fromEntries(['id', 'name', 'pattern', 'pattern_type', 'revoked', 'modified', 'valid_from', 'valid_until', 'confidence', 'labels', 'indicator_types', 'kill_chain_phases', 'external_references',
      'source_ref', 'target_ref', 'relationship_type', 'value', 'hashes', 'description', '__proto__', 'constructor'].map((key) => [key, odd]))
  }, { requiredKeys: ['type'] })
  const result = fc.check(fc.property(fc.array(object, { maxLength: 8 }), (objects) => {
    const { indicators, skipped } = parseStix(bundle(...objects))
    JSON.stringify([indicators, skipped])
  }), { numRuns: 2_000 })
  t.notOk(result.failed, result.failed ? fc.defaultReportMessage(result) ?? 'fails' : 'never an error')
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
