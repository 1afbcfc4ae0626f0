import { type AppBuild, type AppCatalogue, type CatalogueApp, createAppCatalogue } from '../../simulator/fleet/app-catalogue.js'
import { Random } from '../../simulator/fleet/random.js'
import { ANDROID_SHARE, hasOldPatch, MISCONFIGURATION_RATES, OS_VERSIONS, patchAgeDays } from '../../simulator/fleet/rates.js'
import type { Platform } from '../../telemetry/device-state.js'
import type { App, Report } from '../../telemetry/report.js'

/** On 90 of 100 phones, in few versions: what an organisation gives everybody. */
export const COMMON_APP = 'example.companyportal'
/** Apps from outside the stores, each on few phones. */
export const SIDELOADED_APPS = 50

const COMMON_SHARE = 0.9
const APPS = 150
/** Apps updated since the phone's list was last stored whole (app-inventories.ts folds at 16). */
const MAX_UPDATED = 16
const DAY_MS = 24 * 60 * 60 * 1000
const EVENTS_SHARE = 0.15

export interface SeedCatalogue {
  readonly android: AppCatalogue
  readonly ios: AppCatalogue
  readonly common: Readonly<Record<'android' | 'ios', CatalogueApp>>
  readonly sideloaded: Readonly<Record<'android' | 'ios', readonly AppBuild[]>>
}

export interface SeededPhone {
  readonly platform: Platform
  readonly osVersion: string
  readonly manufacturer: string
  readonly model: string
  readonly serialNumber: string
  readonly receivedAt: Date
  /** Without the apps. */
  readonly report: Report
  /** The apps of the list that were other builds when it was last stored whole, and which. */
  readonly before: ReadonlyMap<App, App>
}

/** Made-up apps, the same for a seed. */
export function createSeedCatalogue (seed: number): SeedCatalogue {
  const random = new Random(seed)
  const common = (platform: 'android' | 'ios'): CatalogueApp => {
    const certificate = random.hex(64)
    return ['5.0', '5.1', '5.2'].map((version) => buildOf(platform === 'android'
      ? { appId: COMMON_APP, installer: 'com.android.vending', name: 'Example portal', sha256: random.hex(64), signingCertSha256: [certificate], system: false, targetSdk: 35, version }
      : { appId: COMMON_APP, fromAppStore: true, name: 'Example portal', system: false, validated: true, version }))
  }
  return {
    android: createAppCatalogue('android', seed),
    ios: createAppCatalogue('ios', seed + 1),
    common: { android: common('android'), ios: common('ios') },
    sideloaded: {
      android: Array.from({ length: SIDELOADED_APPS }, (_, index) => buildOf({
        appId: `example.outside.app${index}`, installer: null, name: `Outside ${index}`, sha256: random.hex(64), signingCertSha256: [random.hex(64)], system: false, targetSdk: 30, version: '1.0'
      })),
      ios: Array.from({ length: SIDELOADED_APPS }, (_, index) => buildOf({
        appId: `example.outside.ios${index}`, fromAppStore: false, name: `Outside ${index}`, signingCertSha256: [random.hex(64)], system: false, validated: true, version: '1.0'
      }))
    }
  }
}

const buildOf = (app: App): AppBuild => ({ app, json: JSON.stringify(app) })

/** Every build that phones of this catalogue may have. */
export const buildsOf = ({ android, ios, common, sideloaded }: SeedCatalogue): App[] =>
  [...[android, ios].flatMap(({ system, store }) => [...system, ...store].flat()), ...common.android, ...common.ios, ...sideloaded.android, ...sideloaded.ios].map(({ app }) => app)

/** Apps that some phones have alike, as those that were set up together do. */
export interface SeededApps {
  readonly kind: 'android' | 'ios'
  readonly apps: readonly App[]
  readonly installed: ReadonlyArray<{ readonly versions: CatalogueApp, readonly at: number }>
}

/** A phone as its first report shows it but for the apps, collected on the day before `nowMs`. */
export function createSeededPhone ({ kind, apps, installed }: SeededApps, random: Random, nowMs: number): SeededPhone {
  const isOutdated = random.chance(MISCONFIGURATION_RATES.outdatedOs)
  const isOldPatch = hasOldPatch(random)
  const receivedAt = new Date(nowMs - random.below(DAY_MS))
  const collectedAt = receivedAt.toISOString()
  const day = (daysAgo: number): string => new Date(nowMs - daysAgo * DAY_MS).toISOString().slice(0, 10)
  const lock = { passcodeSet: !random.chance(MISCONFIGURATION_RATES.noScreenLock) }
  const shared = {
    platform: kind,
    serialNumber: random.hex(12).toUpperCase(),
    receivedAt,
    before: updatesOf(installed, random)
  } as const
  const base = {
    reportId: random.uuid(),
    sequence: 1 + random.below(5_000),
    collectedAt,
    agent: { version: '3.1.0', webProtection: 'on' as const },
    network: networkOf(random),
    certificates: [],
    profiles: [],
    ...(random.chance(EVENTS_SHARE) ? { events: eventsOf(random, apps, collectedAt) } : {})
  }
  if (kind === 'android') {
    const osVersion = random.pick<string>(OS_VERSIONS.android[isOutdated ? 'outdated' : 'current'])
    const model = random.pick(['Pixel 7', 'Pixel 8', 'Pixel 9'])
    return {
      ...shared,
      osVersion,
      manufacturer: 'Google',
      model,
      report: {
        ...base,
        os: { version: osVersion, apiLevel: 35, bootloaderLocked: true, verifiedBootState: 'green', securityPatchLevel: day(patchAgeDays(random, isOldPatch)) },
        hardware: { manufacturer: 'Google', model, emulator: false },
        config: { ...lock, encryption: 'active', playProtect: true, developerMode: false, usbDebugging: false, unknownSources: false },
        integrity: { rooted: false, rootBinaries: [] }
      }
    }
  }
  const osVersion = random.pick<string>(OS_VERSIONS.ios[isOutdated ? 'outdated' : 'current'])
  const model = random.pick(['iPhone15,2', 'iPhone16,1', 'iPhone17,1'])
  return {
    ...shared,
    osVersion,
    manufacturer: 'Apple',
    model,
    report: { ...base, os: { version: osVersion }, hardware: { manufacturer: 'Apple', model }, config: lock, integrity: { jailbroken: false } }
  }
}

export function createSeededApps (catalogue: SeedCatalogue, random: Random): SeededApps {
  const kind = random.chance(ANDROID_SHARE) ? 'android' : 'ios'
  const { system, store } = catalogue[kind]
  const chosen = new Set<CatalogueApp>(system)
  if (random.chance(COMMON_SHARE)) chosen.add(catalogue.common[kind])
  const outside = random.chance(MISCONFIGURATION_RATES.sideloadedApp) ? [random.pick(catalogue.sideloaded[kind]).app] : []
  // Squared: popular apps are on many phones, others on few.
  while (chosen.size + outside.length < APPS) chosen.add(store[Math.floor(random.next() ** 2 * store.length)]!)
  const installed = [...chosen].map((versions) => ({ versions, at: random.below(versions.length) }))
  return { kind, apps: [...installed.map(({ versions, at }) => versions[at]!.app), ...outside], installed }
}

function updatesOf (installed: SeededApps['installed'], random: Random): Map<App, App> {
  const before = new Map<App, App>()
  for (let left = random.below(MAX_UPDATED + 1); left > 0; left--) {
    const { versions, at } = random.pick(installed)
    if (at > 0) before.set(versions[at]!.app, versions[at - 1]!.app)
  }
  return before
}

function networkOf (random: Random): NonNullable<Report['network']> {
  if (random.chance(0.3)) return { type: 'cellular' }
  return {
    type: 'wifi',
    wifi: { ssid: `place ${random.below(1_000)}`, bssid: `02:00:00:${random.hex(2)}:${random.hex(2)}:${random.hex(2)}`, security: 'wpa3' },
    gateway: { ip: '192.168.1.1', mac: `02:00:01:${random.hex(2)}:${random.hex(2)}:${random.hex(2)}` },
    dnsServers: ['192.168.1.1']
  }
}

function eventsOf (random: Random, apps: readonly App[], at: string): NonNullable<Report['events']> {
  return Array.from({ length: 1 + random.below(4) }, () => ({ eventId: random.uuid(), type: 'dns-query', at, host: 'api.example.com', appId: random.pick(apps).appId }))
}
