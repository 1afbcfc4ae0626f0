import fc from 'fast-check'
import t from 'tap'
import { createRequestBudget } from '../../../src/intune/reconcile/request-budget.js'

t.test('no window of any position sees more requests than the budget', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ requests: fc.integer({ min: 1, max: 20 }), idleMs: fc.integer({ min: 0, max: 400 }) }), { maxLength: 60 }), async (steps) => {
    let time = 0
    const budget = createRequestBudget({ requests: 50, windowMs: 1_000, now: () => time, pause: async (ms) => { time += ms } })
    const sent: Array<{ at: number, requests: number }> = []
    for (const { requests, idleMs } of steps) {
      time += idleMs
      await budget.take('tenant', requests)
      sent.push({ at: time, requests })
    }
    for (const { at } of sent) {
      const sum = sent.filter((one) => one.at >= at && one.at < at + 1_000).reduce((total, { requests }) => total + requests, 0)
      if (sum > 50) throw new Error(`${sum} requests within a second from ${at}`)
    }
  }))
  t.pass()
})

t.test('tenants do not wait for each other', async (t) => {
  let waited = 0
  const budget = createRequestBudget({ requests: 10, windowMs: 1_000, now: () => 0, pause: async (ms) => { waited += ms } })
  await budget.take('one', 10)
  await budget.take('another', 10)
  t.equal(waited, 0)
})
