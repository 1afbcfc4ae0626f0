import type { Report } from '../../telemetry/report.js'
import { Random } from './random.js'

export type Place = 'home' | 'office' | 'mobile' | 'cafe'
type Network = NonNullable<Report['network']>

/** Where phones are until an hour of the day, in shares. */
const HABITS: ReadonlyArray<{ readonly until: number, readonly shares: Readonly<Record<Place, number>> }> = [
  { until: 7, shares: { home: 0.88, office: 0, mobile: 0.12, cafe: 0 } },
  { until: 9, shares: { home: 0.2, office: 0.1, mobile: 0.6, cafe: 0.1 } },
  { until: 17, shares: { home: 0.15, office: 0.62, mobile: 0.17, cafe: 0.06 } },
  { until: 19, shares: { home: 0.25, office: 0.08, mobile: 0.55, cafe: 0.12 } },
  { until: 24, shares: { home: 0.76, office: 0, mobile: 0.16, cafe: 0.08 } }
]
/** Phones that share an office, and cafés that all go to. */
const PHONES_OF_AN_OFFICE = 200
const CAFES = 40
const PUBLIC_RESOLVERS = ['1.1.1.1', '8.8.8.8', '9.9.9.9'] as const

/** Where a phone is at this hour. */
export function placeAt (hour: number, random: Random): Place {
  const { shares } = HABITS.find(({ until }) => hour < until) ?? HABITS[HABITS.length - 1]!
  let left = random.next()
  for (const [place, share] of Object.entries(shares) as Array<[Place, number]>) {
    left -= share
    if (left < 0) return place
  }
  return 'mobile'
}

/** The networks of one phone: its home, its office, and the cafés of the town. */
export class PhoneNetworks {
  readonly #home: Network
  readonly #office: Network
  readonly #town: number

  constructor (random: Random, { index, fleetSeed }: { readonly index: number, readonly fleetSeed: number }) {
    this.#town = fleetSeed
    this.#home = wifi(`home-${random.hex(6)}`, random, { security: random.chance(0.35) ? 'wpa3' : 'wpa2', subnet: `192.168.${random.below(4)}` })
    const office = Math.floor(index / PHONES_OF_AN_OFFICE)
    // One of several access points under one name.
    this.#office = wifi(`example-office-${office}`, new Random(fleetSeed + 7_919 * office + random.below(8)), { security: 'enterprise', subnet: `10.${office % 200}.0` })
  }

  at (place: Place, random: Random): Network {
    if (place === 'mobile') return { type: 'cellular', ...(random.chance(0.1) ? { vpn: { active: true, managed: true } } : {}) }
    if (place === 'home') return this.#home
    if (place === 'office') return this.#office
    const cafe = random.below(CAFES)
    return wifi(`cafe-${cafe}`, new Random(this.#town + 104_729 * (cafe + 1)), { security: cafe % 3 === 0 ? 'open' : 'wpa2', subnet: `172.16.${cafe}` })
  }
}

function wifi (ssid: string, random: Random, { security, subnet }: { readonly security: NonNullable<Network['wifi']>['security'], readonly subnet: string }): Network {
  return {
    type: 'wifi',
    // Locally administered addresses (IEEE 802): nobody's hardware.
    wifi: { ssid, bssid: macOf(random), ...(security === undefined ? {} : { security }) },
    gateway: { ip: `${subnet}.1`, mac: macOf(random) },
    dnsServers: [random.chance(0.8) ? `${subnet}.1` : random.pick(PUBLIC_RESOLVERS)]
  }
}

const macOf = (random: Random): string => `02:${[0, 1, 2, 3, 4].map(() => random.hex(2)).join(':')}`
