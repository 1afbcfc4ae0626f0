import { isIP } from 'node:net'
import type { IndicatorType } from '../indicators/indicator.js'
import type { IntelEntry, IntelView } from '../intel-view.js'
import type { VulnerabilityRow } from '../vulnerabilities/vulnerability.js'
import { normalizeAddress, normalizeHost, normalizeRange, normalizeUrl } from '../indicators/normalize.js'
import { buildVulnerabilityView } from '../vulnerabilities/vulnerability-view.js'
import { BUILT_IN_GUARD, type HostGuard, speaksFor } from '../indicators/shared-hosts.js'

export interface IntelContent {
  readonly version: number
  readonly entries: Iterable<IntelEntry>
  readonly vulnerabilities: readonly VulnerabilityRow[]
}

const NONE: readonly IntelEntry[] = Object.freeze([])

/** Builds the index that the assessment asks: everything in memory, every answer exact. */
export function buildIntelIndex (content: IntelContent): IntelView {
  const index = new IntelIndex(content.version, content.vulnerabilities)
  for (const entry of content.entries) index.add(entry)
  return index
}

/**
 * An index that is being filled; asked only when it is full. Whether an entry's time has come or
 * is over is for the caller to say: the index has no clock.
 */
export class IntelIndex implements IntelView {
  readonly openVulnerabilities: IntelView['openVulnerabilities']
  readonly appVulnerabilities: IntelView['appVulnerabilities']
  readonly osSupport: IntelView['osSupport']
  readonly #byType = new Map<IndicatorType, Map<string, IntelEntry | IntelEntry[]>>()
  /** Lengths of the listed ranges: an address is in one when its network of that length is listed. */
  readonly #prefixes = { 4: new Set<number>(), 6: new Set<number>() }

  constructor (readonly version: number, vulnerabilities: readonly VulnerabilityRow[], readonly guard: HostGuard = BUILT_IN_GUARD) {
    const view = buildVulnerabilityView(vulnerabilities)
    this.openVulnerabilities = view.openVulnerabilities
    this.appVulnerabilities = view.appVulnerabilities
    this.osSupport = view.osSupport
  }

  add (entry: IntelEntry): void {
    if (entry.type === 'cidr') {
      const [address = '', bits] = entry.value.split('/')
      this.#prefixes[isIP(address) === 4 ? 4 : 6].add(Number(bits))
    }
    let values = this.#byType.get(entry.type)
    if (values === undefined) this.#byType.set(entry.type, values = new Map())
    // Nearly every value stands in one feed: an array for each would double the memory.
    const before = values.get(entry.value)
    if (before === undefined) values.set(entry.value, entry)
    else if (Array.isArray(before)) before.push(entry)
    else values.set(entry.value, [before, entry])
  }

  lookup (type: IndicatorType, value: string): readonly IntelEntry[] {
    const found = this.#byType.get(type)?.get(value)
    return found === undefined ? NONE : Array.isArray(found) ? found : [found]
  }

  /**
   * The host itself and its parents. A listed parent speaks for all below it, but in each feed
   * the nearest word counts: where `www.spy.example` is a maker's shop, that its parent is a
   * control server says nothing about the shop. A public suffix and a host that strangers share
   * speak for themselves alone: `github.io` or `co.uk` in a feed is a mistake.
   */
  lookupHost (text: string): readonly IntelEntry[] {
    if (isIP(text.replace(/^\[(.*)\]$/, '$1')) !== 0) return this.#lookupAddress(text)
    const host = normalizeHost(text)
    const domains = this.#byType.get('domain')
    if (host === undefined || domains === undefined) return NONE

    let found = this.lookup('domain', host)
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const parent = host.slice(dot + 1)
      // Nearly every host of every phone is unknown with all its parents.
      if (!domains.has(parent)) continue
      if (!speaksFor(parent, host, this.guard)) break
      const nearer = found
      const further = this.lookup('domain', parent).filter(({ feed }) => !nearer.some((entry) => entry.feed === feed))
      if (further.length > 0) found = [...found, ...further]
    }
    return found
  }

  lookupUrl (text: string): readonly IntelEntry[] {
    const url = normalizeUrl(text)
    return url === undefined ? NONE : this.lookup('url', url)
  }

  #lookupAddress (text: string): readonly IntelEntry[] {
    const address = normalizeAddress(text)
    if (address === undefined) return NONE
    let found = this.lookup(address.type, address.value)
    for (const bits of this.#prefixes[address.type === 'ipv4' ? 4 : 6]) {
      const range = normalizeRange(`${address.value}/${bits}`)
      const covering = range === undefined ? NONE : this.lookup('cidr', range.value)
      if (covering.length > 0) found = [...found, ...covering]
    }
    return found
  }
}
