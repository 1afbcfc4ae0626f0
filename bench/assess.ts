import { createSeedCatalogue, createSeededApps, createSeededPhone } from '../src/commands/seed-database/seeded-phone.js'
import { CATALOGUE_SEED } from '../src/commands/seed-database/seed-database.js'
import { CompiledIndex } from '../src/intel/index/compiled-index.js'
import { IndexBuilder } from '../src/intel/index/index-builder.js'
import { BUILT_IN_GUARD } from '../src/intel/indicators/shared-hosts.js'
import type { IntelView } from '../src/intel/intel-view.js'
import { viewOfFacts } from '../src/intel/vulnerabilities/vulnerability-view.js'
import { assess, type AssessInput } from '../src/risk/assess.js'
import { DETECTIONS } from '../src/risk/detections/index.js'
import { overlay } from '../src/risk/policy/overlay.js'
import { BUILT_IN_POLICY } from '../src/risk/policy/policy.js'
import { Random } from '../src/simulator/fleet/random.js'
import { type AppInventory, type DeviceState, EMPTY_STATE, type Platform } from '../src/telemetry/device-state.js'
import { mergeReport } from '../src/telemetry/merge.js'
import type { App, Report } from '../src/telemetry/report.js'
import { factsOf, type Facts, jsonRules, SUBSET, zenRules } from './assess-rules.js'
import { type BenchFindings, type BenchOptions, round } from './benchmark.js'
import { entryOf } from './index-questions.js'

const PHONES = 1_000
const MINUTE_MS = 60_000
/** Of the phones, for rules that are much slower. */
const SUBSET_PHONES = 300

interface Phone { readonly platform: Platform, readonly state: DeviceState, readonly next: DeviceState, readonly now: Date }

/**
 * How many phones a core judges in a second, by all detections: each with a list of its own of apps that others have too, as a worker sees
 * them; after a report that changes little; and with apps never seen before. Beside two engines of rules, for the detections
 * that they can say.
 */
export async function assessment ({ indicators, seconds, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  tell(`compiling ${indicators} indicators …`)
  const intel = makeIntel(indicators)
  tell(`making ${PHONES} phones …`)
  const phones = makePhones()
  const policy = BUILT_IN_POLICY
  const inputOf = ({ platform, state, now }: Phone): AssessInput => ({ platform, state, intel, policy, now })
  const share = Math.max(0.2, seconds / 6)

  tell('judging …')
  const ownList = ({ builds, ...rest }: AppInventory): AppInventory => ({ ...rest, builds: [...builds!] })
  const shared = rate(share, phones, (phone) => assess({ ...inputOf(phone), state: { ...phone.state, apps: ownList(phone.state.apps!) } }))
  const earlier = new Map(phones.map((phone) => {
    const { findings, dueAt } = assess(inputOf(phone))
    return [phone, { state: phone.state, findings, dueAt }]
  }))
  const incremental = rate(share, phones, (phone) => assess({ ...inputOf(phone), state: phone.next, earlier: earlier.get(phone)! }))
  const cold = coldRate(share, phones, inputOf)

  tell('the same rules in engines for rules …')
  const android = phones.filter(({ platform }) => platform === 'android').slice(0, SUBSET_PHONES)
  const denied = [...new Set(android.flatMap(({ state }) => Object.keys(state.apps!.items)))].filter((_, index) => index % 97 === 0)
  const subsetPolicy = overlay(BUILT_IN_POLICY, { apps: { deny: denied } })
  const subset = DETECTIONS.filter(({ id }) => SUBSET.includes(id))
  const ours = (phone: Phone): ReadonlySet<string> => new Set(assess({ ...inputOf(phone), policy: subsetPolicy, detections: subset }).findings.map(({ detection }) => detection))
  const own = rate(share, android, (phone) => assess({ ...inputOf(phone), state: { ...phone.state, apps: ownList(phone.state.apps!) }, policy: subsetPolicy, detections: subset }))
  const set = new Set(denied)
  const facts = ({ state, now }: Phone): Facts => factsOf(state, set, now)
  const [json, zen] = [jsonRules(), zenRules()]
  const jsonRate = await rateOf(share, android, async (phone) => await json(facts(phone)))
  const zenRate = await rateOf(share, android, async (phone) => await zen(facts(phone)))

  return {
    seconds: round((performance.now() - startedAt) / 1000),
    config: { phones: PHONES, subset: SUBSET.length, subsetPhones: android.length },
    results: { phonesPerSecond: shared, incrementalPhonesPerSecond: incremental, coldPhonesPerSecond: cold, indicators, apps: average(phones, ({ state }) => state.apps!.builds!.length), detections: DETECTIONS.length, subsetPhonesPerSecond: own, findings: average(phones, (phone) => assess(inputOf(phone)).findings.length) },
    baselines: { jsonRulesEngine: { phonesPerSecond: jsonRate }, zenEngine: { phonesPerSecond: zenRate } },
    ratios: { jsonRulesEngine: round(own / jsonRate), zenEngine: round(own / zenRate) },
    checks: {
      sameAnswers: await sameAnswers(android, ours, async (phone) => [await json(facts(phone)), await zen(facts(phone))]),
      incrementalIsFull: phones.every((phone) => {
        const full = assess({ ...inputOf(phone), state: phone.next })
        const part = assess({ ...inputOf(phone), state: phone.next, earlier: earlier.get(phone)! })
        return JSON.stringify([full.level, full.score, full.findings]) === JSON.stringify([part.level, part.score, part.findings])
      }),
      nothingThrows: phones.every((phone) => assess(inputOf(phone)).failures.length === 0)
    }
  }
}

function makeIntel (count: number): IntelView {
  const builder = new IndexBuilder()
  for (let number = 0; number < count; number++) builder.add(entryOf(number, count))
  const index = new CompiledIndex(builder.finish(), BUILT_IN_GUARD)
  const { openVulnerabilities, appVulnerabilities, osSupport } = viewOfFacts([])
  return { version: 1, lookup: (type, value) => index.lookup(type, value), lookupHost: (host, port) => index.lookupHost(host, port), lookupUrl: (url) => index.lookupUrl(url), namesLike: (appId) => index.namesLike(appId), openVulnerabilities, appVulnerabilities, osSupport }
}

/** Phones of the fleet with 150 apps each, and what a heartbeat leaves of them a quarter of an hour later. */
function makePhones (): Phone[] {
  const catalogue = createSeedCatalogue(CATALOGUE_SEED)
  const random = new Random(CATALOGUE_SEED)
  return Array.from({ length: PHONES }, () => {
    const seeded = createSeededApps(catalogue, random)
    const { platform, receivedAt, report } = createSeededPhone(seeded, random, Date.now())
    const whole = { ...report, apps: { mode: 'snapshot' as const, items: [...seeded.apps] } } as Report
    const merged = mergeReport(EMPTY_STATE, { report: whole, receivedAt }).state
    const state: DeviceState = { ...merged, apps: { ...merged.apps!, builds: Object.values(merged.apps!.items) } }
    const later = new Date(receivedAt.getTime() + 15 * MINUTE_MS)
    const next = mergeReport(state, { report: { reportId: 'next', sequence: report.sequence + 1, collectedAt: later.toISOString(), agent: { version: '3.1.0' }, network: { type: 'cellular' } }, receivedAt: later }).state
    return { platform, state, next, now: new Date(receivedAt.getTime() + MINUTE_MS) }
  })
}

/** Phones a second of processor time: who else runs on the machine does not count. */
function rate (seconds: number, phones: readonly Phone[], judge: (phone: Phone) => unknown): number {
  for (const phone of phones) judge(phone)
  const before = process.cpuUsage()
  let count = 0
  for (const endsAt = performance.now() + seconds * 1000; performance.now() < endsAt; count += phones.length) for (const phone of phones) judge(phone)
  return perSecond(count, before)
}

async function rateOf (seconds: number, phones: readonly Phone[], judge: (phone: Phone) => Promise<unknown>): Promise<number> {
  for (const phone of phones) await judge(phone)
  const before = process.cpuUsage()
  let count = 0
  for (const endsAt = performance.now() + seconds * 1000; performance.now() < endsAt; count += phones.length) for (const phone of phones) await judge(phone)
  return perSecond(count, before)
}

/** Each phone once, with objects that nobody has seen: copying them does not count. */
function coldRate (seconds: number, phones: readonly Phone[], inputOf: (phone: Phone) => AssessInput): number {
  let micros = 0
  let count = 0
  const endsAt = performance.now() + seconds * 2_000
  do {
    const copies = phones.slice(0, 200).map((phone) => {
      const items = structuredClone(phone.state.apps!.items) as Record<string, App>
      return { ...inputOf(phone), state: { ...phone.state, apps: { digest: phone.state.apps!.digest, items } } }
    })
    const before = process.cpuUsage()
    for (const copy of copies) assess(copy)
    const { user, system } = process.cpuUsage(before)
    micros += user + system
    count += copies.length
  } while (performance.now() < endsAt)
  return Math.round(count / micros * 1e6)
}

function perSecond (count: number, before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return Math.round(count / (user + system) * 1e6)
}

const average = (phones: readonly Phone[], of: (phone: Phone) => number): number => round(phones.reduce((sum, phone) => sum + of(phone), 0) / phones.length)

async function sameAnswers (phones: readonly Phone[], ours: (phone: Phone) => ReadonlySet<string>, theirs: (phone: Phone) => Promise<ReadonlyArray<ReadonlySet<string>>>): Promise<boolean> {
  for (const phone of phones) {
    const answer = [...ours(phone)].sort().join()
    for (const other of await theirs(phone)) if ([...other].sort().join() !== answer) return false
  }
  return true
}
