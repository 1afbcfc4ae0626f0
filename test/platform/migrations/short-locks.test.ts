import pg from 'pg'
import t from 'tap'
import { migrate, MIGRATION_LOCK } from '../../../src/platform/migrate.js'
import { withShortLocks } from '../../../src/platform/short-locks.js'
import { startTestApi } from '../../helpers/api.js'
import { makeReport } from '../../helpers/devices.js'
import { until } from '../../helpers/until.js'
import { silentLog } from '../../helpers/log.js'
import { createEmptyDatabase } from '../databases.js'
import { fillTables } from '../../helpers/fill-tables.js'

/** The newest schema before roles and policies, which lock every table. */
const BEFORE = '0018_reconciliation.sql'

t.test('while somebody reads for long and others write, migrations wait in short turns, and nobody who writes waits for long', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  await migrate({ databaseUrl, upTo: BEFORE })
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    return client
  }
  const [reader, writer] = [await connect(), await connect()]
  await fillTables(writer, 2)

  const load = { isOver: false }
  let writes = 0
  let slowestMs = 0
  const writing = (async () => {
    while (!load.isOver) {
      const startedAt = performance.now()
      await writer.query('update device_state set sequence = sequence + 1')
      await writer.query("insert into level_change (tenant_id, device_id, at, to_level, findings) select tenant_id, id, now(), 'low', '[]' from device")
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
      writes++
    }
  })()
  // A report that an analyst lets run: it holds the weakest lock there is, and policies need the strongest.
  await reader.query('begin')
  await reader.query('select from device_state')

  let given = 0
  const lockTimeoutMs = 300
  const log = {
    ...silentLog,
    info () {},
    warn ({ oldest }: { readonly oldest: string }) {
      given++
      t.match(oldest, /The oldest transaction is \d+ s old: process \d+ of the server/, 'it says who is in the way')
    }
  } as never
  const migrating = migrate({ databaseUrl, lockTimeoutMs, log })
  await until(() => given >= 2, 'the migrator gives up a lock twice')
  const meanwhile = writes
  await until(() => writes > meanwhile + 20, 'writers go on between the turns')
  await reader.query('commit')
  t.ok((await migrating).length > 0, 'once the lock is free it is done')
  await until(() => writes > meanwhile + 40, 'writers go on afterwards')
  load.isOver = true
  await writing
  // One turn, and what a busy machine adds.
  t.ok(slowestMs < lockTimeoutMs + 10_000, `the slowest write took ${Math.round(slowestMs)} ms`)
  t.comment(`${writes} writes, the slowest took ${Math.round(slowestMs)} ms; ${given} locks were given up`)
  await Promise.all([reader.end(), writer.end()])
})

t.test('while a migration takes turns for the lock of a table that reports need, no report waits for much longer than a turn', async (t) => {
  const api = await startTestApi(t)
  const phone = await api.enroll()
  const connect = async (name: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: api.databaseUrl, application_name: name })
    await client.connect()
    t.teardown(async () => await client.end())
    return client
  }
  const [reader, migrator] = [await connect('an analyst'), await connect('a migration')]
  await reader.query('begin')
  await reader.query('select from device_state, report')
  const state = { isOver: false }
  let [turns, reports, longestMs] = [0, 0, 0]
  const reporting = (async () => {
    while (!state.isOver) {
      const startedAt = performance.now()
      const answer = await api.call(phone.accessToken, 'POST', '/v1/telemetry', makeReport(++reports))
      longestMs = Math.max(longestMs, performance.now() - startedAt)
      if (answer.statusCode !== 202) throw new Error(answer.body)
    }
  })()
  const lockTimeoutMs = 200
  const migrating = withShortLocks(migrator, 'made up', { lockTimeoutMs, log: { ...silentLog, warn () { turns++ } } as never }, async () => {
    await migrator.query('begin')
    await migrator.query('alter table report add column made_up integer')
    await migrator.query('alter table device_state add column made_up integer')
    await migrator.query('commit')
  })
  await until(() => turns >= 2, 'two turns are given up')
  const meanwhile = reports
  await until(() => reports > meanwhile + 5, 'reports are taken between the turns')
  await reader.query('commit')
  await migrating
  state.isOver = true
  await reporting
  t.comment(`${reports} reports, the longest waited ${Math.round(longestMs)} ms; a turn is ${lockTimeoutMs} ms`)
  t.ok(longestMs < lockTimeoutMs + 10_000)
})

t.test('a lock that is never to be had is told of, with who is most likely to hold it', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  await migrate({ databaseUrl, upTo: BEFORE })
  const holder = new pg.Client({ connectionString: databaseUrl, application_name: 'an endless report' })
  await holder.connect()
  await holder.query('begin')
  await holder.query('select from device')
  await t.rejects(migrate({ databaseUrl, lockTimeoutMs: 20, attempts: 2 }), { message: /a lock was not to be had in 2 attempts.*"an endless report"/ })
  await holder.end()
  t.ok((await migrate({ databaseUrl })).every((name) => name > BEFORE), 'the next attempt goes on')
})

t.test('a migration that waits for a backup says so', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  await migrate({ databaseUrl, upTo: BEFORE })
  const backup = new pg.Client({ connectionString: databaseUrl, application_name: 'sallyport backup' })
  await backup.connect()
  await backup.query('select pg_advisory_lock_shared($1)', [MIGRATION_LOCK])
  let migrated: Promise<unknown> | undefined
  const waiting = new Promise<{ holders: string[] }>((resolve) => {
    const log = { ...silentLog, info () {}, warn: (fields: { holders: string[] }) => resolve(fields) } as never
    migrated = migrate({ databaseUrl, upTo: BEFORE, log })
  })
  t.match((await waiting).holders, [/^sallyport backup \(process \d+ of the server\)$/])
  await backup.end()
  await t.resolves(migrated!, 'and goes on when it has ended')
})
