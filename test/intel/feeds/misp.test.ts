import t from 'tap'
import { isMisp, readMisp } from '../../../src/intel/feeds/misp.js'
import type { ParsedFeed } from '../../../src/intel/feeds/parsed-feed.js'

const attribute = (type: string, value: string, rest: object = {}): object => ({ type, value, category: 'Network activity', to_ids: true, deleted: false, ...rest })
const event = (attributes: readonly object[], rest: object = {}): object => ({ Event: { info: 'Anatomy of BadSpy', timestamp: '1700000000', Attribute: attributes, Object: [], ...rest } })
const valuesOf = ({ indicators }: ParsedFeed): string[] => indicators.map(({ type, value, role, port }) => `${type} ${value}${port === undefined ? '' : `:${port}`} ${role}`)
const reasonsOf = ({ skipped }: ParsedFeed): string[] => skipped.map(({ reason, count }) => `${count} ${reason}`)

t.test('reads what attributes hold, each by what it is', async (t) => {
  const feed = readMisp(event([
    attribute('domain', 'evil[.]example.com'), attribute('hostname', '198.51.100.7'), attribute('ip-dst|port', '203.0.113.9|8443'), attribute('hostname|port', 'c2.evil.net|444'),
    attribute('domain|ip', 'two.evil.net|203.0.113.10'), attribute('url', 'hxxp://evil.net/a', { category: 'Payload delivery' }),
    attribute('filename|sha256', `x.apk|${'a'.repeat(64)}`, { category: 'Payload delivery' }), attribute('md5', 'B'.repeat(32)), attribute('filename', 'stage2.dex'), attribute('filename', '/data/local/tmp/x'),
    attribute('mobile-application-id', 'com.bad.spy'), attribute('x509-fingerprint-sha1', 'AB:'.repeat(19) + 'AB'), attribute('email-src', 'A@Evil.net')
  ]))
  t.strictSame(valuesOf(feed), [
    'domain evil.example.com c2', 'ipv4 198.51.100.7 c2', 'ipv4 203.0.113.9:8443 c2', 'domain c2.evil.net:444 c2', 'domain two.evil.net c2', 'ipv4 203.0.113.10 c2', 'url http://evil.net/a distribution',
    `sha256 ${'a'.repeat(64)} artifact`, `md5 ${'b'.repeat(32)} artifact`, 'file-name stage2.dex artifact', 'file-path /data/local/tmp/x artifact', 'app-id com.bad.spy artifact',
    `cert-sha1 ${'ab'.repeat(20)} artifact`, 'email a@evil.net artifact'
  ])
  t.equal(feed.publishedAt, '2023-11-14T22:13:20.000Z')
})

t.test('takes only what is meant for detection', async (t) => {
  const feed = readMisp(event([
    attribute('domain', 'seen.example.com', { to_ids: false }), attribute('domain', 'gone.example.com', { deleted: true }), attribute('domain', 'www.google.com', { warnings: [{ match: 'top sites' }] }),
    attribute('link', 'https://blog.example.com/report'), attribute('comment', 'evil.example.com'), attribute('snort', 'alert …')
  ]))
  t.strictSame(valuesOf(feed), [])
  t.strictSame(reasonsOf(feed), ['1 not meant for detection (to_ids false)', '1 revoked by its publisher', '1 on a warning list: known as harmless', '1 attribute of type snort'])
  t.equal(feed.revoked, 1)
})

t.test('reads objects as one thing', async (t) => {
  const feed = readMisp(event([], {
    Object: [
      {
        name: 'android-app',
        Attribute: [
          attribute('text', 'com.bad.spy', { object_relation: 'appid' }), attribute('sha1', 'c'.repeat(40), { object_relation: 'certificate' }), attribute('text', 'Weather', { object_relation: 'name' }),
          attribute('sha256', 'd'.repeat(64), { object_relation: 'sha256' }), attribute('domain', 'c2.evil.net', { object_relation: 'domain' })
        ]
      },
      { name: 'file', Attribute: [attribute('filename', 'base.apk', { object_relation: 'filename' }), attribute('sha256', 'e'.repeat(64), { object_relation: 'sha256' })] },
      { name: 'file', deleted: true, Attribute: [attribute('sha256', 'f'.repeat(64))] }
    ]
  }))
  t.strictSame(valuesOf(feed), ['app-id com.bad.spy artifact', `cert-sha1 ${'c'.repeat(40)} artifact`, `sha256 ${'d'.repeat(64)} artifact`, 'domain c2.evil.net c2', `sha256 ${'e'.repeat(64)} artifact`])
  t.strictSame(reasonsOf(feed), ['1 filename: stands beside the hash of its file', '1 revoked by its publisher'])
})

t.test('takes family and class from galaxies and tags, else from the title', async (t) => {
  const [fromEvent, fromTag, fromGalaxy] = readMisp(event([
    attribute('domain', 'a.evil.net'),
    attribute('domain', 'b.evil.net', { Tag: [{ name: 'misp-galaxy:mitre-malware="Pegasus for Android - S0316"' }] }),
    attribute('domain', 'c.evil.net', { Galaxy: [{ type: 'android', GalaxyCluster: [{ value: 'FluBot' }] }], Tag: [{ name: 'phishing' }] }),
    attribute('link', 'https://blog.example.com/report')
  ])).indicators
  t.match(fromEvent, { family: 'Anatomy of BadSpy', threatClass: 'malware', references: ['https://blog.example.com/report'] })
  t.match(fromTag, { family: 'Pegasus for Android', threatClass: 'mercenary-spyware' })
  t.match(fromGalaxy, { family: 'FluBot', threatClass: 'phishing' })
})

t.test('reads every form of MISP, and says what is wrong with others', async (t) => {
  const one = event([attribute('domain', 'evil.example.com')])
  for (const data of [one, [one], { response: [one, one] }, { response: { Attribute: [attribute('domain', 'evil.example.com')] } }, { Attribute: [attribute('domain', 'evil.example.com')] }]) {
    t.ok(isMisp(data))
    t.strictSame(valuesOf(readMisp(data)), ['domain evil.example.com c2'])
  }
  for (const data of [null, [], 1, 'x', {}, [1], { type: 'bundle', Attribute: [] }]) t.notOk(isMisp(data), JSON.stringify(data))
  t.throws(() => readMisp({ Event: { Attribute: [1], Object: 'x' } }), { faults: [{ path: '/Event/Attribute/0' }, { path: '/Event/Object' }] } as never)
  t.throws(() => readMisp({}), { code: 'validation' } as never)
})
