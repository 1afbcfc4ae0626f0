import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import t, { type Test } from 'tap'
import { seedDatabase } from '../../../src/commands/seed-database/seed-database.js'
import { createAppInventories } from '../../../src/devices/app-inventories.js'
import { listDevices } from '../../../src/devices/list-devices.js'
import { scoreDevices, type ScoreDeps, scoreGroup } from '../../../src/devices/score-devices.js'
import { createIntelCache } from '../../../src/intel/index/intel-cache.js'
import type { Database } from '../../../src/platform/database.js'
import { MISCONFIGURATION_RATES } from '../../../src/simulator/fleet/rates.js'
import { digestApps } from '../../../src/telemetry/app-digest.js'
import { createJournal } from '../../../src/telemetry/journal.js'
import { createTestDatabase } from '../../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'

/** Columns that do not depend on which phone it is and when. */
const COMPARED = ['sequence', 'apps_digest', 'resend', 'reporting_state', 'level', 'coverage_id', 'score', 'policy_version', 'desired_health', 'desired_version', 'os_version'] as const

/** Made by a connection that is gone afterwards. */
async function addTenant (url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows: [row] } = await client.query<{ id: string }>('insert into tenant (name, entra_tenant_id) values ($1, $2) returning id', ['Seeded', randomUUID()])
  await client.end()
  return row!.id
}

async function setUp (t: Test, phones: number) {
  const { db, url } = await createTestDatabase(t)
  const tenantId = await addTenant(url)
  const seeded = await seedDatabase({ databaseUrl: url, phones, tenantId, log: silentLog })
  const intel = await createIntelCache({ db, log: silentLog })
  t.teardown(async () => await intel.close())
  const deps: ScoreDeps = { db, log: silentLog, sync: rememberingProducer<'sync'>(), intel: { current: () => intel.current() }, now: () => new Date() }
  return { db, url, tenantId, seeded, deps, tables: async () => await readTables(db) }
}

async function readTables (db: Database) {
  const states = await db.selectFrom('device_state').selectAll().orderBy('device_id').execute()
  return {
    // Judged again, and heard of again, at another time.
    states: states.map(({ assessed_at: _, due_at: __, ...rest }) => rest),
    findings: (await db.selectFrom('finding').selectAll().orderBy('id').execute()).map(({ last_seen: _, ...rest }) => rest),
    changes: await db.selectFrom('level_change').selectAll().orderBy('id').execute(),
    apps: await db.selectFrom('device_apps').selectAll().orderBy('device_id').execute(),
    appChanges: await db.selectFrom('device_apps_change').selectAll().orderBy('device_id').execute(),
    outbox: await db.selectFrom('intune_outbox').selectAll().execute()
  }
}

t.test('judged anew, phones that were made are as they were', async (t) => {
  const { db, deps, seeded, tables } = await setUp(t, 120)
  t.match(seeded, { phones: 120, indexesRebuilt: true })
  const before = await tables()
  t.equal(before.states.length, 120)
  t.ok(before.findings.length > 10)
  t.strictSame(await scoreDevices(deps, before.states.map(({ device_id: id }) => id)), { changedTenants: [] })
  t.equal(JSON.stringify(await tables()), JSON.stringify(before))
  const { rows } = await sql<{ name: string }>`select indexname as name from pg_indexes where schemaname = 'public'`.execute(db)
  t.ok(rows.some(({ name }) => name === 'device_apps_builds_idx') && rows.some(({ name }) => name === 'finding_open_idx'), 'the indexes are there again')
})

t.test('a phone that was made goes on like any other: a delta finds its base, and the workers write the same', async (t) => {
  const { db, deps, tenantId, tables } = await setUp(t, 20)
  const inventories = createAppInventories({ db })
  const { states } = await tables()
  const withApps = await db.transaction().execute(async (tx) => await inventories.read(tx, states.map(({ device_id: deviceId, apps_digest: digest }) => ({ deviceId, digest }))))
  for (const { device_id: deviceId, apps_digest: digest } of states) t.equal(digestApps(Object.values(withApps.get(deviceId)!.items)), digest, 'the list is what the digest says')

  const score = rememberingProducer<'score'>()
  const journal = createJournal({ db, score, log: silentLog, maxWaiting: 10 })
  t.teardown(async () => await journal.close())
  const state = states[0]!
  const device = { tenantId, deviceId: state.device_id }
  const added = { appId: 'example.added', version: '1' }
  await journal.append({ ...device, report: makeReport(state.sequence + 1, { apps: { mode: 'delta', baseDigest: state.apps_digest!, upsert: [added] } }) })
  await scoreGroup(deps, score.payloads.at(-1)!.groupId!)
  const after = await db.selectFrom('device_state').selectAll().where('device_id', '=', device.deviceId).executeTakeFirstOrThrow()
  t.strictSame(after.resend, [])
  t.equal(after.apps_digest, digestApps([...Object.values(withApps.get(device.deviceId)!.items), added]))
  t.strictSame((await listDevices({ db }, { tenantId, app: 'example.added' })).items.map(({ deviceId }) => deviceId), [device.deviceId])

  // The same state again, by way of the journal: the workers' rows and the made ones differ in ids and times alone.
  const twin = await seedDevice(db, tenantId, (await db.selectFrom('device').select('platform').where('id', '=', states[1]!.device_id).executeTakeFirstOrThrow()).platform as 'android')
  const made = states[1]!
  const { origins, events, ...sections } = made.state as Record<string, object>
  await journal.append({ ...twin, report: makeReport(made.sequence, { ...sections, apps: { mode: 'snapshot', items: Object.values(withApps.get(made.device_id)!.items) } }) })
  await scoreGroup(deps, score.payloads.at(-1)!.groupId!)
  const written = await db.selectFrom('device_state').selectAll().where('device_id', '=', twin.deviceId).executeTakeFirstOrThrow()
  const comparable = ({ state, ...row }: typeof written): object => {
    const { origins, events, clockOffsetSeconds, ...rest } = state as Record<string, object>
    return { ...rest, sections: Object.keys(origins!).sort(), ...Object.fromEntries(COMPARED.map((name) => [name, row[name]])) }
  }
  t.strictSame(comparable(written), comparable(made as typeof written))
  const findings = async (deviceId: string) => (await db.selectFrom('finding').selectAll().where('device_id', '=', deviceId).orderBy('detection').orderBy('subject').execute())
    .map(({ id: _, device_id: __, first_seen: ___, last_seen: ____, expires_at: _____, alerted_at: ______, ...rest }) => rest)
  t.strictSame(await findings(twin.deviceId), await findings(made.device_id))
})

t.test('what is on many phones comes at the rates asked for, also into a database in use', async (t) => {
  const { db, url, tenantId } = await setUp(t, 1_000)
  const { indexesRebuilt } = await seedDatabase({ databaseUrl: url, phones: 1_100, tenantId, log: silentLog })
  t.equal(indexesRebuilt, false, 'indexes that others use stay')
  const states = (await db.selectFrom('device_state').select('state').execute()).map(({ state }) => state as { config: { passcodeSet: boolean }, os: { securityPatchLevel?: string } })
  t.equal(states.length, 2_100)
  const share = (count: number): number => count / states.length
  // Four standard deviations of 2,100 phones.
  const near = (is: number, expected: number, what: string): void => { t.ok(Math.abs(is - expected) < 4 * Math.sqrt(expected * (1 - expected) / states.length), `${what}: ${is} of ${expected}`) }
  near(share(states.filter(({ config }) => !config.passcodeSet).length), MISCONFIGURATION_RATES.noScreenLock, 'no lock')
  const old = new Date(Date.now() - 180 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10)
  near(share(states.filter(({ os }) => os.securityPatchLevel !== undefined && os.securityPatchLevel < old).length), MISCONFIGURATION_RATES.oldPatchLevel, 'old patch level')
  const { length: findings } = (await db.selectFrom('finding').select('id').where('detection', '=', 'dev-no-passcode').execute())
  near(share(findings), MISCONFIGURATION_RATES.noScreenLock, 'findings of it')
})

t.test('a tenant that is not there is named', async (t) => {
  const { url } = await createTestDatabase(t)
  await t.rejects(seedDatabase({ databaseUrl: url, phones: 1, tenantId: randomUUID(), log: silentLog }), { message: /there is no tenant/ })
})
