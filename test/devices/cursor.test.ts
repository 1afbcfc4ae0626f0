import t from 'tap'
import { decodeCursor, encodeCursor, NUMBER_PART, TIME_PART, UUID_PART } from '../../src/devices/cursor.js'

t.test('a cursor gives back the key it hides', async (t) => {
  const key = ['2026-11-23T08:00:00.000Z', '0a4b1c2d-0000-4000-8000-000000000001', '17']
  t.strictSame(decodeCursor({ cursor: encodeCursor(key) }, TIME_PART, UUID_PART, NUMBER_PART), key)
  t.equal(decodeCursor({}, TIME_PART), undefined)
  t.equal(decodeCursor({ cursor: '' }, TIME_PART), undefined)
})

function faultsOf (decode: () => unknown): unknown {
  try {
    return decode()
  } catch (error) {
    return (error as { faults?: unknown }).faults
  }
}
const FAULT = [{ path: '/querystring/cursor', message: 'is not a cursor of this list' }]

t.test('what PostgreSQL would not take is no cursor', async (t) => {
  for (const time of ['2026-99-99T00:00:00.000Z', '2026-11-23T25:00:00.000Z', '0000-01-01T00:00:00.000Z', '2026-11-23', '']) {
    t.strictSame(faultsOf(() => decodeCursor({ cursor: encodeCursor([time]) }, TIME_PART)), FAULT, time)
  }
  for (const cursor of ['x', encodeCursor([]), encodeCursor(['1', '2']), Buffer.from('[1]').toString('base64url'), Buffer.from('null').toString('base64url')]) {
    t.strictSame(faultsOf(() => decodeCursor({ cursor }, NUMBER_PART)), FAULT, cursor)
  }
})
