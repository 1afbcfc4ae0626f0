import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import t from 'tap'
import { INDICATOR_ROLES, INDICATOR_TYPES, THREAT_CLASSES, type IndicatorType } from '../../../src/intel/indicators/indicator.js'
import type { IntelEntry, IntelView } from '../../../src/intel/intel-view.js'
import { buildIntelIndex } from '../../../src/intel/index/intel-index.js'
import { normalizeHost, normalizeValue } from '../../../src/intel/indicators/normalize.js'

function entry (type: IndicatorType, text: string, rest: Partial<IntelEntry> = {}): IntelEntry {
  const normal = normalizeValue(type, text)
  if (normal === undefined) throw new Error(`${text} is no ${type}`)
  return { ...normal, role: 'c2', threatClass: 'malware', family: 'Family', feed: 'a-feed', ...rest }
}

const indexOf = (...entries: readonly IntelEntry[]): IntelView => buildIntelIndex({ version: 7, entries, vulnerabilities: [] })
const valuesAt = (index: IntelView, host: string): string[] => index.lookupHost(host).map(({ feed, value }) => `${feed} ${value}`).sort()

t.test('a listed domain is found however it is spelt, with all below it, and nothing else', async (t) => {
  const index = indexOf(entry('domain', 'evil.example'), entry('domain', 'bücher.example'))
  t.equal(index.version, 7)
  for (const host of ['evil.example', 'EVIL.Example', 'evil.example.', 'www.evil.example', 'a.b.c.evil.example', 'evil。example']) t.strictSame(valuesAt(index, host), ['a-feed evil.example'], host)
  for (const host of ['xn--bcher-kva.example', 'www.BÜCHER.example']) t.strictSame(valuesAt(index, host), ['a-feed xn--bcher-kva.example'], host)
  for (const host of ['example', 'good.example', 'notevil.example', 'evil.example.com', 'evil', 'evil.example:443', 'evil.example/', 'user@evil.example', '', '.', '..', '*.evil.example', 'a b.evil.example', 'x'.repeat(10_000)]) {
    t.strictSame(valuesAt(index, host), [], host.slice(0, 60))
  }
})

t.test('a domain that strangers share speaks for itself alone', async (t) => {
  for (const [listed, below] of [
    // Public suffixes of registries, of clouds and of dynamic DNS.
    ['com', 'good.com'], ['co.uk', 'good.co.uk'], ['github.io', 'good.github.io'], ['duckdns.org', 'good.duckdns.org'], ['ddns.net', 'good.ddns.net'],
    ['ngrok.io', 'good.ngrok.io'], ['workers.dev', 'good.workers.dev'], ['s3.amazonaws.com', 'good.s3.amazonaws.com'], ['appspot.com', 'good.appspot.com'],
    // A private suffix in between: the listed one is none itself.
    ['fastly.net', 'good.map.fastly.net'], ['core.windows.net', 'good.blob.core.windows.net'],
    // Not in the Public Suffix List.
    ['github.com', 'gist.github.com'], ['firebaseio.com', 'good.firebaseio.com'], ['mooo.com', 'good.mooo.com'], ['google.com', 'drive.google.com'], ['sharepoint.com', 'good.sharepoint.com']
  ] as const) {
    // An import takes no domain of one label, but the index must not depend on it.
    const index = indexOf({ ...entry('domain', 'x.example'), value: listed })
    t.strictSame(valuesAt(index, below), [], `${listed} says nothing about ${below}`)
    t.strictSame(valuesAt(index, `a.b.${below}`), [], `${listed} says nothing about a.b.${below}`)
    if (listed.includes('.')) t.strictSame(valuesAt(index, listed), [`a-feed ${listed}`], `${listed} itself`)
  }
})

t.test('a server on shared ground is found with what is below it, its neighbours are not', async (t) => {
  for (const [listed, neighbour] of [
    ['spy.duckdns.org', 'good.duckdns.org'], ['spy.firebaseio.com', 'good.firebaseio.com'], ['spy.mooo.com', 'good.mooo.com'],
    ['spy.co.uk', 'good.co.uk'], ['spy-bucket.s3.amazonaws.com', 'good.s3.amazonaws.com'], ['d111.cloudfront.net', 'd222.cloudfront.net']
  ] as const) {
    const index = indexOf(entry('domain', listed))
    for (const host of [listed, `www.${listed}`]) t.strictSame(valuesAt(index, host), [`a-feed ${listed}`], host)
    t.strictSame(valuesAt(index, neighbour), [], neighbour)
    t.strictSame(valuesAt(index, listed.slice(listed.indexOf('.') + 1)), [], `what is above ${listed}`)
  }
})

t.test('in each feed the nearest word counts', async (t) => {
  const index = indexOf(
    entry('domain', 'spy.example', { feed: 'one', role: 'c2' }),
    entry('domain', 'www.spy.example', { feed: 'one', role: 'website' }),
    entry('domain', 'spy.example', { feed: 'two', family: 'A' }),
    entry('domain', 'spy.example', { feed: 'two', family: 'B' })
  )
  t.strictSame(valuesAt(index, 'www.spy.example'), ['one www.spy.example', 'two spy.example', 'two spy.example'])
  t.strictSame(index.lookupHost('www.spy.example').filter(({ feed }) => feed === 'one').map(({ role }) => role), ['website'])
  t.strictSame(valuesAt(index, 'shop.www.spy.example'), ['one www.spy.example', 'two spy.example', 'two spy.example'])
  t.strictSame(valuesAt(index, 'api.spy.example'), ['one spy.example', 'two spy.example', 'two spy.example'])
})

t.test('addresses are found in every spelling, alone and in ranges', async (t) => {
  const index = indexOf(
    entry('ipv4', '203.0.113.9'), entry('cidr', '198.51.100.0/24'), entry('cidr', '198.51.0.0/16', { feed: 'wide' }),
    entry('ipv6', '2001:db8::1'), entry('cidr', '2001:db8:1::/48')
  )
  for (const [host, expected] of [
    ['203.0.113.9', ['a-feed 203.0.113.9']],
    ['::ffff:203.0.113.9', ['a-feed 203.0.113.9']],
    ['[::ffff:cb00:7109]', ['a-feed 203.0.113.9']],
    ['203.0.113.8', []],
    ['198.51.100.0', ['a-feed 198.51.100.0/24', 'wide 198.51.0.0/16']],
    ['198.51.100.255', ['a-feed 198.51.100.0/24', 'wide 198.51.0.0/16']],
    ['198.51.101.0', ['wide 198.51.0.0/16']],
    ['198.52.0.0', []],
    ['2001:db8::1', ['a-feed 2001:db8::1']],
    ['[2001:0DB8:0:0:0:0:0:1]', ['a-feed 2001:db8::1']],
    ['2001:db8::2', []],
    ['2001:db8:1:ffff:ffff:ffff:ffff:ffff', ['a-feed 2001:db8:1::/48']],
    ['2001:db8:2::', []],
    // Neither is an address, and neither may be taken for a host below one.
    ['203.0.113.9.', []], ['x.203.0.113.9', []], ['203.0.113.9:443', []], ['203.0.113', []]
  ] as const) t.strictSame(valuesAt(index, host), expected, host)
})

t.test('every other kind is found by its normal form alone, under its own type', async (t) => {
  const SHA256 = 'AB'.repeat(32)
  for (const [type, stored, found, missed] of [
    ['url', 'HTTPS://Evil.example:443/a#top', 'https://evil.example/a', 'https://evil.example/'],
    ['sha256', SHA256, SHA256.toLowerCase(), SHA256],
    ['cert-sha256', SHA256.match(/../g)!.join(':'), SHA256.toLowerCase(), SHA256],
    ['sha1', SHA256.slice(0, 40), SHA256.slice(0, 40).toLowerCase(), SHA256.slice(0, 32).toLowerCase()],
    ['md5', SHA256.slice(0, 32), SHA256.slice(0, 32).toLowerCase(), SHA256.toLowerCase()],
    ['app-id', 'com.Evil.Spy', 'com.Evil.Spy', 'com.evil.spy'],
    ['file-path', '/private/var/tmp/takePhoto', '/private/var/tmp/takePhoto', '/private/var/tmp'],
    ['file-name', 'takePhoto', 'takePhoto', 'takephoto'],
    ['process', 'UserEventAgent', 'UserEventAgent', 'usereventagent'],
    ['email', 'Mallory@Evil.example', 'mallory@evil.example', 'evil.example'],
    ['profile-id', '76dab334-7e17-475d-a5d6-0794eb5818a5', '76DAB334-7E17-475D-A5D6-0794EB5818A5', '76dab334-7e17-475d-a5d6-0794eb5818a5'],
    ['property', 'sys.evil', 'sys.evil', 'sys']
  ] as const) {
    const index = indexOf(entry(type, stored))
    t.strictSame(index.lookup(type, found).map(({ value }) => value), [found], `${type} ${found}`)
    t.strictSame(index.lookup(type, missed), [], `${type}: not ${missed}`)
    t.strictSame(INDICATOR_TYPES.filter((other) => other !== type && index.lookup(other, found).length > 0), [], `${type}: no other type`)
    t.strictSame(index.lookupHost(found), [], `${type}: no host`)
  }
})

t.test('words that every object has are no indicators', async (t) => {
  const index = indexOf(entry('process', 'constructor'))
  for (const value of ['__proto__', 'toString', 'hasOwnProperty']) t.strictSame(index.lookup('process', value), [])
  t.equal(index.lookup('process', 'constructor').length, 1)
  t.strictSame(indexOf().lookup('domain', 'evil.example'), [])
  t.strictSame(indexOf().lookupHost('evil.example'), [])
})

t.test('a port that is known decides', async (t) => {
  const index = indexOf(
    entry('domain', 'spy.example', { port: 8443 }), entry('domain', 'spy.example', { family: 'Any port', feed: 'two' }),
    entry('domain', 'www.spy.example', { port: 443, family: 'Near' }), entry('ipv4', '203.0.113.9', { port: 4444 }), entry('cidr', '203.0.113.0/24', { port: 22 })
  )
  const familiesAt = (host: string, port?: number): string[] => index.lookupHost(host, port).map(({ family }) => family).sort()
  t.strictSame(familiesAt('spy.example'), ['Any port', 'Family'], 'a port nobody told may be that one')
  t.strictSame(familiesAt('spy.example', 8443), ['Any port', 'Family'])
  t.strictSame(familiesAt('spy.example', 443), ['Any port'])
  t.strictSame(familiesAt('www.spy.example', 443), ['Any port', 'Near'])
  t.strictSame(familiesAt('www.spy.example', 8443), ['Any port', 'Family'], 'what is said of another port is not the nearest word')
  t.strictSame(familiesAt('203.0.113.9').length, 2)
  t.strictSame(familiesAt('203.0.113.9', 4444).length, 1)
  t.strictSame(familiesAt('203.0.113.9', 22).length, 1)
  t.strictSame(familiesAt('203.0.113.9', 80), [])
})

t.test('an application id is found by a wildcard at the borders of its labels', async (t) => {
  const index = indexOf(entry('app-id', 'com.evil.*'), entry('app-id', 'com.evil.spy'), entry('app-id', 'com.evil.spy.*', { feed: 'two' }), entry('app-id', 'org.one.two.three.*'))
  for (const [appId, expected] of [
    ['com.evil.spy', ['com.evil.spy', 'com.evil.*']],
    ['com.evil.spy.pro', ['com.evil.spy.*', 'com.evil.*']],
    ['com.evil.other', ['com.evil.*']],
    ['com.evil.a.b.c.d', ['com.evil.*']],
    ['org.one.two.three.four', ['org.one.two.three.*']],
    ['com.evil', []], ['com.evilspy', []], ['com.evilspy.x', []], ['com.Evil.x', []], ['xcom.evil.spy', []], ['com', []], ['', []], ['org.one.two.three', []], ['org.one.two', []],
    // The wildcard as it is listed, which no phone has.
    ['com.evil.*', ['com.evil.*']], ['com.*', []], ['com.evil.spy.x.*', []]
  ] as const) t.strictSame(index.lookup('app-id', appId).map(({ value }) => value), expected, appId)
  t.equal(index.lookup('app-id', 'com.evil.a')[0], index.lookup('app-id', 'com.evil.b')[0], 'one entry is one object')
})

t.test('a URL is found by host and path, at the borders of folders', async (t) => {
  const at = (listed: readonly string[], asked: string): string[] => indexOf(...listed.map((url) => entry('url', url))).lookupUrl(asked).map(({ value }) => value)
  for (const listed of ['http://evil.example/x', 'http://evil.example/x/', 'https://evil.example/x']) {
    for (const asked of ['http://evil.example/x', 'http://evil.example/x/', 'https://EVIL.example:443/x', 'http://evil.example:80/x/y', 'https://evil.example/x/y/z?q=1#top', 'https://evil.example/x?q=1',
      'http://evil.example/a/../x', 'http://evil.example/%78/y', 'http://user:word@evil.example/x', 'wss://evil.example/x/y']) t.strictSame(at([listed], asked), [listed], `${listed}: ${asked}`)
    for (const asked of ['http://evil.example/xy', 'http://evil.example/', 'http://evil.example/X', 'http://evil.example:8080/x', 'http://www.evil.example/x', 'http://notevil.example/x', 'http://evil.example/y/x',
      'http://evil.example/?/x', 'http://evil.example@good.example/x', 'evil.example/x', 'http://', '', 'javascript:alert(1)']) t.strictSame(at([listed], asked), [], `${listed}: not ${asked}`)
  }
  const query = 'https://evil.example/get?id=7'
  t.strictSame(at([query], 'http://evil.example/get?id=7'), [query])
  for (const asked of ['https://evil.example/get', 'https://evil.example/get?id=77', 'https://evil.example/get?id=7&x', 'https://evil.example/get/?id=7', 'https://evil.example/get/more?id=7', 'https://evil.example/get?ID=7']) t.strictSame(at([query], asked), [], asked)
  t.strictSame(at(['http://evil.example/'], 'https://evil.example/any/where?x'), ['http://evil.example/'], 'the root is all of it')
  t.strictSame(at(['http://evil.example:8080/'], 'http://evil.example:8080/a'), ['http://evil.example:8080/'])
  t.strictSame(at(['http://evil.example/'], 'http://evil.example:8080/a'), [])
  t.strictSame(at(['http://[2001:db8::1]/x'], 'http://[2001:DB8:0::1]/x/y'), ['http://[2001:db8::1]/x'])
  t.strictSame(at(['http://evil.example/a//'], 'http://evil.example/a//b'), ['http://evil.example/a//'])
  t.strictSame(at(['http://evil.example/a//'], 'http://evil.example/a/b'), [])
  t.strictSame(at(['http://evil.example/', 'http://evil.example/a', 'https://evil.example/a/b?q', 'ftp://evil.example/a/b/'], 'https://evil.example/a/b?q'),
    ['https://evil.example/a/b?q', 'ftp://evil.example/a/b/', 'http://evil.example/a', 'http://evil.example/'], 'the nearest first')
})

t.test('a URL of a thousand folders costs no more than a few look-ups', async (t) => {
  const deep = `http://evil.example/${'a/'.repeat(900)}`
  const index = indexOf(entry('url', deep), ...Array.from({ length: 40 }, (_, level) => entry('url', `http://evil.example/${'a/'.repeat(level)}`, { feed: `feed-${level}` })))
  t.ok(index.lookupUrl(deep).some(({ value }) => value === deep), 'the very URL, however deep')
  t.strictSame(index.lookupUrl(`${deep}x`).some(({ value }) => value === deep), false, 'below it nobody looks any more')
  const startedAt = performance.now()
  for (let time = 0; time < 100; time++) index.lookupUrl(deep)
  t.ok(performance.now() - startedAt < 2_000)
})

t.test('nothing is taken for something else: values made to be confused', async (t) => {
  const SHA256 = '0123456789abcdef'.repeat(4)
  const listed: Array<[IndicatorType, string]> = [['sha256', SHA256], ['sha1', SHA256.slice(0, 40)], ['md5', SHA256.slice(0, 32)], ['process', 'a'], ['process', 'a'.repeat(16)], ['file-path', '/ü/🐛'], ['file-name', 'x'.repeat(2_048)]]
  const index = indexOf(...listed.map(([type, value]) => ({ ...entry('process', 'p'), type, value })))
  for (const [type, value] of listed) t.match(index.lookup(type, value), [{ type, value }])
  for (const [type, value] of [
    // The same beginning, the same end, one bit, other letters for the same bytes, what padding looks like.
    ['sha256', `${SHA256.slice(0, 32)}${'0'.repeat(32)}`], ['sha256', `${'0'.repeat(32)}${SHA256.slice(32)}`], ['sha256', SHA256.slice(0, 63)], ['sha256', `${SHA256}0`], ['sha256', SHA256.toUpperCase()],
    ['md5', SHA256], ['sha1', SHA256.slice(0, 32)], ['process', ''], ['process', 'a\u0001'], ['process', 'a\0'], ['process', 'a'.repeat(15)], ['process', 'a'.repeat(17)], ['process', `${'a'.repeat(15)}\u0001`],
    ['file-path', '/u/🐛'], ['file-path', '/Ã¼/ð\u009f\u0090\u009b'], ['file-path', '/\ud83d'], ['file-name', 'x'.repeat(2_047)], ['file-name', 'x'.repeat(100_000)]
  ] as const) t.strictSame(index.lookup(type, value), [], `${type} ${value.slice(0, 80)}`)
})

t.test('what a phone hits is one object, and is not kept without end', async (t) => {
  const COUNT = 50_000
  const index = indexOf(...Array.from({ length: COUNT }, (_, number) => ({ ...entry('app-id', 'a.b'), value: `com.n${number}` })))
  const first = index.lookup('app-id', 'com.n0')
  t.equal(index.lookup('app-id', 'com.n0')[0], first[0])
  for (let number = 0; number < COUNT; number++) if (index.lookup('app-id', `com.n${number}`)[0]?.value !== `com.n${number}`) throw new Error(`${number} is missing`)
  t.strictSame(index.lookup('app-id', 'com.n0'), first, 'made again, it says the same')
})

/** Domains of the property below that speak for themselves alone. */
const SHARED = new Set(['uk', 'co.uk', 'org', 'duckdns.org', 'com', 'github.com', 'example'])

/** What the index must find, by looking at every entry. */
function scanForHost (entries: readonly IntelEntry[], host: string): IntelEntry[] {
  const normal = normalizeHost(host)
  if (normal === undefined) {
    const address = ipaddr.process(host)
    return entries.filter(({ type, value }) => type === 'cidr'
      ? ipaddr.parseCIDR(value)[0].kind() === address.kind() && address.match(ipaddr.parseCIDR(value))
      : type === address.kind() && value === address.toString())
  }
  const said = entries.filter(({ type, value }) => type === 'domain' && (value === normal || (normal.endsWith(`.${value}`) && !SHARED.has(value))))
  return said.filter(({ feed, value }) => !said.some((other) => other.feed === feed && other.value.length > value.length))
}

const label = fc.constantFrom('a', 'b')
const domain = fc.tuple(fc.array(label, { maxLength: 2 }), fc.constantFrom('x.example', 'co.uk', 'duckdns.org', 'github.com', 'evil.com'))
  .map(([labels, base]) => [...labels, base].join('.'))
const octet = fc.constantFrom(0, 127, 128)
const ipv4 = fc.tuple(fc.constantFrom(11, 203), fc.constant(0), octet, octet).map((octets) => octets.join('.'))
const group = fc.constantFrom('0', '8000')
const ipv6 = fc.tuple(fc.constantFrom('2001:db8', '2a00:1'), group, group, group).map(([start, ...groups]) => `${start}:${groups.join(':')}::1`)
const range = fc.oneof(fc.tuple(ipv4, fc.integer({ min: 8, max: 32 })), fc.tuple(ipv6, fc.integer({ min: 16, max: 128 }))).map(([address, bits]) => `${address}/${bits}`)
const listed = fc.tuple(
  fc.oneof(fc.record({ type: fc.constant('domain' as const), text: domain }), fc.record({ type: fc.constant('ipv4' as const), text: fc.oneof(ipv4, ipv6) }), fc.record({ type: fc.constant('cidr' as const), text: range })),
  fc.constantFrom('one', 'two')
).map(([{ type, text }, feed]) => entry(type, text, { feed }))

t.test('the index finds exactly what a look at every entry finds', async (t) => {
  let hits = 0
  const inOrder = (entries: readonly IntelEntry[]): string[] => entries.map((one) => JSON.stringify([one.feed, one.type, one.value])).sort()
  fc.assert(fc.property(fc.array(listed, { maxLength: 30, size: 'max' }), fc.array(fc.oneof(domain, ipv4, ipv6), { minLength: 1, maxLength: 10, size: 'max' }), (entries, hosts) => {
    const index = indexOf(...entries)
    for (const host of hosts) {
      const expected = scanForHost(entries, host)
      hits += expected.length
      deepStrictEqual(inOrder(index.lookupHost(host)), inOrder(expected), host)
    }
    for (const { type, value } of entries) {
      deepStrictEqual(inOrder(index.lookup(type, value)), inOrder(entries.filter((one) => one.type === type && one.value === value)), value)
    }
  }), { numRuns: 1_000 })
  t.ok(hits > 1_000, 'and there was something to find')
})

t.test('the index answers as plain maps do', async (t) => {
  const types = ['app-id', 'process', 'file-name', 'md5', 'email', 'property'] as const
  const type = fc.constantFrom(...types)
  const text = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', 'ü'), maxLength: 6 }), fc.string({ unit: 'grapheme', maxLength: 40 }))
  const claim = fc.record({
    feed: fc.constantFrom('one', 'two'), family: fc.constantFrom('A', 'Ü', ''), role: fc.constantFrom(...INDICATOR_ROLES), threatClass: fc.constantFrom(...THREAT_CLASSES),
    confidence: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }), port: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
    validFrom: fc.option(fc.date({ noInvalidDate: true, min: new Date('1900-01-01'), max: new Date('2200-01-01') }).map((date) => date.toISOString()), { nil: undefined }),
    validUntil: fc.option(fc.date({ noInvalidDate: true, min: new Date('1900-01-01'), max: new Date('2200-01-01') }).map((date) => date.toISOString()), { nil: undefined })
  })
  const known = fc.tuple(type, text, claim).map(([type, value, said]) => JSON.parse(JSON.stringify({ ...said, type, value })) as IntelEntry)
  const show = (entries: readonly IntelEntry[]): string[] => entries.map((one) => JSON.stringify(Object.entries(one).sort())).sort()
  let hits = 0
  fc.assert(fc.property(fc.array(known, { maxLength: 60, size: 'max' }), fc.array(fc.tuple(type, text), { maxLength: 20 }), (entries, questions) => {
    const index = indexOf(...entries)
    for (const [type, value] of [...questions, ...entries.map((one) => [one.type, one.value] as const)]) {
      const expected = entries.filter((one) => one.type === type && (one.value === value ||
        (type === 'app-id' && !value.endsWith('.*') && one.value.endsWith('.*') && value.startsWith(one.value.slice(0, -1)))))
      hits += expected.length
      deepStrictEqual(show(index.lookup(type, value)), show(expected), `${type} ${value}`)
    }
  }), { numRuns: 500 })
  t.ok(hits > 1_000, `${hits} were found`)
})
