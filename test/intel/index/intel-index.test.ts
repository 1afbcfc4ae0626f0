import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import t from 'tap'
import { INDICATOR_TYPES, type IndicatorType } from '../../../src/intel/indicators/indicator.js'
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
