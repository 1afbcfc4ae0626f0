import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadEmbeddedSecretsKey } from '../../src/commands/embedded-secrets-key.js'
import { describeSeconds, feedNameOfUrl, readInterval } from '../../src/commands/subscription-texts.js'
import { importFeed } from '../../src/intel/import-feed.js'
import type { SubscriptionView } from '../../src/intel/subscriptions/manage-subscriptions.js'
import { createSubscriptionRunner } from '../../src/intel/subscriptions/subscription-runner.js'
import { createSecretBox } from '../../src/platform/secret-box.js'
import { startTestApi } from '../helpers/api.js'
import { startCommands } from '../helpers/commands.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'
import { stalkerwareFile } from '../intel/files.js'
import { file, startPublisher } from '../intel/subscriptions/publisher.js'
import { LOOPBACK } from '../intel/subscriptions/setup.js'

const KEY = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='

const commands = startCommands(t)
const run = async (args: readonly string[], env: Readonly<Record<string, string>>) => await commands(['intel', ...args], { env: { INTEL_ALLOW_PRIVATE_HOSTS: '127.0.0.1', ...env } })

const startList = async (t: Test) => await startPublisher(t, { '/lists/Spy%20List.yaml': file(stalkerwareFile({ packages: ['com.spy'] }), { etag: '"1"' }) })

t.test('a feed is subscribed, fetched at once, listed, fetched again and ended', async (t) => {
  const publisher = await startList(t)
  const { db, url: DATABASE_URL } = await createTestDatabase(t)
  const folder = t.testdir({ password: 'hunter2\n' })
  const at = `${publisher.origin}/lists/Spy%20List.yaml`
  const made = await run(['subscribe', at, '--every', '1h30m', '--allow-http', '--allow-private', '--username', 'u', '--password-file', join(folder, 'password'), '--json'], { DATABASE_URL, SECRETS_KEY: KEY })
  t.equal(made.code, 0, made.errors)
  t.match(JSON.parse(made.out), { feed: 'spy-list', everySeconds: 5_400, credentials: 'basic', etag: '"1"', lastError: null, lastResult: { format: 'stalkerware', added: 1 } })
  t.equal(publisher.requests[0]!.headers.authorization, `Basic ${Buffer.from('u:hunter2').toString('base64')}`)
  t.match(await db.selectFrom('indicator').select(['feed', 'value']).execute(), [{ feed: 'spy-list', value: 'com.spy' }])

  const list = await run(['subscriptions'], { DATABASE_URL })
  t.match(list.out, new RegExp(`^spy-list  ${at}, every 1 h 30 min\n  last success .*Z, \\d+ s ago; ETag "1"\n  last import: 1 added, 0 updated, 0 unchanged, 0 withdrawn\n  next run .*Z\n$`))
  const again = await run(['refresh', 'spy-list'], { DATABASE_URL, SECRETS_KEY: KEY })
  t.match([again.code, again.out], [0, /^spy-list/])
  t.equal(publisher.requests[1]!.headers['if-none-match'], '"1"')
  t.match(await run(['refresh', 'spy-list'], { DATABASE_URL }), { code: 1, errors: /SECRETS_KEY is not set/ })
  t.match(await run(['unsubscribe', 'spy-list'], { DATABASE_URL }), { code: 0, out: 'spy-list is fetched no more; what it holds stays.\n' })
  t.match(await run(['subscriptions'], { DATABASE_URL }), { out: 'There are no subscriptions.\n' })
  t.match(await run(['unsubscribe', 'spy-list'], { DATABASE_URL }), { code: 1, errors: /There is no such subscription/ })
  t.equal((await db.selectFrom('indicator').select('feed').execute()).length, 1, 'what it holds stays')
  const audit = await db.selectFrom('audit_event').select(['action', 'actor']).orderBy('id').execute()
  t.strictSame(audit.map(({ action }) => action), ['subscription.created', 'subscription.refreshed', 'subscription.refreshed', 'subscription.refreshed', 'subscription.removed'])
})

t.test('what is wrong is named at once; what fails at first stays and is tried again', async (t) => {
  const publisher = await startPublisher(t)
  const { db, url: DATABASE_URL } = await createTestDatabase(t)
  const wrong = await run(['subscribe', 'http://feeds.example/a', '--every', '1m', '--format', 'guess', '--signature-url', 'https://feeds.example/a.minisig'], { DATABASE_URL })
  t.equal(wrong.code, 1)
  for (const path of ['/url', '/everySeconds', '/format', '/signatureKey']) t.match(wrong.errors, new RegExp(`^  ${path} must`, 'm'))
  t.match(await run(['subscribe', 'https://feeds.example/a', '--every', 'often'], { DATABASE_URL }), { code: 1, errors: /--every must be a time/ })
  t.strictSame(await db.selectFrom('intel_subscription').select('feed').execute(), [])

  const failed = await run(['subscribe', `${publisher.origin}/list.csv`, '--feed', 'list', '--allow-http', '--allow-private'], { DATABASE_URL })
  t.match(failed, { code: 1, out: /never fetched yet\n {2}failed 1 time in a row.*answered 404/, errors: /it is tried again at/ })
  t.match(await run(['subscribe', `${publisher.origin}/list.csv`, '--allow-http', '--allow-private', '--no-wait', '--sha256-suffix', '--json'], { DATABASE_URL }), { code: 0, out: /"checksumUrl":"[^"]*\/list\.csv\.sha256"/ })
})

t.test('while an installation runs, its API and its workers do it', async (t) => {
  const publisher = await startList(t)
  const secrets = createSecretBox(KEY)
  const api = await startTestApi(t, { secrets })
  const address = await api.app.listen({ host: '127.0.0.1', port: 0 })
  const dataDir = t.testdir({ token: 'hunter2' })
  await writeFile(join(dataDir, 'running.json'), JSON.stringify({ pid: process.pid, api: address, operatorToken: await api.keyFor('platform-admin') }))
  const runner = createSubscriptionRunner({ db: api.db, log: silentLog, guard: LOOPBACK, secrets, userAgent: 'test', importFeed: async (input) => await importFeed({ db: api.db }, input) })
  const upkeep = setInterval(() => { void runner.run() }, 100)
  t.teardown(async () => {
    clearInterval(upkeep)
    await runner.close()
  })
  const at = `${publisher.origin}/lists/Spy%20List.yaml`
  const made = await run(['subscribe', at, '--allow-http', '--allow-private', '--class', 'stalkerware', '--token-file', join(dataDir, 'token'), '--data-dir', dataDir, '--json'], {})
  t.equal(made.code, 0, made.errors)
  t.match(JSON.parse(made.out), { feed: 'spy-list', class: 'stalkerware', credentials: 'bearer', lastResult: { added: 1 } })
  t.equal(publisher.requests[0]!.headers.authorization, 'Bearer hunter2')
  t.match(await run(['refresh', 'spy-list', '--full', '--data-dir', dataDir], {}), { code: 0 })
  t.equal(publisher.requests[1]!.headers['if-none-match'], undefined)
  t.match((JSON.parse((await run(['subscriptions', '--json', '--data-dir', dataDir], {})).out) as SubscriptionView[]).map(({ feed }) => feed), ['spy-list'])
  t.match(await run(['subscribe', at, '--every', '1m', '--data-dir', dataDir], {}), { code: 1, errors: /everySeconds/ })
  t.match(await run(['unsubscribe', 'spy-list', '--data-dir', dataDir], {}), { code: 0 })
})

t.test('times and names are read and told as people do', async (t) => {
  for (const [text, seconds] of [['30m', 1_800], ['6h', 21_600], ['1d12h', 129_600], ['90s', 90]] as const) t.equal(readInterval(text), seconds, text)
  for (const text of ['', '6', 'h', '6 h', '6h ', '-1h', '1w', '6hours']) t.throws(() => readInterval(text), text)
  for (const [seconds, text] of [[0, '0 s'], [59.6, '1 min'], [5_400, '1 h 30 min'], [90_061, '1 d 1 h']] as const) t.equal(describeSeconds(seconds), text)
  for (const [url, name] of [
    ['https://raw.example/x/main/Mobile%20IOC.csv', 'mobile-ioc'], ['https://feeds.example/nvdcve-2.0.json.gz', 'nvdcve-2.0'], ['https://misp.example/feed-osint/manifest.json', 'feed-osint'],
    ['https://taxii.example/', 'taxii.example'], ['https://taxii.example/api1/collections/91a7b528/', '91a7b528'], ['https://feeds.example/%', 'feeds.example']
  ] as const) t.equal(feedNameOfUrl(url), name, url)
  t.throws(() => feedNameOfUrl('feeds.example'))
})

t.test('a data folder keeps its key for secrets, for its owner alone', async (t) => {
  const folder = t.testdir({})
  const keys = await Promise.all(Array.from({ length: 5 }, async () => await loadEmbeddedSecretsKey(folder)))
  t.equal(new Set([...keys, await loadEmbeddedSecretsKey(folder)]).size, 1)
  createSecretBox(keys[0]!)
  t.equal((await stat(join(folder, 'secrets-key'))).mode & 0o777, 0o600)
  t.equal((await readFile(join(folder, 'secrets-key'), 'utf8')).trim(), keys[0])
})
