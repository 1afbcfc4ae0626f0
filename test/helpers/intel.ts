import type { IntelView } from '../../src/intel/intel-view.js'
import { UNKNOWN_SUPPORT } from '../../src/intel/vulnerabilities/vulnerability.js'

/** Nothing is known to be bad; a test says what is. */
export function intelView (known: Partial<IntelView> = {}): IntelView {
  return { version: 0, lookup: () => [], lookupHost: () => [], lookupUrl: () => [], namesLike: () => [], openVulnerabilities: () => [], appVulnerabilities: () => [], osSupport: () => UNKNOWN_SUPPORT, ...known }
}

export const NO_INTEL = intelView()
