import t from 'tap'
import { enrolPhones, proveWhole, startLoad } from './stage-phones.js'
import { setStage, until } from './stage.js'

t.setTimeout(300_000)

const REPORTS = 60
/** A phone's request ends after it (agent/api-client.ts); enrolment waits for the queues for two seconds. */
const ANSWER_LIMIT_MS = 15_000

t.test('while Redis is away an API is degraded and takes reports; when it is back, empty, all are scored', async (t) => {
  const stage = await setStage(t, { redis: 'single', env: { LOG_LEVEL: 'warn' } })
  const { redis, processes: [api, worker] } = stage
  if (redis === undefined) {
    t.pass('nothing to test', { skip: 'neither redis-server nor valkey-server' })
    return
  }
  const readiness = async (process = api): Promise<{ code: number, body: Record<string, unknown> }> => {
    const answer = await fetch(`${process!.opsUrl}/readyz`)
    return { code: answer.status, body: await answer.json() as Record<string, unknown> }
  }
  const metric = async (name: string): Promise<string | undefined> => new RegExp(`^${name} (.*)$`, 'm').exec(await (await fetch(`${api!.opsUrl}/metrics`)).text())?.[1]
  t.match(await readiness(), { code: 200, body: { status: 'ready', degraded: {} } })
  t.equal(await metric('sallyport_queue_engine_up'), '1')
  const phones = await enrolPhones(stage, { phones: 10, seed: 1 })
  const load = startLoad(phones, { apiUrl: stage.apiUrls, connections: 5, ratePerSecond: 20 })
  await load.more(REPORTS, 'before Redis ends')

  await redis.stop!()
  await load.more(REPORTS, 'while Redis is away')
  await until(async () => (await readiness()).body.status === 'degraded', 'the API says that it is degraded')
  t.match(await readiness(), { code: 200, body: { missing: {}, degraded: { queues: /./ } } }, 'and stays where phones find it')
  t.match(await readiness(worker), { code: 503, body: { status: 'not-ready', missing: { queues: /./ } } }, 'a worker without jobs is of no use')
  t.equal(await metric('sallyport_queue_engine_up'), '0', 'on which an alert stands; the page is there within the time of a scrape')

  const board = await fetch(`${api!.opsUrl}/queues/api/queues`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })
  t.match({ status: board.status, ...await board.json() as object }, { status: 503, code: 'queues-unavailable' }, 'the board of queues says so')

  const startedAt = performance.now()
  phones.push(...await enrolPhones(stage, { phones: 1, seed: 2 }))
  t.ok(performance.now() - startedAt < ANSWER_LIMIT_MS, 'phones enrol')

  t.equal(await api!.stop(), 0, 'an API stops cleanly')
  await api!.start()
  t.match(await readiness(), { code: 200, body: { status: 'degraded' } }, 'and one that starts takes reports')
  await load.more(REPORTS, 'from the API that started without Redis')

  await redis.start!()
  await until(async () => (await readiness()).body.status === 'ready', 'the API is whole again')
  await load.more(REPORTS, 'after Redis came back')
  // Of all its connections, which tried again every second or two.
  const told = (msg: string): number => worker!.errors().split(`"msg":"${msg}"`).length - 1
  await until(async () => told('the queues are back') > 0, 'the worker has told that the queues are back')
  // What a job in hand has lost with its Redis is told when it is back.
  t.ok(told('queue connection error') >= 1 && told('queue connection error') <= 3, `${told('queue connection error')} lines when they went`)
  t.ok(told('the queues are back') <= told('queue connection error'))
  const outcomes = await load.end()
  t.comment(outcomes)
  t.strictSame(Object.keys(outcomes).filter((one) => /^5/.test(one)), [], 'nobody was told of it')
  await proveWhole(t, stage, phones)
})
