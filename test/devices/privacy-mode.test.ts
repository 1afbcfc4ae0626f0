import { sql } from 'kysely'
import t from 'tap'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { scoreGroup, type ScoreDeps } from '../../src/devices/score-devices.js'
import { createJournal } from '../../src/telemetry/journal.js'
import type { Report } from '../../src/telemetry/report.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant } from '../helpers/devices.js'
import { intelView } from '../helpers/intel.js'
import { readJournal } from '../helpers/journal.js'
import { silentLog } from '../helpers/log.js'

const BAD_PAGE = 'https://shop.example/offers/win?id=7'
const SECRETS = ['Anna\'s home', '02:aa:bb:cc:dd:ee', 'https://clinic.example/patients/4711', '/patients', '+4912345', 'Dating for doctors']

/** One page is listed, not its site. */
const INTEL = intelView({
  lookupUrl: (value) => value === BAD_PAGE
    ? [{ feed: 'a-feed', type: 'url', value, role: 'c2', threatClass: 'mercenary-spyware', family: 'Fake shop' }]
    : []
})

t.test('in privacy mode nothing personal outlives its judgement, but for what an open finding rests on', async (t) => {
  const { db } = await createTestDatabase(t)
  const device = await seedDevice(db, await seedTenant(db))
  const deps: ScoreDeps = {
    db, intel: { current: () => INTEL }, sync: rememberingProducer<'sync'>(), log: silentLog, apps: createAppInventories({ db }), privacyMode: true
  }
  const send = async (report: Report): Promise<void> => {
    const score = rememberingProducer<'score'>()
    const journal = createJournal({ db, score, log: silentLog, maxWaiting: 10 })
    await journal.append({ ...device, report })
    await journal.close()
    await scoreGroup(deps, score.payloads[0]!.groupId!)
  }
  const dump = async (): Promise<string> => {
    const { rows } = await sql<{ all: string }>`
      select concat((select json_agg(s) from device_state s), (select json_agg(f) from finding f), (select json_agg(b) from app_build b),
        (select json_agg(a) from device_apps a), (select json_agg(g) from report_group g), (select json_agg(r) from report r)) as all`.execute(db)
    return rows[0]!.all
  }
  const at = new Date().toISOString()
  await send(makeReport(1, {
    apps: { mode: 'snapshot', items: [{ appId: 'example.dating', name: 'Dating for doctors', system: false, installer: 'com.android.vending' }] },
    network: { type: 'wifi', wifi: { ssid: 'Anna\'s home', bssid: '02:aa:bb:cc:dd:ee', security: 'wpa3' } },
    events: [
      { eventId: 'private', type: 'url-visit', at, url: 'https://clinic.example/patients/4711', action: 'opened' },
      { eventId: 'message', type: 'message-link', at, url: 'https://clinic.example/patients/1', sender: '+4912345', opened: false },
      { eventId: 'portal', type: 'captive-portal', at, ssid: 'Anna\'s home', bssid: '02:aa:bb:cc:dd:ee' },
      { eventId: 'bad', type: 'url-visit', at, url: BAD_PAGE, action: 'opened' }
    ]
  }))
  const after = await dump()
  for (const secret of SECRETS) t.notOk(after.includes(secret), secret)
  t.ok(after.includes('https://clinic.example/'), 'the site stays, in case it turns out to be bad')
  t.ok(after.includes('wpa3'))
  t.ok(after.includes('example.dating'))
  t.match(await readJournal(db), [{ body: null }])

  const open = await db.selectFrom('finding').select(['subject', 'status']).execute()
  t.ok(open.length > 0, 'the listed page is found')
  await send(makeReport(2))
  t.strictSame(await db.selectFrom('finding').select(['subject', 'status']).execute(), open, 'and found again from what was kept')

  await db.updateTable('device_state').set({ state: sql`jsonb_set(state, '{events}', '[]')` as never }).execute()
  await send(makeReport(3))
  t.notOk((await dump()).includes(BAD_PAGE), 'it goes with its finding')
})
