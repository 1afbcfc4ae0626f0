import t from 'tap'
import { readDocuments } from '../../../src/intel/feed-documents.js'
import { readFeed } from '../../../src/intel/feeds/index.js'

/** What real files of publishers have that no standard says; written anew, with values for documentation. */

const MD5 = 'd'.repeat(32)
const valuesOf = (text: string, format = 'auto'): { format: string, values: string[] } => {
  const feed = readFeed(text, format)
  return { format: feed.format, values: feed.indicators.map(({ type, value }) => `${type} ${value}`) }
}
const familiesOf = (text: string): string[] => [...new Set(readFeed(text, 'auto').indicators.map(({ family }) => family))]

t.test('OpenIOC whose values stand in the ids, with addresses of routes, and what contains a whole value', async (t) => {
  const item = (search: string, id: string, content: string, condition = 'is'): string => `<IndicatorItem id="${id}" condition="${condition}"><Context document="x" search="${search}" type="mir"/><Content type="string">${content}</Content></IndicatorItem>`
  const ioc = `<ioc xmlns="http://schemas.mandiant.com/2010/ioc"><short_description>Event #1</short_description><definition><Indicator operator="OR">
    ${item('Network/DNS', 'evil.example.com', '')}${item('RouteEntryItem/Destination', '203.0.113.9', '')}${item('FileItem/Md5sum', MD5, '')}
    ${item('Network/DNS', '5cd56487-0b50-4e81-b7eb-651f0a14d415', '')}${item('PortItem/remoteIP', 'a', '203.0.113.10', 'contains')}${item('FileItem/FullPath', 'b', 'AppData', 'contains')}
  </Indicator></definition></ioc>`
  t.strictSame(valuesOf(ioc), { format: 'openioc', values: ['domain evil.example.com', 'ipv4 203.0.113.9', `md5 ${MD5}`, 'ipv4 203.0.113.10'] })
  t.strictSame(readFeed(ioc, 'auto').skipped.map(({ reason }) => reason).sort(), ['Network/DNS: not a valid domain', 'condition contains on FileItem/FullPath'])
})

t.test('STIX 1 is refused in words that help', async (t) => {
  t.throws(() => readFeed('<?xml version="1.0"?>\n<stix:STIX_Package xmlns:stix="http://stix.mitre.org/stix-1" version="1.1.1"><stix:Indicators/></stix:STIX_Package>', 'auto'), { message: /STIX 1 .* convert/ } as never)
})

t.test('rules that look for a name in the packet, and rules named as rule sets name them', async (t) => {
  const rule = (msg: string, body: string): string => `alert udp any any -> any 53 (msg:"${msg}"; ${body} sid:1;)`
  t.strictSame(valuesOf([
    rule('Dark Domain: evil.example.com', 'content:"|01 00 00 01|"; content:"|04|evil|07|example|03|com|00|"; nocase;'),
    rule('one label', 'content:"|04|evil|00|";'),
    rule('not a name', 'content:"|04|ev|07|example|03|com|00|";'),
    rule('not this', 'content:!"|04|good|07|example|03|com|00|";')
  ].join('\n')), { format: 'suricata', values: ['domain evil.example.com'] })

  const named = (msg: string): string[] => familiesOf(rule(msg, 'dns.query; content:"evil.example.com";'))
  for (const [msg, family] of [
    ['PTS STALKERWARE TheTruthSpy (1ca43[.]example[.]com)', 'TheTruthSpy'], ['ET MOBILE_MALWARE Android/FluBot CnC Domain in DNS Lookup', 'Android/FluBot'],
    ['ET MALWARE Observed DNS Query to BadSpy Domain (evil .example .com)', 'BadSpy'], ['ETPRO TROJAN Win32/Potao Connection to C&C IP', 'Win32/Potao'],
    ['ET PHISHING', 'ET PHISHING'], ['BACKDOOR [PTsecurity] SSVagent.APT31', 'SSVagent.APT31']
  ] as const) t.strictSame(named(msg), [family], msg)
})

t.test('JSON of publishers that follow no standard: rows, rows under a name, rows one a line, values under what they are', async (t) => {
  t.strictSame(valuesOf('{"iocs": [{"type": "domain", "tag": "stalkerware", "value": "evil.example.com"}, {"type": "ip4addr", "tag": "stalkerware", "value": "203.0.113.9"}]}'), { format: 'csv', values: ['domain evil.example.com', 'ipv4 203.0.113.9'] })
  t.strictSame(readFeed('{"iocs": [{"type": "domain", "tag": "stalkerware", "value": "evil.example.com"}]}', 'auto').indicators.map(({ threatClass, role }) => [threatClass, role]), [['stalkerware', 'c2']])
  t.strictSame(valuesOf('{"type": "ip_address", "ioc": "203.0.113.9", "family": "BadSpy"}\n{"type": "domain", "ioc": "evil.example.com", "family": "BadSpy"}\n'), { format: 'csv', values: ['ipv4 203.0.113.9', 'domain evil.example.com'] })
  t.strictSame(familiesOf('[{"sha256": "' + 'a'.repeat(64) + '", "package": "com.evil.spy", "family": "BadSpy", "seen": {"by": 1}}]'), ['BadSpy'])
  t.strictSame(valuesOf('{"title": "x", "domains": ["evil.example.com", "worse[.]example[.]com"], "packages": ["com.evil.spy"]}'), { format: 'csv', values: ['domain evil.example.com', 'domain worse.example.com', 'app-id com.evil.spy'] })
})

t.test('JSON that names what is harmless, or something else, is no feed', async (t) => {
  for (const text of [
    '{"name": "Top sites", "list": ["example.com", "example.net"], "type": "hostname", "matching_attributes": ["domain"], "version": 1, "description": ""}',
    '{"name": "Top sites", "list": ["example.com"], "domains": ["example.net"], "type": "hostname", "matching_attributes": ["domain"], "version": 1}',
    '{"categories": ["Network activity"], "types": ["md5", "sha1"], "sane_defaults": {"md5": {}}}',
    '{"users": [{"name": "Ann", "link": "https://example.com"}]}', '["example.com", "example.net"]', '[]', '{}', '[[1]]', '{"__proto__": {"domains": ["evil.example.com"]}}'
  ]) t.throws(() => readFeed(text, 'auto'), { code: /^(?:UNPROCESSABLE|validation)$/ } as never, text)
})

t.test('a table of reports is no table of indicators, and tables within reports belong to them', async (t) => {
  t.throws(() => readFeed('"year","month","author","title","link","country"\n2012,3,"EFF","Fake site","https://www.example.org/deeplinks/2012/03/fake-site","SY"\n2012,4,"EFF","Again","https://www.example.org/again","SY"\n', 'auto'), { code: 'UNPROCESSABLE' } as never)
  const report = '= Operation In(ter)ception -- Indicators of Compromise\n\n== Samples\n\n|===\n|SHA-1 |Name\n\n|' + 'a'.repeat(40) + ' |Win32/Agent.A\n|===\n'
  t.strictSame(valuesOf(report), { format: 'list', values: [`sha1 ${'a'.repeat(40)}`] })
})

t.test('in a report that is all about indicators they are found under any heading, but those of the harmless', async (t) => {
  const report = `= Dark.IoT -- Indicators of Compromise\n\n== Initial stage shell script\n\n----\n${'a'.repeat(40)}\n----\n\n== 2nd stage\n\n----\n${'b'.repeat(40)}\n----\n\n== References\n\n----\nwww.example.com\n----\n`
  t.strictSame(valuesOf(report), { format: 'list', values: [`sha1 ${'a'.repeat(40)}`, `sha1 ${'b'.repeat(40)}`] })
  t.throws(() => readFeed('= How to build\n\n== First stage\n\n----\nwww.example.com\n----\n', 'auto'), { code: 'UNPROCESSABLE' } as never)
})

t.test('blockers of advertising say so in their own words', async (t) => {
  t.strictSame([...new Set(readFeed('# AdAway default blocklist\n# Blocking mobile ad providers and some analytics providers\n127.0.0.1 localhost\n127.0.0.1 ads.example.com\n127.0.0.1 more.example.net\n', 'auto').indicators.map(({ threatClass, role }) => `${threatClass} ${role}`))], ['adware distribution'])
})

t.test('NVD as mirrors keep it: a CVE alone, a list, a year, an archive of CVEs', async (t) => {
  const cve = (id: string): object => ({
    id, sourceIdentifier: 'product-security@apple.com', vulnStatus: 'Analyzed', published: '2024-01-01T00:00:00.000', references: [],
    configurations: [{ nodes: [{ operator: 'OR', negate: false, cpeMatch: [{ vulnerable: true, criteria: 'cpe:2.3:o:apple:iphone_os:*:*:*:*:*:*:*:*', versionEndExcluding: '17.3' }] }] }]
  })
  const cvesOf = (text: string): string[] => {
    const feed = readFeed(text, 'auto')
    return [feed.format, ...feed.vulnerabilities.map((one) => 'cve' in one ? String(one.cve) : '')]
  }
  t.strictSame(cvesOf(JSON.stringify(cve('CVE-2024-0001'))), ['nvd', 'CVE-2024-0001'])
  t.strictSame(cvesOf(JSON.stringify({ cve: cve('CVE-2024-0001') })), ['nvd', 'CVE-2024-0001'])
  t.strictSame(cvesOf(JSON.stringify([cve('CVE-2024-0001'), { cve: cve('CVE-2024-0002') }])), ['nvd', 'CVE-2024-0001', 'CVE-2024-0002'])
  t.strictSame(cvesOf(JSON.stringify({ feed_name: 'CVE-2024', cve_items: [cve('CVE-2024-0001')] })), ['nvd', 'CVE-2024-0001'])
  const archive = readDocuments(['CVE-2024-0001', 'CVE-2024-0002'].map((id) => ({ name: `${id}.json`, text: JSON.stringify(cve(id)) })), 'auto')
  t.strictSame([archive.format, archive.vulnerabilities.length], ['nvd', 2])
  const none = readFeed(JSON.stringify({ ...cve('CVE-2024-0003'), configurations: undefined, vulnStatus: 'Received' }), 'auto')
  t.strictSame(none.skipped.map(({ reason }) => reason), ['no versions are known yet'])
  t.throws(() => readFeed(JSON.stringify([cve('CVE-2024-0001'), { id: 7, vulnStatus: 'Analyzed' }]), 'auto'), { faults: [{ path: '/1/cve' }] } as never)
})
