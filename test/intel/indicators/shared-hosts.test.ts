import fc from 'fast-check'
import t from 'tap'
import { GUARD_CATEGORIES, GUARDED_HOSTS } from '../../../src/intel/indicators/guarded-hosts.js'
import { normalizeNetworkValue } from '../../../src/intel/indicators/normalize.js'
import { BUILT_IN_GUARD, createHostGuard, findGuarding, isPublicSuffix, speaksFor, whyGuarded } from '../../../src/intel/indicators/shared-hosts.js'
import { readSharedData } from '../shared-data.js'
import { parseStalkerware } from '../../../src/intel/feeds/stalkerware.js'

t.test('the list has each host once, as it is looked up, under a category', async (t) => {
  t.strictSame(GUARDED_HOSTS.filter(({ host }, index) => GUARDED_HOSTS[index - 1]?.host === host).map(({ host }) => host), [], 'no host stands twice')
  t.strictSame(GUARDED_HOSTS.filter(({ host }) => normalizeNetworkValue(host)?.value !== host).map(({ host }) => host), [])
  for (const category of Object.keys(GUARD_CATEGORIES)) t.ok(GUARDED_HOSTS.some((one) => one.category === category), category)
  t.ok(GUARDED_HOSTS.length > 500)
})

const REFUSED: ReadonlyArray<['domain' | 'url' | 'ipv4' | 'ipv6', string, RegExp]> = [
  ['domain', 'github.com', /code-hosting/],
  ['domain', 'www.github.com', /code-hosting/],
  ['domain', 'raw.githubusercontent.com', /code-hosting/],
  ['domain', 'dropbox.com', /file-sharing/],
  ['domain', 'play.google.com', /app-store/],
  ['domain', 'clients7.google.com', /search-engine/],
  ['domain', 'cdn.jsdelivr.net', /cdn/],
  ['domain', 's3.amazonaws.com', /cloud-storage/],
  ['domain', 'api.telegram.org', /messaging/],
  ['domain', 'gmail.com', /mail/],
  ['domain', 'bit.ly', /url-shortener/],
  ['domain', 'no-ip.org', /dynamic-dns/],
  ['domain', 'co.uk', /public suffix/],
  ['domain', 'github.io', /public suffix/],
  ['domain', 'blogspot.com', /site-builder/],
  ['url', 'https://github.com/', /code-hosting/],
  ['url', 'http://github.io/', /public suffix/],
  ['ipv4', '8.8.8.8', /resolver/],
  ['ipv6', '2606:4700:4700::1111', /resolver/],
  ['url', 'https://8.8.8.8/', /resolver/]
]
const KEPT: ReadonlyArray<['domain' | 'url' | 'ipv4' | 'app-id', string]> = [
  ['domain', 'evil.github.io'], ['domain', 'evil.example'], ['domain', 'evil.s3.amazonaws.com'], ['domain', 'evil.firebaseio.com'],
  ['domain', 'notgithub.com'], ['domain', 'github.com.evil.example'], ['domain', 'evil.duckdns.org'], ['domain', 'evil.zendesk.com'],
  ['url', 'https://github.com/evil/repo'], ['url', 'https://bit.ly/3abc'], ['url', 'https://evil.example/'], ['url', 'https://drive.google.com/?id=1'],
  ['ipv4', '8.8.8.7'], ['app-id', 'github.com']
]

t.test('no feed condemns what strangers share', async (t) => {
  for (const [type, value, why] of REFUSED) t.match(whyGuarded(BUILT_IN_GUARD, { type, value }), why, value)
  for (const [type, value] of KEPT) t.equal(whyGuarded(BUILT_IN_GUARD, { type, value }), undefined, value)
})

t.test('an operator adds a host and lifts one', async (t) => {
  const guard = createHostGuard([{ host: 'portal.example', guarded: true }, { host: 'github.com', guarded: false }, { host: 'dyn.google.com', guarded: false }, { host: 'github.io', guarded: false }])
  t.match(whyGuarded(guard, { type: 'domain', value: 'portal.example' }), /added by an operator/)
  t.match(whyGuarded(guard, { type: 'domain', value: 'www.portal.example' }), /added by an operator/)
  t.equal(whyGuarded(guard, { type: 'domain', value: 'below.portal.example' }), undefined)
  t.equal(whyGuarded(guard, { type: 'domain', value: 'github.com' }), undefined)
  t.equal(whyGuarded(guard, { type: 'domain', value: 'www.github.com' }), undefined)
  t.equal(whyGuarded(guard, { type: 'domain', value: 'github.io' }), undefined)
  t.equal(whyGuarded(guard, { type: 'domain', value: 'dyn.google.com' }), undefined, 'below a host that is guarded with all below it')
  t.match(whyGuarded(guard, { type: 'domain', value: 'docs.google.com' }), /online-office/)
  t.notOk(speaksFor('portal.example', 'a.portal.example', guard))
  t.ok(speaksFor('portal.example', 'a.portal.example'))
  t.ok(speaksFor('github.com', 'a.github.com', guard))
  t.notOk(speaksFor('github.com', 'a.github.com'))
  t.ok(speaksFor('github.io', 'a.github.io', guard))
})

t.test('a listed domain speaks for what is in the same hands', async (t) => {
  t.ok(speaksFor('evil.example', 'a.b.evil.example'))
  t.ok(speaksFor('evil.github.io', 'a.evil.github.io'))
  t.ok(speaksFor('evil.co.uk', 'a.evil.co.uk'))
  for (const [domain, below] of [['co.uk', 'a.co.uk'], ['github.io', 'evil.github.io'], ['amazonaws.com', 'a.s3.amazonaws.com'], ['google.com', 'mail.google.com'], ['fastly.net', 'x.map.fastly.net']] as const) {
    t.notOk(speaksFor(domain, below), below)
  }
})

t.test('what is guarded never speaks for what is below, and a suffix never either', async () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  fc.assert(fc.property(fc.constantFrom(...GUARDED_HOSTS.map(({ host }) => host).filter((host) => /[a-z]$/.test(host))), label, (host, below) => {
    if (findGuarding(BUILT_IN_GUARD, host) === undefined) throw new Error('not guarded')
    if (speaksFor(host, `${below}.${host}`)) throw new Error(`${host} speaks for what is below`)
  }))
  fc.assert(fc.property(fc.domain(), (domain) => {
    if (isPublicSuffix(domain) && speaksFor(domain, `x.${domain}`)) throw new Error(domain)
  }))
})

t.test('the public list of stalkerware names no guarded host', async (t) => {
  const text = readSharedData(t, 'stalkerware-indicators/ioc.yaml', 1)
  if (text === undefined) return
  t.strictSame(parseStalkerware(text).indicators.map((one) => [one.value, whyGuarded(BUILT_IN_GUARD, one)]).filter(([, why]) => why !== undefined), [])
})
