import { randomBytes } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createFetcher } from '../../../src/intel/subscriptions/fetcher.js'
import type { Fetcher } from '../../../src/intel/subscriptions/fetcher.js'
import { findCollection, readPages, type StixObject, TAXII_LIMITS, type TaxiiLimits } from '../../../src/intel/subscriptions/taxii-client.js'
import { requestRefresh } from '../../../src/intel/subscriptions/manage-subscriptions.js'
import { file, redirect, startPublisher } from './publisher.js'
import { LOOPBACK, setUpSubscriptions } from './setup.js'
import { COLLECTION_ID, indicator, startTaxiiServer, TAXII, type TaxiiServer } from './taxii-server.js'

const at = (number: number, fraction = ''): string => `2026-11-${String(Math.floor(number / 24) + 1).padStart(2, '0')}T${String(number % 24).padStart(2, '0')}:00:00${fraction}Z`

function openFetcher (t: Test, authorization?: readonly [value: string, origin: string]) {
  const fetcher = createFetcher({
    guard: LOOPBACK, allowHttp: true, userAgent: 'test',
    ...(authorization === undefined ? {} : { credentials: { header: 'authorization', value: authorization[0], origin: authorization[1] } })
  })
  t.teardown(async () => await fetcher.close())
  return fetcher
}

/** All pages together, the last of each id. */
async function readCollection (fetcher: Fetcher, collection: string, addedAfter: string | null, limits?: TaxiiLimits): Promise<{ objects: StixObject[], addedAfter: string | null }> {
  const objects = new Map<string, StixObject>()
  let known = addedAfter
  for await (const page of readPages(fetcher, collection, addedAfter, limits)) {
    for (const object of page.objects) objects.set(object.id, object)
    known = page.addedAfter
  }
  return { objects: [...objects.values()], addedAfter: known }
}

const collectionOf = ({ origin }: { readonly origin: string }): string => `${origin}/api1/collections/${COLLECTION_ID}/`

/** Ids of a bundle's objects, with what else is asked for. */
const idsOf = (text: string): string[] => (JSON.parse(text) as { objects: Array<{ id: string }> }).objects.map(({ id }) => id)

t.test('a collection is found from the server, its discovery, an API root or its own address, by id, alias and title', async (t) => {
  const server = await startTaxiiServer(t, { apiRoots: ['/api1/', '/other/'] })
  server.answers.set('/other/collections/', file(JSON.stringify({ collections: [] }), { 'content-type': TAXII }))
  const fetcher = openFetcher(t)
  for (const path of ['', '/', '/taxii2', '/taxii2/', '/api1', '/api1/', '/api1/collections/', `/api1/collections/${COLLECTION_ID}`, `/api1/collections/${COLLECTION_ID}/objects/`]) {
    for (const wanted of [COLLECTION_ID, 'spyware', 'Mobile spyware', null]) {
      t.equal(await findCollection(fetcher, server.origin + path, wanted), collectionOf(server), `${path} ${String(wanted)}`)
    }
  }
  t.equal(server.requests[0]!.headers.accept, 'application/taxii+json;version=2.1')
  await t.rejects(findCollection(fetcher, `${server.origin}/`, 'nothing'), { message: `there is no such collection; there are 52892447-4d7e-4f70-b94d-d7f22742ff63 (Submissions), ${COLLECTION_ID} (Mobile spyware)` })
  await t.rejects(findCollection(fetcher, `${server.origin}/`, 'Submissions'), { kind: 'refused', message: /may not be read/ })
  await t.rejects(findCollection(fetcher, collectionOf(server), 'another'), /not of another/)

  server.answers.set('/api1/collections/', file(JSON.stringify({ collections: [{ id: 'a', can_read: true }, { id: 'b', can_read: true }] }), { 'content-type': TAXII }))
  await t.rejects(findCollection(fetcher, `${server.origin}/`, null), /several collections, name one; there are a, b/)
})

t.test('a server that sends to another host for its API root is not followed there with a password', async (t) => {
  const server = await startTaxiiServer(t, { apiRoots: ['https://elsewhere.example/api1/'] })
  server.answers.set('/taxii2/', file(JSON.stringify({ title: 'T', api_roots: ['https://elsewhere.example/api1/'] }), { 'content-type': TAXII }))
  await t.rejects(findCollection(openFetcher(t), `${server.origin}/taxii2/`, null), { kind: 'refused', message: /elsewhere\.example/ })
})

t.test('all pages are read, by next and by dates, and each object once in its newest version', async (t) => {
  for (const next of [true, false]) {
    const server = await startTaxiiServer(t, { pageSize: 7, next })
    for (let number = 0; number < 50; number++) server.add(indicator(number), at(number, '.123456'))
    server.add(indicator(3, '2026-11-05T00:00:00.000Z', { revoked: true }), at(60))
    const { objects, addedAfter } = await readCollection(openFetcher(t), collectionOf(server), null)
    t.equal(objects.length, 50)
    t.equal(new Set(objects.map(({ id }) => id)).size, 50)
    t.match(JSON.parse(objects.find(({ id }) => id === indicator(3).id)!.json), { revoked: true, modified: '2026-11-05T00:00:00.000Z' })
    t.equal(addedAfter, at(60), 'as the server writes it')
    t.equal(server.pages().length, 8)
    t.strictSame(server.pages()[1], next ? { limit: '1000', next: 'Nw' } : { limit: '1000', added_after: at(7, '.123456') })

    const later = await readCollection(openFetcher(t), collectionOf(server), at(40, '.123456'))
    t.equal(later.objects.length, 10)
    t.ok(server.pages().slice(8).every(({ added_after: after }) => after !== undefined), 'the filter stays on every page')
    t.match(await readCollection(openFetcher(t), collectionOf(server), at(60)), { objects: [], addedAfter: at(60) })
  }
})

t.test('times with more digits are later, not other, times', async (t) => {
  const server = await startTaxiiServer(t, { pageSize: 1, next: false })
  ;['.1', '.12', '.123', '.123456', '.1234567', '.2'].forEach((fraction, number) => server.add(indicator(number), at(1, fraction)))
  t.match(await readCollection(openFetcher(t), collectionOf(server), null), { objects: { length: 6 }, addedAfter: at(1, '.2') })
})

t.test('a page that is too large is asked for in smaller ones', async (t) => {
  const server = await startTaxiiServer(t, { pageSize: 1_000 })
  for (let number = 0; number < 40; number++) server.add(indicator(number, undefined, { description: 'x'.repeat(300_000) }), at(number))
  t.equal((await readCollection(openFetcher(t), collectionOf(server), null)).objects.length, 40)
  t.strictSame([...new Set(server.pages().map(({ limit }) => limit))], ['1000', '250', '63', '16'])
  server.fault = (_request, response) => response.writeHead(200, { 'content-type': TAXII }).end(JSON.stringify({ objects: [indicator(1, undefined, { description: 'x'.repeat(17_000_000) })] }))
  await t.rejects(readCollection(openFetcher(t), collectionOf(server), null), { code: 'fetch-failed', kind: 'too-large' })
})

const page = (body: unknown, headers: Readonly<Record<string, string>> = {}) => (server: TaxiiServer): void => {
  server.fault = (_request, response) => response.writeHead(200, { 'content-type': TAXII, ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body))
}
let endless = 0
const LIMITS: TaxiiLimits = { ...TAXII_LIMITS, maxPages: 20, maxObjects: 30, maxBytes: 20_000 }

t.test('pages that have no end or no sense end with an error', async (t) => {
  for (const [name, fault, message] of [
    ['more, and always the same next', page({ more: true, next: 'a', objects: [indicator(1)] }), /circle/],
    ['more, and always the same date', page({ more: true, objects: [indicator(1)] }, { 'x-taxii-date-added-last': at(1) }), /circle/],
    ['more, and nothing', page({ more: true, next: 'a' }), /sends nothing/],
    ['more, and no way', page({ more: true, objects: [indicator(1)] }), /not how to ask/],
    ['more, and a date that is none', page({ more: true, objects: [indicator(1)] }, { 'x-taxii-date-added-last': 'yesterday' }), /not how to ask/],
    ['ever new pages of the same', (server: TaxiiServer) => { server.fault = (_request, response) => response.writeHead(200, { 'content-type': TAXII }).end(JSON.stringify({ more: true, next: String(endless++), objects: [indicator(1)] })) }, /more than 20 pages/],
    ['ever new objects', (server: TaxiiServer) => { server.fault = (_request, response) => response.writeHead(200, { 'content-type': TAXII }).end(JSON.stringify({ more: true, next: String(endless++), objects: [indicator(endless), indicator(-endless)] })) }, /more than 30 objects/],
    ['objects of ever more bytes', page({ objects: [indicator(1, undefined, { description: 'x'.repeat(21_000) })] }), /20000 bytes/],
    ['objects that are no list', page({ objects: { a: 1 } }), /no list/],
    ['an object without an id', page({ objects: [{ type: 'indicator' }] }), /without an id/],
    ['an object that is none', page({ objects: [null] }), /without an id/],
    ['no JSON', page('{"objects": ['), /no JSON object/],
    ['a list', page([]), /no JSON object/],
    ['a web page', page('<html>', { 'content-type': 'text/html; charset=utf-8' }), /text\/html, not TAXII 2.1/],
    ['TAXII 2.0', page({}, { 'content-type': 'application/vnd.oasis.taxii+json; version=2.0' }), /another version of TAXII/],
    ['a later version', page({}, { 'content-type': 'application/taxii+json;version=3.0' }), /another version of TAXII/],
    ['a connection that breaks', (server: TaxiiServer) => { server.fault = (_request, response) => { response.writeHead(200, { 'content-type': TAXII, 'content-length': '900' }).write('{'); setImmediate(() => response.destroy()) } }, /broke|closed/]
  ] as const) {
    const server = await startTaxiiServer(t)
    fault(server)
    await t.rejects(readCollection(openFetcher(t), collectionOf(server), null, LIMITS), { code: 'fetch-failed', message }, name)
    t.ok(server.pages().length <= 21, `${name}: ${server.pages().length} pages`)
  }
})

t.test('servers that leave out the version, or say plain JSON, are understood', async (t) => {
  for (const type of ['application/taxii+json', 'application/taxii+json; version=2.1', 'application/taxii+json;version="2.1"', 'application/json; charset=utf-8']) {
    const server = await startTaxiiServer(t)
    page({ objects: [indicator(1)] }, { 'content-type': type })(server)
    t.equal((await readCollection(openFetcher(t), collectionOf(server), null)).objects.length, 1, type)
  }
})

t.test('a refusal says what it is and what the server says of it', async (t) => {
  const server = await startTaxiiServer(t, { authorization: 'Basic dTpw' })
  await t.rejects(findCollection(openFetcher(t), server.origin, null), { status: 401, message: /password or token.*it says: Who are you\?/ })
  await t.rejects(findCollection(openFetcher(t, ['Basic wrong', server.origin]), server.origin, null), { code: 'fetch-failed', status: 401 })
  t.equal(await findCollection(openFetcher(t, ['Basic dTpw', server.origin]), server.origin, null), collectionOf(server))
  for (const [status, message] of [[404, /no such API root or collection/], [406, /does not speak TAXII 2\.1/], [416, /this range/], [403, /refuses us/], [500, /answered 500/]] as const) {
    const faulty = await startTaxiiServer(t)
    faulty.fault = (_request, response) => response.writeHead(status, { 'content-type': TAXII }).end('{"title":"No","description":"because"}')
    await t.rejects(readCollection(openFetcher(t), collectionOf(faulty), null), { status, message })
    await t.rejects(readCollection(openFetcher(t), collectionOf(faulty), null), /it says: No: because/)
  }
  const away = await startPublisher(t, { '/taxii2/': redirect('http://10.0.0.1/taxii2/') })
  await t.rejects(findCollection(openFetcher(t), away.origin, null), { code: 'fetch-failed', kind: 'refused' })
})

t.test('a subscribed collection is fetched once whole, then what is added; the feed is all objects held', async (t) => {
  const server = await startTaxiiServer(t, { pageSize: 3, authorization: 'Basic dTpw' })
  const { add, runAll, imports, db } = await setUpSubscriptions(t)
  for (let number = 0; number < 5; number++) server.add(indicator(number), at(number))
  t.match((await add({ url: `${server.origin}/taxii2/`, taxiiCollection: 'spyware', username: 'u', password: 'p' })).subscription, { kind: 'taxii', format: 'stix', credentials: 'basic' })
  t.match(await runAll(), { lastError: null })
  t.match(imports, [{ format: 'stix', allowOlder: true }])
  t.strictSame(idsOf(imports[0]!.text), [0, 1, 2, 3, 4].map((number) => indicator(number).id))
  t.match(JSON.parse(imports[0]!.text), { type: 'bundle', id: /^bundle--[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/ })

  await runAll()
  t.equal(imports.length, 1, 'nothing new, nothing imported')
  t.match(server.pages().at(-1), { added_after: at(4) })

  server.add(indicator(5), at(10))
  server.add(indicator(1, '2026-11-10T00:00:00Z', { revoked: true }), at(11))
  // An older version that comes late changes nothing.
  server.add(indicator(2, '2020-01-01T00:00:00Z', { pattern: 'old' }), at(12))
  await runAll()
  const [, { text }] = imports as [unknown, { text: string }]
  t.strictSame(idsOf(text), [0, 1, 2, 3, 4, 5].map((number) => indicator(number).id))
  t.match(JSON.parse(text).objects[1], { revoked: true })
  t.notMatch(text, 'old')

  server.remove(indicator(0).id)
  server.remove(indicator(2).id)
  await runAll()
  t.equal(imports.length, 2, 'what was deleted is not told')
  await db.updateTable('intel_subscription').set({ full_sync_at: new Date(Date.now() - 25 * 3_600_000) }).execute()
  await runAll()
  t.strictSame(idsOf(imports[2]!.text), [1, 3, 4, 5].map((number) => indicator(number).id), 'once a day all is fetched')
  t.equal(server.pages().at(-1)!.added_after, undefined)
  await runAll()
  t.match(server.pages().at(-1), { added_after: at(11) })

  server.remove(indicator(5).id)
  await requestRefresh({ db }, { feed: 'list', full: true }, 'test')
  await runAll()
  t.strictSame(idsOf(imports[3]!.text), [1, 3, 4].map((number) => indicator(number).id), 'and when it is asked for')
})

t.test('what was fetched but not imported is imported the next time, and a fault changes nothing', async (t) => {
  const server = await startTaxiiServer(t, { pageSize: 2 })
  const { add, runAll, imports, fake, db } = await setUpSubscriptions(t)
  for (let number = 0; number < 5; number++) server.add(indicator(number), at(number))
  await add({ url: `${server.origin}/api1/`, kind: 'taxii' })
  fake.error = new Error('killed')
  t.match(await runAll(), { failures: 1 })
  fake.error = undefined
  t.match(await runAll(), { failures: 0 })
  t.strictSame([imports.length, server.pages().at(-1)?.added_after], [1, at(4)])

  for (let number = 5; number < 9; number++) server.add(indicator(number), at(number))
  let asked = 0
  const { fault } = server
  server.fault = (_request, response) => {
    if (asked++ > 0) return response.destroy()
    response.writeHead(200, { 'content-type': TAXII, 'x-taxii-date-added-last': at(6) }).end(JSON.stringify({ more: true, next: 'Mg', objects: [indicator(5), indicator(6)] }))
  }
  t.match(await runAll(), { failures: 1, lastError: /broke|closed/ })
  t.strictSame([imports.length, (await db.selectFrom('intel_subscription').select('added_after').executeTakeFirstOrThrow()).added_after], [1, at(4)], 'half a run is none: the feed is as it was, and all is asked for again')
  t.equal((await db.selectFrom('intel_subscription_object').select('object_id').execute()).length, 7, 'pages are kept as they come, so that no more than one is in memory')
  server.fault = fault
  await runAll()
  t.equal(idsOf(imports[1]!.text).length, 9)

  await db.deleteFrom('intel_feed').execute()
  await runAll()
  t.equal(idsOf(imports[2]!.text).length, 9, 'a feed that was taken away comes back from what is held')
})

t.test('a server that does not date its objects is fetched whole each time', async (t) => {
  const server = await startTaxiiServer(t)
  const { add, runAll, imports } = await setUpSubscriptions(t)
  page({ objects: [indicator(1), indicator(2)] })(server)
  await add({ url: collectionOf(server), kind: 'taxii' })
  await runAll()
  page({ objects: [indicator(2)] })(server)
  await runAll()
  t.strictSame(imports.map(({ text }) => idsOf(text).length), [2, 1])
  t.ok(server.pages().every(({ added_after: after }) => after === undefined))
})

t.test('a collection of many megabytes is handed on packed, and what is too much for a feed is not', async (t) => {
  const server = await startTaxiiServer(t, { pageSize: 2 })
  const { add, runAll, imports, db } = await setUpSubscriptions(t)
  // Six objects of three megabytes that do not pack well.
  for (let number = 0; number < 6; number++) server.add(indicator(number, '2026-11-01T00:00:00Z', { x_pad: randomBytes(2_250_000).toString('base64') }), at(number))
  await add({ url: `${server.origin}/api1/`, kind: 'taxii' })
  t.match(await runAll(), { lastError: null })
  const [body] = imports[0]!.body as [Buffer]
  t.ok(body[0] === 0x1f && body[1] === 0x8b, 'gzip')
  t.strictSame(idsOf(gunzipSync(body).toString()), [0, 1, 2, 3, 4, 5].map((number) => indicator(number).id))
  await runAll()
  t.equal(imports.length, 1, 'and known again')

  await sql`insert into intel_subscription_object (feed, object_id, modified, object) select 'list', 'x' || n, '', repeat('x', 45000000) from generate_series(1, 6) n`.execute(db)
  await requestRefresh({ db }, { feed: 'list', full: false }, 'test')
  await db.updateTable('intel_subscription').set({ objects_changed: true }).execute()
  t.match(await runAll(), { failures: 1, lastError: /12 objects together are larger than 268435456 bytes/ })
})

t.test('an empty collection is no fault', async (t) => {
  const server = await startTaxiiServer(t)
  const { add, runAll, imports } = await setUpSubscriptions(t)
  await add({ url: server.origin, kind: 'taxii' })
  t.match(await runAll(), { lastError: null, lastSuccessAt: /Z$/ })
  t.equal(imports.length, 0)
  server.add(indicator(1), at(1))
  await runAll()
  t.equal(imports.length, 1)
})
