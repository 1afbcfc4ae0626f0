import type { PhoneDescription } from '../../agent/agent.js'
import type { Report, TelemetryEvent } from '../../telemetry/report.js'
import type { AppCatalogue } from './app-catalogue.js'
import { InstalledApps } from './installed-apps.js'
import { Random } from './random.js'

/** What phones send, by share of their reports. */
export const REALISTIC_MIX = { heartbeat: 0.6, appUpdate: 0.2, events: 0.15, snapshot: 0.05 } as const

const DAY_MS = 24 * 60 * 60 * 1000
/** Of reports with events: this share tells of an attack, and the phone's next events tell that it is over. */
const ATTACK_SHARE = 0.02
const SAFE_HOSTS = ['api.example.com', 'cdn.example.net', 'login.example.org', 'mail.example.com', 'push.example.net', 'www.example.org']

type Sections = Omit<Report, 'reportId' | 'sequence' | 'collectedAt'>

/** A phone that lives: apps are updated, networks change, now and then something is wrong. */
export class SimulatedPhone {
  readonly description: PhoneDescription
  readonly #random: Random
  readonly #apps: InstalledApps
  readonly #os: NonNullable<Report['os']>
  readonly #config: NonNullable<Report['config']>
  #sequence = 0
  #attack: TelemetryEvent | undefined

  constructor (catalogues: Readonly<Record<'android' | 'ios', AppCatalogue>>, seed: number, nowMs: number) {
    const random = new Random(seed)
    this.#random = random
    const platform = random.chance(0.7) ? 'android' : 'ios'
    this.#apps = InstalledApps.of(random, catalogues[platform])
    const outdated = random.chance(0.03)
    this.#os = platform === 'android'
      ? { version: '15', apiLevel: 35, bootloaderLocked: true, verifiedBootState: 'green', securityPatchLevel: new Date(nowMs - (outdated ? 300 : 45) * DAY_MS).toISOString().slice(0, 8) + '05' }
      : { version: outdated ? '18.6.1' : '26.6.1' }
    this.#config = {
      passcodeSet: !random.chance(0.02),
      ...(platform === 'android' ? { encryption: 'active', playProtect: true, usbDebugging: random.chance(0.05) } : {})
    }
    this.description = {
      entraDeviceId: random.uuid(),
      platform,
      osVersion: this.#os.version!,
      ...(platform === 'android' ? { manufacturer: 'Google', model: random.pick(['Pixel 7', 'Pixel 8', 'Pixel 9']) } : { manufacturer: 'Apple', model: random.pick(['iPhone15,2', 'iPhone16,1', 'iPhone17,1']) })
    }
  }

  /** Everything, as after enrolment. */
  firstReport (): Report {
    return this.#report({
      agent: { version: '3.1.0' },
      os: this.#os,
      apps: this.#apps.snapshot(),
      network: this.#network(),
      config: this.#config,
      integrity: this.description.platform === 'android' ? { rooted: false, rootBinaries: [] } : { jailbroken: false },
      certificates: [],
      profiles: []
    })
  }

  /** The next of the realistic mix. */
  nextReport (): Report {
    const dice = this.#random.next()
    if (dice < REALISTIC_MIX.heartbeat) return this.#report({ agent: { version: '3.1.0' }, network: this.#network(), config: this.#config })
    if (dice < REALISTIC_MIX.heartbeat + REALISTIC_MIX.appUpdate) return this.#report({ apps: this.#apps.update(this.#random) })
    if (dice < 1 - REALISTIC_MIX.snapshot) return this.#report({ events: this.#events() })
    return this.#report({ os: this.#os, apps: this.#apps.snapshot(), network: this.#network() })
  }

  #report (sections: Sections): Report {
    return { reportId: this.#random.uuid(), sequence: ++this.#sequence, collectedAt: new Date().toISOString(), ...sections }
  }

  #network (): NonNullable<Report['network']> {
    if (this.#random.chance(0.3)) return { type: 'cellular' }
    const place = this.#random.below(3)
    return {
      type: 'wifi',
      wifi: { ssid: `place ${place}`, bssid: `02:00:00:00:00:0${place}`, security: 'wpa3' },
      gateway: { ip: '192.168.1.1', mac: `02:00:00:00:01:0${place}` },
      dnsServers: ['192.168.1.1']
    }
  }

  #events (): TelemetryEvent[] {
    const at = new Date().toISOString()
    if (this.#attack !== undefined) {
      const over = { ...this.#attack, endedAt: at }
      this.#attack = undefined
      return [over]
    }
    if (this.#random.chance(ATTACK_SHARE)) {
      this.#attack = {
        eventId: this.#random.uuid(), type: 'tls-interception', at, probeHost: 'login.example.org', trustedCa: false,
        expectedSha256: this.#random.hex(64), observedSha256: this.#random.hex(64), ssid: 'open place', bssid: '02:00:00:00:00:0f'
      }
      return [this.#attack]
    }
    return Array.from({ length: 1 + this.#random.below(4) }, () => ({
      eventId: this.#random.uuid(), type: 'dns-query', at, host: this.#random.pick(SAFE_HOSTS), appId: this.#apps.pick(this.#random).appId
    }))
  }
}
