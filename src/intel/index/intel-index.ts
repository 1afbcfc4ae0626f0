import type { IntelEntry, IntelView, VulnerabilityView } from '../intel-view.js'
import { BUILT_IN_GUARD, type HostGuard } from '../indicators/shared-hosts.js'
import type { VulnerabilityRow } from '../vulnerabilities/vulnerability.js'
import { buildVulnerabilityView } from '../vulnerabilities/vulnerability-view.js'
import { CompiledIndex } from './compiled-index.js'
import { IndexBuilder } from './index-builder.js'
import type { IndexParts } from './index-parts.js'

export interface IntelContent {
  readonly version: number
  readonly entries: Iterable<IntelEntry>
  readonly vulnerabilities: readonly VulnerabilityRow[]
  /** Hosts that no feed can condemn as a whole; by default those that ship with Sallyport. */
  readonly guard?: HostGuard
}

/** Builds the index that the assessment asks, at once and in place; for tests and what has no store. */
export function buildIntelIndex ({ version, entries, vulnerabilities, guard = BUILT_IN_GUARD }: IntelContent): IntelView {
  const builder = new IndexBuilder()
  for (const entry of entries) builder.add(entry)
  return createIntelView({ version, parts: builder.finish(), guard, vulnerabilities: buildVulnerabilityView(vulnerabilities) })
}

export interface IntelViewParts {
  readonly version: number
  readonly parts: IndexParts
  readonly guard: HostGuard
  readonly vulnerabilities: VulnerabilityView
}

/**
 * Everything in memory, every answer exact. Whether an entry's time has come or is over is for the
 * caller to say: the index has no clock.
 */
export function createIntelView ({ version, parts, guard, vulnerabilities }: IntelViewParts): IntelView {
  const index = new CompiledIndex(parts, guard)
  return {
    version,
    lookup: (type, value) => index.lookup(type, value),
    lookupHost: (host, port) => index.lookupHost(host, port),
    lookupUrl: (url) => index.lookupUrl(url),
    namesLike: (appId) => index.namesLike(appId),
    openVulnerabilities: (os) => vulnerabilities.openVulnerabilities(os),
    appVulnerabilities: (app) => vulnerabilities.appVulnerabilities(app),
    osSupport: (os) => vulnerabilities.osSupport(os)
  }
}
