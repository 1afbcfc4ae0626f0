import t from 'tap'
import { reassessFleet, reassessFleetIfBehind } from '../../src/devices/reassess-fleet.js'
import { importFeed } from '../../src/intel/import-feed.js'
import { createTestDatabase } from '../helpers/database.js'
import { rememberingProducer, seedDevice, seedTenant } from '../helpers/devices.js'

const feed = (host: string): Buffer => Buffer.from(`- name: Spy\n  type: stalkerware\n  c2:\n    domains: [${host}]\n`)

t.test('after an import whose jobs were lost, the fleet is judged anew once', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const [reported, silent] = [await seedDevice(db, tenantId), await seedDevice(db, tenantId)]
  for (const { deviceId } of [reported, silent]) await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: 1, state: '{}' }).execute()
  await db.updateTable('device_state').set({ last_report_at: new Date() }).where('device_id', '=', reported.deviceId).execute()
  const score = rememberingProducer<'score'>()
  const importOne = async (host: string) => await importFeed({ db }, { feed: 'a', format: 'stalkerware', body: feed(host), now: new Date() })

  await importOne('one.example.net')
  const away = { ...score, add: async () => { throw new Error('the queue is away') } }
  await t.rejects(reassessFleetIfBehind({ db, score: away }), /away/)
  t.equal(await reassessFleetIfBehind({ db, score }), true)
  t.strictSame(score.payloads, [{ deviceIds: [reported.deviceId] }], 'a phone that never reported has nothing to be judged')
  t.equal(await reassessFleetIfBehind({ db, score }), false)

  await importOne('two.example.net')
  await reassessFleet({ db, score })
  t.equal(await reassessFleetIfBehind({ db, score }), false, 'who imported has done it already')
})
