import { UNKNOWN_SUPPORT, type OsOfPhone, type OsPlatform, type OsSupport, type ReleaseStatement, type VulnerabilityRow } from './vulnerability.js'
import { compareVersions, parseAndroidVersion, parseVersion } from './versions.js'

/** What feeds know of the releases of a platform. */
export interface OsReleases {
  /** The cycle that a phone's version is of, and until when it gets updates. */
  supportOf (os: OsOfPhone): OsSupport
  /** Day on which a version came out. */
  releasedAt (platform: OsPlatform, version: string): string | undefined
  /** Whether the model can run the version; undefined when no feed lists the version's models. */
  canRun (platform: OsPlatform, version: string, model: string): boolean | undefined
  /** Whether any feed lists models of the platform. */
  listsDevices (platform: OsPlatform): boolean
}

interface Cycle { readonly numbers: readonly number[], readonly support: OsSupport }

const API_LEVEL_OF_12L = 32
/** So that no text is two versions: 16.5 and 16.5.0 are one. */
const nameOf = (platform: OsPlatform, version: string): string => `${platform} ${version.trim().toLowerCase().replace(/^(\d+)(?:\.0)+$/, '$1')}`

/** The version as the platform writes it, with what the phone's API level adds. */
export function parseOsVersion ({ platform, version, apiLevel }: OsOfPhone): readonly number[] | undefined {
  if (version === undefined) return undefined
  if (platform !== 'android') return parseVersion(version)
  const numbers = parseAndroidVersion(version)
  return numbers?.[0] === 12 && (numbers[1] ?? 0) === 0 && apiLevel === API_LEVEL_OF_12L ? [12, 1] : numbers
}

/** Rows in the order in which they count. */
export function compileReleases (rows: readonly VulnerabilityRow[]): OsReleases {
  const cycles = new Map<OsPlatform, Cycle[]>()
  const released = new Map<string, string>()
  const devices = new Map<string, Set<string>>()
  const withDevices = new Set<OsPlatform>()
  for (const { fact } of rows) {
    if (fact.kind !== 'release') continue
    if (fact.isCycle) addCycle(cycles, fact)
    const name = nameOf(fact.platform, fact.version)
    if (!fact.isCycle && fact.released !== null && !released.has(name)) released.set(name, fact.released)
    if (fact.latest !== null && fact.latestReleased !== null) {
      const latest = nameOf(fact.platform, fact.latest)
      if (!released.has(latest)) released.set(latest, fact.latestReleased)
    }
    if (fact.devices.length > 0) {
      withDevices.add(fact.platform)
      devices.set(name, new Set([...devices.get(name) ?? [], ...fact.devices]))
    }
  }
  return {
    supportOf: (os) => {
      const version = parseOsVersion(os)
      return version === undefined ? UNKNOWN_SUPPORT : findCycle(cycles.get(os.platform) ?? [], version)?.support ?? UNKNOWN_SUPPORT
    },
    releasedAt: (platform, version) => released.size === 0 ? undefined : released.get(nameOf(platform, version)),
    canRun: (platform, version, model) => devices.size === 0 ? undefined : devices.get(nameOf(platform, version))?.has(model),
    listsDevices: (platform) => withDevices.has(platform)
  }
}

function addCycle (cycles: Map<OsPlatform, Cycle[]>, { platform, version, released, endOfLife, latest }: ReleaseStatement): void {
  const numbers = platform === 'android' ? parseAndroidVersion(version) : parseVersion(version)
  if (numbers === undefined) return
  const known = cycles.get(platform) ?? []
  cycles.set(platform, known)
  // Of several feeds the first says it.
  if (known.some((cycle) => compareVersions(cycle.numbers, numbers) === 0)) return
  known.push({ numbers, support: Object.freeze({ cycle: version, released, endOfLife, latest }) })
}

/** The narrowest cycle that the version is of: 8.1.0 is of 8.1, not of 8; 8.2 is of 8 only where there is an 8. */
function findCycle (cycles: readonly Cycle[], version: readonly number[]): Cycle | undefined {
  let best: Cycle | undefined
  for (const cycle of cycles) {
    if (!cycle.numbers.every((number, index) => number === (version[index] ?? 0))) continue
    if (best === undefined || cycle.numbers.length > best.numbers.length) best = cycle
  }
  return best
}
