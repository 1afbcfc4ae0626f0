import fc from 'fast-check'
import t from 'tap'
import { FIRST_DELAY_MS, LONGEST_DELAY_MS, retryDelayMs } from '../../src/agent/backoff.js'

const NOW = Date.parse('2026-11-23T08:00:00Z')
const delay = (failures: number, random: number, retryAfter?: string): number => retryDelayMs({ failures, retryAfter, now: NOW, random: () => random })

t.test('waits anything up to a bound that doubles and ends', async (t) => {
  t.strictSame([1, 2, 3, 4].map((failures) => delay(failures, 0.5)), [500, 1_000, 2_000, 4_000])
  t.equal(delay(1, 0), 0, 'full jitter')
  t.equal(delay(1_000, 0.5), LONGEST_DELAY_MS / 2)
})

t.test('never comes before the server wants it', async (t) => {
  t.equal(delay(1, 0, '30'), 30_000)
  t.equal(delay(9, 0, 'Mon, 23 Nov 2026 08:01:00 GMT'), 60_000)
  t.equal(delay(1, 0, 'Mon, 23 Nov 2026 07:00:00 GMT'), 0, 'a date that is over')
  t.equal(delay(1, 0.5, '40'), 45_000, 'at most a quarter later')
  t.equal(delay(1, 0.5, 'soon'), delay(1, 0.5), 'not a wish')
  t.equal(delay(1, 0, '999999999'), LONGEST_DELAY_MS, 'no server sends a phone away for ever')
})

t.test('is never negative nor without end', async () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), fc.option(fc.string(), { nil: undefined }), (failures, random, retryAfter) => {
    const ms = delay(failures, random, retryAfter)
    return ms >= 0 && ms <= LONGEST_DELAY_MS * 1.25 + FIRST_DELAY_MS
  }), { verbose: 1 })
})
