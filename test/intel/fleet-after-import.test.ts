import { EventEmitter, once } from 'node:events'
import t, { type Test } from 'tap'
import { actOnChanges } from '../../src/devices/retro/act-on-changes.js'
import { handOnRescorings } from '../../src/devices/retro/rescorings.js'
import { importFeed, removeFeed } from '../../src/intel/import-feed.js'
import { createIntelCache, type IntelCache } from '../../src/intel/index/intel-cache.js'
import { openQueues } from '../../src/platform/queues.js'
import { createJournal } from '../../src/telemetry/journal.js'
import type { App } from '../../src/telemetry/report.js'
import { startScoreWorker } from '../../workers/score.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant, type SeededDevice } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { stalkerwareFile } from './files.js'

const CERTIFICATE = 'ab'.repeat(20)
const FEED = stalkerwareFile({ packages: ['com.evil.spy'], certificates: [CERTIFICATE] })

/** Phones that have reported their apps, and a process that judges them. */
async function setUp (t: Test, apps: readonly App[]) {
  const { db, url } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const queues = await openQueues({ databaseUrl: url, log: silentLog })
  t.teardown(async () => await queues.close())
  // It looks for itself too late for this test.
  const intel: IntelCache = await createIntelCache({ db, log: silentLog, pollMs: 3_600_000 })
  t.teardown(async () => await intel.close())
  const judged = new EventEmitter()
  const score = queues.producer('score')
  const worker = startScoreWorker({
    queues, score, db, intel, sync: rememberingProducer<'sync'>(), concurrency: 2, log: silentLog,
    onScored: ({ judgements }) => { judged.emit('judged', judgements.length) }
  })
  t.teardown(async () => await worker.close())

  const journal = createJournal({ db, score, log: silentLog, maxWaiting: 100 })
  t.teardown(async () => await journal.close())
  const phones: SeededDevice[] = []
  for (const app of apps) {
    const phone = await seedDevice(db, tenantId)
    const scored = once(judged, 'judged')
    await journal.append({ ...phone, report: makeReport(1, { apps: { mode: 'snapshot', items: [app] } }) })
    await scored
    phones.push(phone)
  }
  const levels = async (): Promise<Array<string | null>> => {
    const rows = await db.selectFrom('device_state').select(['device_id', 'level']).execute()
    return phones.map(({ deviceId }) => rows.find((row) => row.device_id === deviceId)!.level)
  }
  return {
    db,
    intel,
    score,
    phones,
    levels,
    reassess: async () => {
      await actOnChanges({ db, intel })
      await handOnRescorings({ db, score })
    },
    /** Waits until phones were judged anew because of this: those that it concerns and no others. */
    andJudge: async (change: () => Promise<unknown>) => {
      const scored = once(judged, 'judged')
      await change()
      t.strictSame(await scored, [1])
    }
  }
}

const APPS: readonly App[] = [{ appId: 'com.evil.spy', signingCertSha1: [CERTIFICATE.toUpperCase()] }, { appId: 'com.good', signingCertSha1: ['cd'.repeat(20)] }]

t.test('an import gives phones that have such an app a new level, without a report, and its withdrawal takes it back', async (t) => {
  const { db, intel, phones, levels, reassess, andJudge } = await setUp(t, APPS)
  // As the route does it: who imports and judges in one process has the new intelligence first.
  const deps = { db, onChanged: async () => { await intel.refresh(); await reassess() } }
  t.strictSame(await levels(), ['secured', 'secured'])
  await andJudge(async () => await importFeed(deps, { feed: 'a-feed', format: 'auto', body: FEED, now: new Date() }))
  t.strictSame(await levels(), ['high', 'secured'])
  t.match(await db.selectFrom('finding').selectAll().where('device_id', '=', phones[0]!.deviceId).where('detection', '=', 'app-stalkerware').execute(),
    [{ subject: 'com.evil.spy', status: 'open', intel: { feed: 'a-feed', family: 'Spy' } }])
  t.match(await db.selectFrom('intune_outbox').selectAll().where('device_id', '=', phones[0]!.deviceId).execute(), [{ health: 'highSeverity' }], 'Intune will be told')

  const findings = async () => await db.selectFrom('finding').select(['detection', 'status']).where('device_id', '=', phones[0]!.deviceId).where('detection', '=', 'app-stalkerware').orderBy('first_seen').execute()
  await andJudge(async () => await importFeed(deps, { feed: 'a-feed', format: 'auto', body: stalkerwareFile({ packages: ['com.other.spy'] }), now: new Date() }))
  t.strictSame([await levels(), await findings()], [['secured', 'secured'], [{ detection: 'app-stalkerware', status: 'resolved' }]], 'a newer version without it')
  await andJudge(async () => await importFeed(deps, { feed: 'a-feed', format: 'auto', body: FEED, allowOlder: true, now: new Date() }))
  t.strictSame(await levels(), ['high', 'secured'], 'the older version back')

  await andJudge(async () => await removeFeed(deps, { feed: 'a-feed', actor: 'ann' }))
  t.strictSame(await levels(), ['secured', 'secured'], 'the feed taken away')
  t.ok((await findings()).every(({ status }) => status === 'resolved'))
})

t.test('a process that has not yet seen an import does not judge by what it knew', async (t) => {
  const { db, levels, phones, score, andJudge } = await setUp(t, APPS)
  const onChanged = async (): Promise<void> => await score.add([{ deviceIds: [phones[0]!.deviceId] }])
  await andJudge(async () => await importFeed({ db, onChanged }, { feed: 'a-feed', format: 'auto', body: FEED, now: new Date() }))
  t.strictSame(await levels(), ['high', 'secured'])
})
