import { getEventListeners } from 'node:events'
import t from 'tap'
import { limitSignal } from '../../src/platform/limited-signal.js'

t.test('it ends with its owner, and says so', async (t) => {
  const owner = new AbortController()
  const limited = limitSignal(owner.signal, 60_000)
  t.notOk(limited.signal.aborted)
  const reason = new Error('the process stops')
  owner.abort(reason)
  t.equal(limited.signal.reason, reason)
  t.notOk(limited.isTimeUp)
  limited.close()
  const late = limitSignal(owner.signal, 60_000)
  t.equal(late.signal.reason, reason, 'also when that was before')
  late.close()
})

t.test('it ends when its time is up', async (t) => {
  const limited = limitSignal(new AbortController().signal, 1)
  if (!limited.signal.aborted) await new Promise((resolve) => limited.signal.addEventListener('abort', resolve))
  t.ok(limited.isTimeUp)
  t.match(limited.signal.reason, { name: 'TimeoutError' })
  limited.close()
})

t.test('once it is closed nothing of it is left with its owner', async (t) => {
  const owner = new AbortController()
  for (let n = 0; n < 100; n++) limitSignal(owner.signal, 60_000).close()
  t.strictSame(getEventListeners(owner.signal, 'abort'), [])
})
