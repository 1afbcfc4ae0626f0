import fc from 'fast-check'
import t from 'tap'
import { digestApps } from '../../src/telemetry/app-digest.js'
import { canonicalJson } from '../../src/telemetry/canonical-json.js'
import { EMPTY_STATE, type DeviceState } from '../../src/telemetry/device-state.js'
import { mergeReport } from '../../src/telemetry/merge.js'
import type { Report, TelemetryEvent } from '../../src/telemetry/report.js'

const NOW = new Date('2026-11-23T08:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000

function report (sequence: number, sections: Omit<Report, 'reportId' | 'sequence' | 'collectedAt'> = {}): Report {
  return { reportId: '00000000-0000-4000-8000-000000000000', sequence, collectedAt: NOW.toISOString(), ...sections }
}

function merged (...reports: Report[]): DeviceState {
  return reports.reduce((state, one) => mergeReport(state, { report: one, receivedAt: NOW }).state, EMPTY_STATE)
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

  const third = mergeReport(state, { report: report(3, { apps: { mode: 'delta', baseDigest: digestApps(second), remove: ['c'] } }), receivedAt: NOW })
  t.strictSame(Object.keys(third.state.apps!.items), ['b'])
  t.strictSame(third.resend, [])
})

t.test('a delta from an unknown list changes nothing and asks for the whole, other sections count', async (t) => {
  const before = merged(report(1, { apps: { mode: 'snapshot', items: [{ appId: 'a' }] } }))
  const delta = report(2, { os: { version: '15' }, apps: { mode: 'delta', baseDigest: '0'.repeat(64), upsert: [{ appId: 'evil' }] } })
  const { state, outcome, resend } = mergeReport(before, { report: delta, receivedAt: NOW })
  t.equal(outcome, 'merged')
  t.strictSame(resend, ['apps'])
  t.strictSame(state.apps, before.apps)
  t.equal(state.origins.apps?.sequence, 1)
  t.strictSame(state.os, { version: '15' })
  t.strictSame(mergeReport(EMPTY_STATE, { report: delta, receivedAt: NOW }).state.apps, undefined)
})

t.test('a late report adds its events, and of its sections what nobody said since', async (t) => {
  const before = merged(report(5, { os: { version: '15' } }))
  for (const sequence of [4, 5]) {
    const { state, outcome } = mergeReport(before, { report: report(sequence, { os: { version: '14' }, events: [event('e')] }), receivedAt: NOW })
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
  const ended = mergeReport(open, { report: report(2, { events: [event('e', { endedAt })] }), receivedAt: later }).state
  t.strictSame(ended.events, [{ ...event('e', { host: 'h', endedAt }), receivedAt: NOW.toISOString(), sequence: 2 }])
  // The report that opened it comes once more, late: it stays ended.
  t.equal(mergeReport(ended, { report: report(1, { events: [event('e')] }), receivedAt: later }).state.events[0]?.endedAt, endedAt)
  // What a late report says otherwise does not count.
  t.equal(mergeReport(open, { report: report(0, { events: [event('e', { host: 'earlier' })] }), receivedAt: later }).state.events[0]?.host, 'h')
  // The end comes late: it still ends it.
  t.equal(mergeReport(open, { report: report(0, { events: [event('e', { endedAt })] }), receivedAt: later }).state.events[0]?.endedAt, endedAt)
})

t.test('events are kept for seven days of our clock, and no more than 500', async (t) => {
  const open = merged(report(1, { events: [event('old', { at: '1970-01-01T00:00:00Z' })] }))
  t.equal(mergeReport(open, { report: report(2), receivedAt: new Date(NOW.getTime() + 7 * DAY_MS) }).state.events.length, 1)
  t.equal(mergeReport(open, { report: report(2), receivedAt: new Date(NOW.getTime() + 7 * DAY_MS + 1) }).state.events.length, 0)

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
  const { state: without } = mergeReport(stored, { report: report(2, { apps: { mode: 'delta', baseDigest: state.apps!.digest, remove: ['__proto__'] } }), receivedAt: NOW })
  t.strictSame(Object.keys(without.apps!.items), ['constructor'])
  const { state: again } = mergeReport(state, { report: report(2, JSON.parse('{ "os": { "build": "x", "__proto__": { "version": "9" } } }')), receivedAt: NOW })
  t.strictSame([again.os?.build, again.os?.version, Object.getPrototypeOf(again.os)], ['x', undefined, Object.prototype], 'also where members are merged one by one')
})

t.test('of a section that is merged by member, each member is the newest word', async (t) => {
  const state = merged(
    report(5, { config: { passcodeSet: true } }),
    report(4, { config: { passcodeSet: false, usbDebugging: true }, processes: ['a'] }),
    report(3, { config: { usbDebugging: false, developerMode: true }, processes: ['b'] }))
  t.strictSame(state.config, { passcodeSet: true, usbDebugging: true, developerMode: true })
  t.strictSame(state.origins.config, { sequence: 5, collectedAt: NOW.toISOString(), older: { usbDebugging: 4, developerMode: 3 } })
  t.strictSame(state.processes, ['a'])
  const all = merged(report(5, { config: { passcodeSet: true } }), report(6, { config: { passcodeSet: false, usbDebugging: false } }))
  t.strictSame(all.origins.config, { sequence: 6, collectedAt: NOW.toISOString() })
})

t.test('a delta that comes before its base waits for it', async (t) => {
  const lists = [['a'], ['a', 'b'], ['a', 'b', 'c']].map((ids) => ids.map((appId) => ({ appId })))
  const delta = (sequence: number, from: number, appId: string): Report =>
    report(sequence, { apps: { mode: 'delta', baseDigest: digestApps(lists[from]!), upsert: [{ appId }] } })
  const early = merged(delta(3, 1, 'c'), delta(2, 0, 'b'))
  t.equal(early.apps, undefined)
  const { state, resend } = mergeReport(early, { report: report(1, { apps: { mode: 'snapshot', items: lists[0]! } }), receivedAt: NOW })
  t.equal(state.apps?.digest, digestApps(lists[2]!))
  t.strictSame([resend, state.pendingApps, state.origins.apps?.sequence, state.sequence], [[], undefined, 3, 3])

  const newer = mergeReport(early, { report: report(4, { apps: { mode: 'snapshot', items: [] } }), receivedAt: NOW })
  t.strictSame([newer.resend, newer.state.pendingApps, newer.state.apps?.items], [[], undefined, {}], 'a snapshot ends the waiting')
  const flood = merged(...Array.from({ length: 40 }, (_, n) => delta(n + 1, 1, 'c')))
  t.strictSame(flood.pendingApps?.map(({ sequence }) => sequence), Array.from({ length: 16 }, (_, n) => n + 25))
})

t.test('what was translated counts as of its receipt, whatever the agent\'s sequence', async (t) => {
  const ingest = (state: DeviceState, collectedAt: string, sections: Parameters<typeof report>[1], source = 'apple-mdm') =>
    mergeReport(state, { report: { ...report(1_795_000_000_000, sections), collectedAt }, receivedAt: NOW, source })
  const known = merged(report(7, { os: { version: '17' }, processes: ['a'] }))
  const first = ingest(known, '2026-11-23T07:00:00Z', { os: { version: '18', build: 'x' } })
  t.strictSame([first.outcome, first.state.os, first.state.sequence], ['merged', { version: '18', build: 'x' }, 7])
  t.strictSame(ingest(first.state, '2026-11-23T06:00:00Z', { os: { version: '16' } }).state.os, { version: '18', build: 'x' }, 'an older one of the same service')
  t.strictSame(ingest(first.state, '2026-11-23T06:00:00Z', { os: { version: '16' } }, 'intune-app-sync').state.os?.version, '16', 'of another service')
  const after = mergeReport(first.state, { report: report(8, { os: { version: '19' } }), receivedAt: NOW }).state
  t.strictSame([after.os, after.sequence], [{ version: '19', build: 'x' }, 8])
  t.equal(ingest(EMPTY_STATE, NOW.toISOString(), { os: { version: '17' } }).state.sequence, -1)
})

t.test('a service cannot deny what the agent says of the phone\'s integrity, only what it said itself', async (t) => {
  const say = (state: DeviceState, integrity: NonNullable<Report['integrity']>): DeviceState =>
    mergeReport(state, { report: { ...report(1_795_000_000_000, { integrity }), collectedAt: NOW.toISOString() }, receivedAt: NOW, source: 'android-management-api' }).state
  const agent = merged(report(1, { integrity: { rooted: true, systemWritable: false } }))
  const denied = say(say(agent, { rooted: false, systemWritable: true }), { rooted: false, systemWritable: false })
  t.strictSame(denied.integrity, { rooted: true, systemWritable: false })
  t.equal(mergeReport(denied, { report: report(2, { integrity: { rooted: false } }), receivedAt: NOW }).state.integrity?.rooted, false)
  t.equal(say(say(EMPTY_STATE, { rooted: true }), { rooted: false }).integrity?.rooted, false, 'a phone without an agent')
})

t.test('the highest version that the agent told is remembered, whenever it came', async (t) => {
  const after = (...versions: string[]): DeviceState['highestOs'] => merged(...versions.map((version, index) => report(index + 1, { os: { version } }))).highestOs
  t.strictSame(after('14', '15', '13'), { version: '15' })
  t.strictSame(after('17.10', '17.9'), { version: '17.10' }, 'as numbers')
  t.strictSame(after('12', '12L', '12'), { version: '12L' })
  t.strictSame([after('14.0', '14'), after('14', '14.0')], [{ version: '14' }, { version: '14' }], 'one version in two spellings')
  t.strictSame(after('Baklava', 'unknown 99'), undefined, 'words have no height')
  const levels = merged(report(1, { os: { securityPatchLevel: '2026-10-05' } }), report(2, { os: { version: '15', securityPatchLevel: '2026-09-01' } }), report(3, { os: { securityPatchLevel: '9999' } }))
  t.strictSame(levels.highestOs, { securityPatchLevel: '2026-10-05', version: '15' })
  const late = mergeReport(merged(report(5, { os: { version: '13' } })), { report: report(2, { os: { version: '15' } }), receivedAt: NOW }).state
  t.strictSame([late.os, late.highestOs], [{ version: '13' }, { version: '15' }], 'also from a report that came late')
  const told = merged(report(1, { os: { version: '14' } }))
  t.strictSame(mergeReport(told, { report: { ...report(9, { os: { version: '99' } }) }, receivedAt: NOW, source: 'intune-app-sync' }).state.highestOs, { version: '14' }, 'not what a service says')
  t.equal(mergeReport(told, { report: report(2, { os: { version: '14' } }), receivedAt: NOW }).state.highestOs, told.highestOs, 'a heartbeat changes nothing')
})

t.test('a clock that is far off is noted, and forgotten once it is right', async (t) => {
  const at = (sequence: number, seconds: number): Report => ({ ...report(sequence), collectedAt: new Date(NOW.getTime() + seconds * 1000).toISOString() })
  const ahead = merged(at(1, 7200))
  t.equal(ahead.clockOffsetSeconds, 7200)
  t.equal(mergeReport(ahead, { report: at(0, 0), receivedAt: NOW }).state.clockOffsetSeconds, 7200, 'a late report says nothing')
  t.notOk('clockOffsetSeconds' in mergeReport(ahead, { report: at(2, 299), receivedAt: NOW }).state)
  t.equal(merged(at(1, -300)).clockOffsetSeconds, -300)
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
    const once = mergeReport(start, { report: last, receivedAt: NOW }).state
    const twice = mergeReport(once, { report: last, receivedAt: NOW }).state
    if (JSON.stringify([start, last]) !== frozen) throw new Error('an argument was changed')
    if (!t.strictSame(twice, once)) throw new Error('the second time changed the state')
  }), { numRuns: 100 })
})

interface Step { readonly sections: Parameters<typeof report>[1], readonly items: ReadonlyArray<{ readonly appId: string }> | null, readonly delta: boolean, readonly seconds: number }

/** What an agent sends that keeps to the protocol: a delta starts from the list of the last report that had one. */
function honestReports (steps: readonly Step[]): Array<{ report: Report, receivedAt: Date }> {
  let last: Array<{ appId: string }> | undefined
  return steps.map(({ sections, items, delta, seconds }, index) => {
    let apps: Report['apps']
    if (items !== null) {
      const list = [...new Map(items.map((app) => [app.appId, app])).values()]
      const base = last
      apps = base === undefined || !delta
        ? { mode: 'snapshot', items: list }
        : { mode: 'delta', baseDigest: digestApps(base), upsert: list.filter((app) => JSON.stringify(app) !== JSON.stringify(base.find(({ appId }) => appId === app.appId))), remove: base.map(({ appId }) => appId).filter((appId) => !list.some((app) => app.appId === appId)) }
      last = list
    }
    return {
      report: { ...report(index + 1, { ...sections, ...(apps === undefined ? {} : { apps }) }), collectedAt: new Date(NOW.getTime() + seconds * 1000).toISOString() },
      receivedAt: new Date(NOW.getTime() + index * 1000)
    }
  })
}

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const honestSteps = fc.array(fc.record({
  sections: fc.record({
    os: optional(fc.record({ version: fc.constantFrom('14', '14.0', '9', 'next'), build: fc.constantFrom('x', 'y'), securityPatchLevel: fc.constantFrom('2026-10-01', '2026-10-05', 'x') }, { requiredKeys: [] })),
    config: optional(fc.record({ passcodeSet: fc.boolean(), usbDebugging: fc.boolean(), adbKeys: fc.integer({ min: 0, max: 2 }) }, { requiredKeys: [] })),
    network: optional(fc.record({ type: fc.constantFrom('wifi' as const, 'cellular' as const) })),
    processes: optional(fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 })),
    events: optional(fc.uniqueArray(fc.constantFrom('e1', 'e2', 'e3').map((eventId) => event(eventId)), { selector: ({ eventId }) => eventId, maxLength: 2 }))
  }, { requiredKeys: [] }).map((sections) => Object.fromEntries(Object.entries(sections).filter(([, value]) => value !== undefined))),
  items: fc.option(fc.array(fc.record({ appId: fc.constantFrom('a', 'b', 'c', '__proto__'), version: fc.constantFrom('1', '2') }), { maxLength: 4 })),
  delta: fc.boolean(),
  seconds: fc.constantFrom(0, 1000, -1000)
}), { minLength: 1, maxLength: 8 })

t.test('the reports of an agent make one state, in any order and however often they come', async (t) => {
  const seed = Number(process.env.MERGE_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}`)
  const deliveries = honestSteps.chain((steps) => {
    const numbers = steps.map((_, index) => index)
    return fc.tuple(fc.constant(steps), fc.shuffledSubarray([...numbers, ...numbers], { minLength: numbers.length }).map((some) => [...some, ...numbers.filter((n) => !some.includes(n))]))
  })
  fc.assert(fc.property(deliveries, ([steps, order]) => {
    const reports = honestReports(steps)
    const replay = (numbers: readonly number[]): string => canonicalJson(numbers.reduce((state, n) => mergeReport(state, reports[n]!).state, EMPTY_STATE))
    const inOrder = replay(reports.map((_, index) => index))
    const shuffled = replay(order)
    if (shuffled !== inOrder) throw new Error(`${shuffled}\nis not\n${inOrder}`)
  }), { numRuns: 2_000, seed })
  t.pass('2,000 deliveries')
})
