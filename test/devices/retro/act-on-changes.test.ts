import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createAppInventories } from '../../../src/devices/app-inventories.js'
import { actOnChanges } from '../../../src/devices/retro/act-on-changes.js'
import { JUDGE_PRIORITY } from '../../../src/devices/judge-jobs.js'
import { handOnRescorings, listRescorings } from '../../../src/devices/retro/rescorings.js'
import { insertPolicy } from '../../../src/devices/rules/policy-repository.js'
import { scoreDevices, scoreGroup, type ScoreDeps } from '../../../src/devices/score-devices.js'
import { importFeed, removeFeed } from '../../../src/intel/import-feed.js'
import { createIntelCache } from '../../../src/intel/index/intel-cache.js'
import { openDatabase } from '../../../src/platform/database.js'
import { createJournal } from '../../../src/telemetry/journal.js'
import type { Report } from '../../../src/telemetry/report.js'
import { createTestDatabase } from '../../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant } from '../../helpers/devices.js'
import { waitingGroups } from '../../helpers/journal.js'
import { silentLog } from '../../helpers/log.js'
import { stalkerwareFile, starterFile, stixFile } from '../../intel/files.js'

const SHA256 = 'd'.repeat(64)
const CERTIFICATE = 'ab'.repeat(20)
const now = (): Date => new Date()

/** A fleet of two tenants, each phone known by what it reported. */
async function setUp (t: Test, reports: Readonly<Record<string, Partial<Report>>>) {
  const { db, url } = await createTestDatabase(t)
  const tenants = [await seedTenant(db), await seedTenant(db)]
  const intel = await createIntelCache({ db, log: silentLog, pollMs: 3_600_000 })
  t.teardown(async () => await intel.close())
  const score = rememberingProducer<'score'>()
  const deps: ScoreDeps = { db, intel, sync: rememberingProducer<'sync'>(), log: silentLog, apps: createAppInventories({ db }) }
  const journal = createJournal({ db, score: rememberingProducer<'score'>(), log: silentLog, maxWaiting: 100 })
  t.teardown(async () => await journal.close())
  const names = new Map<string, string>()
  let count = 0
  for (const [name, report] of Object.entries(reports)) {
    const phone = await seedDevice(db, tenants[count++ % 2]!)
    names.set(phone.deviceId, name)
    await journal.append({ ...phone, report: { ...makeReport(1), ...report } as Report })
  }
  for (const group of await waitingGroups(db)) await scoreGroup(deps, group)
  const seen = (): string[] => {
    const ids = score.payloads.flatMap(({ deviceIds = [] }) => deviceIds)
    score.payloads.length = 0
    return ids.map((id) => names.get(id)!).sort()
  }
  return {
    db, url, deps, intel, score, names,
    idOf: (name: string): string => [...names].find(([, one]) => one === name)![0],
    importOne: async (body: string, feed = 'a-feed', format = 'auto') => await importFeed({ db }, { feed, format, body, now: now() }),
    remove: async (feed = 'a-feed') => await removeFeed({ db }, { feed, actor: 'ann' }),
    /** The phones that are handed to the scorers because of what changed. */
    concerned: async (): Promise<string[]> => {
      await actOnChanges({ db, intel })
      await handOnRescorings({ db, score })
      const found = seen()
      const ids = [...names].filter(([, name]) => found.includes(name)).map(([id]) => id)
      await scoreDevices(deps, ids)
      await handOnRescorings({ db, score })
      return found
    },
    levelOf: async (name: string): Promise<string | null> => (await db.selectFrom('device_state').select('level').where('device_id', '=', [...names].find(([, one]) => one === name)![0]).executeTakeFirstOrThrow()).level
  }
}

const apps = (...items: Array<Record<string, unknown>>): Partial<Report> => ({ apps: { mode: 'snapshot', items: items as never } })
const visit = (host: string): Partial<Report> => ({ events: [{ eventId: randomUUID(), type: 'dns-query', at: now().toISOString(), host }] })

t.test('only phones that a new indicator concerns are judged anew, whatever it is about', async (t) => {
  const { importOne, concerned, levelOf } = await setUp(t, {
    name: apps({ appId: 'com.evil.spy' }, { appId: 'com.good' }),
    below: apps({ appId: 'com.family.one' }),
    signer: apps({ appId: 'com.other', signingCertSha1: [CERTIFICATE.toUpperCase()] }),
    package: apps({ appId: 'com.third', sha256: SHA256 }),
    host: visit('a.b.c2.evil.net'),
    neighbour: visit('notc2.evil.net'),
    file: { files: [{ path: '/data/local/tmp/agent', sha256: 'e'.repeat(64) }] },
    process: { processes: ['bh'] },
    plain: apps({ appId: 'com.good' })
  })
  await concerned()
  const listed = async (...patterns: string[]): Promise<string[]> => {
    await importOne(stixFile('Spy', patterns))
    return await concerned()
  }
  t.strictSame(await listed("[app:id = 'com.evil.spy']"), ['name'])
  t.strictSame(await listed("[app:id = 'com.evil.spy']", "[app:id LIKE 'com.family.%']"), ['below'])
  t.strictSame(await listed(`[app:cert.sha1 = '${CERTIFICATE}']`), ['below', 'name', 'signer'], 'with those that the withdrawn ones concern')
  t.strictSame(await listed(`[file:hashes.sha256 = '${SHA256}']`, "[domain-name:value = 'c2.evil.net']"), ['host', 'package', 'signer'])
  t.equal(await levelOf('host'), 'high')
  t.equal(await levelOf('signer'), 'secured', 'what was withdrawn rests on nothing')
  t.strictSame(await listed("[file:path = '/data/local/tmp/']", "[process:name = 'bh']", "[domain-name:value = 'elsewhere.evil.org']"), ['file', 'host', 'package', 'process'])
})

t.test('few phones that a change concerns go before those that a date concerns, a whole fleet behind them', async (t) => {
  const { db, intel, importOne, concerned, score } = await setUp(t, { bad: apps({ appId: 'com.evil.spy' }), good: apps({ appId: 'com.good' }) })
  await concerned()
  score.priorities.length = 0
  await importOne(stixFile('Spy', ["[app:id = 'com.evil.spy']"]))
  await concerned()
  t.strictSame(score.priorities, [JUDGE_PRIORITY.concerned])
  await sql`
    with made as (
      insert into device (tenant_id, entra_device_id, platform, public_key) select (select id from tenant limit 1), gen_random_uuid(), 'android', '{}' from generate_series(1, 2001) returning id, tenant_id
    ) insert into device_state (device_id, tenant_id, state, last_report_at) select id, tenant_id, '{}', now() from made`.execute(db)
  // As an import does that cannot say what it changed.
  await sql`with raised as (update intel_version set version = version + 1 returning version) insert into intel_change (intel_version, kind) select version, 'all' from raised`.execute(db)
  await actOnChanges({ db, intel })
  t.equal(await handOnRescorings({ db, score }), 2_000, 'as many as may be in hand')
  t.strictSame(score.priorities.slice(1), Array(10).fill(JUDGE_PRIORITY.fleet))
  t.ok(JUDGE_PRIORITY.concerned < JUDGE_PRIORITY.due && JUDGE_PRIORITY.due < JUDGE_PRIORITY.fleet)
})

t.test('the same file again concerns nobody, a feed that is removed those who rest on it', async (t) => {
  const { importOne, remove, concerned, levelOf } = await setUp(t, { bad: apps({ appId: 'com.evil.spy' }), good: apps({ appId: 'com.good' }) })
  await concerned()
  const file = stixFile('Spy', ["[app:id = 'com.evil.spy']"])
  await importOne(file)
  t.strictSame(await concerned(), ['bad'])
  t.not(await levelOf('bad'), 'secured')
  await importOne(file)
  t.strictSame(await concerned(), [])
  await remove()
  t.strictSame(await concerned(), ['bad'])
  t.equal(await levelOf('bad'), 'secured')
})

t.test('a hole concerns the systems that have it', async (t) => {
  const { importOne, concerned, idOf, db } = await setUp(t, {
    old: { os: { version: '14', securityPatchLevel: '2024-01-05' } }, new: { os: { version: '14', securityPatchLevel: '2026-11-05' } }, other: { os: { version: '15', securityPatchLevel: '2024-02-05' } }, unknown: {}
  })
  t.strictSame(await db.selectFrom('device_state').select('patch_level').where('device_id', '=', idOf('old')).execute(), [{ patch_level: '2024-01-05' }])
  await concerned()
  await importOne(starterFile("cve: CVE-2024-0001, android: '2024-02-01', part: platform"))
  t.strictSame(await concerned(), ['old'])
  await importOne(starterFile("cve: CVE-2024-0001, android: '2024-03-01', part: platform"))
  t.strictSame(await concerned(), ['old', 'other'])
})

t.test('an indicator whose time comes later concerns phones then', async (t) => {
  const { importOne, concerned, db } = await setUp(t, { bad: apps({ appId: 'com.evil.spy' }) })
  await concerned()
  await importOne(stixFile('Spy', [{ pattern: "[app:id = 'com.evil.spy']", valid_from: new Date(Date.now() + 3_600_000).toISOString() }]))
  t.strictSame(await concerned(), ['bad'], 'it was added')
  t.strictSame(await concerned(), [])
  await sql`update intel_version set valid_from_seen = now() - interval '1 hour'`.execute(db)
  await sql`update indicator set valid_from = now() - interval '1 minute'`.execute(db)
  t.strictSame(await concerned(), ['bad'], 'its time has come')
  t.strictSame(await concerned(), [])
})

t.test('when nobody knows what changed, the whole fleet is taken, in pieces', async (t) => {
  const { db, concerned, intel, score, names } = await setUp(t, { one: {}, two: {}, three: {} })
  await concerned()
  await sql`update intel_version set version = version + 1`.execute(db)
  await sql`insert into intel_change (intel_version, kind) select version, 'all' from intel_version`.execute(db)
  await actOnChanges({ db, intel })
  t.match(await listRescorings(db, { limit: 1 }), [{ changes: null, found: 0, isFinding: true, finishedAt: null }])
  await handOnRescorings({ db, score })
  t.strictSame(score.payloads.flatMap(({ deviceIds = [] }) => deviceIds).sort(), [...names.keys()].sort())
  t.match(await listRescorings(db, { limit: 1 }), [{ found: 3, waiting: 3, isFinding: false, finishedAt: null }])
})

t.test('few phones do not wait behind many', async (t) => {
  const { db, intel, score, concerned, importOne, idOf } = await setUp(t, { bad: apps({ appId: 'com.evil.spy' }), one: {}, two: {} })
  await concerned()
  await sql`with raised as (update intel_version set version = version + 1 returning version) insert into intel_change (intel_version, kind) select version, 'all' from raised`.execute(db)
  await actOnChanges({ db, intel })
  await importOne(stixFile('Spy', ["[app:id = 'com.evil.spy']"]))
  await actOnChanges({ db, intel })
  await handOnRescorings({ db, score })
  const handed = score.payloads.flatMap(({ deviceIds = [] }) => deviceIds)
  t.strictSame([handed[0], handed.length], [idOf('bad'), 3])
})

t.test('what was handed on and never judged is handed on again; what is judged is off the list', async (t) => {
  const { db, deps, concerned, importOne, intel, score, idOf } = await setUp(t, { bad: apps({ appId: 'com.evil.spy' }) })
  await concerned()
  await importOne(stixFile('Spy', ["[app:id = 'com.evil.spy']"]))
  await actOnChanges({ db, intel })
  t.equal(await handOnRescorings({ db, score }), 1)
  t.equal(await handOnRescorings({ db, score }), 0, 'it is in hand')
  await db.updateTable('rescoring_device').set({ handed_at: new Date(Date.now() - 120_000) }).execute()
  t.equal(await handOnRescorings({ db, score }), 1, 'whoever had it in hand is gone')
  await scoreDevices(deps, [idOf('bad')])
  await handOnRescorings({ db, score })
  t.match(await listRescorings(db, { limit: 1 }), [{ found: 1, waiting: 0, finishedAt: /T/ }])
})

/** A judgement that has looked at what is stored and does not commit before it may. */
function holdJudgement ({ db, deps, intel }: Pick<Awaited<ReturnType<typeof setUp>>, 'db' | 'deps' | 'intel'>, group: number) {
  let [go, begun] = [(): void => {}, (): void => {}]
  const mayGo = new Promise<void>((resolve) => { go = resolve })
  const isJudging = new Promise<void>((resolve) => { begun = resolve })
  const before = intel.current()
  const apps = createAppInventories({ db })
  const slow: ScoreDeps = { ...deps, intel: { current: () => before, refresh: async () => before }, apps: { ...apps, write: async (tx, lists) => { begun(); await mayGo; await apps.write(tx, lists) } } }
  const scoring = scoreGroup(slow, group)
  return { scoring, isJudging, go: () => go() }
}

async function reportApp ({ db }: { readonly db: Awaited<ReturnType<typeof setUp>>['db'] }, t: Test): Promise<{ deviceId: string, group: number }> {
  const tenantId = (await db.selectFrom('tenant').select('id').executeTakeFirstOrThrow()).id
  const phone = await seedDevice(db, tenantId)
  const journal = createJournal({ db, score: rememberingProducer<'score'>(), log: silentLog, maxWaiting: 100 })
  t.teardown(async () => await journal.close())
  await journal.append({ ...phone, report: makeReport(1, apps({ appId: 'com.evil.spy' }) as never) })
  const [group] = await waitingGroups(db)
  return { deviceId: phone.deviceId, group: group! }
}

t.test('a phone that is being judged by what was known before is not missed', async (t) => {
  const world = await setUp(t, { quiet: {} })
  const { db, concerned, importOne, intel, score } = world
  await concerned()
  const { deviceId, group } = await reportApp(world, t)
  // It has looked at what is stored, and judges; then the import commits; then it commits.
  const held = holdJudgement(world, group)
  await held.isJudging
  await importOne(stixFile('Spy', ["[app:id = 'com.evil.spy']"]))
  const acting = actOnChanges({ db, intel })
  held.go()
  await Promise.all([held.scoring, acting])
  await handOnRescorings({ db, score })
  t.strictSame(score.payloads.flatMap(({ deviceIds = [] }) => deviceIds), [deviceId])
})

t.test('an import while others are acted on is the next round\'s', async (t) => {
  const world = await setUp(t, { quiet: {} })
  const { db, concerned, importOne, intel, score } = world
  await concerned()
  const { deviceId, group } = await reportApp(world, t)
  await importOne(stixFile('Other', ["[app:id = 'com.other']"]), 'other')
  await intel.refresh()
  let held: ReturnType<typeof holdJudgement> | undefined
  // After the wait for judgements one begins, by what is stored; then something else is imported.
  await actOnChanges({
    db,
    intel: {
      refresh: async () => {
        held = holdJudgement(world, group)
        await held.isJudging
        await importOne(stixFile('Spy', ["[app:id = 'com.evil.spy']"]))
        return await intel.refresh()
      }
    }
  })
  const acting = actOnChanges({ db, intel })
  held!.go()
  await Promise.all([held!.scoring, acting])
  await handOnRescorings({ db, score })
  t.strictSame(score.payloads.flatMap(({ deviceIds = [] }) => deviceIds), [deviceId])
})

t.test('phones of every tenant are found, each judged by the rules of his own', async (t) => {
  const { db, deps, importOne, concerned, levelOf, idOf } = await setUp(t, { first: apps({ appId: 'com.evil.sync' }), second: apps({ appId: 'com.evil.sync' }), third: apps({ appId: 'com.good' }) })
  await concerned()
  const tenantOf = async (name: string): Promise<string> => (await db.selectFrom('device').select('tenant_id').where('id', '=', idOf(name)).executeTakeFirstOrThrow()).tenant_id
  const vouching = await tenantOf('second')
  t.not(await tenantOf('first'), vouching)
  await db.transaction().execute(async (tx) => await insertPolicy(tx, vouching, { version: 1, document: { apps: { allow: ['com.evil.sync'] } } as never, source: '', author: 'test', comment: null }))
  await scoreDevices(deps, [idOf('second')])
  await importOne(stixFile('Spy', ["[app:id = 'com.evil.sync']"]))
  t.strictSame(await concerned(), ['first', 'second'])
  t.strictSame([await levelOf('first'), await levelOf('second'), await levelOf('third')], ['medium', 'secured', 'secured'], 'what one tenant vouches for is nothing to another')
})

t.test('names made by lot concern the phones that have others of their form', async (t) => {
  const byLot = ['com.aixlunro.uqfhkagb', 'com.bzbqbkya.hgozttiu', 'com.ntckdlhc.oifhnjwp', 'com.tbntxear.vfmkjxme', 'com.uzoifhzk.qmqnpwaf']
  const { importOne, concerned, levelOf } = await setUp(t, { alike: apps({ appId: 'com.qpbowavl.dbqhyjcw' }), human: apps({ appId: 'com.evenwell.settings' }), other: apps({ appId: 'com.qpbowavl.dbqhyjcwx' }) })
  await concerned()
  const listed = async (names: readonly string[]): Promise<string[]> => {
    await importOne(stalkerwareFile({ packages: names }))
    return await concerned()
  }
  t.strictSame(await listed(byLot.slice(1)), ['alike'], 'four say nothing yet')
  t.equal(await levelOf('alike'), 'secured')
  t.strictSame(await listed(byLot), ['alike'])
  t.strictSame([await levelOf('alike'), await levelOf('human'), await levelOf('other')], ['medium', 'secured', 'secured'])
  t.strictSame(await listed(byLot.slice(0, 4)), ['alike'], 'one of the five withdrawn')
  t.equal(await levelOf('alike'), 'secured')
})

t.test('who dies while he looks for phones leaves everything to the next', async (t) => {
  const { db, url, intel, importOne, concerned } = await setUp(t, { bad: apps({ appId: 'com.evil.spy' }), good: apps({ appId: 'com.good' }) })
  await concerned()
  await importOne(stixFile('Spy', ["[app:id = 'com.evil.spy']"]))
  const changes = async () => await db.selectFrom('intel_change').select(['kind', 'value']).execute()
  t.equal((await changes()).length, 1)
  const mortal = openDatabase({ connectionString: url, applicationName: 'mortal', maxConnections: 2 })
  t.teardown(async () => await mortal.destroy())
  // It has taken the changes and cannot list the phones: then its connection is cut, as when its machine is gone.
  const died = db.transaction().execute(async (tx) => {
    await sql`lock table rescoring in access exclusive mode`.execute(tx)
    const acting = actOnChanges({ db: mortal, intel }).then(() => undefined, (error: unknown) => error)
    // Not in this transaction, which would see the same picture of the others again and again.
    const cut = async (): Promise<boolean> => (await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mortal' and wait_event_type = 'Lock'`.execute(db)).rows.length > 0
    while (!await cut()) await wait(20)
    return await acting
  })
  t.ok(await died instanceof Error, 'it failed')
  t.equal((await changes()).length, 1, 'what it had taken is there again')
  t.strictSame(await concerned(), ['bad'])
  t.equal((await changes()).length, 0)
})

t.test('a re-scoring that is cut off goes on where it was, and shows how far it is', async (t) => {
  const names = Array.from({ length: 7 }, (_, number) => `phone${number}`)
  const world = await setUp(t, Object.fromEntries(names.map((name) => [name, apps({ appId: 'com.evil.spy' })])))
  const { db, deps, intel, importOne, concerned, idOf, levelOf } = world
  await concerned()
  await importOne(stixFile('Spy', ["[app:id = 'com.evil.spy']"]))
  await actOnChanges({ db, intel })
  await handOnRescorings({ db, score: world.score })
  t.match(await listRescorings(db, { limit: 1 }), [{ found: 7, waiting: 7, finishedAt: null }])
  await scoreDevices(deps, names.slice(0, 3).map(idOf))
  t.match(await listRescorings(db, { limit: 1 }), [{ found: 7, waiting: 4, finishedAt: null }])

  // All processes and all jobs are gone; others start, and the leases of who is gone run out.
  const cache = await createIntelCache({ db, log: silentLog, pollMs: 3_600_000 })
  t.teardown(async () => await cache.close())
  const score = rememberingProducer<'score'>()
  const anew: ScoreDeps = { db, intel: cache, sync: rememberingProducer<'sync'>(), log: silentLog, apps: createAppInventories({ db }) }
  t.equal(await actOnChanges({ db, intel: cache }), undefined, 'nothing is looked for twice')
  await db.updateTable('rescoring_device').set({ handed_at: new Date(Date.now() - 120_000) }).execute()
  t.equal(await handOnRescorings({ db, score }), 4)
  const handed = score.payloads.flatMap(({ deviceIds = [] }) => deviceIds)
  t.strictSame([...handed].sort(), names.slice(3).map(idOf).sort(), 'those that were not judged, and no others')
  await scoreDevices(anew, handed)
  await handOnRescorings({ db, score })
  t.match(await listRescorings(db, { limit: 1 }), [{ found: 7, waiting: 0, finishedAt: /T/ }])
  t.strictSame(await Promise.all(names.map(levelOf)), names.map(() => 'medium'))
})
