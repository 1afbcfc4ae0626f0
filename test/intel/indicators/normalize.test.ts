import fc from 'fast-check'
import { domainToASCII } from 'node:url'
import t from 'tap'
import { INDICATOR_TYPES, type IndicatorType } from '../../../src/intel/indicators/indicator.js'
import { normalizeHost, normalizeValue } from '../../../src/intel/indicators/normalize.js'

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const SHA1 = 'bc693b48b7ec988e275cf9e1cdaa1447a31717d9'

const SAME: ReadonlyArray<[type: IndicatorType, text: string, as: IndicatorType, value: string, port?: number]> = [
  ['domain', 'Evil.Example.COM', 'domain', 'evil.example.com'],
  ['domain', 'evil.example.com.', 'domain', 'evil.example.com'],
  ['domain', ' bücher.example ', 'domain', 'xn--bcher-kva.example'],
  ['domain', 'a_b.example', 'domain', 'a_b.example'],
  ['domain', '*.evil.example', 'domain', 'evil.example'],
  ['domain', 'evil[.]example(.)com', 'domain', 'evil.example.com'],
  ['domain', 'evil{.}example{dot}com', 'domain', 'evil.example.com'],
  ['domain', 'evil\\.example[dot]com', 'domain', 'evil.example.com'],
  ['domain', '.evil.example', 'domain', 'evil.example'],
  ['domain', 'evil.example/', 'domain', 'evil.example'],
  ['domain', 'ＥＶＩＬ。example', 'domain', 'evil.example'],
  ['domain', 'faß.example', 'domain', 'xn--fa-hia.example'],
  ['domain', 'xn--bcher-kva.example', 'domain', 'xn--bcher-kva.example'],
  ['domain', 'Evil.Example.:8443', 'domain', 'evil.example', 8443],
  ['domain', 'evil[.]example[:]8080', 'domain', 'evil.example', 8080],
  ['domain', 'evil.example:443/', 'domain', 'evil.example', 443],
  ['domain', 'github.com:443', 'domain', 'github.com', 443],
  ['ipv4', '203.0.113.9:8080', 'ipv4', '203.0.113.9', 8080],
  ['ipv6', '[2001:DB8::1]:443', 'ipv6', '2001:db8::1', 443],
  ['domain', '176.223.111.131', 'ipv4', '176.223.111.131'],
  ['ipv4', '203[.]0[.]113[.]9', 'ipv4', '203.0.113.9'],
  ['domain', 'https://github.com/karma9874/AndroRAT', 'url', 'https://github.com/karma9874/AndroRAT'],
  ['domain', '198.51.100.7/24', 'cidr', '198.51.100.0/24'],
  ['url', 'HTTP://Evil.Example:80/a/../b?q=1#top', 'url', 'http://evil.example/b?q=1'],
  ['url', 'hxxps://evil[.]example/x', 'url', 'https://evil.example/x'],
  ['url', 'https://evil.example/(.)/[.]', 'url', 'https://evil.example/(.)/[.]'],
  ['url', 'hxxp[:]//evil(dot)example/x', 'url', 'http://evil.example/x'],
  ['url', 'hXXps[://]evil.example', 'url', 'https://evil.example/'],
  ['url', 'h**p://evil.example/x', 'url', 'http://evil.example/x'],
  ['url', 'http://www.evil\\.example/x', 'url', 'http://www.evil.example/x'],
  ['url', 'https://evil.example:443', 'url', 'https://evil.example/'],
  ['url', 'https://evil.example:8443/a//b/./c/%2e%2e/d', 'url', 'https://evil.example:8443/a//b/d'],
  ['url', 'https://evil.example./%7euser/%c3%a9%2f?q=%41%zz', 'url', 'https://evil.example/~user/%C3%A9%2F?q=A%25zz'],
  ['url', 'https://bücher.example/é', 'url', 'https://xn--bcher-kva.example/%C3%A9'],
  ['url', 'http://0x7f.1/x', 'url', 'http://127.0.0.1/x'],
  ['url', 'http://[::ffff:203.0.113.9]:8080/x', 'url', 'http://203.0.113.9:8080/x'],
  ['url', 'evil.example/x', 'url', 'http://evil.example/x'],
  ['domain', 'github.com/user/malware', 'url', 'http://github.com/user/malware'],
  ['domain', 'evil[.]example/x', 'url', 'http://evil.example/x'],
  ['url', 'evil.example:8080/x', 'url', 'http://evil.example:8080/x'],
  ['url', 'evil.example', 'domain', 'evil.example'],
  ['ipv4', '203.0.113.9', 'ipv4', '203.0.113.9'],
  ['ipv4', '2001:DB8:0:0::1', 'ipv6', '2001:db8::1'],
  ['ipv6', '[2001:db8::1]', 'ipv6', '2001:db8::1'],
  ['ipv6', '::ffff:203.0.113.9', 'ipv4', '203.0.113.9'],
  // RFC 5952, sections 4.2.2 and 4.2.3: one zero alone is not shortened, the first of two runs is.
  ['ipv6', '2001:db8:0:1:1:1:1:1', 'ipv6', '2001:db8:0:1:1:1:1:1'],
  ['ipv6', '2001:0DB8:0:0:1:0:0:01', 'ipv6', '2001:db8::1:0:0:1'],
  ['ipv6', 'fe80::1%eth0', 'ipv6', 'fe80::1'],
  ['cidr', '2001:db8:1::5/32', 'cidr', '2001:db8::/32'],
  ['cidr', '203.0.113.9/32', 'ipv4', '203.0.113.9'],
  ['cidr', '2001:db8::1/128', 'ipv6', '2001:db8::1'],
  ['cidr', '::ffff:203.0.113.9/120', 'cidr', '203.0.113.0/24'],
  ['md5', SHA1, 'sha1', SHA1],
  ['sha256', `SHA1:${SHA1}`, 'sha1', SHA1],
  ['cert-sha256', SHA1.toUpperCase().match(/../g)!.join(':'), 'cert-sha1', SHA1],
  ['sha1', SHA1.toUpperCase(), 'sha1', SHA1],
  ['cert-sha1', SHA1.toUpperCase().match(/../g)!.join(':'), 'cert-sha1', SHA1],
  ['cert-sha1', SHA1.match(/../g)!.join(' '), 'cert-sha1', SHA1],
  ['app-id', ' com.Example.App ', 'app-id', 'com.Example.App'],
  ['app-id', 'com.evil.*', 'app-id', 'com.evil.*'],
  ['email', 'Mallory@Evil.Example', 'email', 'mallory@evil.example'],
  ['email', 'mallory[at]bücher[.]example', 'email', 'mallory@xn--bcher-kva.example'],
  ['file-path', '/private/var/tmp/takePhoto', 'file-path', '/private/var/tmp/takePhoto'],
  ['process', 'UserEventAgent', 'process', 'UserEventAgent'],
  ['profile-id', '76dab334-7e17-475d-a5d6-0794eb5818a5', 'profile-id', '76DAB334-7E17-475D-A5D6-0794EB5818A5'],
  ['profile-id', 'com.Example.profile', 'profile-id', 'com.Example.profile']
]

const NONE: ReadonlyArray<[type: IndicatorType, text: string]> = [
  ['domain', ''], ['domain', 'localhost'], ['domain', 'not a host'], ['domain', 'a..example'], ['domain', '-a.example'],
  // Of these the platform's own function keeps the part before the path: github.com would be condemned.
  ['domain', 'github.com?x'], ['domain', 'github.com#x'], ['domain', 'github.com:0'], ['domain', 'github.com:65536'], ['domain', '203.0.113.9/x'],
  ['domain', 'user@github.com'], ['domain', 'github.com\\x'], ['domain', 'exa%6dple.com'], ['domain', 'git\thub.com'],
  ['domain', '1.2.3'], ['domain', '0x7f.1'], ['domain', '999.1.1.1'], ['domain', `${'a'.repeat(64)}.example`],
  ['url', 'javascript://alert(1)'], ['url', 'http://'], ['url', `https://evil.example/${'é'.repeat(1_000)}`],
  ['ipv4', '203.0.113'], ['cidr', '203.0.113.0/33'], ['cidr', '203.0.113.0/24/1'],
  ['url', 'https://good.example@evil.example/'], ['url', 'https://user:word@evil.example/'], ['url', 'https://evil\\.example:x/'], ['url', 'https://localhost/x'],
  ['cert-sha1', SHA1.slice(2)], ['sha1', SHA1.slice(1)], ['sha1', `${SHA1.slice(1)}g`], ['md5', ''],
  ['app-id', 'com.example app'], ['app-id', 'com/example'], ['app-id', 'com.*'], ['app-id', '*'], ['app-id', 'com.evil*'], ['app-id', 'com.*.evil'],
  ['email', 'nobody'], ['email', 'a@b@c'], ['email', 'a@b'],
  ['file-path', '   '], ['file-path', '/tmp/a\nb'], ['file-name', 'a\u0085b'], ['process', 'a\0b'], ['process', '\uD800'], ['file-path', 'x'.repeat(2_049)]
]

t.test('writes every spelling of a value in one form, under the type that it has', async (t) => {
  for (const [type, text, as, value, port] of SAME) {
    t.strictSame(normalizeValue(type, text), { type: as, value, ...(port === undefined ? {} : { port }) }, `${type} ${text}`)
  }
})

t.test('takes nothing for a value that is none', async (t) => {
  for (const [type, text] of NONE) t.equal(normalizeValue(type, text), undefined, `${type} ${JSON.stringify(text.slice(0, 60))}`)
})

t.test('normalising what is normal changes nothing', async (t) => {
  const type = fc.constantFrom(...INDICATOR_TYPES)
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }), fc.string({ maxLength: 60 }), fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.domain(),
    fc.ipV4(), fc.ipV6(), fc.emailAddress(), fc.uuid(),
    fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(140)).map(([ip, bits]) => `${ip}/${bits}`),
    fc.tuple(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6().map((ip) => `[${ip}]`)), fc.nat(70_000)).map(([host, port]) => `${host}:${port}`),
    fc.string({ unit: fc.constantFrom(...'aA0.-_*[](){}/\\:hxp@%26#é．'), maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(...'a0./%26eE?~'), maxLength: 30 }).map((path) => `http://a.example/${path}`)
  )
  fc.assert(fc.property(type, text, (type, text) => {
    const once = normalizeValue(type, text)
    if (once === undefined) return
    // The port stands beside the value.
    const { port: _, ...bare } = once
    t.strictSame(normalizeValue(once.type, once.value), bare)
    t.strictSame(normalizeValue(type, once.value), bare)
    t.notMatch(once.value, CONTROL)
  }), { numRuns: 5_000 })
})

t.test('a plain host name is what the URL standard makes of it', async (t) => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'axn0-_.'), maxLength: 20 }), (text) => {
    const ascii = domainToASCII(text.replace(/\.$/, '')).replace(/\.$/, '')
    t.ok([ascii, undefined].includes(normalizeHost(text)), text)
    if (/^(?:[a-z][a-z0-9]*\.)+[a-z][a-z0-9]*$/.test(ascii)) t.equal(normalizeHost(text), ascii)
  }), { numRuns: 5_000 })
})
