import { randomUUID } from 'node:crypto'
import type { PhoneDescription } from '../../agent/agent.js'
import type { Report, StateSection, TelemetryEvent } from '../../telemetry/report.js'
import { type AppBuild, type AppCatalogue, sortedJson } from './app-catalogue.js'
import { APPS_OF_A_PHONE, InstalledApps } from './installed-apps.js'
import { ANDROID_MODELS, IOS_MODELS, type PhoneModel } from './phone-models.js'
import { PhoneNetworks, placeAt } from './places.js'
import { Random } from './random.js'
import { ANDROID_SHARE, hasOldPatch, MISCONFIGURATION_RATES, OS_VERSIONS, patchAgeDays } from './rates.js'
import { REALISTIC_MIX } from './simulated-phone.js'

const DAY_MS = 24 * 60 * 60 * 1000
const API_LEVELS: Readonly<Record<string, number>> = { 11: 30, 12: 31, 13: 33, 14: 34, 15: 35, 16: 36 }
const AGENT = { version: '3.1.0', webProtection: 'on' } as const
const HOSTS = ['api.example.com', 'cdn.example.net', 'files.example.org', 'login.example.org', 'mail.example.com', 'push.example.net', 'video.example.com', 'www.example.org'] as const
/** Of app reports: the others are updates. */
const INSTALLS = 0.1
const UNINSTALLS = 0.08
/** Of reports with events in a café: this share tells of an attack, and the phone's next events that it is over. */
const CAFE_ATTACKS = 0.05
/** Some work at night. */
const NIGHT_WORKERS = 0.04

type Sections = Omit<Report, 'reportId' | 'sequence' | 'collectedAt'>
type WholeSection = Exclude<StateSection, 'files' | 'processes' | 'properties'>

export interface LivingPhoneOptions {
  readonly catalogues: Readonly<Record<'android' | 'ios', AppCatalogue>>
  readonly fleetSeed: number
  /** Which of the fleet's phones it is. */
  readonly index: number
  readonly nowMs: number
  /** Nothing is wrong with it: updated, locked, apps of stores, and nobody attacks it. */
  readonly healthy?: boolean
}

/** A phone as people have them: a real model, a home and an office, habits, and sometimes a fault. */
export class LivingPhone {
  readonly description: PhoneDescription
  /** How many hours later than others this phone's day begins. */
  readonly lateHours: number
  readonly #random: Random
  readonly #healthy: boolean
  readonly #catalogue: AppCatalogue
  readonly #apps: InstalledApps
  readonly #networks: PhoneNetworks
  readonly #fixed: Required<Pick<Sections, 'os' | 'hardware' | 'config' | 'integrity' | 'profiles' | 'certificates'>>
  readonly #owed = new Set<string>()
  #sequence = 0
  #attack: TelemetryEvent | undefined

  constructor ({ catalogues, fleetSeed, index, nowMs, healthy = false }: LivingPhoneOptions) {
    const random = new Random((fleetSeed * 1_000_003 + index) >>> 0)
    this.#random = random
    this.#healthy = healthy
    const kind = random.chance(ANDROID_SHARE) ? 'android' : 'ios'
    const versions: readonly string[] = OS_VERSIONS[kind][random.chance(MISCONFIGURATION_RATES.outdatedOs) && !healthy ? 'outdated' : 'current']
    const { model, version } = chooseModel(random, kind === 'android' ? ANDROID_MODELS : IOS_MODELS, versions)
    this.#catalogue = catalogues[kind]
    const sideloads = random.chance(MISCONFIGURATION_RATES.sideloadedApp) && !healthy
    this.#apps = InstalledApps.of(random, this.#catalogue, APPS_OF_A_PHONE - (sideloads ? 1 : 0))
    if (sideloads) this.#apps.add({ versions: [sideloadedApp(random, kind)], at: 0 })
    this.#networks = new PhoneNetworks(random, { index, fleetSeed })
    this.lateHours = random.chance(NIGHT_WORKERS) ? 12 : random.next() * 4 - 2
    this.#fixed = fixedSections(random, { kind, model, version, nowMs, healthy })
    // Ids are new in each run: a phone of an earlier run is another phone.
    this.description = { entraDeviceId: randomUUID(), platform: model.platform, osVersion: version, manufacturer: model.manufacturer, model: model.model, serialNumber: random.hex(12).toUpperCase() }
  }

  /** The server does not have these: the next report brings them whole. */
  owe (sections: readonly string[]): void {
    for (const section of sections) this.#owed.add(section)
  }

  /** The next thing it has to say at this hour of its day, which is the first thing once: everything. */
  nextReport (hour: number): Report {
    const sections = this.#sequence === 0 ? this.#whole(WHOLE, hour) : { ...this.#news(hour), ...this.#whole(WHOLE.filter((section) => this.#owed.has(section)), hour) }
    this.#owed.clear()
    return { reportId: randomUUID(), sequence: ++this.#sequence, collectedAt: new Date().toISOString(), ...sections }
  }

  #news (hour: number): Sections {
    const random = this.#random
    const dice = random.next()
    const place = placeAt(hour, random)
    const network = this.#networks.at(place, random)
    if (dice < REALISTIC_MIX.heartbeat) return { agent: AGENT, network, config: this.#fixed.config }
    // What it has installed since is in the whole list.
    if (dice < REALISTIC_MIX.heartbeat + REALISTIC_MIX.appUpdate) return this.#owed.has('apps') ? {} : { apps: this.#changeApps() }
    if (dice < 1 - REALISTIC_MIX.snapshot) return { network, events: this.#events(place === 'cafe', network) }
    return { os: this.#fixed.os, apps: this.#apps.snapshot(), network }
  }

  #whole (sections: readonly WholeSection[], hour: number): Sections {
    const make: { readonly [Section in WholeSection]: () => Sections } = {
      agent: () => ({ agent: AGENT }),
      apps: () => ({ apps: this.#apps.snapshot() }),
      network: () => ({ network: this.#networks.at(placeAt(hour, this.#random), this.#random) }),
      os: () => ({ os: this.#fixed.os }),
      hardware: () => ({ hardware: this.#fixed.hardware }),
      config: () => ({ config: this.#fixed.config }),
      integrity: () => ({ integrity: this.#fixed.integrity }),
      profiles: () => ({ profiles: this.#fixed.profiles }),
      certificates: () => ({ certificates: this.#fixed.certificates })
    }
    return Object.assign({}, ...sections.map((section) => make[section]()))
  }

  #changeApps (): NonNullable<Sections['apps']> {
    const dice = this.#random.next()
    if (dice < INSTALLS) return this.#apps.install(this.#random, this.#catalogue)
    if (dice < INSTALLS + UNINSTALLS) return this.#apps.uninstall(this.#random)
    return this.#apps.update(this.#random)
  }

  #events (inCafe: boolean, { wifi }: NonNullable<Sections['network']>): TelemetryEvent[] {
    const random = this.#random
    const at = new Date().toISOString()
    if (this.#attack !== undefined) {
      const over = { ...this.#attack, endedAt: at }
      this.#attack = undefined
      return [over]
    }
    if (inCafe && random.chance(CAFE_ATTACKS) && !this.#healthy) {
      this.#attack = {
        eventId: randomUUID(), type: 'tls-interception', at, probeHost: 'login.example.org', trustedCa: false, expectedSha256: random.hex(64), observedSha256: random.hex(64),
        ...(wifi?.ssid === undefined ? {} : { ssid: wifi.ssid }), ...(wifi?.bssid === undefined ? {} : { bssid: wifi.bssid })
      }
      return [this.#attack]
    }
    return Array.from({ length: 1 + random.below(4) }, () => ({ eventId: randomUUID(), type: 'dns-query', at, host: random.pick(HOSTS), appId: this.#apps.pick(random).appId }))
  }
}

/** What it can send whole. */
const WHOLE: readonly WholeSection[] = ['agent', 'os', 'hardware', 'apps', 'network', 'config', 'integrity', 'profiles', 'certificates']

function chooseModel (random: Random, models: readonly PhoneModel[], versions: readonly string[]): { model: PhoneModel, version: string } {
  const runs = ({ oldestOs, newestOs }: PhoneModel) => versions.filter((version) => Number.parseInt(version) >= oldestOs && Number.parseInt(version) <= newestOs)
  const able = models.filter((model) => runs(model).length > 0)
  let left = random.below(able.reduce((sum, { weight }) => sum + weight, 0))
  const model = able.find(({ weight }) => (left -= weight) < 0)!
  return { model, version: random.pick(runs(model)) }
}

interface Fixed { readonly kind: 'android' | 'ios', readonly model: PhoneModel, readonly version: string, readonly nowMs: number, readonly healthy: boolean }

function fixedSections (random: Random, { kind, model: { manufacturer, model }, version, nowMs, healthy }: Fixed) {
  const passcodeSet = !random.chance(MISCONFIGURATION_RATES.noScreenLock) || healthy
  const lock = { passcodeSet, biometrics: passcodeSet && random.chance(0.8), ...(passcodeSet ? { autoLockSeconds: random.pick([30, 60, 120, 300]) } : {}) }
  const shared = { profiles: [], certificates: [] }
  if (kind === 'ios') return { ...shared, os: { version }, hardware: { manufacturer, model }, config: lock, integrity: { jailbroken: false } }
  const patchDay = new Date(nowMs - patchAgeDays(random, hasOldPatch(random) && !healthy) * DAY_MS).toISOString().slice(0, 8)
  const develops = random.chance(0.015) && !healthy
  return {
    ...shared,
    os: { version, apiLevel: API_LEVELS[version]!, bootloaderLocked: true, verifiedBootState: 'green' as const, securityPatchLevel: `${patchDay}${random.pick(['01', '05'])}` },
    hardware: { manufacturer, model, emulator: false },
    config: { ...lock, encryption: 'active' as const, playProtect: true, developerMode: develops, usbDebugging: develops, unknownSources: false, selinux: 'enforcing' as const },
    integrity: { rooted: false, rootBinaries: [] }
  }
}

/** An app signed by no store's key. */
function sideloadedApp (random: Random, kind: 'android' | 'ios'): AppBuild {
  const number = random.below(1_000)
  const shared = { appId: `example.outside.${kind}${number}`, name: `Outside ${number}`, signingCertSha256: [random.hex(64)], system: false, version: '1.0' }
  const app = kind === 'android' ? { ...shared, installer: null, sha256: random.hex(64), targetSdk: 30 } : { ...shared, fromAppStore: false, validated: true }
  return { app, json: sortedJson(app) }
}
