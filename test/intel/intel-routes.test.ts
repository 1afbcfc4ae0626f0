import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { MAX_FEED_BYTES } from '../../src/intel/import-feed.js'
import { createIntelCache } from '../../src/intel/index/intel-cache.js'
import { countRows, isProblem, startTestApi } from '../helpers/api.js'
import { silentLog } from '../helpers/log.js'
import { stalkerwareFile, starterFile, stixFile } from './files.js'
import { readSharedData } from './shared-data.js'

interface Page { readonly items: Array<Record<string, unknown>>, readonly nextCursor: string | null }

async function setUp (t: Test) {
  const api = await startTestApi(t, {
    intelOf: async (db) => {
      const cache = await createIntelCache({ db, log: silentLog, pollMs: 3_600_000 })
      t.teardown(async () => await cache.close())
      return cache
    }
  })
  const key = await api.keyFor('platform-admin')
  const load = async (feed: string, body: string | Buffer | undefined, { query = '', type = 'application/octet-stream', ...headers }: Record<string, string> = {}) =>
    await api.call(key, 'POST', `/v1/intel/feeds/${feed}/import${query}`, body, { ...(type === '' ? {} : { 'content-type': type }), ...headers })
  const get = async <T = Page>(path: string): Promise<T> => {
    const answer = await api.call(key, 'GET', `/v1/intel/${path}`)
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return answer.json<T>()
  }
  return { ...api, key, load, get }
}

t.test('only who runs the platform may import, ask or take away', async (t) => {
  const { keyFor, call, db } = await setUp(t)
  const file = stalkerwareFile({ packages: ['com.spy'] })
  for (const role of ['viewer', 'analyst', 'admin', undefined] as const) {
    const key = role === undefined ? undefined : await keyFor(role)
    const before = await countRows(db)
    for (const [method, path] of [['POST', 'feeds/a/import'], ['GET', 'feeds'], ['DELETE', 'feeds/a'], ['GET', 'indicators?value=com.spy'], ['GET', 'vulnerabilities?os=ios']] as const) {
      isProblem(t, await call(key, method, `/v1/intel/${path}`, method === 'POST' ? file : undefined, method === 'POST' ? { 'content-type': 'text/plain' } : {}),
        role === undefined ? { status: 401, code: 'unauthenticated' } : { status: 403, code: 'forbidden' }, `${role} ${method} ${path}`)
    }
    t.strictSame(await countRows(db), before, `${role}: nothing is stored, nothing is written down`)
  }
})

t.test('a file is taken whatever the client calls it, and compressed', async (t) => {
  const { load, key, call } = await setUp(t)
  const file = stalkerwareFile({ packages: ['com.spy'] })
  for (const type of ['application/octet-stream', 'application/json', 'text/yaml', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/stix+json;version=2.1']) {
    t.match((await load('a', file, { type })).json(), { format: 'stalkerware', byType: { 'app-id': 1 } }, type)
  }
  const unnamed = await call(key, 'POST', '/v1/intel/feeds/a/import', Buffer.from(file))
  t.match([unnamed.statusCode, unnamed.json()], [200, { format: 'stalkerware' }], 'without a name')
  t.match((await load('a', gzipSync(file), { 'content-encoding': 'gzip' })).json(), { added: 0, unchanged: 1 })
  t.match((await load('a', '\uFEFF' + file)).json(), { added: 0, unchanged: 1 })
})

t.test('what is refused is named, fault by fault, and stores nothing', async (t) => {
  const { load, db } = await setUp(t)
  await load('a', stalkerwareFile({ packages: ['com.spy'] }))
  const before = await countRows(db)
  for (const [name, feed, body, options, refusal] of [
    ['families that are none', 'a', '[{"name": "Spy"}, 5, {"names": []}]', { query: '?format=stalkerware' }, { status: 400, code: 'validation', paths: ['/1', '/2'] }],
    ['objects that are none', 'a', '{"type": "bundle", "objects": [1, {}]}', {}, { status: 400, code: 'validation', paths: ['/objects/0', '/objects/1'] }],
    ['broken YAML', 'a', '- name: A\n- name: [\n- }', { query: '?format=stalkerware' }, { status: 400, code: 'validation' }],
    ['dates that are none', 'a', starterFile("cve: CVE-2024-0001, android: '2024-02-30'"), {}, { status: 400, code: 'validation', paths: ['/vulnerabilities/0'] }],
    ['a format and a class that are none', 'a', '[]', { query: '?format=guess&class=guess' }, { status: 400, code: 'validation', paths: ['/querystring/class', '/querystring/format'] }],
    ['an unknown parameter', 'a', '[]', { query: '?formt=stix' }, { status: 422, code: 'unprocessable' }],
    ['a feed name that is none', '-a', '[]', {}, { status: 400, code: 'validation', paths: ['/params/feed'] }],
    ['a feed name that is too long', 'a'.repeat(101), '[]', {}, { status: 414, code: 'address-too-long' }],
    ['nothing', 'a', '', {}, { status: 422, code: 'unprocessable' }],
    ['no body', 'a', undefined, { type: '' }, { status: 422, code: 'unprocessable' }],
    ['not UTF-8', 'a', Buffer.from([0xff]), {}, { status: 400, code: 'validation' }],
    ['what is not gzip', 'a', 'plain', { 'content-encoding': 'gzip' }, { status: 400, code: 'malformed-encoding' }],
    ['an unknown encoding', 'a', 'plain', { 'content-encoding': 'lzma' }, { status: 415, code: 'unsupported-encoding' }],
    ['too much', 'a', Buffer.alloc(MAX_FEED_BYTES + 1, ' '), {}, { status: 413, code: 'body-too-large' }],
    ['a bomb', 'a', gzipSync(Buffer.alloc(MAX_FEED_BYTES + 1)), { 'content-encoding': 'gzip' }, { status: 413, code: 'body-too-large' }]
  ] as const) isProblem(t, await load(feed, body, options as Record<string, string>), refusal, name)
  t.strictSame(await countRows(db), before)
})

t.test('what a value means is answered however it is spelt, from every feed', async (t) => {
  const { load, get } = await setUp(t)
  await load('one', stalkerwareFile({ name: 'Spy', packages: ['com.Spy'], certificates: ['AB:'.repeat(20).slice(0, -1)], c2: { domains: ['spy.example'], ips: ['203.0.113.9'] } }))
  await load('two', stixFile('Predator', ["[domain-name:value='SPY.example']", { pattern: "[url:value='https://spy.example/a']", valid_until: '2030-01-01T00:00:00Z', confidence: 80 }, "[ipv6-addr:value='2001:db8::1']", "[file:name='it%20is\\\\']"]))
  const ask = async (value: string): Promise<string[]> => (await get(`indicators?value=${encodeURIComponent(value)}`)).items.map(({ feed, type, value }) => `${String(feed)} ${String(type)} ${String(value)}`)
  for (const [value, expected] of [
    ['SPY.example.', ['one domain spy.example', 'two domain spy.example']],
    ['spy[.]example', ['one domain spy.example', 'two domain spy.example']],
    [' com.Spy ', ['one app-id com.Spy']],
    ['com.spy', []],
    ['AB'.repeat(20), [`one cert-sha1 ${'ab'.repeat(20)}`]],
    ['2001:0DB8:0::1', ['two ipv6 2001:db8::1']],
    ['::ffff:203.0.113.9', ['one ipv4 203.0.113.9']],
    ['hxxps://spy[.]example/a#x', ['two url https://spy.example/a']],
    ['it%20is\\', ['two file-name it%20is\\']],
    ['unknown.example', []], ["' or 1=1 --", []], ['%', []]
  ] as const) t.strictSame(await ask(value), expected, value)
  t.match(await get(`indicators?value=${encodeURIComponent('https://spy.example/a')}`), {
    items: [{ feed: 'two', type: 'url', role: 'c2', threatClass: 'mercenary-spyware', family: 'Predator', validUntil: '2030-01-01T00:00:00.000Z', confidence: 80, firstSeen: String }],
    nextCursor: null
  })
})

t.test('a question that cannot be meant is refused', async (t) => {
  const { call, key } = await setUp(t)
  for (const [query, paths] of [
    ['indicators', ['/querystring/value']], ['indicators?value=', ['/querystring/value']], [`indicators?value=${'x'.repeat(2_049)}`, ['/querystring/value']], ['indicators?value=a%00b', ['/querystring/value']],
    ['vulnerabilities', ['/querystring/os']], ['vulnerabilities?os=symbian', ['/querystring/os']], [`vulnerabilities?os=ios&version=${'1'.repeat(65)}`, ['/querystring/version']]
  ] as const) isProblem(t, await call(key, 'GET', `/v1/intel/${query}`), { status: 400, code: 'validation', paths }, query.slice(0, 60))
})

t.test('what is open on a phone is answered from what was just imported', async (t) => {
  const { load, get } = await setUp(t)
  const open = async (query: string): Promise<unknown[]> => (await get<{ items: unknown[] }>(`vulnerabilities?${query}`)).items
  t.strictSame(await open('os=ios&version=15.8.4'), [])
  await load('fixes', starterFile("cve: CVE-2025-43300, ios: ['18.6.2', '15.8.5']", "cve: CVE-2024-43047, android: '2024-11-05', part: kernel-vendor"))
  const apple = { cve: 'CVE-2025-43300', exploited: true, kevDateAdded: '2024-01-01', severity: 'high', fixedIn: ['18.6.2', '15.8.5'], part: null, fixAvailable: true, fixedSince: null }
  t.strictSame(await open('os=ios&version=15.8.4'), [apple])
  t.strictSame(await open('os=ios&version=18.6.1%20(a)'), [apple])
  t.strictSame(await open('os=ios&version=15.8.5'), [])
  t.strictSame(await open('os=ipados&version=15.8.4'), [])
  t.match(await open('os=android&patchLevel=2024-11-01'), [{ cve: 'CVE-2024-43047', fixedIn: ['2024-11-05'], part: 'kernel-vendor' }])
  for (const unknown of ['os=ios', 'os=ios&version=', 'os=ios&version=x', 'os=android&version=14', 'os=android&patchLevel=2024-13-01']) t.strictSame(await open(unknown), [], unknown)
})

t.test('feeds are listed by name with what they hold, and every change is written down', async (t) => {
  const { load, get, call, key } = await setUp(t)
  await load('b', stalkerwareFile({ packages: ['com.spy', 'not a package'] }))
  await load('a', starterFile("cve: CVE-2024-0001, ios: ['17.3']"))
  const { items, nextCursor } = await get('feeds')
  t.equal(nextCursor, null)
  t.match(items, [
    { name: 'a', format: 'starter', entries: 1, skipped: [], bundled: false },
    { name: 'b', format: 'stalkerware', entries: 1, skipped: [{ reason: 'packages: not a valid app-id', count: 1, examples: ['not a package'] }], importedAt: /Z$/, sha256: /^[0-9a-f]{64}$/ }
  ])
  t.equal((await call(key, 'DELETE', '/v1/intel/feeds/b')).statusCode, 204)
  isProblem(t, await call(key, 'DELETE', '/v1/intel/feeds/b'), { status: 404, code: 'not-found' })
  const audit = (await call(key, 'GET', '/v1/audit')).json<Page>().items.filter(({ action }) => String(action).startsWith('feed.'))
  t.match(audit, [
    { action: 'feed.removed', subject: 'b', actor: 'platform-admin of the test' },
    { action: 'feed.imported', subject: 'a', detail: { added: 1, updated: 0, withdrawn: 0 } },
    { action: 'feed.imported', subject: 'b', detail: { added: 1, updated: 0, withdrawn: 0 } }
  ])
  t.equal(audit.length, 3, 'what was refused is none')
})

t.test('phones are looked for after a change, and only then', async (t) => {
  const { load, call, key, intelJobs, intel } = await setUp(t)
  const file = stalkerwareFile({ packages: ['com.spy'] })
  await load('a', file)
  t.strictSame(intelJobs.payloads.splice(0), [{}])
  t.equal(intel.current().lookup('app-id', 'com.spy').length, 1, 'and are judged by the new intelligence')
  await load('a', file)
  await load('a', 'nothing we know')
  t.strictSame(intelJobs.payloads.splice(0), [])
  await call(key, 'DELETE', '/v1/intel/feeds/a')
  t.strictSame(intelJobs.payloads.splice(0), [{}])
})

t.test('the public lists are imported through the API with exactly their counts', async (t) => {
  const { load } = await setUp(t)
  for (const [path, format, byType] of [
    ['stalkerware-indicators/ioc.yaml', 'stalkerware', { 'app-id': 613, 'cert-sha1': 471, domain: 1_452, ipv4: 69, url: 2 }],
    ['amnesty-investigations/2021-12-16_cytrox/cytrox.stix2', 'stix', { domain: 336, 'file-path': 6, 'profile-id': 1 }],
    ['amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', 'stix', { ipv4: 7, 'app-id': 4, 'cert-sha256': 3, sha256: 4 }]
  ] as const) {
    const text = readSharedData(t, path, 1)
    if (text !== undefined) t.match((await load(format, text)).json(), { format, byType }, path)
  }
})

t.test('versions are listed in pages, an older file is refused unless it is asked for, and who did what is written down', async (t) => {
  const { load, get, key, call, db } = await setUp(t)
  const files = ['com.a.spy', 'com.b.spy', 'com.c.spy'].map((id) => stalkerwareFile({ packages: [id] }))
  for (const file of files) t.equal((await load('a', file)).statusCode, 200)
  isProblem(t, await load('a', files[0]), { status: 409, code: 'conflict' })
  t.match((await load('a', files[2])).json(), { version: 3, added: 0, unchanged: 1 }, 'the same file is not older')
  t.match((await load('a', files[0], { query: '?allowOlder=true' })).json(), { version: 4, added: 1, withdrawn: 1 })

  const first = await get('feeds/a/versions?limit=3')
  t.match(first.items, [{ version: 4, added: 1, importedBy: 'platform-admin of the test' }, { version: 3 }, { version: 2 }])
  const second = await get(`feeds/a/versions?limit=3&cursor=${first.nextCursor!}`)
  t.match([second.items, second.nextCursor], [[{ version: 1, added: 1, withdrawn: 0, entries: 1 }], null])
  isProblem(t, await call(key, 'GET', '/v1/intel/feeds/a/versions?cursor=x'), { status: 400, code: 'validation', paths: ['/querystring/cursor'] })
  isProblem(t, await call(key, 'GET', '/v1/intel/feeds/other/versions'), { status: 404, code: 'not-found' })
  t.match((await get('feeds')).items, [{ name: 'a', version: 4, entries: 1, byType: { 'app-id': 1 }, publishedAt: null, publisherVersion: null }])

  await load('b', files[0])
  const claims = await get('indicators?value=com.a.spy&limit=1')
  t.match(claims.items, [{ feed: 'a', sinceVersion: 4, changedVersion: 4, feedVersion: 4 }])
  const more = await get(`indicators?value=com.a.spy&limit=1&cursor=${claims.nextCursor!}`)
  t.match([more.items, more.nextCursor], [[{ feed: 'b', sinceVersion: 1 }], null])

  await call(key, 'DELETE', '/v1/intel/feeds/a')
  const events = await db.selectFrom('audit_event').selectAll().where('action', 'like', 'feed.%').orderBy('id').execute()
  t.match(events.map(({ actor, action, subject, detail }) => [actor, action, subject, detail]), [
    ['platform-admin of the test', 'feed.imported', 'a', { version: 1, added: 1 }],
    ['platform-admin of the test', 'feed.imported', 'a', { version: 2 }],
    ['platform-admin of the test', 'feed.imported', 'a', { version: 3 }],
    ['platform-admin of the test', 'feed.imported', 'a', { version: 3, unchanged: true }],
    ['platform-admin of the test', 'feed.imported', 'a', { version: 4, allowOlder: true }],
    ['platform-admin of the test', 'feed.imported', 'b', { version: 1 }],
    ['platform-admin of the test', 'feed.removed', 'a', {}]
  ], 'what was refused is not among them')
})

t.test('a body is taken as it comes: without its length, in crumbs, up to the limit and no further', async (t) => {
  const { app, key } = await setUp(t)
  const file = Buffer.from(stalkerwareFile({ packages: ['com.spy'] }))
  const send = async (payload: Readable, headers: Record<string, string> = {}) =>
    await app.inject({ method: 'POST', url: '/v1/intel/feeds/a/import', headers: { authorization: `Bearer ${key}`, 'transfer-encoding': 'chunked', ...headers }, payload })
  t.match((await send(Readable.from([...file].map((byte) => Buffer.of(byte))))).json(), { added: 1 })
  const padded = Buffer.concat([file, Buffer.alloc(MAX_FEED_BYTES - file.length, ' ')])
  t.match((await send(Readable.from([padded.subarray(0, 5_000_000), padded.subarray(5_000_000)]))).json(), { unchanged: 1 })
  isProblem(t, await send(Readable.from([padded, ' '])), { status: 413, code: 'body-too-large' })
})
