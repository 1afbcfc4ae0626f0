import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { createHostBreakers, type BreakerState } from '../../src/intune/host-breakers.js'

const well = async (): Promise<{ status: number }> => ({ status: 200 })
const away = async (): Promise<{ status: number }> => { throw new Error('no answer') }

t.test('a host that does not answer is left alone, asked by one caller after a pause, and well again', async (t) => {
  const states: BreakerState[] = []
  const breakers = createHostBreakers({ failures: 3, pausesMs: [150, 300], onState: (host, state) => { t.equal(host, 'a'); states.push(state) } })
  await t.rejects(breakers.call('a', away))
  t.strictSame(await breakers.call('a', async () => ({ status: 503 })), { status: 503 }, 'the answer is the caller\'s')
  await t.rejects(breakers.call('a', away))
  t.equal(breakers.stateOf('a'), 'open')
  let asked = 0
  await t.rejects(breakers.call('a', async () => { asked++; return await well() }), { code: 'intune-unavailable' })
  t.equal(asked, 0)
  t.strictSame(await breakers.call('b', well), { status: 200 }, 'another host is not concerned')

  await wait(160)
  let answer = (): void => {}
  const held = new Promise<void>((resolve) => { answer = resolve })
  const probe = breakers.call('a', async () => { await held; return await well() })
  await t.rejects(breakers.call('a', well), { code: 'intune-unavailable' }, 'one is enough to find out, and nobody waits for it')
  answer()
  await probe
  t.equal(breakers.stateOf('a'), 'closed')
  t.strictSame(await breakers.call('a', well), { status: 200 })
  t.strictSame(states, ['open', 'half-open', 'closed'])
})

t.test('a probe that fails makes the pause longer', async (t) => {
  const breakers = createHostBreakers({ failures: 1, pausesMs: [50, 60_000] })
  await t.rejects(breakers.call('a', away), /no answer/)
  await wait(60)
  await t.rejects(breakers.call('a', away), /no answer/)
  await wait(60)
  await t.rejects(breakers.call('a', well), { code: 'intune-unavailable' })
  t.equal(breakers.stateOf('a'), 'open')
})

t.test('refusals and throttling are answers: they do not open a circuit', async (t) => {
  const breakers = createHostBreakers({ failures: 2 })
  for (const status of [401, 429, 400, 404, 429]) await breakers.call('a', async () => ({ status }))
  t.equal(breakers.stateOf('a'), 'closed')
  for (const status of [500, 200, 500, 200]) await breakers.call('a', async () => ({ status }))
  t.equal(breakers.stateOf('a'), 'closed', 'nor do failures that are not in a row')
})
