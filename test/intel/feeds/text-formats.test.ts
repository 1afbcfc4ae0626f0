import fc from 'fast-check'
import t from 'tap'
import { FEED_FORMATS } from '../../../src/intel/feeds/format-names.js'
import { readFeed, type ReadFeed } from '../../../src/intel/feeds/index.js'

const valuesOf = ({ indicators }: ReadFeed): string[] => indicators.map(({ type, value, port }) => `${type} ${value}${port === undefined ? '' : `:${port}`}`)
const read = (text: string): { format: string, values: string[] } => {
  const feed = readFeed(text, 'auto')
  return { format: feed.format, values: valuesOf(feed) }
}
const A = 'a'.repeat(64)

t.test('hosts files, dnsmasq, lists of blockers', async (t) => {
  t.strictSame(read('# Title: Stalkerware hosts\n# Last updated: 2026-11-01\n127.0.0.1 localhost\n::1 localhost\n0.0.0.0 evil.example.com www.evil.example.com # c2\n0.0.0.0 xn--bcher-kva.example.org\n'), {
    format: 'hosts', values: ['domain evil.example.com', 'domain www.evil.example.com', 'domain xn--bcher-kva.example.org']
  })
  t.match(readFeed('# Title: Stalkerware hosts\n# Last updated: 2026-11-01T00:00:00Z\n0.0.0.0 evil.example.com', 'auto'), { publishedAt: '2026-11-01T00:00:00.000Z', indicators: [{ family: 'Stalkerware hosts', threatClass: 'stalkerware', role: 'c2' }] })
  t.strictSame(read('[Adblock Plus]\n! Title: Ads\n||ads.example.com^\n||more.example.com^$third-party\n'), { format: 'hosts', values: ['domain ads.example.com', 'domain more.example.com'] })
  t.strictSame(read('address=/evil.example.com/0.0.0.0\naddress=/worse.example.com/#\n'), { format: 'hosts', values: ['domain evil.example.com', 'domain worse.example.com'] })
  t.match(readFeed('0.0.0.0 ads.example.com', 'hosts').indicators, [{ threatClass: 'unknown', role: 'distribution' }], 'nobody says that it controls anything')
})

t.test('tables with names of columns', async (t) => {
  t.strictSame(read('\uFEFF"type";"indicator";"family"\r\n"domain";"evil[.]example.com";"BadSpy"\r\n"sha256";"' + A + '";"BadSpy"\r\n"ip:port";"203.0.113.5:8080";"BadSpy"\r\n'), {
    format: 'csv', values: ['domain evil.example.com', `sha256 ${A}`, 'ipv4 203.0.113.5:8080']
  })
  const feed = readFeed('package_name,sha256,signing_cert_sha1,c2_domain,malware,reference,first_seen\ncom.bad.spy,' + A + ',' + 'b'.repeat(40) + ',c2.evil.net,BadSpy,https://blog.example.com/x,2026-01-02 03:04:05\n', 'auto')
  t.strictSame(valuesOf(feed), ['app-id com.bad.spy', `sha256 ${A}`, `cert-sha1 ${'b'.repeat(40)}`, 'domain c2.evil.net'])
  t.match(feed.indicators[3], { family: 'BadSpy', validFrom: '2026-01-02T03:04:05.000Z', references: ['https://blog.example.com/x'] })
})

t.test('tables whose names stand in a comment, as abuse.ch exports them', async (t) => {
  const text = '################\n# ThreatFox IOCs: recent\n# Last updated: 2026-11-20\n#\n# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","malware_printable","confidence_level","reference"\n' +
    '"2026-11-20 10:00:00", "1", "203.0.113.77:4443", "ip:port", "botnet_cc", "Hook", "75", "None"\n"2026-11-20 10:00:00", "2", "evil.example.com", "domain", "botnet_cc", "Hook", "100", ""\n'
  const feed = readFeed(text, 'auto')
  t.equal(feed.format, 'csv')
  t.strictSame(valuesOf(feed), ['ipv4 203.0.113.77:4443', 'domain evil.example.com'])
  t.match(feed.indicators[0], { family: 'Hook', threatClass: 'c2', confidence: 75 })
})

t.test('tables without names of columns', async (t) => {
  t.strictSame(read(`com.bad.spy,${A},BadSpy\ncom.worse.app_two,${'c'.repeat(64)},WorseSpy\n`), { format: 'csv', values: ['app-id com.bad.spy', `sha256 ${A}`, 'app-id com.worse.app_two', `sha256 ${'c'.repeat(64)}`] })
  t.strictSame(read('domain\tevil.example.com\nurl\thxxps://evil.example.org/x\n'), { format: 'csv', values: ['domain evil.example.com', 'url https://evil.example.org/x'] })
  t.throws(() => readFeed('name,comment\nfoo,bar\n', 'csv'), { code: 'UNPROCESSABLE' } as never)
})

t.test('plain lists, defanged or not', async (t) => {
  t.strictSame(read('# Servers of BadSpy\nevil[.]example[.]com\nhxxps://evil(dot)example.org/a?b=1\n203.0.113[.]5\n198.51.100.0/24\nevil{.}example.net[:]8443\nbad[at]evil.net\n'), {
    format: 'list', values: ['domain evil.example.com', 'url https://evil.example.org/a?b=1', 'ipv4 203.0.113.5', 'cidr 198.51.100.0/24', 'domain evil.example.net:8443', 'email bad@evil.net']
  })
  t.strictSame(read('com.bad.spy\ncom.worse.app_two\nnet.third.Thing\n').values, ['app-id com.bad.spy', 'app-id com.worse.app_two', 'app-id net.third.Thing'], 'names that begin as hosts end')
  t.strictSame(read('evil.example.com\nwww.spy-shop.net\n').values, ['domain evil.example.com', 'domain www.spy-shop.net'])
})

const REPORT = `# BadSpy: a long look

We found BadSpy at https://vendor.example.com/blog and it imitates com.whatsapp and www.bank.com.
It talks to evil[.]example.com at times.

## Indicators of compromise

### Package names

- \`com.bad.spy\` (first seen in May)
- com.worse.app_two

### Signing certificates

| SHA-1 | note |
| --- | --- |
| ${'b'.repeat(40)} | release |

### Domains

\`\`\`
c2.evil.net
c3[.]evil[.]net
\`\`\`

## Impersonated apps

- com.whatsapp
- org.telegram.messenger

## References

- https://other.example.com/report
- [a link](https://news.example.com)
`

t.test('reports: what stands under indicators counts, what is mentioned does not', async (t) => {
  t.strictSame(read(REPORT), { format: 'list', values: ['domain evil.example.com', 'app-id com.bad.spy', 'app-id com.worse.app_two', `cert-sha1 ${'b'.repeat(40)}`, 'domain c2.evil.net', 'domain c3.evil.net'] })
  t.match(readFeed(REPORT, 'auto').indicators[0], { family: 'BadSpy: a long look' })
  t.strictSame(read('= BadSpy\n\n== Indicators\n\n=== Network indicators\n\n* c2.evil[.]net\n* hxxp://evil.net/x[.]apk\n\n----\n203.0.113[.]5\n----\n'), { format: 'list', values: ['domain c2.evil.net', 'url http://evil.net/x.apk', 'ipv4 203.0.113.5'] }, 'AsciiDoc')
})

t.test('rules of Suricata', async (t) => {
  const rules = [
    'alert dns $HOME_NET any -> any any (msg:"ET MOBILE_MALWARE BadSpy DNS Lookup"; dns.query; content:"evil|2e|example.com"; nocase; endswith; reference:url,blog.example.com/x; classtype:trojan-activity; sid:1; metadata:malware_family BadSpy_One;)',
    'alert tls $HOME_NET any -> $EXTERNAL_NET any (msg:"SNI"; tls.sni; content:".worse.example.com"; sid:2;)',
    'alert http $HOME_NET any -> $EXTERNAL_NET any (msg:"page"; content:"evil.example.org"; http_host; content:"/gate.php"; http_uri; sid:3;)',
    'alert ip $HOME_NET any -> [203.0.113.5,198.51.100.0/24,!10.0.0.1] any (msg:"addresses"; sid:4;)',
    'alert tls any any -> any any (msg:"ja3"; ja3.hash; content:"abc"; sid:5;)',
    '# alert dns any any -> any any (msg:"off"; dns.query; content:"off.example.com"; sid:6;)',
    'alert dns any any -> any any (msg:"not"; dns.query; content:!"good.example.com"; sid:7;)'
  ].join('\n')
  const feed = readFeed(rules, 'auto')
  t.equal(feed.format, 'suricata')
  t.strictSame(valuesOf(feed), ['domain evil.example.com', 'domain worse.example.com', 'url http://evil.example.org/gate.php', 'ipv4 203.0.113.5', 'cidr 198.51.100.0/24'])
  t.match(feed.indicators[0], { family: 'BadSpy One', references: ['https://blog.example.com/x'] })
  t.strictSame(feed.skipped.map(({ reason }) => reason), ['a fingerprint of traffic, which no phone reports', 'a rule that is switched off', 'no name and no address of a server'])
})

const IOC = `<?xml version="1.0"?><ioc xmlns="http://schemas.mandiant.com/2010/ioc" id="x" last-modified="2026-01-02T03:04:05"><short_description>BadSpy</short_description><definition><Indicator operator="OR">
<IndicatorItem condition="is"><Context document="FileItem" search="FileItem/Md5sum" type="mir"/><Content type="md5">${'d'.repeat(32)}</Content></IndicatorItem>
<IndicatorItem condition="contains"><Context document="Network" search="Network/DNS" type="mir"/><Content type="string">evil.example.com</Content></IndicatorItem>
<IndicatorItem condition="is"><Context document="RegistryItem" search="RegistryItem/Path" type="mir"/><Content type="string">x</Content></IndicatorItem>
<Indicator operator="AND"><IndicatorItem condition="is"><Context search="FileItem/FileName"/><Content>a.apk</Content></IndicatorItem><IndicatorItem condition="is"><Context search="FileItem/Sha256sum"/><Content>${A}</Content></IndicatorItem></Indicator>
<Indicator operator="AND"><IndicatorItem condition="is"><Context search="FileItem/FileName"/><Content>b.apk</Content></IndicatorItem><IndicatorItem condition="is"><Context search="ProcessItem/name"/><Content>b</Content></IndicatorItem></Indicator>
</Indicator></definition></ioc>`

t.test('OpenIOC', async (t) => {
  const feed = readFeed(IOC, 'auto')
  t.strictSame([feed.format, valuesOf(feed)], ['openioc', [`md5 ${'d'.repeat(32)}`, 'domain evil.example.com', `sha256 ${A}`]])
  t.match(feed.indicators[0], { family: 'BadSpy' })
  t.strictSame(feed.skipped.map(({ reason, count }) => `${count} ${reason}`), ['1 term RegistryItem/Path', '2 AND of what says too little alone'])
  t.throws(() => readFeed('<!DOCTYPE x [<!ENTITY a "b">]><ioc><definition/></ioc>', 'auto'), { faults: [{ path: 'line 1' }] } as never)
  t.throws(() => readFeed('<ioc>\n<definition>\n</ioc>', 'auto'), { faults: [{ path: /line \d/ }] } as never)
  t.throws(() => readFeed('<a>'.repeat(5_000), 'auto'), { code: 'validation' } as never)
  t.throws(() => readFeed('<html><body>Not found</body></html>', 'auto'), { code: 'UNPROCESSABLE' } as never)
})

t.test('what is no feed is refused with the names of those that are known', async (t) => {
  for (const text of ['', '   \n', 'Dear Sir or Madam,\nplease find attached the list of our servers.\nYours', 'a b c\nd e f', 'hello', '\u0000\u0001\u0002PNG', '- just\n- words\n']) {
    t.throws(() => readFeed(text, 'auto'), { code: /^(?:UNPROCESSABLE|validation)$/ } as never, JSON.stringify(text).slice(0, 40))
  }
  t.throws(() => readFeed('x', 'nonsense'), { message: new RegExp(FEED_FORMATS.join(', ')) } as never)
})

t.test('hostile texts end soon', async (t) => {
  const hostile = {
    'one long line': 'a'.repeat(3_000_000), dots: '.'.repeat(200_000), brackets: '[.]'.repeat(100_000), spaces: ' '.repeat(300_000) + 'x', quotes: '"'.repeat(100_001), commas: ','.repeat(300_000),
    'a rule without end': 'alert dns any any -> any any (' + 'content:"a"; '.repeat(30_000), headings: '# a\n'.repeat(50_000), pipes: '|'.repeat(100_000), hyphens: 'a-'.repeat(100_000) + '.com', defanged: 'hxxp://' + 'a[.]'.repeat(50_000),
    angle: '<'.repeat(100_000), colons: 'a:'.repeat(100_000), words: 'alert '.repeat(50_000)
  }
  for (const [name, text] of Object.entries(hostile)) {
    // Of the processor, so that what else goes on does not count.
    const before = process.cpuUsage()
    try {
      readFeed(text, 'auto')
    } catch (error) {
      t.match((error as { code?: string }).code, /^(?:UNPROCESSABLE|validation)$/, `${name}: ${(error as Error).message.slice(0, 80)}`)
    }
    const { user, system } = process.cpuUsage(before)
    const tookMs = (user + system) / 1_000
    t.ok(tookMs < 3_000, `${name}: ${Math.round(tookMs)} ms`)
  }
})

t.test('whatever is sent, it is read or refused, and order says nothing', async (t) => {
  const seed = Number(process.env.FC_SEED ?? Date.now() % 2 ** 31)
  t.comment(`FC_SEED=${seed}`)
  const piece = fc.oneof(fc.string(), fc.constantFrom('evil.example.com', 'hxxp://a[.]b.com/x', A, '- name: x', '{', '[', '<ioc>', '0.0.0.0 a.com', 'alert dns any any -> any any (', '| a | b |', '# IOCs', '"', ',', ';', '__proto__', '\uFEFF'))
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom('\n', ',', ' '), fc.constantFrom(...FEED_FORMATS), (pieces, glue, format) => {
    try {
      readFeed(pieces.join(glue), format)
      return true
    } catch (error) {
      return ['unprocessable', 'validation'].includes((error as { code?: string }).code?.toLowerCase() ?? '')
    }
  }), { seed, numRuns: 2_000 })

  const domains = fc.uniqueArray(fc.stringMatching(/^[a-z]{3,10}\.evil\.(?:com|net|org)$/), { minLength: 1, maxLength: 20 })
  fc.assert(fc.property(domains, fc.constantFrom('list', 'hosts', 'csv', 'misp'), (all, format) => {
    const file = (values: readonly string[]): string => ({
      list: values.join('\n'),
      hosts: values.map((value) => `0.0.0.0 ${value}`).join('\n'),
      csv: ['domain,family', ...values.map((value) => `${value},X`)].join('\n'),
      misp: JSON.stringify({ Event: { info: 'X', Attribute: values.map((value) => ({ type: 'domain', value, to_ids: true })) } })
    })[format]!
    const [there, back] = [readFeed(file(all), 'auto'), readFeed(file([...all].reverse()), 'auto')]
    return there.format === format && JSON.stringify(valuesOf(there).sort()) === JSON.stringify(all.map((value) => `domain ${value}`).sort()) && JSON.stringify(valuesOf(back).sort()) === JSON.stringify(valuesOf(there).sort())
  }), { seed, numRuns: 200 })
})
