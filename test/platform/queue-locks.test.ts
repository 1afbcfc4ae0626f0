import { once } from 'node:events'
import pg from 'pg'
import t, { type Test } from 'tap'
import { withSessionSettings } from '../../src/platform/access/database-roles.js'
import { createLockWatch } from '../../src/platform/queue-locks.js'
import { openQueues, type Queues } from '../../src/platform/queues.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'
import { until } from '../helpers/until.js'
import { nextMessage, startScript } from './children.js'

const PAYLOAD = { tenantId: '00000000-0000-4000-8000-000000000001' }
const AHEAD_MS = 3_600_000

/** Queues in a database of their own, and what looks into it. */
async function setUp (t: Test): Promise<{ readonly url: string, readonly pool: pg.Pool, readonly queues: Queues }> {
  const { url } = await createTestDatabase(t)
  const pool = new pg.Pool({ connectionString: withSessionSettings(url, { search_path: 'bullmq' }), max: 1 })
  t.teardown(async () => await pool.end())
  const queues = await openQueues({ databaseUrl: url, log: silentLog })
  t.teardown(async () => await queues.close())
  return { url, pool, queues }
}

t.test('a job of a process that died while its clock was an hour ahead goes to another soon, not after an hour', async (t) => {
  const { url, pool, queues } = await setUp(t)
  const dying = startScript(t, 'hold-job', [JSON.stringify({ databaseUrl: url, silenceMs: 500 })])
  t.equal(await nextMessage(dying), 'ready')
  await queues.producer('sync').add([PAYLOAD])
  await nextMessage(dying)
  dying.kill('SIGKILL')
  await once(dying, 'exit')
  // As its clock would have written them.
  await pool.query("update job set locked_until_ms = locked_until_ms + $1 where state = 'active'", [AHEAD_MS])
  await pool.query("insert into meta (queue, field, value) values ('sync', 'stalled-check', $1) on conflict (queue, field) do update set value = excluded.value", [String(Date.now() + AHEAD_MS)])

  const taken = new Promise<unknown>((resolve) => queues.startWorker('sync', async (payload) => resolve(payload), { concurrency: 1, silenceMs: 200 }))
  const watch = createLockWatch({ pool, log: silentLog, abandonedMs: 300, everyMs: 100 })
  t.teardown(async () => await watch.close())
  t.strictSame(await taken, PAYLOAD)
})

t.test('a job whose lock is renewed is left where it is', async (t) => {
  const { url, pool, queues } = await setUp(t)
  const living = startScript(t, 'hold-job', [JSON.stringify({ databaseUrl: url, silenceMs: 200 })])
  t.equal(await nextMessage(living), 'ready')
  await queues.producer('sync').add([PAYLOAD])
  await nextMessage(living)
  const watch = createLockWatch({ pool, log: silentLog, abandonedMs: 3_000, everyMs: 3_600_000 })
  t.teardown(async () => await watch.close())
  const locks = new Set<string>()
  const lockOf = async (): Promise<string> => (await pool.query<{ lock: string }>("select locked_until_ms::text as lock from job where state = 'active'")).rows[0]!.lock
  for (let looks = 0; looks < 40 || locks.size < 4; looks++) {
    t.equal(await watch.look(), 0)
    locks.add(await lockOf())
  }
})

t.test('workers that sleep while a job waits, of which they did not hear, are woken', async (t) => {
  const { pool, queues } = await setUp(t)
  await queues.producer('sync').add([PAYLOAD])
  // Nothing is due for an hour, so that is how long a worker sleeps.
  await pool.query("update job set state = 'delayed', delay_ms = $1, process_at_ms = $2", [AHEAD_MS, Date.now() + AHEAD_MS])
  const taken = new Promise<unknown>((resolve) => queues.startWorker('sync', async (payload) => resolve(payload), { concurrency: 1 }))
  const isAsleep = async (): Promise<boolean> => {
    const { rows: [row] } = await pool.query<{ asleep: boolean }>(`
      select bool_or(query like '%LISTEN bullmq_jobs%') and max(state_change) < now() - interval '1 second' as asleep
      from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
    return row!.asleep
  }
  await until(isAsleep, 'the worker listens, and has looked whether there is something')
  await pool.query("update job set state = 'waiting', delay_ms = 0, process_at_ms = null")
  const watch = createLockWatch({ pool, log: silentLog, abandonedMs: 60_000, everyMs: 50 })
  t.teardown(async () => await watch.close())
  t.strictSame(await taken, PAYLOAD)
})
