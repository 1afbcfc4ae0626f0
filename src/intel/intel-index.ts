import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { getPublicSuffix } from 'tldts'
import type { IndicatorType, IntelEntry, IntelView, Vulnerability } from './indicator.js'
import { normalizeAddress, normalizeHost } from './normalize.js'
import { createVulnerabilityLookup } from './open-vulnerabilities.js'

export interface IntelContent {
  readonly version: number
  readonly entries: Iterable<IntelEntry>
  readonly vulnerabilities: readonly Vulnerability[]
}

type Range = readonly [network: ReturnType<typeof ipaddr.parseCIDR>, entry: IntelEntry]

const NONE: readonly IntelEntry[] = Object.freeze([])

/** Builds the index that the assessment asks: everything in memory, every answer exact. */
export function buildIntelIndex (content: IntelContent): IntelView {
  const index = new IntelIndex(content.version, content.vulnerabilities)
  for (const entry of content.entries) index.add(entry)
  return index
}

/** An index that is being filled; asked only when it is full. */
export class IntelIndex implements IntelView {
  readonly openVulnerabilities: IntelView['openVulnerabilities']
  readonly #byType = new Map<IndicatorType, Map<string, IntelEntry | IntelEntry[]>>()
  readonly #ranges: Range[] = []

  constructor (readonly version: number, vulnerabilities: readonly Vulnerability[]) {
    this.openVulnerabilities = createVulnerabilityLookup(vulnerabilities)
  }

  add (entry: IntelEntry): void {
    if (entry.type === 'cidr') this.#ranges.push([ipaddr.parseCIDR(entry.value), entry])
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
   * The host itself, then its parents. A listed parent speaks for all below it, but never a
   * public suffix: `github.io` or `co.uk` in a feed is a mistake, not a verdict on everybody there.
   */
  lookupHost (text: string): readonly IntelEntry[] {
    if (isIP(text.replace(/^\[(.*)\]$/, '$1')) !== 0) return this.#lookupAddress(text)
    const host = normalizeHost(text)
    if (host === undefined) return NONE
    const exact = this.lookup('domain', host)
    if (exact.length > 0) return exact
    const suffix = getPublicSuffix(host, { allowPrivateDomains: true })
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const parent = host.slice(dot + 1)
      if (parent === suffix || !parent.includes('.')) return NONE
      const found = this.lookup('domain', parent)
      if (found.length > 0) return found
    }
    return NONE
  }

  #lookupAddress (text: string): readonly IntelEntry[] {
    const address = normalizeAddress(text)
    if (address === undefined) return NONE
    const exact = this.lookup(address.type, address.value)
    if (this.#ranges.length === 0) return exact
    const parsed = ipaddr.parse(address.value)
    const covering = this.#ranges.filter(([[network, bits]]) => network.kind() === parsed.kind() && parsed.match(network as never, bits)).map(([, entry]) => entry)
    return covering.length === 0 ? exact : [...exact, ...covering]
  }
}
