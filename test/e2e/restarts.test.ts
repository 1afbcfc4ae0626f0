import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { startCommand } from './sallyport.js'
import { enrolPhones, proveWhole, startLoad } from './stage-phones.js'
import { setStage, type Stage, type StageProcess, until } from './stage.js'

t.setTimeout(300_000)

const REPORTS_BETWEEN = 40
/** More than a phone waits for its turn on a busy machine: only then is its connection closed by an answer, and not under a request. */
const STOP_DELAY_SECONDS = 3

t.test('processes that are asked to stop', async (t) => {
  const stage = await setStage(t, { apis: 2, workers: 2, env: { LOG_LEVEL: 'warn', STOP_DELAY_SECONDS: String(STOP_DELAY_SECONDS) } })
  tell(t, 'the stage is set')
  await t.test('an API and a worker are replaced under load, and those beside them stopped, and no phone notices', async (t) => await replaceAll(t, stage))
  await t.test('readiness ends before the service does, and a second signal ends it at once', async (t) => await stopSlowly(t, stage))
  await t.test('a worker that is asked to stop while it starts stops in order and leaves no job in anybody\'s hands', async (t) => await stopEarly(t, stage))
})

const tell = (t: Test, what: string): void => t.comment(`${(performance.now() / 1000).toFixed(1)} s: ${what}`)

/** As an upgrade goes: old and new side by side, then the last of the old are gone. The new API goes on answering for a minute when it is asked to stop. */
async function replaceAll (t: Test, stage: Stage): Promise<void> {
  const phones = await enrolPhones(stage, { phones: 20, seed: 1 })
  const load = startLoad(phones, { apiUrl: stage.apiUrls, connections: 10, ratePerSecond: 40 })
  const [firstApi, secondApi, firstWorker, secondWorker] = stage.processes as [StageProcess, StageProcess, StageProcess, StageProcess]
  const stopped: Array<{ readonly kind: string, readonly code: number | null, readonly ms: number }> = []
  const stop = async (...pair: StageProcess[]): Promise<void> => {
    await load.more(REPORTS_BETWEEN, 'before an API and a worker are stopped')
    const startedAt = performance.now()
    await Promise.all(pair.map(async (one) => {
      const code = await one.stop()
      stopped.push({ kind: one.kind, code, ms: Math.round(performance.now() - startedAt) })
    }))
    await load.more(REPORTS_BETWEEN, 'while an API and a worker are away')
    tell(t, 'an API and a worker have stopped')
  }
  await stop(firstApi, firstWorker)
  await Promise.all([firstApi.start({ STOP_DELAY_SECONDS: '60' }), firstWorker.start()])
  tell(t, 'others have started')
  await stop(secondApi, secondWorker)
  t.strictSame(await load.end(), {}, 'every report was answered 202 at its first try, or not taken for want of a listener')
  t.comment(stopped)
  t.strictSame(stopped.map(({ code }) => code), [0, 0, 0, 0])
  await proveWhole(t, stage, phones)
  tell(t, 'proved')
  for (const one of stage.processes) t.notMatch(one.errors(), /had no job/, 'nothing was left for the sweep to find')
}

async function stopSlowly (t: Test, stage: Stage): Promise<void> {
  const [url, api] = [stage.apiUrls[0]!, stage.processes[0]!]
  const readiness = async (): Promise<unknown> => await (await fetch(`${api.opsUrl}/readyz`)).json()
  t.match(await readiness(), { status: 'ready', checked: ['process', 'database', 'schema', 'intel', 'API', 'journal', 'queues'] })
  const first = await fetch(`${url}/docs/json`)
  t.strictSame([first.status, first.headers.get('connection')], [200, 'keep-alive'])
  await first.arrayBuffer()

  api.signal('SIGTERM')
  await until(async () => (await fetch(`${api.opsUrl}/readyz`)).status === 503, 'it is not ready any more')
  t.match(await readiness(), { status: 'not-ready', missing: { process: 'it is stopping' } })
  for (const path of ['/docs/json', '/v1/tenants', '/nowhere']) {
    const answer = await fetch(url + path)
    t.ok(answer.status < 500, `${path} is answered`)
    t.equal(answer.headers.get('connection'), 'close')
    await answer.arrayBuffer()
  }
  const ended = api.stop()
  t.equal(await Promise.race([ended, wait(20_000, 'still there', { ref: false })]), 1)
}

async function stopEarly (t: Test, stage: Stage): Promise<void> {
  t.equal(await stage.processes[2]!.stop(), 0)
  const connections = async (): Promise<number> => (await sql`select from pg_stat_activity where application_name = 'sallyport worker' and datname = current_database()`.execute(stage.db)).rows.length
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await until(async () => await connections() === 0, 'the one before has none')
    const command = startCommand(t, ['worker'], { ...stage.env, OPS_PORT: '0', LOG_LEVEL: 'info' })
    await until(async () => await connections() > 0, 'it has connections')
    command.child.kill(signal)
    t.equal(await command.exited, 0, command.errors())
    t.match(command.errors(), /"stopping"/)
    t.notMatch(command.errors(), /the workers run/, 'it was not asked too late')
  }
  t.strictSame((await sql`select id from bullmq.job where state = 'active'`.execute(stage.db)).rows, [])
}
