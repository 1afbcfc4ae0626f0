import t from 'tap'
import { createPatience } from '../../src/platform/queue-patience.js'
import { createGate } from '../helpers/gate.js'

const LIMIT_MS = 50
const UNAVAILABLE = { code: 'QUEUES-UNAVAILABLE', statusCode: 503 }

t.test('what is done in time is answered, and what fails in time fails as it did', async (t) => {
  const patience = createPatience(10_000)
  t.equal(await patience.ask(async () => 7), 7)
  await t.rejects(patience.ask(async () => { throw new Error('no such script') }), { message: 'no such script' })
})

t.test('while something hangs nothing more is asked, however many come; when it is over all goes on', async (t) => {
  const patience = createPatience(LIMIT_MS)
  const gate = createGate()
  let asked = 0
  const work = async (): Promise<number> => {
    asked++
    await gate.opened
    return asked
  }
  await t.rejects(patience.ask(work), UNAVAILABLE)
  const others = await Promise.allSettled(Array.from({ length: 100 }, async () => await patience.ask(work)))
  t.ok(others.every(({ status }) => status === 'rejected'))
  await t.rejects(patience.ask(work, { wait: false }), UNAVAILABLE)
  t.equal(asked, 1, 'only the first reached the engine')

  const patient = createPatience(60_000)
  t.equal(await patient.ask(async () => 1), 1)
  gate.open()
  while (await patience.ask(async () => false, { wait: false }).catch(() => true));
  t.equal(await patience.ask(work), 2)
})

t.test('who waits goes on as soon as what hung is over', async (t) => {
  const patience = createPatience(1_000)
  const gate = createGate()
  const first = patience.ask(async () => await gate.opened)
  await t.rejects(first, UNAVAILABLE)
  const second = patience.ask(async () => 'done')
  gate.open()
  t.equal(await second, 'done')
})

t.test('what hung and then failed is over as well', async (t) => {
  const patience = createPatience(LIMIT_MS)
  const gate = createGate()
  await t.rejects(patience.ask(async () => { await gate.opened; throw new Error('it was away') }), UNAVAILABLE)
  gate.open()
  while (await patience.ask(async () => false, { wait: false }).catch(() => true));
  t.pass('nobody had to catch it')
})
