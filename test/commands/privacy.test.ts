import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { expireAppBuilds } from '../../src/devices/expire-app-builds.js'
import { purgeErasedDevices } from '../../src/devices/erase-device.js'
import { expireStateChanges, sequenceStateChanges } from '../../src/devices/state-change-repository.js'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import type { Database } from '../../src/platform/database.js'
import { createLogger } from '../../src/platform/log.js'
import { openQueues } from '../../src/platform/queues.js'
import { insertQuarantined } from '../../src/telemetry/journal-groups.js'
import { startTestApi } from '../helpers/api.js'
import { startCommands } from '../helpers/commands.js'
import { makeReport } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { findRedis } from '../helpers/redis.js'
import { readRedis } from '../helpers/redis-contents.js'

const run = startCommands(t)

/** What the phones of a person say of them, and what Intune says, each spelt so that it is found. */
const personalOf = (name: string) => ({
  ssid: `${name}s-Heimnetz`, bssid: name === 'Anna' ? '02:ab:cd:ef:01:23' : '02:ab:cd:ef:45:67', url: `https://clinic.example/patients/${name}`, app: `com.dating.for.${name.toLowerCase()}`,
  certificate: `${name}s-Zertifikat`, path: `/sdcard/${name}s-Bilder`, device: `${name}s-Telefon`, serial: `SERIAL-${name.toUpperCase()}`, tag: `${name}s-Schreibtisch`
})

/** Anna has two phones and one that never enrolled here, Ben has one; all said something, and something became of it. */
async function setUp (t: Test) {
  const lines: string[] = []
  const log = createLogger({ level: 'trace', destination: { write: (line) => { lines.push(line) } } })
  const api = await startTestApi(t, { log })
  const { db, tenantId } = api
  const [anna, ben] = [randomUUID(), randomUUID()]
  const [hers, his] = [personalOf('Anna'), personalOf('Ben')]
  const { number } = await db.selectFrom('tenant').select('number').where('id', '=', tenantId).executeTakeFirstOrThrow()
  const known = async (entraDeviceId: string, user: string, { device, serial }: typeof hers): Promise<void> => {
    await db.insertInto('directory_device').values({ tenant_number: number, entra_device_id: entraDeviceId, user_id: user, device_name: device, serial_number: serial, seen_round: 1, platform: 0 }).execute()
  }
  const admin = await api.keyFor('admin')
  const phones: Array<Awaited<ReturnType<typeof api.enroll>>> = []
  for (const [user, personal] of [[anna, hers], [anna, hers], [ben, his]] as const) {
    const phone = await api.enroll()
    phones.push(phone)
    await known(phone.entraDeviceId, user, personal)
    const at = new Date().toISOString()
    const sections = {
      network: { type: 'wifi', wifi: { ssid: personal.ssid, bssid: personal.bssid, security: 'open' } }, config: { passcodeSet: false },
      apps: { mode: 'snapshot', items: [{ appId: personal.app, name: personal.app, installer: null }] }, files: [{ path: personal.path, sha256: 'b'.repeat(64) }],
      certificates: [{ sha256: 'a'.repeat(64), commonName: personal.certificate, store: 'user' }],
      events: [
        { eventId: 'e1', type: 'url-visit', at, url: personal.url, action: 'opened' },
        { eventId: 'e2', type: 'tls-interception', at, probeHost: 'probe.example', expectedSha256: 'c'.repeat(64), observedSha256: 'd'.repeat(64), trustedCa: false, ssid: personal.ssid, bssid: personal.bssid }
      ]
    } as never
    for (const sequence of [1, 2]) {
      const answer = await api.call(phone.accessToken, 'POST', '/v1/telemetry', makeReport(sequence, sequence === 1 ? sections : { config: { passcodeSet: true } }))
      if (answer.statusCode !== 202) throw new Error(answer.body)
      await scoreGroup(api, api.score.payloads.at(-1)!.groupId!)
    }
    const calls = [
      api.call(admin, 'PATCH', `/v1/tenants/${tenantId}/devices/${phone.deviceId}`, { ownership: 'personal' }),
      api.call(admin, 'POST', `/v1/tenants/${tenantId}/suppressions`, { deviceId: phone.deviceId, detection: 'net-open-wifi', subject: personal.ssid, comment: personal.tag, reason: 'accepted-risk', owner: 'ann', expiresAt: new Date(Date.now() + 86_400_000).toISOString() })
    ]
    for (const { statusCode, body } of await Promise.all(calls)) if (statusCode >= 300) throw new Error(body)
    const { id } = await db.selectFrom('report').select('id').where('device_id', '=', phone.deviceId).where('sequence', '=', 1).executeTakeFirstOrThrow()
    await insertQuarantined(db, [{ reportId: id, error: 'it broke' }], new Date())
  }
  await known(randomUUID(), anna, hers)
  await sequenceStateChanges(db)
  const redis = await findRedis(t)
  const env = { DATABASE_URL: api.databaseUrl, LOG_LEVEL: 'trace', ...(redis === undefined ? {} : { REDIS_URL: redis.url }) }
  const privacy = async (...args: string[]) => await run(['privacy', ...args], { env })
  return { api, db, anna, ben, hers, his, phones: phones as [typeof phones[0], typeof phones[0], typeof phones[0]], lines, redis, privacy }
}

/** Where in the whole database a text stands, in text, json or bytes: `table.column`. */
async function findText (db: Database, text: string): Promise<string[]> {
  const { rows: columns } = await sql<{ schema: string, table: string, column: string, type: string }>`
    select n.nspname as schema, c.relname as "table", a.attname as "column", t.typname as type
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped join pg_type t on t.oid = a.atttypid
    where n.nspname in ('public', 'bullmq') and c.relkind in ('r', 'p') and not c.relispartition`.execute(db)
  const found: string[] = []
  for (const { schema, table, column, type } of columns) {
    const name = sql.ref(column)
    const has = type === 'bytea' ? sql`position(convert_to(${text}, 'UTF8') in ${name}) > 0` : sql`strpos(${name}::text, ${text}) > 0`
    const { rows } = await sql`select from ${sql.table(`${schema}.${table}`)} where ${has} limit 1`.execute(db)
    if (rows.length > 0) found.push(`${table}.${column}`)
  }
  return found.sort()
}

t.test('a person with two phones is handed out and forgotten on the command line, and nothing of them is left anywhere', async (t) => {
  const { api, db, anna, ben, hers, his, phones: [one, two, bens], lines, redis, privacy } = await setUp(t)
  const queues = redis === undefined ? undefined : await openQueues({ databaseUrl: api.databaseUrl, redisUrl: redis.url, log: silentLog })
  t.teardown(async () => await queues?.close())
  // What the API would have put in.
  await queues?.producer('score').add(api.score.payloads)
  await queues?.producer('sync').add(api.sync.payloads)

  const exported = await privacy('export', '--user', anna.toUpperCase())
  t.equal(exported.code, 0, exported.errors)
  const told = JSON.parse(exported.out) as { devices: Array<{ deviceId: string }>, directory: { devices: unknown[] } }
  t.strictSame(told.devices.map(({ deviceId }) => deviceId).sort(), [one.deviceId, two.deviceId].sort())
  t.equal(told.directory.devices.length, 3, 'also the one that never enrolled')
  for (const [what, text] of Object.entries(hers)) t.ok(exported.out.includes(text), `her ${what} is handed out`)
  for (const [what, text] of Object.entries({ ...his, user: ben, phone: bens.deviceId })) t.notOk(exported.out.includes(text), `not his ${what}`)

  for (const [what, text] of Object.entries(hers)) t.not((await findText(db, text)).length, 0, `her ${what} is there to be forgotten`)
  const erased = await privacy('erase', '--user', anna)
  t.equal(erased.code, 0, erased.errors)
  t.match(JSON.parse(erased.out), { entraUserId: anna, erased: [one.deviceId, two.deviceId].sort() })

  // Builds of apps are nobody's; one that nobody has goes by itself.
  for (const unusedHours of [0, 0]) await expireAppBuilds({ db }, { unusedHours })
  for (const [what, text] of Object.entries({ ...hers, user: anna })) t.strictSame(await findText(db, text), [], `her ${what} is nowhere`)
  for (const [what, text] of Object.entries({ ...his, user: ben })) t.not((await findText(db, text)).length, 0, `his ${what} stays`)
  const where = await findText(db, one.entraDeviceId)
  t.strictSame(where.filter((place) => !['audit_event.detail', 'device.entra_device_id', 'directory_device.entra_device_id', 'state_change.entra_device_id', 'state_change_waiting.entra_device_id'].includes(place)), [], 'her phone\'s id only where it must still be told')

  const logged = lines.join('') + exported.errors + erased.errors
  for (const [what, text] of Object.entries({ ...hers, ...his, annas: anna, bens: ben })) t.notOk(logged.includes(text), `no ${what} in the logs`)
  if (redis === undefined) t.comment('no Redis at hand: its contents were not looked through')
  else {
    const contents = await readRedis(redis.url)
    t.ok(contents.includes(api.tenantId), 'the queues hold something')
    for (const [what, text] of Object.entries({ ...hers, user: anna })) t.notOk(contents.includes(text), `no ${what} in the queues`)
  }

  // When Intune was told, the ids go as well.
  await db.deleteFrom('intune_outbox').execute()
  await db.updateTable('device').set({ erased_at: new Date(Date.now() - 26 * 3_600_000) }).where('erased_at', 'is not', null).execute()
  t.equal(await purgeErasedDevices({ db }), 2)
  await sequenceStateChanges(db)
  await sql`update state_change set at = now() - interval '8 days'`.execute(db)
  await expireStateChanges(db, { retentionDays: 7 })
  t.strictSame(await findText(db, one.deviceId), ['audit_event.detail', 'audit_event.subject', 'report_group.device_ids'], 'which groups of the journal it was in is known as long as their day is kept')
  t.strictSame(await findText(db, one.entraDeviceId), ['audit_event.detail', 'directory_device.entra_device_id'], 'as long as Intune has it')
  t.equal((await verifyAudit({ db }, {})).intact, true)
})

t.test('one phone is handed out and forgotten on the command line, whichever way it is named; what is not there, or not any more, is said', async (t) => {
  const { db, anna, hers, phones: [one, two, bens], privacy } = await setUp(t)
  const exported = await privacy('export', '--device', `entra:${one.entraDeviceId}`)
  t.match([exported.code, JSON.parse(exported.out)], [0, { deviceId: one.deviceId, tables: { device: [{ id: one.deviceId }], suppression: [{ subject: hers.ssid }], quarantined_report: [{ error: 'it broke' }] }, reports: [{ report: { sequence: 2 } }] }], 'the other report was set aside, and is among the tables')
  for (const foreign of [two.deviceId, bens.deviceId]) t.notOk(exported.out.includes(foreign), 'nothing of another phone')

  const erased = await privacy('erase', '--device', one.deviceId)
  t.match([erased.code, JSON.parse(erased.out)], [0, { deviceId: one.deviceId }])
  for (const action of ['export', 'erase']) {
    for (const device of [one.deviceId, `entra:${one.entraDeviceId}`, randomUUID()]) {
      t.match(await privacy(action, '--device', device), { code: 1, out: '', errors: /There is no such device/ }, `${action} ${device}`)
    }
    t.match(await privacy(action, '--user', randomUUID()), { code: 1, out: '', errors: /Nothing is known of such a user/ })
    t.match(await privacy(action, '--user', 'anna@example.org'), { code: 1, errors: /--user must be the object id/ })
    t.match(await privacy(action), { code: 1, errors: /one of --device and --user is needed/ })
    t.match(await privacy(action, '--user', anna, '--device', two.deviceId), { code: 1, errors: /one of --device and --user is needed/ })
    t.match(await privacy(action, '--device', two.deviceId, '--tenant', randomUUID()), { code: 1, errors: /there is no tenant/ })
  }
  t.match(JSON.parse((await privacy('erase', '--user', anna)).out), { erased: [two.deviceId] }, 'the other one is still hers')
  t.match(await privacy('erase', '--user', anna), { code: 1, errors: /Nothing is known of such a user/ }, 'and then nobody is left')
  t.strictSame((await db.selectFrom('audit_event').select(['action', 'actor']).where('action', 'like', '%.erased').orderBy('id').execute()).map(({ action, actor }) => `${actor}: ${action}`),
    ['command line: device.erased', 'command line: device.erased', 'command line: person.erased'])
})
