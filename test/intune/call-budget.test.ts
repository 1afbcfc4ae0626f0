import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { createCallBudget, type CallBudget } from '../../src/intune/call-budget.js'
import { createTestDatabase } from '../helpers/database.js'

const WINDOW_SECONDS = 2

t.test('two workers together never write more often than allowed in any window, and nearly as often', async (t) => {
  const { db } = await createTestDatabase(t)
  const limits = { writes: 40, calls: 0, windowSeconds: WINDOW_SECONDS }
  const tenant = randomUUID()
  const times: number[] = []
  const endsAt = performance.now() + 3 * WINDOW_SECONDS * 1000
  const write = async (budget: CallBudget): Promise<void> => {
    while (performance.now() < endsAt) {
      const waitMs = await budget.take(tenant, 'write')
      if (waitMs === 0) times.push(performance.now())
      else await wait(Math.min(waitMs, 100))
    }
  }
  await Promise.all([createCallBudget(db, limits), createCallBudget(db, limits)].flatMap((budget) => [write(budget), write(budget)]))
  times.sort((a, b) => a - b)
  // What was counted is known a little later than it happened, here by the load of the machine.
  const most = Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + WINDOW_SECONDS * 1000 * 0.95).length))
  t.comment(`${times.length} in ${3 * WINDOW_SECONDS} s, at most ${most} in ${WINDOW_SECONDS} s`)
  t.ok(most <= limits.writes, `${most} in one window`)
  t.ok(times.length >= 3 * limits.writes * 0.7, `${times.length} of ${3 * limits.writes}`)
})

t.test('reading has a limit of its own, tenants do not share, and what nobody asked for counts as well', async (t) => {
  const { db } = await createTestDatabase(t)
  const budget = createCallBudget(db, { writes: 20, calls: 40, windowSeconds: 60 })
  const [one, other] = [randomUUID(), randomUUID()]
  t.equal(await budget.take(one, 'write'), 0)
  const refused = await budget.take(one, 'write')
  t.ok(refused > 1_000 && refused <= 60_000, `${refused} ms`)
  t.equal(await budget.take(one, 'read'), 0, 'reading goes on')
  t.ok(await budget.take(one, 'read') > 0, 'until all calls are used up, the writing ones too')
  t.equal(await budget.take(other, 'write'), 0)
  await budget.note(other, 'read')
  t.ok(await budget.take(other, 'read') > 0)
  await budget.note(other, 'write')
})

t.test('without limits nothing is counted', async (t) => {
  const { db } = await createTestDatabase(t)
  const budget = createCallBudget(db, { writes: 0, calls: 0, windowSeconds: 20 })
  for (let count = 0; count < 100; count++) t.equal(await budget.take(randomUUID(), 'write'), 0)
  t.strictSame(await db.selectFrom('intune_budget').selectAll().execute(), [])
})

t.test('a count from a clock that was set back is forgotten', async (t) => {
  const { db } = await createTestDatabase(t)
  const budget = createCallBudget(db, { writes: 20, calls: 0, windowSeconds: 1 })
  const tenant = randomUUID()
  const ahead = new Date(Date.now() + 3_600_000)
  await db.insertInto('intune_budget').values({ entra_tenant_id: tenant, writes_at: ahead, calls_at: ahead }).execute()
  t.equal(await budget.take(tenant, 'write'), 0)
  const next = await budget.take(tenant, 'write')
  t.ok(next > 0 && next <= 1_000, `${next} ms`)
})
