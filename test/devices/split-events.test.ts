import fc from 'fast-check'
import t from 'tap'
import { joinEvents, type SplitEvents, splitEvents } from '../../src/devices/split-events.js'
import type { KeptEvent } from '../../src/telemetry/device-state.js'
import { mergeEvents } from '../../src/telemetry/merge-events.js'
import type { TelemetryEvent } from '../../src/telemetry/report.js'

const START = Date.parse('2026-11-01T00:00:00Z')

/** What two columns hold. */
class Row {
  #near = '[]'
  #gone = '[]'
  #older = '[]'
  /** How often the older ones were written, and the most that ever stood in the state. */
  olderWrites = 0
  mostNear = 0
  mostGone = 0

  read (): { readonly events: readonly KeptEvent[], readonly older: readonly KeptEvent[] } {
    const older = JSON.parse(this.#older) as KeptEvent[]
    return { events: joinEvents({ near: JSON.parse(this.#near) as KeptEvent[], gone: JSON.parse(this.#gone) as number[], older }), older }
  }

  write ({ near, gone, older }: SplitEvents): void {
    this.#near = JSON.stringify(near)
    this.#gone = JSON.stringify(gone)
    this.mostNear = Math.max(this.mostNear, near.length)
    this.mostGone = Math.max(this.mostGone, gone.length)
    if (older === null) return
    this.#older = JSON.stringify(older)
    this.olderWrites++
  }
}

const event = (id: number, at: number, more: Partial<TelemetryEvent> = {}): TelemetryEvent =>
  ({ eventId: `event-${String(id).padStart(5, '0')}`, type: 'dns-query', at: new Date(at).toISOString(), ...more }) as TelemetryEvent

/** Reports merged one after the other, once by what was stored in between and once in memory. */
function merge (reports: ReadonlyArray<{ readonly events: readonly TelemetryEvent[], readonly sequence: number, readonly receivedAt: Date }>): { readonly row: Row, readonly plain: readonly KeptEvent[] } {
  const row = new Row()
  let plain: readonly KeptEvent[] = []
  for (const report of reports) {
    plain = mergeEvents(plain, report)
    const { events, older } = row.read()
    row.write(splitEvents(mergeEvents(events, report), older, report.receivedAt))
  }
  return { row, plain }
}

t.test('events in two columns are those that merging keeps, whatever comes late, again, ended or is too old', async (t) => {
  const report = fc.record({
    // Few ids, so that many come again; days apart, so that some are over.
    events: fc.array(fc.tuple(fc.nat(400), fc.nat(2_000), fc.boolean()), { maxLength: 60 }),
    sequence: fc.nat(200),
    minute: fc.nat(9 * 24 * 60)
  })
  fc.assert(fc.property(fc.array(report, { maxLength: 40 }), (reports) => {
    const { row, plain } = merge(reports.map(({ events, sequence, minute }) => ({
      events: events.map(([id, at, ended]) => event(id, START + at * 60_000, ended ? { endedAt: new Date(START).toISOString() } : {})),
      sequence,
      receivedAt: new Date(START + minute * 60_000)
    })))
    t.strictSame(row.read().events, JSON.parse(JSON.stringify(plain)))
  }), { numRuns: 60 })
})

t.test('what is written with every report stays small, and the rest is written once for many reports', async (t) => {
  const REPORTS = 3_000
  const { row, plain } = merge(Array.from({ length: REPORTS }, (_, index) => ({ events: [event(index, START + index * 1_000)], sequence: index, receivedAt: new Date(START + index * 1_000) })))
  t.equal(plain.length, 500)
  t.strictSame(row.read().events, plain)
  t.ok(row.mostNear <= 64, `${row.mostNear} events in the state at most`)
  t.ok(row.mostGone <= 200, `${row.mostGone} that are gone`)
  t.ok(row.olderWrites <= REPORTS / 20, `the older ones were written ${row.olderWrites} times`)
})

t.test('an event that is over leaves the database within a day more, however few come after it', async (t) => {
  const DAY = 24 * 60 * 60 * 1_000
  const many = { events: Array.from({ length: 100 }, (_, id) => event(id, START)), sequence: 1, receivedAt: new Date(START) }
  const later = (days: number, id: number) => ({ events: [event(id, START + days * DAY)], sequence: 1 + days, receivedAt: new Date(START + days * DAY) })
  const stored = (days: readonly number[]): number => merge([many, ...days.map((day) => later(day, 1_000 + day))]).row.read().older.length
  t.equal(stored([1]), 76)
  t.equal(stored([1, 7.5]), 76, 'not with each that is over')
  t.equal(stored([1, 7.5, 8.5]), 0)
})

t.test('a phone with few events has them all in its state', async (t) => {
  const { row } = merge(Array.from({ length: 64 }, (_, index) => ({ events: [event(index, START)], sequence: index, receivedAt: new Date(START) })))
  t.equal(row.olderWrites, 0)
})

t.test('an event that is in both columns, as a process that does not know the older ones leaves it, is the one of the state', async (t) => {
  const kept = (id: number, sequence: number): KeptEvent => ({ ...event(id, START), receivedAt: new Date(START + id).toISOString(), sequence })
  t.strictSame(joinEvents({ near: [kept(1, 9)], gone: [], older: [kept(0, 1), kept(1, 1)] }), [kept(0, 1), kept(1, 9)])
})
