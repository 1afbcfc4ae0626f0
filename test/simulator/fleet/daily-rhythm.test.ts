import fc from 'fast-check'
import t from 'tap'
import { dueTimes } from '../../../src/simulator/fleet/daily-rhythm.js'
import { Random } from '../../../src/simulator/fleet/random.js'

t.test('so many reports are due, in order and within the run, at any speed', async () => {
  fc.assert(fc.property(
    fc.record({ count: fc.integer({ min: 0, max: 500 }), seconds: fc.double({ min: 0.1, max: 1e5, noNaN: true }), speed: fc.double({ min: 0.01, max: 1e5, noNaN: true }) }),
    fc.integer(),
    (run, seed) => {
      const times = [...dueTimes(run, new Random(seed))]
      return times.length === run.count && times.every((at, index) => at >= (times[index - 1] ?? 0) && at <= run.seconds)
    }
  ))
})

t.test('a compressed day is busy at work and quiet at night', async (t) => {
  // A day in 24 seconds, from 7 o'clock: an hour a second.
  const times = [...dueTimes({ count: 24_000, seconds: 24, speed: 3_600 }, new Random(1))]
  const between = (from: number, to: number): number => times.filter((at) => at >= from && at < to).length / (to - from)
  t.ok(between(2, 10) > 8 * between(18, 21), `${between(2, 10)} an hour from 9, ${between(18, 21)} from 1 at night`)
})

t.test('in real time a short run is even', async (t) => {
  const times = [...dueTimes({ count: 1_000, seconds: 10, speed: 1 }, new Random(1))]
  for (let second = 0; second < 10; second++) t.ok(Math.abs(times.filter((at) => at >= second && at < second + 1).length - 100) <= 2)
})
