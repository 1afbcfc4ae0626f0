import t from 'tap'
import { createGate } from '../../src/platform/gate.js'

t.test('so many go on at the same time, the rest in the order they came, also after failures', async (t) => {
  const gate = createGate(2)
  const order: number[] = []
  let inside = 0
  let most = 0
  const outcomes = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(async (name) => await gate(async () => {
    order.push(name)
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    if (name % 2 === 0) throw new Error('no')
    return name
  })))
  t.equal(most, 2)
  t.strictSame(order, [1, 2, 3, 4, 5, 6])
  t.strictSame(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected'])
  t.equal(await gate(async () => 'in'), 'in')
})

t.test('what is urgent is next', async (t) => {
  const gate = createGate(1)
  const order: string[] = []
  await Promise.all([['first', false], ['second', false], ['urgent', true]].map(async ([name, urgent]) => await gate(async () => { order.push(String(name)) }, urgent === true)))
  t.strictSame(order, ['first', 'urgent', 'second'])
})
