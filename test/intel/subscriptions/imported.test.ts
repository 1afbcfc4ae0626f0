import t, { type Test } from 'tap'
import { importFeed } from '../../../src/intel/import-feed.js'
import { stalkerwareFile } from '../files.js'
import { file, startPublisher } from './publisher.js'
import { setUpSubscriptions } from './setup.js'
import { offerMispFolder } from './misp-folder.js'
import { indicator, startTaxiiServer } from './taxii-server.js'

/** Subscriptions with the import as it is. */
async function setUp (t: Test) {
  const setup = await setUpSubscriptions(t)
  const { db, find } = setup
  let changes = 0
  const runner = setup.openRunner({ importFeed: async (input) => await importFeed({ db, onChanged: async () => { changes++ } }, input) })
  return {
    ...setup,
    async runOne () {
      await runner.runOne('list')
      return await find()
    },
    changes: () => changes,
    values: async () => (await db.selectFrom('indicator').select('value').where('feed', '=', 'list').orderBy('value').execute()).map(({ value }) => value)
  }
}

t.test('an older copy of a file than the feed holds is a failure, and the feed stays', async (t) => {
  const [old, young] = [stalkerwareFile({ packages: ['com.spy'] }), stalkerwareFile({ packages: ['com.spy', 'com.spy2'] })]
  const { origin, answers } = await startPublisher(t, { '/list.yaml': file(old) })
  const { add, runOne, values, changes } = await setUp(t)
  await add({ url: `${origin}/list.yaml` })
  t.match(await runOne(), { lastError: null, lastResult: { format: 'stalkerware', added: 1 } })
  answers.set('/list.yaml', file(young))
  t.match(await runOne(), { lastError: null, lastResult: { added: 1, unchanged: 1 } })
  answers.set('/list.yaml', file(old))
  t.match(await runOne(), { failures: 1, lastError: /^the file was not imported: .*version 1 of the feed/ })
  t.strictSame(await values(), ['com.spy', 'com.spy2'])
  answers.set('/list.yaml', file(young))
  t.match(await runOne(), { failures: 0, lastError: null })
  answers.set('/list.yaml', file('neither list nor anything: ['))
  t.match(await runOne(), { failures: 1, lastError: /^the file was not imported: / })
  t.equal(changes(), 2)
})

t.test('objects of a collection come, change, are revoked and vanish, and so do the indicators', async (t) => {
  const server = await startTaxiiServer(t, { pageSize: 2 })
  const { add, runOne, values, db } = await setUp(t)
  for (let number = 0; number < 5; number++) server.add(indicator(number), `2026-11-0${number + 1}T00:00:00Z`)
  await add({ url: server.origin, kind: 'taxii' })
  t.match(await runOne(), { lastError: null, lastResult: { added: 5 } })
  t.strictSame(await values(), [0, 1, 2, 3, 4].map((number) => `c2-${number}.example`))

  server.add(indicator(1, '2026-11-10T00:00:00Z', { revoked: true }), '2026-11-10T00:00:00Z')
  server.add(indicator(2, '2026-11-11T00:00:00Z', { pattern: "[domain-name:value = 'moved.example']" }), '2026-11-11T00:00:00Z')
  t.match(await runOne(), { lastResult: { added: 1, withdrawn: 2, unchanged: 3 } })
  t.strictSame(await values(), ['c2-0.example', 'c2-3.example', 'c2-4.example', 'moved.example'])

  // Only the newest is gone: what is left is older than what is held, and right all the same.
  server.remove(indicator(2).id)
  await db.updateTable('intel_subscription').set({ full_requested: true }).execute()
  t.match(await runOne(), { lastError: null, lastResult: { withdrawn: 1, unchanged: 3 } })
  t.strictSame(await values(), ['c2-0.example', 'c2-3.example', 'c2-4.example'])
})

t.test('events of a MISP folder come, change and go, and so do the indicators', async (t) => {
  const publisher = await startPublisher(t)
  const { add, runOne, values } = await setUp(t)
  offerMispFolder(publisher, { 1: 100, 2: 100 })
  await add({ url: `${publisher.origin}/feed/manifest.json` })
  t.match(await runOne(), { lastError: null, format: 'misp', lastResult: { format: 'misp', added: 2 } })
  t.strictSame(await values(), ['c2-1-100.example', 'c2-2-100.example'])
  offerMispFolder(publisher, { 2: 200, 3: 100 })
  t.match(await runOne(), { lastError: null, lastResult: { added: 2, withdrawn: 2 } })
  t.strictSame(await values(), ['c2-2-200.example', 'c2-3-100.example'])
})
