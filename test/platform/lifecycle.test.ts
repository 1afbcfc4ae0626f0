import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { createLifecycle } from '../../src/platform/lifecycle.js'
import { silentLog } from '../helpers/log.js'

t.test('what was started last stops first, one after the other', async (t) => {
  const lifecycle = createLifecycle(silentLog)
  const steps: string[] = []
  for (const name of ['database', 'queues', 'API']) {
    lifecycle.onStop(name, async () => {
      steps.push(`${name} stops`)
      await new Promise(setImmediate)
      steps.push(`${name} stopped`)
    })
  }
  await lifecycle.stop()
  t.strictSame(steps, ['API stops', 'API stopped', 'queues stops', 'queues stopped', 'database stops', 'database stopped'])
})

t.test('everything stops once, however often it is asked for', async (t) => {
  const lifecycle = createLifecycle(silentLog)
  let stops = 0
  lifecycle.onStop('part', async () => { stops++ })
  await Promise.all([lifecycle.stop(), lifecycle.stop()])
  await lifecycle.stop()
  t.equal(stops, 1)
})

t.test('a part that fails to stop is reported and does not keep the rest running', async (t) => {
  const lines: string[] = []
  const lifecycle = createLifecycle(pino({ level: 'error' }, { write: (line) => { lines.push(line) } }))
  const stopped: string[] = []
  lifecycle.onStop('database', async () => { stopped.push('database') })
  lifecycle.onStop('queues', async () => { throw new Error('no answer') })
  // Thrown at once, not as a promise.
  lifecycle.onStop('API', () => { throw new Error('broken') })
  await t.rejects(lifecycle.stop(), { errors: [{ message: 'broken' }, { message: 'no answer' }] })
  t.strictSame(stopped, ['database'])
  t.strictSame(lines.map((line) => JSON.parse(line).part), ['API', 'queues'])
})

t.test('a part that never stops is left behind after its time', async (t) => {
  const lifecycle = createLifecycle(silentLog)
  const stopped: string[] = []
  lifecycle.onStop('database', async () => { stopped.push('database') })
  lifecycle.onStop('queues', async () => await new Promise(() => {}), 50)
  await t.rejects(lifecycle.stop(), { errors: [{ message: 'queues did not stop within 50 ms' }] })
  t.strictSame(stopped, ['database'])
})

t.test('a part that is registered while everything stops is stopped, too', async (t) => {
  const lifecycle = createLifecycle(silentLog)
  const stopped: string[] = []
  lifecycle.onStop('API', async () => {
    await wait(1)
    lifecycle.onStop('late', async () => { stopped.push('late') })
  })
  await lifecycle.stop()
  t.strictSame(stopped, ['late'])
})

t.test('a part that starts when everything has stopped already is stopped at once', async () => {
  const lifecycle = createLifecycle(silentLog)
  await lifecycle.stop()
  const stopped = new Promise<void>((resolve) => lifecycle.onStop('late', async () => resolve()))
  await stopped
})
