import fc from 'fast-check'
import t from 'tap'
import { digestApps } from '../../src/telemetry/app-digest.js'
import { EMPTY_STATE, type DeviceState } from '../../src/telemetry/device-state.js'
import { mergeReport } from '../../src/telemetry/merge.js'
import type { Report, TelemetryEvent } from '../../src/telemetry/report.js'

const NOW = new Date('2026-11-23T08:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000

function report (sequence: number, sections: Omit<Report, 'reportId' | 'sequence' | 'collectedAt'> = {}): Report {
  return { reportId: '00000000-0000-4000-8000-000000000000', sequence, collectedAt: NOW.toISOString(), ...sections }
}

function merged (...reports: Report[]): DeviceState {
  return reports.reduce((state, one) => mergeReport(state, one, NOW).state, EMPTY_STATE)
}

const event = (eventId: string, more: Partial<TelemetryEvent> = {}): TelemetryEvent => ({ eventId, type: 'dns-query', at: NOW.toISOString(), ...more })

t.test('an absent section or field leaves what is known', async (t) => {
  const state = merged(
    report(1, { os: { version: '14', apiLevel: 34 }, config: { passcodeSet: true }, processes: ['a'] }),
    report(2, { os: { version: '15' } }))
  t.strictSame(state.os, { version: '15', apiLevel: 34 })
  t.strictSame(state.config, { passcodeSet: true })
  t.strictSame(state.processes, ['a'])
  t.equal(state.origins.os?.sequence, 2)
  t.equal(state.origins.config?.sequence, 1)
})

t.test('the network and lists are replaced whole', async (t) => {
  const state = merged(
    report(1, { network: { type: 'wifi', wifi: { ssid: 'cafe' }, proxy: { host: 'p' } }, processes: ['a', 'b'], properties: { x: '1' }, certificates: [{ sha256: 'aa' }] }),
    report(2, { network: { type: 'cellular' }, processes: [], properties: { y: '2' }, certificates: [] }))
  t.strictSame(state.network, { type: 'cellular' })
  t.strictSame(state.processes, [])
  t.strictSame(state.properties, { y: '2' })
  t.strictSame(state.certificates, [])
})

t.test('a delta changes the list it starts from, and the next delta starts from the result', async (t) => {
  const base = [{ appId: 'a' }, { appId: 'b', version: '1' }]
  const second = [{ appId: 'b', version: '2' }, { appId: 'c' }]
  const state = merged(
    report(1, { apps: { mode: 'snapshot', items: base } }),
    report(2, { apps: { mode: 'delta', baseDigest: digestApps(base).toUpperCase(), upsert: second, remove: ['a', 'never-there'] } }))
  t.strictSame(state.apps?.items, { b: { appId: 'b', version: '2' }, c: { appId: 'c' } })
  t.equal(state.apps?.digest, digestApps(second))

  const third = mergeReport(state, report(3, { apps: { mode: 'delta', baseDigest: digestApps(second), remove: ['c'] } }), NOW)
  t.strictSame(Object.keys(third.state.apps!.items), ['b'])
  t.strictSame(third.resend, [])
})

t.test('a delta from an unknown list changes nothing and asks for the whole, other sections count', async (t) => {
  const before = merged(report(1, { apps: { mode: 'snapshot', items: [{ appId: 'a' }] } }))
  const delta = report(2, { os: { version: '15' }, apps: { mode: 'delta', baseDigest: '0'.repeat(64), upsert: [{ appId: 'evil' }] } })
  const { state, outcome, resend } = mergeReport(before, delta, NOW)
  t.equal(outcome, 'merged')
  t.strictSame(resend, ['apps'])
  t.strictSame(state.apps, before.apps)
  t.equal(state.origins.apps?.sequence, 1)
  t.strictSame(state.os, { version: '15' })
  t.strictSame(mergeReport(EMPTY_STATE, delta, NOW).state.apps, undefined)
})

t.test('a late report adds its events only', async (t) => {
  const before = merged(report(5, { os: { version: '15' } }))
  for (const sequence of [4, 5]) {
    const { state, outcome } = mergeReport(before, report(sequence, { os: { version: '14' }, events: [event('e')] }), NOW)
    t.equal(outcome, 'late')
    t.strictSame(state.os, { version: '15' })
    t.equal(state.sequence, 5)
    t.strictSame(state.events.map(({ eventId }) => eventId), ['e'])
  }
})

t.test('an event counts once, and its end is added when it comes', async (t) => {
  const endedAt = '2026-11-23T09:00:00Z'
  const open = merged(report(1, { events: [event('e', { host: 'h' }), event('e', { host: 'h' })] }))
  t.equal(open.events.length, 1)
  const later = new Date(NOW.getTime() + 1000)
  const ended = mergeReport(open, report(2, { events: [event('e', { endedAt })] }), later).state
  t.strictSame(ended.events, [{ ...event('e', { host: 'h', endedAt }), receivedAt: NOW.toISOString() }])
  // The report that opened it comes once more, late: it stays ended.
  t.equal(mergeReport(ended, report(1, { events: [event('e')] }), later).state.events[0]?.endedAt, endedAt)
  // What a late report says otherwise does not count.
  t.equal(mergeReport(open, report(0, { events: [event('e', { host: 'earlier' })] }), later).state.events[0]?.host, 'h')
  // The end comes late: it still ends it.
  t.equal(mergeReport(open, report(0, { events: [event('e', { endedAt })] }), later).state.events[0]?.endedAt, endedAt)
})

t.test('events are kept for seven days of our clock, and no more than 500', async (t) => {
  const open = merged(report(1, { events: [event('old', { at: '1970-01-01T00:00:00Z' })] }))
  t.equal(mergeReport(open, report(2), new Date(NOW.getTime() + 7 * DAY_MS)).state.events.length, 1)
  t.equal(mergeReport(open, report(2), new Date(NOW.getTime() + 7 * DAY_MS + 1)).state.events.length, 0)

  const many = Array.from({ length: 600 }, (_, n) => event(`e${n}`, { at: new Date(NOW.getTime() - n * 1000).toISOString() }))
  const { events } = merged(report(1, { events: many }))
  t.equal(events.length, 500)
  t.ok(events.some(({ eventId }) => eventId === 'e0'))
  t.notOk(events.some(({ eventId }) => eventId === 'e599'))
})

t.test('names of JavaScript\'s own do no harm', async (t) => {
  const hostile = JSON.parse(`{
    "apps": { "mode": "snapshot", "items": [{ "appId": "__proto__", "system": true }, { "appId": "constructor" }] },
    "os": { "__proto__": { "version": "9" } }, "properties": { "__proto__": "x", "toString": "y" }, "__proto__": { "agent": { "tampered": true } } }`)
  const state = merged(report(1, hostile))
  t.strictSame(Object.keys(state.apps!.items).sort(), ['__proto__', 'constructor'])
  t.equal(Object.getPrototypeOf(state.apps!.items), Object.prototype)
  t.equal(({} as Record<string, unknown>).system, undefined)
  t.equal(state.os?.version, undefined)
  t.equal(state.agent, undefined)
  const stored = JSON.parse(JSON.stringify(state)) as DeviceState
  t.equal(digestApps(Object.values(stored.apps!.items)), state.apps!.digest)
  const { state: without } = mergeReport(stored, report(2, { apps: { mode: 'delta', baseDigest: state.apps!.digest, remove: ['__proto__'] } }), NOW)
  t.strictSame(Object.keys(without.apps!.items), ['constructor'])
})

const apps = fc.array(fc.record({ appId: fc.constantFrom('a', 'b', 'c', '__proto__'), version: fc.constantFrom('1', '2') }), { maxLength: 4 })
const anyReport: fc.Arbitrary<Report> = fc.record({
  sequence: fc.integer({ min: 0, max: 6 }),
  os: fc.option(fc.record({ version: fc.constantFrom('14', '15'), beta: fc.boolean() }, { requiredKeys: [] }), { nil: undefined }),
  network: fc.option(fc.record({ dnsServers: fc.array(fc.string()) }), { nil: undefined }),
  apps: fc.option(fc.oneof(
    apps.map((items) => ({ mode: 'snapshot' as const, items })),
    fc.record({ mode: fc.constant('delta' as const), baseDigest: apps.map(digestApps), upsert: apps, remove: fc.array(fc.constantFrom('a', 'b')) })
  ), { nil: undefined }),
  events: fc.array(fc.record({
    eventId: fc.integer({ min: 0, max: 700 }).map(String),
    ended: fc.boolean(),
    ago: fc.integer({ min: -1000, max: 1000 })
  }).map(({ eventId, ended, ago }) => event(eventId, { at: new Date(NOW.getTime() - ago).toISOString(), ...(ended ? { endedAt: NOW.toISOString() } : {}) })), { maxLength: 700 })
}).map(({ sequence, os, network, apps, events }) => report(sequence, {
  ...(os === undefined ? {} : { os }), ...(network === undefined ? {} : { network }), ...(apps === undefined ? {} : { apps }), events
}))

t.test('merging a report twice is merging it once, and nothing given is changed', async (t) => {
  fc.assert(fc.property(fc.array(anyReport, { maxLength: 4 }), anyReport, (before, last) => {
    const start = merged(...before)
    const frozen = JSON.stringify([start, last])
    const once = mergeReport(start, last, NOW).state
    const twice = mergeReport(once, last, NOW).state
    if (JSON.stringify([start, last]) !== frozen) throw new Error('an argument was changed')
    if (!t.strictSame(twice, once)) throw new Error('the second time changed the state')
  }), { numRuns: 100 })
})
