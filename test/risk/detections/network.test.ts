import t from 'tap'
import { netC2Domain } from '../../../src/risk/detections/network/net-c2-domain.js'
import { at, type Case, checkCases, DAY_MS, entry, HOUR_MS, judge, only, summary } from '../helpers.js'

const EXPECTED = 'b5'.repeat(32)
const OBSERVED = 'e1'.repeat(32)
const CAFE = { ssid: 'Cafe', bssid: '02:00:00:a5:b6:c7' }
const interception = { eventId: 'i1', type: 'tls-interception', at: at(-HOUR_MS), probeHost: 'login.example', expectedSha256: EXPECTED, observedSha256: OBSERVED, ...CAFE }
const network = (type: 'wifi' | 'cellular' | 'none', wifi?: { ssid?: string, bssid?: string }): object => ({ type, ...(wifi === undefined ? {} : { wifi }) })
const seen = (offsetMs: number): object => ({ network: { sequence: 2, collectedAt: at(offsetMs) } })
const open = ['net-tls-interception login.example high']

t.test('a TLS interception is open until it is over', async (t) => {
  checkCases(t, [
    { name: 'it goes on', phone: { events: [interception] }, finds: open },
    { name: 'its end was reported', phone: { events: [{ ...interception, endedAt: at(-1), receivedAt: at(-1) }] }, finds: [] },
    { name: 'one moment before its lifetime ends', phone: { events: [{ ...interception, at: at(-DAY_MS + 1) }] }, finds: open },
    { name: 'its lifetime has ended', phone: { events: [{ ...interception, at: at(-DAY_MS) }] }, finds: [] },
    { name: 'a lifetime of the policy', phone: { events: [interception] }, policy: { eventLifetimes: { 'net-tls-interception': 3600 } }, finds: [] },
    { name: 'the phone is still there', phone: { network: network('wifi', CAFE), origins: seen(-1), events: [interception] }, finds: open },
    { name: 'another access point of the same network', phone: { network: network('wifi', { ssid: 'Cafe', bssid: '00:00:00:00:00:01' }), origins: seen(-1), events: [interception] }, finds: open },
    { name: 'another network since', phone: { network: network('wifi', { ssid: 'home' }), origins: seen(-1), events: [interception] }, finds: [] },
    { name: 'another access point, names unknown', phone: { network: network('wifi', { bssid: '00:00:00:00:00:01' }), origins: seen(-1), events: [interception] }, finds: [] },
    { name: 'mobile data since', phone: { network: network('cellular'), origins: seen(-1), events: [interception] }, finds: [] },
    { name: 'another network, but told before it began', phone: { network: network('wifi', { ssid: 'home' }), origins: seen(-HOUR_MS), events: [interception] }, finds: open },
    { name: 'another network, and nobody knows where it happened', phone: { network: network('wifi', { ssid: 'home' }), origins: seen(-1), events: [{ ...interception, ssid: undefined, bssid: undefined } as unknown as typeof interception] }, finds: open },
    { name: 'the certificate it should be', phone: { events: [{ ...interception, observedSha256: EXPECTED.toUpperCase() }] }, finds: [] },
    { name: 'the organisation\'s own proxy', phone: { events: [interception] }, policy: { certificates: { allow: [OBSERVED.toUpperCase()] } }, finds: [] },
    { name: 'switched off', phone: { events: [interception] }, policy: { severities: { 'net-tls-interception': 'off' } }, finds: [] },
    { name: 'an iPhone', platform: 'ios', phone: { events: [interception] }, finds: open }
  ])
})

t.test('a TLS interception comes with its proof and its end', async (t) => {
  const finding = only(judge({ phone: { events: [{ ...interception, trustedCa: true }] } }))
  t.equal(finding.expiresAt, at(DAY_MS - HOUR_MS))
  t.match(finding.evidence, [{ path: 'events["i1"].probeHost', value: 'login.example' }])
  t.equal(finding.detection, 'net-tls-interception-trusted-ca')
  t.ok(finding.evidence.some(({ path, value }) => path === 'events["i1"].trustedCa' && value === true))
  t.match(finding.title, /Wi-Fi "Cafe"/)
  t.match(finding.title, /authority that this phone trusts/, 'a trusted authority is named')
})

t.test('a phone\'s clock cannot stretch an event', async (t) => {
  const ahead = { ...interception, at: at(3 * DAY_MS), receivedAt: at(-HOUR_MS) }
  t.equal(judge({ phone: { events: [ahead] } }).dueAt, at(DAY_MS - HOUR_MS), 'counted from when we received it')
  const ended = { ...ahead, endedAt: at(3 * DAY_MS + 1) }
  t.strictSame(summary(judge({ phone: { events: [ended] } })), [], 'an end in the phone\'s future has happened')
})

const c2 = (type: 'domain' | 'ipv4' | 'ipv6' | 'url', value: string, rest: Parameters<typeof entry>[2] = {}): ReturnType<typeof entry> => entry(type, value, { role: 'c2', ...rest })
const EVIL = c2('domain', 'evil.example')
const event = (type: string, rest: object): { eventId: string, type: string, at: string } => ({ eventId: 'e1', type, at: at(-HOUR_MS), ...rest })
const talked = ['net-c2-domain evil.example high']

t.test('a contact with a command server is found however it is told', async (t) => {
  checkCases(t, ([
    { name: 'query', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [EVIL], finds: talked },
    { name: 'query in capitals with the root\'s dot', phone: { events: [event('dns-query', { host: 'EVIL.example.' })] }, intel: [EVIL], finds: talked },
    { name: 'name under a listed one', phone: { events: [event('dns-query', { host: 'a.evil.example' })] }, intel: [EVIL], finds: ['net-c2-domain a.evil.example high'] },
    { name: 'name that only ends alike', phone: { events: [event('dns-query', { host: 'notevil.example' })] }, intel: [EVIL], finds: [] },
    { name: 'connection to an address', phone: { events: [event('connection', { ip: '203.0.113.9', port: 443 })] }, intel: [c2('ipv4', '203.0.113.9')], finds: ['net-c2-domain 203.0.113.9 high'] },
    { name: 'connection to the listed port', phone: { events: [event('connection', { ip: '203.0.113.9', port: 8443 })] }, intel: [c2('ipv4', '203.0.113.9', { port: 8443 })], finds: ['net-c2-domain 203.0.113.9 high'] },
    { name: 'connection to another port', phone: { events: [event('connection', { ip: '203.0.113.9', port: 443 })] }, intel: [c2('ipv4', '203.0.113.9', { port: 8443 })], finds: [] },
    { name: 'page at the listed port', phone: { events: [event('url-visit', { url: 'http://evil.example:8080/x' })] }, intel: [c2('domain', 'evil.example', { port: 8080 })], finds: talked },
    { name: 'page at another port', phone: { events: [event('url-visit', { url: 'http://evil.example/x' })] }, intel: [c2('domain', 'evil.example', { port: 8080 })], finds: [] },
    { name: 'a question for the name tells no port', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [c2('domain', 'evil.example', { port: 8080 })], finds: talked },
    { name: 'a server of watchware', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [{ ...EVIL, threatClass: 'watchware' }], finds: ['net-c2-domain evil.example medium'] },
    { name: 'a server of adware', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [{ ...EVIL, threatClass: 'adware' }], finds: ['net-c2-domain evil.example low'] },
    { name: 'a server of watchware and malware', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [{ ...EVIL, threatClass: 'watchware' }, { ...EVIL, threatClass: 'stalkerware' }], finds: talked },
    { name: 'intel of little confidence', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [{ ...EVIL, confidence: 10 }], finds: ['net-c2-domain evil.example medium'] },
    { name: 'a sales site visited', phone: { events: [event('url-visit', { url: 'https://evil.example/buy' })] }, intel: [{ ...EVIL, role: 'website' }, { ...EVIL, role: 'distribution' }], finds: [] },
    { name: 'connection to an IPv6 address', phone: { events: [event('connection', { ip: '2001:DB8:0:0:0:0:0:9' })] }, intel: [c2('ipv6', '2001:db8::9')], finds: ['net-c2-domain 2001:db8::9 high'] },
    { name: 'connection by name and address is one contact', phone: { events: [event('connection', { host: 'evil.example', ip: '203.0.113.9' })] }, intel: [EVIL, c2('ipv4', '203.0.113.9')], finds: talked },
    { name: 'page', phone: { events: [event('url-visit', { url: 'https://evil.example/x', action: 'opened' })] }, intel: [EVIL], finds: talked },
    { name: 'page at an address', phone: { events: [event('url-visit', { url: 'http://203.0.113.9:8080/x' })] }, intel: [c2('ipv4', '203.0.113.9')], finds: ['net-c2-domain 203.0.113.9 high'] },
    { name: 'listed page', phone: { events: [event('url-visit', { url: 'https://shop.example/gate.php' })] }, intel: [c2('url', 'https://shop.example/gate.php')], finds: ['net-c2-domain shop.example high'] },
    { name: 'listed page, asked for with a fragment', phone: { events: [event('url-visit', { url: 'https://shop.example/gate.php#top' })] }, intel: [c2('url', 'https://shop.example/gate.php')], finds: ['net-c2-domain shop.example high'] },
    { name: 'blocked page', phone: { events: [event('url-visit', { url: 'https://evil.example/x', action: 'blocked' })] }, intel: [EVIL], finds: [] },
    { name: 'opened link', phone: { events: [event('message-link', { url: 'https://evil.example/x', opened: true })] }, intel: [EVIL], finds: talked },
    { name: 'link that nobody opened', phone: { events: [event('message-link', { url: 'https://evil.example/x', opened: false })] }, intel: [EVIL], finds: [] },
    { name: 'link of which nobody knows', phone: { events: [event('message-link', { url: 'https://evil.example/x' })] }, intel: [EVIL], finds: [] },
    { name: 'no address at all', phone: { events: [event('url-visit', { url: 'not a url' }), event('connection', {})] }, intel: [EVIL], finds: [] },
    { name: 'event of another type', phone: { events: [event('captive-portal', { host: 'evil.example' })] }, intel: [EVIL], finds: [] },
    { name: 'maker\'s sales site', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [{ ...EVIL, role: 'website' }], finds: [] },
    { name: 'place that offers the app', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [{ ...EVIL, role: 'distribution' }], finds: [] },
    { name: 'phishing page', phone: { events: [event('dns-query', { host: 'evil.example' })] }, intel: [{ ...EVIL, threatClass: 'phishing' }], finds: [] },
    { name: 'long ago', phone: { events: [{ ...event('dns-query', { host: 'evil.example' }), at: at(-DAY_MS) }] }, intel: [EVIL], finds: [] },
    { name: 'connection that has ended, which undoes nothing', phone: { events: [event('connection', { host: 'evil.example', endedAt: at(-HOUR_MS + 1000) })] }, intel: [EVIL], finds: talked },
    { name: 'host that the organisation allows', phone: { events: [event('dns-query', { host: 'a.evil.example' })] }, intel: [EVIL], policy: { domains: { allow: ['evil.example'] } }, finds: [] },
    { name: 'address behind a host that the organisation allows', phone: { events: [event('connection', { host: 'fine.example', ip: '203.0.113.9' })] }, intel: [c2('ipv4', '203.0.113.9')], policy: { domains: { allow: ['fine.example'] } }, finds: [] }
  ] satisfies Case[]).map((one) => ({ ...one, detections: [netC2Domain] })))
})

t.test('many contacts with one server are one finding, open from the last', async (t) => {
  const events = Array.from({ length: 50 }, (_, index) => ({ eventId: `e${index}`, type: 'dns-query', at: at(-(index + 1) * 60_000), host: 'evil.example', appId: 'com.bad' }))
  const finding = only(judge({ phone: { events: events.toReversed() }, intel: [EVIL] }))
  t.equal(finding.expiresAt, at(DAY_MS - 60_000))
  t.ok(finding.evidence.length <= 20, 'evidence is bounded')
  t.strictSame(finding.evidence[0], { path: 'events["e0"].host', value: 'evil.example' }, 'newest first')
  t.match(finding.title, /The app com\.bad contacted evil\.example/)
})

const CA = 'c0'.repeat(32)
const authority = { sha256: CA, commonName: 'Free Wi-Fi CA', store: 'user' as const, isIdentity: false }

t.test('a user\'s certificate authority is found', async (t) => {
  const found = [`net-user-ca ${CA} medium`]
  checkCases(t, [
    { name: 'by its fingerprint', phone: { certificates: [authority] }, finds: found },
    { name: 'on an iPhone', platform: 'ipados', phone: { certificates: [authority] }, finds: found },
    { name: 'without a fingerprint by its name', phone: { certificates: [{ commonName: 'X', store: 'user' }] }, finds: ['net-user-ca X medium'] },
    { name: 'but not an identity', phone: { certificates: [{ ...authority, isIdentity: true }] }, finds: [] },
    { name: 'nor one of the system', phone: { certificates: [{ ...authority, store: 'system' }] }, finds: [] },
    { name: 'nor one of an unknown store', phone: { certificates: [{ sha256: CA }] }, finds: [] },
    { name: 'nor one the organisation allows', phone: { certificates: [authority] }, policy: { certificates: { allow: [CA.toUpperCase()] } }, finds: [] },
    { name: 'nor one of a phone that has none', phone: { certificates: [] }, finds: [] },
    { name: 'high while somebody intercepts', phone: { certificates: [authority], events: [interception] }, finds: [`cmp-ca-and-mitm ${CA} high`, 'net-tls-interception login.example high', `net-user-ca ${CA} high`] },
    { name: 'medium again when that is over', phone: { certificates: [authority], events: [{ ...interception, endedAt: at(-1), receivedAt: at(-1) }] }, finds: found }
  ])
  t.equal(only(judge({ phone: { certificates: [authority] } })).expiresAt, null)
})
