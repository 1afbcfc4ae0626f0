import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readFeed } from '../src/intel/feeds/index.js'
import { buildIntelIndex } from '../src/intel/index/intel-index.js'
import { BUILT_IN_GUARD, whyGuarded } from '../src/intel/indicators/shared-hosts.js'
import type { IntelView } from '../src/intel/intel-view.js'
import { packageRoot } from '../src/platform/package-root.js'
import { assess } from '../src/risk/assess.js'
import type { AssessedFinding } from '../src/risk/assessment.js'
import { DETECTIONS } from '../src/risk/detections/index.js'
import { levelRank } from '../src/risk/level.js'
import { overlay } from '../src/risk/policy/overlay.js'
import { BUILT_IN_POLICY, type Policy } from '../src/risk/policy/policy.js'
import { createAppCatalogue } from '../src/simulator/fleet/app-catalogue.js'
import { harmlessEvents, ORGANISATION, withHabits } from '../src/simulator/fleet/healthy-habits.js'
import { LivingPhone } from '../src/simulator/fleet/living-phone.js'
import { Random } from '../src/simulator/fleet/random.js'
import { type DeviceState, EMPTY_STATE, type Platform } from '../src/telemetry/device-state.js'
import { mergeReport } from '../src/telemetry/merge.js'
import type { Report } from '../src/telemetry/report.js'
import { type BenchFindings, type BenchOptions, round } from './benchmark.js'
import { judgePhoneFiles } from './phone-files.js'

const SEED = 7
const HOUR_MS = 60 * 60 * 1000
const HOURS = 24
const SHARED = join(packageRoot, '../shared/data')
/** Beside what ships with Sallyport, where they lie next to the repository. */
const FEEDS = [
  'stalkerware-indicators/ioc.yaml', 'amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', 'amnesty-investigations/2021-12-16_cytrox/cytrox.stix2', 'cisa-kev/known_exploited_vulnerabilities.json',
  'endoflife/android.json', 'endoflife/ios.json', 'endoflife/ios-versions.json'
]

/** What the organisation of the healthy phones declares. */
const POLICY: Policy = overlay(BUILT_IN_POLICY, {
  certificates: { allow: [ORGANISATION.authority, ORGANISATION.schoolAuthority] },
  proxies: { allow: [ORGANISATION.proxy] },
  vpns: { allow: [ORGANISATION.vpn] },
  apps: { allow: [ORGANISATION.apps] },
  accessibility: { allow: [ORGANISATION.accessibility] },
  management: { organizations: [ORGANISATION.name] },
  networks: { trusted: ORGANISATION.networks.map((ssid) => ({ ssid, security: 'enterprise' as const })) },
  domains: { deny: ['casino.example'] }
})

interface Alarm { readonly phone: number, readonly platform: Platform, readonly finding: AssessedFinding }

/** How often healthy phones are called dangerous: each for a day, judged after every report. And what is said of the phones whose files a forensic tool ships for its own tests. */
export async function precision ({ phones, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const { intel, feeds, entries } = readIntel()
  tell(`${feeds} feeds with ${entries} entries; ${phones} healthy phones, a day each …`)
  const nowMs = Date.now()
  const catalogues = { android: createAppCatalogue('android', SEED), ios: createAppCatalogue('ios', SEED + 1) }
  const findings: Record<string, number> = {}
  const settled: Record<string, number> = {}
  const answering = new Set<string>()
  const alarms: Alarm[] = []
  const failures: string[] = []
  let judgements = 0
  for (let index = 0; index < phones; index++) {
    const { platform, reports } = dayOf(index, catalogues, nowMs)
    const seen = new Map<string, AssessedFinding>()
    const unsettled = new Set<string>()
    let state: DeviceState = EMPTY_STATE
    for (const { report, receivedAt } of reports) {
      state = mergeReport(state, { report, receivedAt }).state
      const answer = assess({ platform, state, intel, policy: POLICY, now: receivedAt })
      judgements++
      failures.push(...answer.failures.map(({ detection, error }) => `${detection}: ${error}`))
      for (const finding of answer.findings) if (levelRank(asLevel(finding)) >= levelRank(asLevel(seen.get(finding.detection)))) seen.set(finding.detection, finding)
      if (report.sequence === 1) {
        const silent = new Set(answer.undecided)
        for (const { id, platforms } of DETECTIONS) if (platforms.includes(platform) && !silent.has(id)) answering.add(id)
      }
    }
    for (const finding of assess({ platform, state, intel, policy: BUILT_IN_POLICY, now: reports.at(-1)!.receivedAt }).findings) if (isAboveLow(finding) && !isAboveLow(seen.get(finding.detection))) unsettled.add(finding.detection)
    for (const id of unsettled) settled[id] = (settled[id] ?? 0) + 1
    for (const [id, finding] of seen) {
      findings[id] = (findings[id] ?? 0) + 1
      if (isAboveLow(finding)) alarms.push({ phone: index, platform, finding })
    }
  }
  for (const { phone, platform, finding } of alarms.slice(0, 20)) tell(`phone ${phone} (${platform}): ${finding.severity} ${finding.detection}: ${finding.title}`)
  const files = judgePhoneFiles(join(SHARED, 'mvt-artifacts'))
  for (const { name, expected, found } of files) if (expected.join() !== found.join()) tell(`${name}: expected ${expected.join('; ')}; found ${found.join('; ')}`)
  return {
    seconds: round((performance.now() - startedAt) / 1000),
    config: { phones, hours: HOURS, feeds, entries, detections: DETECTIONS.length, phoneFiles: files.length },
    results: {
      healthyPhones: phones,
      aboveLow: new Set(alarms.map(({ phone }) => phone)).size,
      findingsByDetection: sorted(findings),
      // Phones on which a detection would speak above low if the organisation had declared nothing.
      settledByPolicy: sorted(settled),
      // Detections that some phone told enough for.
      answering: answering.size,
      judgements
    },
    baselines: {},
    ratios: {},
    checks: {
      noneAboveLow: alarms.length === 0,
      nothingThrows: failures.length === 0,
      // Phones that tell nothing cannot alarm anybody.
      mostCanAnswer: answering.size > DETECTIONS.length * 0.9,
      analystAgrees: files.every(({ expected, found }) => expected.join() === found.join())
    }
  }
}

const asLevel = (finding: AssessedFinding | undefined): 'secured' | 'low' | 'medium' | 'high' => finding === undefined || finding.severity === 'audit' ? 'secured' : finding.severity
const isAboveLow = (finding: AssessedFinding | undefined): boolean => levelRank(asLevel(finding)) > levelRank('low')
const sorted = (counts: Readonly<Record<string, number>>): Record<string, number> => Object.fromEntries(Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)))

function dayOf (index: number, catalogues: ConstructorParameters<typeof LivingPhone>[0]['catalogues'], nowMs: number): { readonly platform: Platform, readonly reports: ReadonlyArray<{ readonly report: Report, readonly receivedAt: Date }> } {
  const phone = new LivingPhone({ catalogues, fleetSeed: SEED, index, nowMs, healthy: true })
  const random = new Random(SEED * 7_919 + index)
  const reports = Array.from({ length: HOURS + 1 }, (_, hour) => {
    const receivedAt = new Date(nowMs - (HOURS - hour) * HOUR_MS)
    const at = new Date(receivedAt.getTime() - 60_000).toISOString()
    const { apps, config, os, ...told } = phone.nextReport(hour % 24)
    // Habits are of the whole report; later ones tell what is new.
    const report: Report = hour === 0
      ? withHabits({ ...told, ...(apps === undefined ? {} : { apps }), ...(config === undefined ? {} : { config }), ...(os === undefined ? {} : { os }) }, random, receivedAt.getTime())
      : { ...told, events: [...told.events ?? [], ...harmlessEvents(random, at)] }
    return { receivedAt, report: { ...report, collectedAt: at, ...(report.events === undefined ? {} : { events: report.events.map((event) => ({ ...event, at })) }) } }
  })
  return { platform: phone.description.platform, reports }
}

function readIntel (): { readonly intel: IntelView, readonly feeds: number, readonly entries: number } {
  const files = [join(packageRoot, 'src/intel/bundled/starter.yaml'), ...FEEDS.map((feed) => join(SHARED, feed))].filter((file) => existsSync(file))
  const parsed = files.map((file, number) => ({ feed: `feed-${number}`, bundled: number === 0, ...readFeed(readFileSync(file, 'utf8'), 'auto') }))
  const entries = parsed.flatMap(({ feed, indicators }) => indicators.filter((one) => whyGuarded(BUILT_IN_GUARD, one) === undefined).map((one) => ({ ...one, feed })))
  const vulnerabilities = parsed.flatMap(({ feed, bundled, vulnerabilities }) => vulnerabilities.map((fact) => ({ feed, bundled, fact })))
  return { intel: buildIntelIndex({ version: 1, entries, vulnerabilities }), feeds: files.length, entries: entries.length + vulnerabilities.length }
}
