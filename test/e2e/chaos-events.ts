import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import type { Queues } from '../../src/platform/queues.js'
import type { Random } from '../../src/simulator/fleet/random.js'
import { withClient } from '../../src/platform/with-client.js'
import type { Load } from './stage-phones.js'
import { type Stage, type StageProcess, until } from './stage.js'

export interface Happening {
  readonly stage: Stage
  readonly load: Load
  readonly random: Random
  /** To look into, not to work. */
  readonly queues: Queues
}

/**
 * What may happen. Answers how much of what was under way it hit, by the measure that it has: reports refused, jobs in hand,
 * keys, calls, processes. Undefined where this stage cannot do it.
 */
export type ChaosEvent = (happening: Happening) => Promise<number> | undefined

/** How long Intune fails, and how long what was felt goes on. */
const FAULTS_MS = 2_000
const FELT_MS = 1_000
/** Less than tokens live, more than anybody is patient for. */
const LARGEST_JUMP_MS = 10 * 60_000
/** Longer than the lock of a job lasts and is looked for, which is half of it more. In take-overs. */
const STANDSTILL = 1.7
/** Shorter than tables are locked for. */
const STATEMENT_TIMEOUT_MS = 300

const INTUNE_FAULTS = [
  { kind: 'status', status: 401 }, { kind: 'status', status: 429, retryAfter: 1 }, { kind: 'status', status: 500 }, { kind: 'status', status: 503, when: 'after' },
  { kind: 'timeout', times: 1 }, { kind: 'reset' }, { kind: 'reset', when: 'after' }, { kind: 'message-failed', times: 2 }, { kind: 'message-delayed', delayMs: 800 }
]

export const CHAOS_EVENTS: Readonly<Record<string, ChaosEvent>> = {
  'an API is killed': async (happening) => await refusedBy(happening.load, async () => await killApi(happening)),
  'an API is stopped': async (happening) => {
    await replace(happening, 'api', async (victim) => { await victim.stop() })
    return 1
  },
  'a worker is killed': async (happening) => await inHandOf(happening, async () => await replace(happening, 'worker', async (victim) => await victim.kill())),
  'a worker is killed in the middle of a transaction': async (happening) => await heldUp(happening, async () => {
    await replace(happening, 'worker', async (victim) => await victim.kill())
  }),
  'a worker is stopped': async (happening) => {
    await replace(happening, 'worker', async (victim) => { await victim.stop() })
    return 1
  },
  'PostgreSQL is killed': ({ stage: { postgres }, load }) => postgres && refusedBy(load, async () => await postgres.replace()),
  'PostgreSQL is restarted': ({ stage: { postgres }, load }) => postgres && refusedBy(load, async () => await postgres.restart()),
  'connections to PostgreSQL are ended': async ({ stage }) => await asAdministrator(stage, endConnections),
  'PostgreSQL takes no more connections': ({ stage, load }) => stage.postgres && takeConnections(stage, load),
  'statements take too long': ({ stage, load }) => stage.postgres && timeOutStatements(stage, load),
  'Redis is killed and comes back empty': ({ stage: { redis } }) => redis?.replace && keysLost(redis.url, async () => await redis.replace!()),
  'Redis is flushed': ({ stage: { redis } }) => redis?.replace && keysLost(redis.url, async () => { await onRedis(redis.url, async (client) => await client.flushall()) }),
  'Redis is full': ({ stage: { redis } }) => redis?.replace && fillRedis(redis.url),
  'the master of Redis fails': ({ stage: { redis } }) => redis?.failOver?.().then(() => 1),
  'Intune fails in every way': async ({ stage, random }) => {
    await setFaults(stage.simulator, INTUNE_FAULTS.map((fault) => ({ match: { service: 'partner' }, probability: 0.1 + random.next() / 5, ...fault })), Math.floor(random.next() * 1e6))
    const hits = async (): Promise<number> => {
      const { items } = await (await fetch(`${stage.simulator}/_sim/faults`)).json() as { items: Array<{ hits: number }> }
      return items.reduce((sum, { hits }) => sum + hits, 0)
    }
    await wait(FAULTS_MS)
    // Levels must change for Intune to be told, and what was slow before may still wait.
    await until(async () => await hits() > 0, 'a call to Intune fails', 30_000).catch(() => {})
    const hit = await hits()
    await setFaults(stage.simulator, [])
    return hit
  },
  'the disk is full': ({ stage: { postgres }, load }) => postgres?.canFill === true ? fillDisk(postgres, load) : undefined,
  'the clocks are set': async ({ stage, random }) => {
    await stage.setClock(Math.round((random.next() * 2 - 1) * LARGEST_JUMP_MS))
    return stage.processes.length
  },
  'one clock is set': async ({ stage, random }) => {
    await stage.setClock(Math.round((random.next() * 2 - 1) * LARGEST_JUMP_MS), [random.pick(stage.processes)])
    return 1
  },
  'the clocks are set right': async ({ stage }) => {
    await stage.setClock(0)
    return stage.processes.length
  }
}

/** Of these there need not be one in each run: they take long. */
export const LONG_EVENTS: Readonly<Record<string, ChaosEvent>> = {
  'a worker stands still, for longer than its jobs are kept for it': async (happening) => await heldUp(happening, async () => {
    const victim = happening.random.pick(happening.stage.processes.filter(({ kind }) => kind === 'worker'))
    victim.signal('SIGSTOP')
    await wait(STANDSTILL * 1000 * Number(happening.stage.env.TAKE_OVER_SECONDS))
    victim.signal('SIGCONT')
  })
}

async function replace ({ stage, random }: Happening, kind: StageProcess['kind'], end: (victim: StageProcess) => Promise<void>): Promise<void> {
  const victim = random.pick(stage.processes.filter((one) => one.kind === kind))
  await end(victim)
  await victim.start()
}

/** One; where phones talk to others, those as well, or nobody would have noticed. */
async function killApi ({ stage, random, load }: Happening): Promise<void> {
  const [first, ...others] = stage.processes.filter(({ kind }) => kind === 'api').map((one) => ({ one, at: random.next() })).sort((a, b) => a.at - b.at).map(({ one }) => one)
  const before = load.refused()
  await first!.kill()
  await until(() => load.refused() > before, 'a report is refused', 3_000).catch(async () => {
    for (const other of others) await other.kill()
    await Promise.all(others.map(async (other) => await other.start()))
  })
  await first!.start()
}

/** Reports that were not acknowledged at first since it began, once there are some. */
async function refusedBy (load: Load, happen: () => Promise<void>): Promise<number> {
  const before = load.refused()
  await happen()
  // What was refused is told once a second.
  await until(() => load.refused() > before, 'a report is refused', 10_000).catch(() => {})
  return load.refused() - before
}

/** Of those that judge phones and tell Intune. */
export const activeJobs = async (queues: Queues): Promise<number> => {
  const counts = await queues.counts()
  return (counts.score.active ?? 0) + (counts.sync.active ?? 0)
}

/** Jobs that were in somebody's hands at the moment. */
async function inHandOf ({ queues }: Happening, happen: () => Promise<void>): Promise<number> {
  let most = 0
  await until(async () => (most = await activeJobs(queues)) > 0, 'a job is in hand', 10_000).catch(() => {})
  await happen()
  return most
}

/** While a table is locked, so that whoever works on it is in the middle. */
async function heldUp (happening: Happening, happen: () => Promise<void>): Promise<number> {
  return await asAdministrator(happening.stage, async (client) => {
    await client.query('begin')
    await client.query('lock table device_state in share mode')
    let inHand = 0
    await until(async () => (inHand = await activeJobs(happening.queues)) > 0, 'a job is held up', 10_000)
    await happen()
    await client.query('rollback')
    return inHand
  })
}

const asAdministrator = async <T>({ databaseUrl }: Stage, work: (client: pg.Client) => Promise<T>): Promise<T> =>
  await withClient({ connectionString: databaseUrl, applicationName: 'administrator' }, work)

async function endConnections (client: pg.Client): Promise<number> {
  const { rows } = await client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sallyport%' and pid <> pg_backend_pid()")
  return rows.length
}

/** Until reports are refused, and a little longer. */
async function takeConnections (stage: Stage, load: Load): Promise<number> {
  return await asAdministrator(stage, async (administrator) => {
    const taken: pg.Client[] = []
    const over = new AbortController()
    const take = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const client = new pg.Client({ connectionString: stage.databaseUrl, application_name: 'somebody else' })
        client.on('error', () => {})
        try {
          await client.connect()
          taken.push(client)
        } catch {
          await wait(5)
        }
      }
    }
    const takers = Promise.all(Array.from({ length: 8 }, take))
    try {
      return await refusedBy(load, async () => {
        const before = load.refused()
        await until(async () => {
          await endConnections(administrator)
          await wait(100)
          return load.refused() > before
        }, 'reports are not taken any more')
        await wait(FELT_MS)
      })
    } finally {
      over.abort()
      await takers
      await Promise.all(taken.map(async (client) => await client.end()))
    }
  })
}

async function timeOutStatements (stage: Stage, load: Load): Promise<number> {
  return await asAdministrator(stage, async (administrator) => {
    await administrator.query(`alter database sallyport set statement_timeout = ${STATEMENT_TIMEOUT_MS}`)
    try {
      // Connections have it from their beginning on.
      await endConnections(administrator)
      return await refusedBy(load, async () => {
        const before = load.refused()
        await administrator.query('begin')
        await administrator.query('set local statement_timeout = 0')
        await administrator.query('lock table report, device_state, intune_outbox in access exclusive mode')
        await until(() => load.refused() > before, 'a report is refused')
        await wait(FELT_MS)
        await administrator.query('rollback')
      })
    } finally {
      await administrator.query('alter database sallyport reset statement_timeout')
      await endConnections(administrator)
    }
  })
}

async function onRedis<T> (url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { maxRetriesPerRequest: null })
  client.on('error', () => {})
  try {
    return await work(client)
  } finally {
    client.disconnect()
  }
}

async function keysLost (url: string, happen: () => Promise<void>): Promise<number> {
  const keys = await onRedis(url, async (client) => await client.dbsize())
  await happen()
  return keys
}

/** Commands refused for want of memory. */
async function fillRedis (url: string): Promise<number> {
  return await onRedis(url, async (client) => {
    const refused = async (): Promise<number> => Number(/errorstat_OOM:count=(\d+)/.exec(await client.info('errorstats'))?.[1] ?? 0)
    const before = await refused()
    await client.config('SET', 'maxmemory', '1')
    try {
      await until(async () => await refused() > before, 'Redis refuses something')
      await wait(FELT_MS)
      return await refused() - before
    } finally {
      await client.config('SET', 'maxmemory', '0')
    }
  })
}

export async function setFaults (simulator: string, list: readonly object[], seed = 0): Promise<void> {
  const answer = await fetch(`${simulator}/_sim/faults?seed=${seed}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(list) })
  if (!answer.ok) throw new Error(await answer.text())
}

async function fillDisk (postgres: NonNullable<Stage['postgres']>, load: Load): Promise<number> {
  return await refusedBy(load, async () => {
    const before = load.refused()
    await postgres.fill()
    try {
      await until(() => load.refused() > before, 'reports are not taken any more')
      await wait(FELT_MS)
    } finally {
      await postgres.free()
    }
  })
}
