import fc from 'fast-check'
import t from 'tap'
import { LIMITS, MEASURED, phonesAt, planCapacity, renderLimits, renderNeeds, USUAL } from '../../tools/capacity.js'

t.test('a fleet\'s needs follow from what one report, phone and push cost', async (t) => {
  const needs = planCapacity({ phones: 864_000, reportsPerDay: 10, peak: 2, changesPerDay: 1, retentionDays: 3, usage: 0.5 }, {
    ...MEASURED, reportMs: { api: 1, worker: 2, postgres: 3 }, groupMs: { api: 2, worker: 3, postgres: 4 }, groupsPerSecond: 50, pushMs: 10, phoneBytes: 4_000, redisReportMs: 0.5, rejudgeMs: { worker: 1, postgres: 1 }, stateBytes: { heap: 4_096, indexes: 8_192 }, indicatorBytes: 10, redisJobBytes: 100,
    reportBytes: { sent: 10, journal: 20, wal: 30, walOnColdPages: 40 }, processBytes: { api: 100, worker: 200 }
  } as unknown as typeof MEASURED)
  t.strictSame(needs.reportsPerSecond, { mean: 100, peak: 200 })
  t.equal(needs.pushesPerSecond, 20)
  t.equal(needs.groupsPerSecond, 100, 'as many as two processes make')
  // Sums of tenths are not exact.
  t.strictSame(Object.fromEntries(Object.entries(needs.busyCores).map(([name, cores]) => [name, Number(cores.toFixed(9))])), { api: 0.4, worker: 0.8, postgres: 1.1, redis: 0.1 })
  t.strictSame(needs.processes, { api: 2, worker: 2 }, 'one is none: it may fail')
  t.equal(needs.postgresCores, 2.2)
  t.strictSame(needs.bytes, { phones: 3_456_000_000, journal: 864_000 * 10 * 3 * 20 })
  t.strictSame(needs.bytesPerSecond, { received: 2_000, wal: 6_000, walOnColdPages: 8_000 })
  t.strictSame(needs.connections, { queuesOnRedis: 2 * 27 + 2 * 15, queuesOnPostgres: 2 * 39 + 2 * 27 })
  t.equal(needs.memoryBytes, 600)
  t.equal(needs.rejudgeHours, 0.24)
  t.match(needs, { journalParts: 14, reportsOfADay: 8_640_000, intelBytes: 40e6, redisBytes: 36e6 })
  t.equal(needs.oneTenantToldHours, 0.096)
  // 17,280 dead rows on 432,000 pages, and 864,000 pages of indexes at 2 points.
  t.equal(needs.vacuum.everySeconds, 86.4)
  t.ok(Math.abs(needs.vacuum.takesSeconds - (16_939 * 24 + 864_000 * 2) / 1_000 * 0.002) < 0.01)
  t.ok(Math.abs(needs.vacuum.usuallyTakesSeconds - needs.vacuum.takesSeconds * 5) < 1e-9)
  t.equal(planCapacity({ ...USUAL, phones: 1_000 }).groupsPerSecond, planCapacity({ ...USUAL, phones: 1_000 }).reportsPerSecond.peak, 'a report that comes alone is a group')
})

t.test('more phones, reports or days never need less', async (t) => {
  const assumptions = fc.record({
    phones: fc.integer({ min: 1, max: 1e9 }), reportsPerDay: fc.integer({ min: 1, max: 500 }), peak: fc.integer({ min: 1, max: 10 }),
    changesPerDay: fc.integer({ min: 0, max: 5 }), retentionDays: fc.integer({ min: 1, max: 90 }), usage: fc.constantFrom(0.3, 0.6, 0.9)
  })
  fc.assert(fc.property(assumptions, fc.constantFrom('phones', 'reportsPerDay', 'peak', 'changesPerDay', 'retentionDays'), (some, which) => {
    const [less, more] = [planCapacity(some), planCapacity({ ...some, [which]: some[which] * 2 })]
    for (const { name, of } of LIMITS) t.ok(of(more) >= of(less), name)
  }), { numRuns: 50 })
})

t.test('a limit is reached with as many phones as it says, and not with fewer', async (t) => {
  for (const limit of LIMITS) {
    const phones = phonesAt(limit)
    t.ok(limit.of(planCapacity({ ...USUAL, phones })) <= limit.most, limit.name)
    t.ok(limit.of(planCapacity({ ...USUAL, phones: phones + 1 })) > limit.most, limit.name)
  }
})

t.test('the tables have a column for each fleet, and the limits in the order they come', async (t) => {
  const [head, , ...rows] = renderNeeds().split('\n')
  t.match(head, /1 million \| 10 million \| 100 million/)
  for (const row of rows) t.equal(row.split(' | ').length, 5, row)
  const reached = [...renderLimits().matchAll(/([\d.,]+) million phones/g)].map(([, number]) => Number(number!.replaceAll(',', '')))
  t.strictSame(reached, [...reached].sort((a, b) => a - b))
})
