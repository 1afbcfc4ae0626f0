import t from 'tap'
import { backoffMs, parseRetryAfter } from '../../src/platform/retry-delay.js'

t.test('Retry-After may be a fraction of a second or a date', async (t) => {
  const now = Date.parse('2026-11-23T08:00:00Z')
  t.equal(parseRetryAfter('2.128', now), 2128)
  t.equal(parseRetryAfter(['3'], now), 3000)
  t.equal(parseRetryAfter('0', now), 0)
  t.equal(parseRetryAfter('Mon, 23 Nov 2026 08:00:05 GMT', now), 5000)
  t.equal(parseRetryAfter('Mon, 23 Nov 2026 07:00:00 GMT', now), 0)
  for (const nothing of [undefined, null, '', 'soon', '-1']) t.equal(parseRetryAfter(nothing, now), undefined)
})

t.test('pauses double up to a limit, and vary', async (t) => {
  const backoff = { firstMs: 1000, maxMs: 60_000 }
  t.equal(backoffMs(backoff, 1, () => 1), 1000)
  t.equal(backoffMs(backoff, 1, () => 0), 500)
  t.equal(backoffMs(backoff, 4, () => 1), 8000)
  t.equal(backoffMs(backoff, 500, () => 1), 60_000)
})
