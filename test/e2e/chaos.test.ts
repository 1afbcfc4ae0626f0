import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { openQueues, type Queues } from '../../src/platform/queues.js'
import { QUEUE_NAMES } from '../../src/platform/queue-names.js'
import { listUpkeepTasks } from '../../src/platform/upkeep-tasks.js'
import { Random } from '../../src/simulator/fleet/random.js'
import { silentLog } from '../helpers/log.js'
import { SLOW } from '../helpers/slow.js'
import { ENDING_TENANTS, playEnding } from './chaos-ending.js'
import { CHAOS_EVENTS, type ChaosEvent, type Happening, LONG_EVENTS } from './chaos-events.js'
import { startWatch } from './chaos-watch.js'
import { proveEffects } from './prove-effects.js'
import { enrolPhones, proveWhole, startLoad } from './stage-phones.js'
import { readMemory, setStage, type Stage, type StageRedisKind, until } from './stage.js'

const IS_LONG = SLOW.skip === false
const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 1)
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)
/** These happen in each run: each is the only one that could find a whole class of faults. In a long run all do. */
const ALWAYS = new Set(['an API is killed', 'a worker is killed in the middle of a transaction', 'PostgreSQL is killed', 'Redis is killed and comes back empty', 'Intune fails in every way'])
/** And as many of the others that may happen, chosen by the seed. */
const OTHERS = 1
const ENGINES = process.env.CHAOS_ENGINES?.split(',')

t.setTimeout(600_000 * (ROUNDS + 1))

const PHONES = 6 * ENDING_TENANTS
const RATE = 60
/** Less than by default, so that nobody waits for what dead processes had in hand. */
const TAKE_OVER_SECONDS = 3
/** Acknowledged between two events, so that each hits work that is under way. */
const REPORTS_BETWEEN = 40
/** A fault that missed is tried again so often. */
const TRIES = 4
/** What processes may need at the end: much more than they do, little enough that what grows with each fault is seen. */
const MAX_RSS_MB: Readonly<Record<string, number>> = { api: 300, worker: 350 }

type Engine = 'postgres' | StageRedisKind

async function playChaos (t: Test, engine: Engine): Promise<void> {
  if (ENGINES !== undefined && !ENGINES.includes(engine)) {
    t.pass('not asked for', { skip: 'CHAOS_ENGINES' })
    return
  }
  t.comment(`CHAOS_SEED=${SEED} CHAOS_ROUNDS=${ROUNDS} CHAOS_ENGINES=${engine}`)
  const random = new Random(SEED)
  const startedAt = performance.now()
  const tell = (what: string): void => t.comment(`${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${what}`)
  const stage = await setStage(t, {
    ownPostgres: true,
    redis: engine === 'postgres' ? undefined : engine,
    tenants: ENDING_TENANTS,
    // Without limits of ours on calls, Intune is told of each change at once.
    env: { TAKE_OVER_SECONDS: String(TAKE_OVER_SECONDS), INTUNE_WRITE_LIMIT: '0', INTUNE_CALL_LIMIT: '0' },
    ...(IS_LONG ? { apis: 2, workers: 2 } : {})
  })
  tell('the stage is set')
  const queues = await openQueues({ databaseUrl: stage.databaseUrl, redisUrl: stage.redis?.url, log: silentLog })
  t.teardown(async () => await queues.close())
  try {
    await playOn(t, { stage, queues, random, tell })
  } catch (error) {
    t.comment(await explain(stage))
    throw error
  }
}

interface Play extends Pick<Happening, 'stage' | 'queues' | 'random'> {
  readonly tell: (what: string) => void
}

async function playOn (t: Test, { stage, queues, random, tell }: Play): Promise<void> {
  const phones = await enrolPhones(stage, { phones: PHONES, seed: SEED })
  const load = startLoad(phones, { apiUrl: stage.apiUrls, connections: 10, ratePerSecond: RATE, repeatShare: 0.02 })
  tell('the phones are enrolled')
  const watch = startWatch(stage)
  const hits: Record<string, number> = {}
  const happening: Happening = { stage, load, random, queues }
  for (let round = 0; round < ROUNDS; round++) {
    const all = shuffle(Object.entries({ ...CHAOS_EVENTS, ...(IS_LONG && round === 0 ? LONG_EVENTS : {}) }), random)
    let others = 0
    for (const [name, happen] of all) {
      if (!IS_LONG && !ALWAYS.has(name) && others >= OTHERS) continue
      await load.more(REPORTS_BETWEEN, `before ${name}`)
      const hit = await letHappen(name, happen, happening)
      if (hit === undefined) continue
      if (!ALWAYS.has(name)) others++
      hits[name] = (hits[name] ?? 0) + hit
      tell(`${name}: ${hit} hit`)
    }
    t.comment('resident memory, MB', memoryOf(stage))
  }
  // Whoever set the clocks notices in the end; else what was put off would be put off for as long.
  await stage.setClock(0)
  await load.more(REPORTS_BETWEEN, 'after the last event')
  const refused = await load.end()
  const since = new Date()
  tell(`${load.acknowledged()} acknowledged; not acknowledged at first, by status: ${JSON.stringify(refused)}`)
  try {
    for (const [name, hit] of Object.entries(await playEnding(stage, queues, phones))) {
      hits[name] = hit
      tell(`${name}: ${hit} hit`)
    }
    await proveWhole(t, stage, phones)
  } finally {
    const { looks, wrong } = await watch.end()
    tell(`looked ${looks} times`)
    t.strictSame(wrong, [], 'at no moment was anything half done')
  }
  t.strictSame(Object.keys(refused).filter((status) => status !== 'none' && status !== '503'), [], 'whoever was not answered was told to come again')
  t.strictSame(Object.entries(hits).filter(([, hit]) => hit === 0), [], 'every fault hit something')
  await proveEffects(t, stage)
  tell('proved what it led to')
  await proveQueuesEmpty(t, queues)
  await proveUpkeep(t, stage, since)
  tell('proved that nothing is left')
  for (const { kind, mb } of memoryOf(stage)) t.ok(mb < MAX_RSS_MB[kind]!, `the ${kind} needs ${mb} MB`)
}

/** How the processes are, and what goes on in the database, for who reads of a failure. */
async function explain ({ processes, db }: Stage): Promise<string> {
  const ready = await Promise.all(processes.map(async ({ kind, opsUrl }) => `${kind}: ${await fetch(`${opsUrl}/readyz`, { signal: AbortSignal.timeout(5_000) }).then(async (answer) => await answer.text(), String)}`))
  const activity = await sql`
    select application_name, state, wait_event, count(*), max(now() - state_change)::text as since, left(max(query), 100) as query from pg_stat_activity
    where datname = current_database() group by 1, 2, 3 order by 1, 2`.execute(db).then(({ rows }) => rows.map((row) => JSON.stringify(row)), (error: Error) => [error.message])
  return [...ready, ...activity].join('\n')
}

/** Again when it missed. Undefined: it cannot happen here. */
async function letHappen (name: string, happen: ChaosEvent, happening: Happening): Promise<number | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      const hit = await happen(happening)
      if (hit !== 0 || tries >= TRIES) return hit
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error })
    }
  }
}

const memoryOf = ({ processes }: Stage) => processes.map(({ kind, pid }) => ({ kind, mb: readMemory(pid) }))

/** Nothing waits, nothing is stuck, no work has failed for good. */
async function proveQueuesEmpty (t: Test, queues: Queues): Promise<void> {
  // What was put off while a clock ran ahead would be in its turn after as long.
  for (const name of ['score', 'sync', 'preview'] as const) await queues.queue(name).promoteJobs()
  let left: string[] = []
  const look = async (): Promise<string[]> => (await Promise.all(QUEUE_NAMES.map(async (name) => {
    // Others have the next jobs of their schedules.
    const states = ['active', 'waiting', 'prioritized', ...(['score', 'sync', 'preview'].includes(name) ? ['delayed' as const] : [])] as const
    return (await queues.queue(name).getJobs([...states], 0, 20)).filter((job) => job !== undefined).map((job) => `${name}: ${JSON.stringify(job)}`)
  }))).flat()
  // Schedules put in jobs all the time, so at some moment there is none.
  await until(async () => (left = await look()).length === 0, 'the queues are empty').catch((error: Error) => { throw new Error(`${error.message}; left: ${left.join('\n')}`) })
  const counts = await queues.counts()
  t.comment('failed for good, by queue', Object.fromEntries(Object.entries(counts).map(([name, { failed }]) => [name, failed])))
  // A job of a schedule has one try, and the next comes soon.
  for (const name of ['score', 'sync', 'preview'] as const) t.equal(counts[name].failed, 0, `no job of ${name} failed for good`)
}

/** What has to happen by itself does, and whoever died in the middle of it holds nothing up. */
async function proveUpkeep (t: Test, { db }: Stage, since: Date): Promise<void> {
  const often = async () => (await listUpkeepTasks(db)).filter(({ everySeconds }) => everySeconds <= (IS_LONG ? 30 : 15))
  await until(async () => (await often()).every(({ succeededAt }) => succeededAt !== null && new Date(succeededAt) > since), 'the tasks of upkeep that come often succeed again')
  const tasks = await listUpkeepTasks(db)
  t.comment('upkeep', tasks.map(({ task, runs, failures, abandoned }) => ({ task, runs, failures, abandoned })))
  t.strictSame(tasks.filter(({ isLate }) => isLate).map(({ task }) => task), [], 'no task of upkeep is late')
}

function shuffle<T> (items: readonly T[], random: Random): T[] {
  return items.map((item) => ({ item, at: random.next() })).sort((a, b) => a.at - b.at).map(({ item }) => item)
}

const ENGINE: Engine = SEED % 2 === 0 ? 'single' : 'postgres'

t.test('whatever happens, every acknowledged report counts once, Intune has what we want it to, and nothing is stuck', async (t) => await playChaos(t, IS_LONG ? 'postgres' : ENGINE))
t.test('the same with queues in a Redis', SLOW, async (t) => await playChaos(t, 'single'))
t.test('the same with a Redis that Sentinels watch', SLOW, async (t) => await playChaos(t, 'sentinel'))
t.test('the same with a Redis Cluster', SLOW, async (t) => await playChaos(t, 'cluster'))
