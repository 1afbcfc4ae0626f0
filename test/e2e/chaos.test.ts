import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { openQueues } from '../../src/platform/queues.js'
import { Random } from '../../src/simulator/fleet/random.js'
import { silentLog } from '../helpers/log.js'
import { SLOW } from '../helpers/slow.js'
import { enrolPhones, type Load, proveWhole, startLoad } from './stage-phones.js'
import { setStage, type Stage, type StageProcess, until } from './stage.js'

const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 1)
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)

t.setTimeout(240_000 * (ROUNDS + 1))

const PHONES = 20
const RATE = 60
/** Acknowledged between two events, so that each hits work that is under way. */
const REPORTS_BETWEEN = 60
/** How long Intune fails, and how long the disk stays full once that was felt. */
const FAULTS_MS = 3_000
const FULL_MS = 1_000
/** Less than tokens live, more than anybody is patient for. */
const LARGEST_JUMP_MS = 10 * 60_000

const INTUNE_FAULTS = [
  { kind: 'status', status: 401 }, { kind: 'status', status: 429, retryAfter: 1 }, { kind: 'status', status: 500 }, { kind: 'status', status: 503, when: 'after' },
  { kind: 'timeout', times: 1 }, { kind: 'reset' }, { kind: 'reset', when: 'after' }, { kind: 'message-failed', times: 2 }, { kind: 'message-delayed', delayMs: 800 }
]

interface Happening { readonly stage: Stage, readonly load: Load, readonly random: Random }

async function replace ({ stage, random }: Happening, kind: StageProcess['kind']): Promise<void> {
  const victim = random.pick(stage.processes.filter((one) => one.kind === kind))
  await victim.kill()
  await victim.start()
}

async function faults (simulator: string, list: readonly object[]): Promise<void> {
  const answer = await fetch(`${simulator}/_sim/faults?seed=${SEED}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(list) })
  if (!answer.ok) throw new Error(await answer.text())
}

/** What may happen; undefined where this stage cannot do it. */
const EVENTS: Readonly<Record<string, (happening: Happening) => Promise<void> | undefined>> = {
  'an API is killed': async (happening) => await replace(happening, 'api'),
  'a worker is killed': async (happening) => await replace(happening, 'worker'),
  'PostgreSQL is killed': ({ stage }) => stage.postgres?.replace(),
  'Redis is killed and comes back empty': ({ stage }) => stage.redis?.replace(),
  'Redis is flushed': ({ stage: { redis } }) => redis === undefined ? undefined : flush(redis.url),
  'Intune fails in every way': async ({ stage, random }) => {
    await faults(stage.simulator, INTUNE_FAULTS.map((fault) => ({ match: { service: 'partner' }, probability: 0.1 + random.next() / 5, ...fault })))
    await wait(FAULTS_MS)
    await faults(stage.simulator, [])
  },
  'the disk is full': ({ stage: { postgres }, load }) => postgres?.canFill === true ? fillDisk(postgres, load) : undefined,
  'the clocks are set': async ({ stage, random }) => stage.setClock(Math.round((random.next() * 2 - 1) * LARGEST_JUMP_MS)),
  'the clocks are set right': async ({ stage }) => stage.setClock(0)
}

async function flush (url: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: null })
  await redis.flushall()
  redis.disconnect()
}

async function fillDisk (postgres: NonNullable<Stage['postgres']>, load: Load): Promise<void> {
  const before = load.refused()
  await postgres.fill()
  try {
    await until(() => load.refused() > before, 'reports are not taken any more')
    await wait(FULL_MS)
  } finally {
    await postgres.free()
  }
}

async function playChaos (t: Test, { redis }: { readonly redis: boolean }): Promise<void> {
  t.comment(`CHAOS_SEED=${SEED}`)
  const random = new Random(SEED)
  const stage = await setStage(t, { ownPostgres: true, redis })
  const phones = await enrolPhones(stage, { phones: PHONES, seed: SEED })
  const load = startLoad(phones, { apiUrl: stage.apiUrls, connections: 10, ratePerSecond: RATE, repeatShare: 0.02 })
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, happen] of shuffle(Object.entries(EVENTS), random)) {
      await load.more(REPORTS_BETWEEN, `before ${name}`)
      const happened = happen({ stage, load, random })
      t.comment(happened === undefined ? `${name}: not possible here` : name)
      await happened
    }
  }
  await load.more(REPORTS_BETWEEN, 'after the last event')
  const refused = await load.end()
  t.comment(`${load.acknowledged()} acknowledged; not acknowledged at first, by status: ${JSON.stringify(refused)}`)
  t.strictSame(Object.keys(refused).filter((status) => status !== 'none' && status !== '503'), [], 'whoever was not answered was told to come again')
  await proveWhole(t, stage, phones)
  await proveQueuesEmpty(t, stage)
}

/** Nothing waits, nothing is stuck, no work for phones has failed for good. */
async function proveQueuesEmpty (t: Test, { databaseUrl, redis }: Stage): Promise<void> {
  const queues = await openQueues({ databaseUrl, redisUrl: redis?.url, log: silentLog })
  t.teardown(async () => await queues.close())
  const left = async (): Promise<Record<string, number>> => Object.fromEntries(Object.entries(await queues.counts()).map(([name, { waiting = 0, active = 0, prioritized = 0 }]) => [name, waiting + active + prioritized]).filter(([, jobs]) => jobs !== 0))
  // Schedules put in jobs all the time, so at some moment there is none.
  await until(async () => Object.keys(await left()).length === 0, 'the queues are empty')
  const { score, sync } = await queues.counts()
  t.strictSame([score.failed, sync.failed], [0, 0], 'no job failed for good')
}

function shuffle<T> (items: readonly T[], random: Random): T[] {
  return items.map((item) => ({ item, at: random.next() })).sort((a, b) => a.at - b.at).map(({ item }) => item)
}

t.test('whatever happens, every acknowledged report counts once, Intune has what we want it to, and nothing is stuck', async (t) => await playChaos(t, { redis: SEED % 2 === 0 }))
t.test('the same with the other engine of queues', SLOW, async (t) => await playChaos(t, { redis: SEED % 2 !== 0 }))
