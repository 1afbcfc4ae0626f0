import { readdirSync } from 'node:fs'
import t from 'tap'
import { InvalidInputError, UnprocessableError } from '../../src/errors.js'
import { isDatabaseAway } from '../../src/platform/database-errors.js'
import { runInThread, threadFile, ThreadMemoryError, ThreadTimeError } from '../../src/platform/thread.js'

const file = threadFile('threads/work', import.meta.url)
const limits = { file, maxHeapMb: 64, maxSeconds: 30 }
const run = async (what: string, more: Record<string, unknown> = {}): Promise<unknown> => await runInThread({ ...limits, input: { what, ...more } })
const errorOf = async (work: Promise<unknown>): Promise<Error> => await work.then(() => { throw new Error('it did not fail') }, (error: unknown) => error as Error)
/** Threads of this process, the system's count. */
const threads = (): number => readdirSync('/proc/self/task').length

t.test('what is transferred moves, and the answer comes back', async (t) => {
  const block = new ArrayBuffer(1_000_000)
  t.equal(await runInThread({ ...limits, input: { what: 'count', block }, transfer: [block] }), 1_000_000)
  t.equal(block.byteLength, 0, 'nothing was copied')
})

t.test('errors come back as what they were', async (t) => {
  const faulty = await errorOf(run('faults'))
  t.ok(faulty instanceof InvalidInputError)
  t.match(faulty, { message: 'The file has 2 faults.', code: 'validation', statusCode: 400, faults: [{ path: '/a', message: 'is bad' }, { path: '/b', message: 'is worse' }] })
  const unprocessable = await errorOf(run('unprocessable'))
  t.ok(unprocessable instanceof UnprocessableError)
  t.match(unprocessable, { message: '100% wrong: %s', code: 'UNPROCESSABLE', statusCode: 422 })
  t.ok(isDatabaseAway(await errorOf(run('refused', { url: 'postgres://nobody@localhost:1/none' }))), 'a database that is away is known as such')
  const other = await errorOf(run('other'))
  t.match(other, { name: 'TypeError', message: 'what is that?' })
  t.match(other.stack, /work\.ts/, 'with the place where it was thrown')
  t.match(await errorOf(run('exit')), { message: 'the thread ended with code 3 before it answered' })
})

t.test('time and memory have limits, and no thread is left', { skip: process.platform === 'linux' ? false : 'threads are counted in /proc' }, async (t) => {
  await run('count', { block: new ArrayBuffer(1) })
  const before = threads()
  t.ok(await errorOf(runInThread({ ...limits, maxSeconds: 2, input: { what: 'forever' } })) instanceof ThreadTimeError)
  t.ok(await errorOf(run('memory')) instanceof ThreadMemoryError)
  const reason = new Error('stopped')
  const controller = new AbortController()
  const stopped = errorOf(runInThread({ ...limits, signal: controller.signal, input: { what: 'forever' } }))
  controller.abort(reason)
  t.equal(await stopped, reason)
  t.ok(threads() <= before, `${threads()} threads, ${before} before`)
})
