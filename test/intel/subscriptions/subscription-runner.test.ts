import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { pino } from 'pino'
import t from 'tap'
import { ConflictError, InvalidInputError } from '../../../src/errors.js'
import { createAddressGuard } from '../../../src/platform/address-guard.js'
import { requestRefresh, unsubscribe } from '../../../src/intel/subscriptions/manage-subscriptions.js'
import { createSecretBox } from '../../../src/platform/secret-box.js'
import { file, startPublisher } from './publisher.js'
import { setUpSubscriptions } from './setup.js'

const MINUTE_MS = 60_000

t.test('a file is fetched at once, imported, and not sent again while it stays the same', async (t) => {
  const { origin, requests, answers } = await startPublisher(t, { '/list.csv': file('a.example', { etag: '"1"', 'last-modified': 'Mon, 23 Nov 2026 08:00:00 GMT' }) })
  const { add, runner, runAll, imports, find, failures } = await setUpSubscriptions(t)
  const { created, subscription } = await add({ url: `${origin}/list.csv`, everySeconds: 3600, threatClass: 'stalkerware', format: 'stix' })
  t.match([created, subscription], [true, { feed: 'list', kind: 'file', lastSuccessAt: null, failures: 0, running: false }])
  await runner.run()
  t.match(imports, [{ feed: 'list', format: 'stix', threatClass: 'stalkerware', text: 'a.example', allowOlder: false }])
  const first = await find()
  t.match(first, { etag: '"1"', lastModified: 'Mon, 23 Nov 2026 08:00:00 GMT', lastSuccessAt: /Z$/, lastChangeAt: /Z$/, lastError: null, lastResult: { added: 1 }, stale: false, running: false })
  const inMs = Date.parse(first.nextRunAt) - Date.parse(first.lastSuccessAt!)
  t.ok(inMs >= 54 * MINUTE_MS && inMs <= 66 * MINUTE_MS, `the next one in ${inMs} ms`)

  await runner.run()
  t.equal(requests.length, 1, 'not before it is due')
  const second = await runAll()
  t.equal(requests[1]!.headers['if-none-match'], '"1"')
  t.equal(imports.length, 1)
  t.ok(second.lastSuccessAt! > first.lastSuccessAt!)
  t.equal(second.lastChangeAt, first.lastChangeAt)

  answers.set('/list.csv', file('b.example', { etag: '"2"' }))
  t.match(await runAll(), { etag: '"2"', lastModified: null })
  t.strictSame(imports.map(({ text }) => text), ['a.example', 'b.example'])
  t.strictSame(failures, [])
})

t.test('a publisher without ETag costs a fetch, and no import while the file is the same', async (t) => {
  const { origin } = await startPublisher(t, { '/list.csv': file('a.example') })
  const { add, runAll, imports } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv` })
  await runAll()
  t.match(await runAll(), { lastError: null })
  t.equal(imports.length, 1)
})

t.test('a feed that was taken away or imported by hand is fetched anew, whatever the publisher says', async (t) => {
  const { origin, requests } = await startPublisher(t, { '/list.csv': file('a.example', { etag: '"1"' }) })
  const { add, runAll, imports, db } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv` })
  await runAll()
  for (const change of [async () => await db.deleteFrom('intel_feed').execute(), async () => await db.updateTable('intel_feed').set({ sha256: 'another' }).execute()]) {
    imports.length = 0
    await change()
    await runAll()
    t.equal(requests.at(-1)!.headers['if-none-match'], undefined)
    t.equal(imports.length, 1)
  }
  await requestRefresh({ db }, { feed: 'list', full: true }, 'test')
  await runAll()
  t.equal(requests.at(-1)!.headers['if-none-match'], undefined, 'and when everything is asked for')
  t.equal(imports.length, 2)
  await runAll()
  t.equal(requests.at(-1)!.headers['if-none-match'], '"1"', 'once')
})

t.test('a failure keeps what is held, is shown, and is tried again after longer and longer pauses', async (t) => {
  const { origin, answers } = await startPublisher(t, { '/list.csv': file('a.example') })
  const lines: Array<Record<string, unknown>> = []
  const setup = await setUpSubscriptions(t)
  const { add, runAll, imports, failures, db } = setup
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const loud = setup.openRunner({ log })
  await add({ url: `${origin}/list.csv`, everySeconds: 86_400 })
  const good = await runAll()
  answers.set('/list.csv', (_request, response) => response.writeHead(500).end())
  const pauses: number[] = []
  for (let round = 1; round <= 4; round++) {
    await db.updateTable('intel_subscription').set({ next_run_at: new Date(0) }).execute()
    await loud.run()
    const now = await setup.find()
    t.match(now, { failures: round, lastError: `${origin}/list.csv answered 500`, lastSuccessAt: good.lastSuccessAt!, lastErrorAt: /Z$/ })
    pauses.push(Date.parse(now.nextRunAt) - Date.parse(now.lastErrorAt!))
  }
  pauses.forEach((pause, index) => t.ok(pause >= MINUTE_MS * 2 ** index / 2 && pause <= MINUTE_MS * 2 ** index, `pause ${index + 1}: ${pause} ms`))
  t.strictSame(failures, Array(4).fill('list'))
  t.match(lines[0], { level: 40, feed: 'list', error: /answered 500/, failures: 1 })
  t.equal(imports.length, 1)
  t.equal((await db.selectFrom('intel_feed').select('name').execute()).length, 1)

  answers.set('/list.csv', (_request, response) => response.writeHead(503, { 'retry-after': '7200' }).end())
  const patient = await runAll()
  t.ok(Math.abs(Date.parse(patient.nextRunAt) - Date.parse(patient.lastErrorAt!) - 7_200_000) < 1_000, 'as the publisher wishes')
  answers.set('/list.csv', (_request, response) => response.writeHead(503, { 'retry-after': '99999999' }).end())
  const bounded = await runAll()
  t.ok(Date.parse(bounded.nextRunAt) - Date.parse(bounded.lastErrorAt!) <= 86_400_000, 'but not for ever')

  answers.set('/list.csv', file('b.example'))
  t.match(await runAll(), { failures: 0, lastError: null, lastErrorAt: null })
})

t.test('a file that the import refuses, because it is older or not valid, is a failure and no more', async (t) => {
  const { origin } = await startPublisher(t, { '/list.csv': file('a.example', { etag: '"1"' }) })
  const { add, runAll, fake, imports } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv` })
  fake.error = new ConflictError('The file is of 2020, and the feed holds what was published 2026.')
  t.match(await runAll(), { lastError: /^the file was not imported: The file is of 2020/, failures: 1, etag: null })
  fake.error = new InvalidInputError([{ path: '/objects/0', message: 'must be an object' }], 'The file')
  t.match(await runAll(), { lastError: /The file has 1 fault\. \/objects\/0 must be an object/, failures: 2 })
  fake.error = new Error('out of cheese at /home/secret')
  t.match(await runAll(), { lastError: 'a fault within Sallyport; its log says more', failures: 3 })
  fake.error = undefined
  t.match(await runAll(), { lastError: null, failures: 0 })
  t.equal(imports.length, 1)
})

t.test('a file that is not what its checksum says changes nothing', async (t) => {
  const packed = gzipSync('a.example')
  const sum = (body: string | Buffer): string => createHash('sha256').update(body).digest('hex')
  const { origin, answers } = await startPublisher(t, { '/list.csv.gz': file(packed), '/sums': file(`${sum('other')}  list.csv.gz\n`) })
  const { add, runAll, imports } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv.gz`, checksumUrl: `${origin}/sums` })
  t.match(await runAll(), { lastError: /not what its checksum says/ })
  answers.delete('/sums')
  t.match(await runAll(), { lastError: /sums answered 404/ })
  t.equal(imports.length, 0)
  for (const right of [`${sum(packed)}  list.csv.gz\n${sum('other')}  other.csv.gz\n`, `sha256:${sum('a.example')}`]) {
    answers.set('/sums', file(right))
    t.match(await runAll(), { lastError: null })
  }
  t.strictSame(imports.map(({ body }) => body[0]), [packed], 'imported once, as it was published')
})

t.test('what unpacks to too much is not unpacked to be checked', async (t) => {
  const { origin } = await startPublisher(t, { '/bomb.gz': file(gzipSync(Buffer.alloc(65 * 1024 * 1024))), '/cut.gz': file(gzipSync('a.example').subarray(0, 15)), '/sums': file(createHash('sha256').update('').digest('hex')) })
  const { add, runAll, imports } = await setUpSubscriptions(t)
  await add({ url: `${origin}/bomb.gz`, checksumUrl: `${origin}/sums` })
  t.match(await runAll(), { lastError: /the unpacked file is larger than/ })
  await add({ url: `${origin}/cut.gz`, checksumUrl: `${origin}/sums` })
  t.match(await runAll(), { lastError: 'the file is not whole gzip' })
  t.equal(imports.length, 0)
})

t.test('several processes fetch everything once, two at a time each', async (t) => {
  let [now, most] = [0, 0]
  const { origin, answers, requests } = await startPublisher(t)
  const { add, openRunner, imports } = await setUpSubscriptions(t)
  const names = Array.from({ length: 20 }, (_, index) => `list-${index}`)
  for (const feed of names) {
    answers.set(`/${feed}`, (_request, response) => {
      most = Math.max(most, ++now)
      setImmediate(() => {
        now--
        response.end(feed)
      })
    })
    await add({ feed, url: `${origin}/${feed}` })
  }
  await Promise.all(Array.from({ length: 4 }, async () => await openRunner().run()))
  t.strictSame(requests.map(({ path }) => path).sort(), names.map((feed) => `/${feed}`).sort())
  t.equal(imports.length, 20)
  t.ok(most <= 8, `${most} at once`)
})

t.test('a process that dies in the middle gives up its subscription, and nothing of it counts any more', async (t) => {
  const events = new EventEmitter()
  const { origin, answers } = await startPublisher(t, { '/list.csv': (_request, response) => events.emit('asked', response) })
  const { add, runner, openRunner, db, imports, find } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv` })
  const asked = once(events, 'asked')
  const dying = runner.run()
  const [response] = await asked
  t.match(await find(), { running: true })
  answers.set('/list.csv', file('by another', { etag: '"2"' }))
  const other = openRunner()
  await db.updateTable('intel_subscription').set({ next_run_at: new Date(0) }).execute()
  await other.run()
  t.equal(imports.length, 0, 'it has time until its lease ends')
  await t.rejects(other.runOne('list'), { code: 'CONFLICT', statusCode: 409 })

  await db.updateTable('intel_subscription').set({ lease_until: new Date(0) }).execute()
  t.match(await other.runOne('list'), { status: 'changed' })
  response.end('too late')
  await dying
  t.strictSame(imports.map(({ text }) => text), ['by another'])
  t.match(await find(), { etag: '"2"', failures: 0, lastError: null, running: false })
})

t.test('a lease is kept while a publisher takes his time, and a run ends after its time', async (t) => {
  const { origin } = await startPublisher(t, { '/list.csv': () => {} })
  const { add, openRunner, db, find } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv` })
  // The lease is far shorter than the run.
  t.match(await openRunner({ leaseMs: 40, runMs: 400 }).runOne('list'), { status: 'failed', error: 'it took longer than 0.4 s in all' })
  t.match(await find(), { failures: 1, running: false })
  const { rows: [row] } = await sql<{ free: boolean }>`select lease_id is null as free from intel_subscription`.execute(db)
  t.ok(row!.free)
})

t.test('a process that stops gives back what it has in hand, and that stays due', async (t) => {
  const events = new EventEmitter()
  const { origin, answers } = await startPublisher(t, { '/list.csv': () => events.emit('asked') })
  const { add, runner, openRunner, find, imports } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv` })
  const asked = once(events, 'asked')
  const running = runner.run()
  await asked
  await runner.close()
  await running
  t.match(await find(), { running: false, failures: 0, lastError: null })
  answers.set('/list.csv', file('a.example'))
  await openRunner().run()
  t.equal(imports.length, 1)
})

t.test('what is unsubscribed or subscribed otherwise while it is fetched is not imported', async (t) => {
  const { origin, answers } = await startPublisher(t, { '/new.csv': file('new') })
  const { add, runner, db, imports, find } = await setUpSubscriptions(t)
  answers.set('/list.csv', (_request, response) => { void unsubscribe({ db }, 'list', 'test').then(() => response.end('old')) })
  await add({ url: `${origin}/list.csv` })
  await runner.run()
  t.equal(await find(), undefined)
  answers.set('/list.csv', (_request, response) => { void add({ url: `${origin}/new.csv` }).then(({ created }) => response.end(String(created))) })
  await add({ url: `${origin}/list.csv` })
  await runner.run()
  t.strictSame(imports.map(({ text }) => text), ['new'])
})

t.test('a secret is kept encrypted, told to the publisher, and shown to nobody', async (t) => {
  const { origin, requests, answers } = await startPublisher(t, { '/list.csv': file('a.example') })
  const { add, runAll, db, openRunner } = await setUpSubscriptions(t)
  for (const [credentials, header, value] of [
    [{ username: 'us', password: 'hunter2' }, 'authorization', `Basic ${Buffer.from('us:hunter2').toString('base64')}`],
    [{ token: 'hunter2' }, 'authorization', 'Bearer hunter2'],
    [{ token: 'hunter2', tokenHeader: 'Auth-Key' }, 'auth-key', 'hunter2']
  ] as const) {
    const { subscription } = await add({ url: `${origin}/list.csv`, ...credentials })
    const view = await runAll()
    t.equal(requests.at(-1)!.headers[header], value)
    t.notMatch(JSON.stringify([subscription, view]), 'hunter2')
    const { rows: [row] } = await sql<{ text: string }>`select row_to_json(s)::text || encode(credentials, 'escape') as text from intel_subscription s`.execute(db)
    t.notMatch(row!.text, /hunter2|aHVudGVyMg|dXM6/)
  }
  const { rows: audit } = await sql<{ text: string }>`select row_to_json(a)::text as text from audit_event a`.execute(db)
  t.match(audit[0]!.text, /subscription.created/)
  t.notMatch(audit.map(({ text }) => text).join(), 'hunter2')

  answers.set('/list.csv', (request, response) => response.writeHead(302, { location: `ftp://${String(request.headers['auth-key'])}/` }).end())
  t.notMatch((await runAll()).lastError, 'hunter2')
  for (const [secrets, error] of [[undefined, /SECRETS_KEY is not set/], [createSecretBox(Buffer.alloc(32).toString('base64')), /SECRETS_KEY is another one/]] as const) {
    t.match(await openRunner({ secrets }).runOne('list'), { status: 'failed', error })
  }
})

t.test('a subscription goes inside only if both it and the installation say so', async (t) => {
  const { origin, requests } = await startPublisher(t, { '/list.csv': file('a.example') })
  const { add, runAll, openRunner } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv`, allowPrivate: false })
  t.match(await runAll(), { lastError: /127\.0\.0\.1 has the address 127\.0\.0\.1, which is not public/ })
  await add({ url: `${origin}/list.csv` })
  t.match(await openRunner({ guard: createAddressGuard({ privateHosts: ['mirror.example'] }) }).runOne('list'), { status: 'failed', error: /not public/ })
  t.strictSame(requests, [])
  t.match(await runAll(), { lastError: null })
})

t.test('a feed that is not fetched for three intervals warns once, until it succeeds again', async (t) => {
  const { origin, answers } = await startPublisher(t)
  const lines: Array<Record<string, unknown>> = []
  const { add, openRunner, db, find } = await setUpSubscriptions(t)
  const runner = openRunner({ log: pino({ level: 'warn' }, { write: (line: string) => { lines.push(JSON.parse(line)) } }) })
  const staleLines = (): number => lines.filter(({ msg }) => String(msg).includes('three of its intervals')).length
  const age = async (hours: number, column: 'created_at' | 'last_success_at'): Promise<void> => {
    await db.updateTable('intel_subscription').set({ [column]: sql`now() - make_interval(hours => ${hours})`, next_run_at: new Date(Date.now() + MINUTE_MS) } as never).execute()
  }
  await add({ url: `${origin}/list.csv`, everySeconds: 3600 })
  await age(2, 'created_at')
  await runner.run()
  t.match([staleLines(), (await find()).stale], [0, false])
  await age(4, 'created_at')
  await runner.run()
  await runner.run()
  t.match([staleLines(), (await find()).stale], [1, true], 'also if it never came')
  t.match(lines[0], { feed: 'list', ageSeconds: 4 * 3600 })

  answers.set('/list.csv', file('a.example'))
  await runner.runOne('list')
  t.match(await find(), { stale: false })
  await age(4, 'last_success_at')
  await runner.run()
  t.equal(staleLines(), 2, 'and again')
})

t.test('the database away is no failure of the publisher', async (t) => {
  const { origin } = await startPublisher(t, { '/list.csv': file('a.example') })
  const { add, runner, db, failures } = await setUpSubscriptions(t)
  await add({ url: `${origin}/list.csv` })
  await sql`alter table intel_subscription rename to away`.execute(db)
  await t.rejects(runner.run())
  await sql`alter table away rename to intel_subscription`.execute(db)
  await runner.run()
  t.strictSame(failures, [])
})
