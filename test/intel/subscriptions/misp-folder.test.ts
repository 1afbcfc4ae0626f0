import t, { type Test } from 'tap'
import { offerMispFolder as offer, uuidOf } from './misp-folder.js'
import { file, startPublisher } from './publisher.js'
import { setUpSubscriptions } from './setup.js'

async function setUp (t: Test) {
  const publisher = await startPublisher(t)
  const setup = await setUpSubscriptions(t)
  const eventsOf = (text: string): string[] => (JSON.parse(text) as { response: Array<{ Event: { Attribute: Array<{ value: string }> } }> }).response.map(({ Event }) => Event.Attribute[0]!.value)
  return { ...setup, publisher, eventsOf, fetched: () => publisher.requests.splice(0).map(({ path }) => path.slice(6)) }
}

t.test('a folder is fetched once whole, then the events that are new or newer; those that are gone go', async (t) => {
  const { publisher, add, runAll, imports, eventsOf, fetched } = await setUp(t)
  offer(publisher, Object.fromEntries(Array.from({ length: 90 }, (_, number) => [number, 100])), '"1"')
  t.match((await add({ url: `${publisher.origin}/feed/manifest.json` })).subscription, { kind: 'misp' })
  t.match(await runAll(), { lastError: null })
  t.equal(fetched().length, 91)
  t.equal(eventsOf(imports[0]!.text).length, 90)
  t.notMatch(imports[0]!.text, 'YXR0YWNobWVudA', 'without attachments')
  await runAll()
  t.strictSame(fetched(), ['manifest.json'])
  t.equal(imports.length, 1)

  publisher.answers.delete(`/feed/${uuidOf(3)}.json`)
  offer(publisher, { 0: 100, 1: 200, 90: 100 }, '"2"')
  await runAll()
  t.strictSame(fetched().sort(), [`${uuidOf(1)}.json`, `${uuidOf(90)}.json`, 'manifest.json'])
  t.strictSame(eventsOf(imports[1]!.text), ['c2-0-100.example', 'c2-1-200.example', 'c2-90-100.example'])
})

t.test('an event that cannot be had is a failure; what was fetched before it is not fetched again', async (t) => {
  const { publisher, add, runAll, imports, eventsOf, fetched, db } = await setUp(t)
  offer(publisher, Object.fromEntries(Array.from({ length: 60 }, (_, number) => [number, 100])))
  publisher.answers.delete(`/feed/${uuidOf(55)}.json`)
  await add({ url: `${publisher.origin}/feed/manifest.json?key=k` })
  t.match(await runAll(), { failures: 1, lastError: new RegExp(`${uuidOf(55)}\\.json answered 404`) })
  t.equal(imports.length, 0)
  t.ok(fetched().every((path) => path.endsWith('?key=k')))
  t.equal((await db.selectFrom('intel_subscription_object').select('object_id').execute()).length, 40)

  offer(publisher, Object.fromEntries(Array.from({ length: 60 }, (_, number) => [number, 100])))
  t.match(await runAll(), { failures: 0 })
  t.equal(fetched().length, 21)
  t.equal(eventsOf(imports[0]!.text).length, 60)
})

t.test('what is no manifest and no event is refused', async (t) => {
  const { publisher, add, runAll, imports } = await setUp(t)
  await add({ url: `${publisher.origin}/feed/manifest.json` })
  for (const [body, error] of [
    ['<html>', /the manifest is not a JSON object/], ['[]', /not a JSON object/], ['{"a":1}', /does not lead to the manifest/],
    [`{"${uuidOf(1)}":null}`, /does not lead/], [`{"${uuidOf(1)}":{"timestamp":"soon"}}`, /does not lead/], [`{"${uuidOf(1)}":{"timestamp":{"toString":""}}}`, /does not lead/], [`{"../../${uuidOf(1)}":{"timestamp":"1"}}`, /does not lead/]
  ] as const) {
    publisher.answers.set('/feed/manifest.json', file(body))
    t.match(await runAll(), { lastError: error }, body)
  }
  offer(publisher, { 1: 100 })
  for (const body of ['{"Event":null}', '{"Events":{}}', 'null']) {
    publisher.answers.set(`/feed/${uuidOf(1)}.json`, file(body))
    t.match(await runAll(), { lastError: /event/ }, body)
  }
  t.equal(imports.length, 0)
})
