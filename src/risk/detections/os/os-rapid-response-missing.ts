import type { Detection, DetectionContext } from '../../detection.js'
import { installedResponse, osEvidence, osOfPhone } from '../../facts/os-of-phone.js'
import { APPLE } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import { compareVersions, parseVersion } from '../../facts/versions.js'
import { waitsUntil } from '../../facts/waiting.js'
import { exampleHole, exploitedHole } from './example-holes.js'

const ID = 'os-rapid-response-missing'
/** Numbers of a version; the fifth is the letter. */
const LETTER = 4

interface MissingResponse { readonly version: string, readonly cves: readonly string[], readonly since: number }

/** Whether it is known which response is installed: one with its letter, or none. */
function isResponseKnown (context: DetectionContext): boolean {
  const { os } = context.state
  return installedResponse(context) !== undefined || (os?.supplementalBuild !== undefined && os.supplementalBuild === os.build)
}

/** The newest response to this very version that closes holes which the phone still has. */
function missingResponse (context: DetectionContext): MissingResponse | undefined {
  const os = osOfPhone(context)
  const own = os?.version === undefined ? undefined : parseVersion(os.version)
  if (os === undefined || own === undefined || !isResponseKnown(context)) return undefined
  let newest: string | undefined
  let newestNumbers = own
  let since = Infinity
  const cves: string[] = []
  for (const hole of context.intel.openVulnerabilities(os)) {
    for (const fix of hole.fixedIn) {
      const numbers = parseVersion(fix)
      if (numbers?.[LETTER] === undefined || compareVersions(numbers.slice(0, LETTER), own.slice(0, LETTER)) !== 0) continue
      cves.push(hole.cve)
      since = Math.min(since, waitsUntil(context, { id: ID }, hole))
      if (newest === undefined || compareVersions(numbers, newestNumbers) > 0) [newest, newestNumbers] = [fix, numbers]
    }
  }
  return newest === undefined ? undefined : { version: newest, cves: [...new Set(cves)], since }
}

export const osRapidResponseMissing: Detection = {
  id: ID,
  version: 1,
  category: 'os',
  platforms: APPLE,
  severity: 'low',
  attack: ['T1658'],
  raisesLevel: true,
  mayWait: true,
  description: 'Apple has published a Rapid Security Response (since iOS 26: a Background Security Improvement) for this very version, by a feed of Apple\'s releases, and it is not installed. Unknown while the phone does not tell which response it has; what no feed names is not missed.',
  sections: ['os', 'hardware'],
  needs: ['os.supplementalBuild', 'os.supplementalVersion'],
  remediation: {
    user: 'Install the security response: Settings, then General, then Software Update. It takes a few minutes.',
    admin: 'Allow and install security responses by management.'
  },
  examples: [
    { name: 'none is installed', platform: 'ios', report: { os: { version: '16.5.1', build: '20F75', supplementalBuild: '20F75' } }, openVulnerabilities: [exampleHole({ fixedIn: ['16.5.1 (c)', '16.6'] })], finds: ['16.5.1 (c) low'] },
    { name: 'an older one is installed', platform: 'ipados', report: { os: { version: '16.5.1', build: '20F75', supplementalBuild: '20F770750b', supplementalVersion: '(a)' } }, openVulnerabilities: [exploitedHole(null, { fixedIn: ['16.5.1 (c)', '16.6'] })], finds: ['16.5.1 (c) low'] },
    { name: 'the fix is an update', platform: 'ios', report: { os: { version: '16.5', build: '20F66', supplementalBuild: '20F66' } }, openVulnerabilities: [exampleHole({ fixedIn: ['16.5.1', '16.5.1 (c)'] })], finds: [] },
    { name: 'one is installed, nobody says which', platform: 'ios', report: { os: { version: '16.5.1', build: '20F75', supplementalBuild: '20F770750d' } }, openVulnerabilities: [exampleHole({ fixedIn: ['16.5.1 (c)'] })], finds: [] },
    { name: 'of an agent that told of one before an update, and of none since', platform: 'ios', earlier: [{ os: { version: '16.5', supplementalVersion: 'b' } }], report: { os: { version: '16.5.1' } }, openVulnerabilities: [exampleHole({ fixedIn: ['16.5.1 (a)'] })], finds: [] },
    { name: 'no feed names one', platform: 'ios', report: { os: { version: '26.6', build: '23G80', supplementalBuild: '23G80' } }, finds: [] },
    { name: 'the phone tells of none', platform: 'ios', report: { os: { version: '16.5.1', build: '20F75' } }, openVulnerabilities: [exampleHole({ fixedIn: ['16.5.1 (c)'] })], finds: 'unknown' }
  ],

  detect (context) {
    const missing = missingResponse(context)
    if (missing === undefined || context.now.getTime() < missing.since) return []
    const { build, supplementalBuild } = context.state.os ?? {}
    return [{
      subject: missing.version,
      title: `The security response ${missing.version} is not installed; it closes ${missing.cves.slice(0, 3).join(', ')}${missing.cves.length > 3 ? ` and ${missing.cves.length - 3} more` : ''}.`,
      evidence: [...osEvidence(context), { path: 'os.build', value: build ?? null }, { path: 'os.supplementalBuild', value: supplementalBuild ?? null }]
    }]
  },

  nextChangeAt (context) {
    const since = context.policy.grace[ID] === undefined ? undefined : missingResponse(context)?.since
    return since === undefined || !Number.isFinite(since) ? undefined : toIso(since)
  }
}
