import type { Detection, DetectionContext, Evidence } from '../../detection.js'
import { keyed } from '../../facts/intel-entries.js'
import { ANDROID } from '../../facts/platforms.js'

/** Properties that only systems have that somebody else than the maker has built (LineageOS and what is made from it; crDroid). */
const CUSTOM_SYSTEMS: ReadonlyMap<string, string> = new Map([['ro.lineage.version', 'LineageOS'], ['ro.crdroid.version', 'crDroid']])

/** What says that the system is not its maker's: each in words, and its proof. */
function findSigns ({ state: { os, integrity, properties } }: DetectionContext): ReadonlyArray<readonly [string, Evidence]> {
  const signs: Array<readonly [string, Evidence]> = []
  if (os?.testKeys === true) signs.push(['it is signed with keys that everybody has', { path: 'os.testKeys', value: true }])
  if (os?.verifiedBootState === 'yellow') signs.push(['it is signed with a key that was put on the phone later', { path: 'os.verifiedBootState', value: 'yellow' }])
  const unknown = integrity?.reasons?.indexOf('UNKNOWN_OS') ?? -1
  if (unknown >= 0) signs.push(['Google does not know it', { path: `integrity.reasons[${unknown}]`, value: 'UNKNOWN_OS' }])
  for (const [property, name] of CUSTOM_SYSTEMS) {
    const value = properties?.[property]
    if (value !== undefined && value !== '') signs.push([`it is ${name}`, { path: keyed('properties', property), value }])
  }
  return signs
}

export const osUnknownBuild: Detection = {
  id: 'os-unknown-build',
  version: 1,
  category: 'os',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1645', 'T1474.002'],
  raisesLevel: true,
  description: 'The phone runs a system that is not its maker\'s: a build with public test keys, one signed with a key of the owner (verified boot `yellow`), one that Google does not know (`UNKNOWN_OS`), or a custom system that names itself. An organisation that admits such systems switches this off for their group.',
  sections: ['os', 'integrity', 'properties'],
  needs: ['os.testKeys', 'os.verifiedBootState', 'integrity.reasons', 'properties'],
  remediation: {
    user: 'Have the maker\'s original system installed again (this erases the phone); until then company data stays locked.',
    admin: 'Have the stock firmware installed and the bootloader locked, then enrol again.'
  },
  examples: [
    { name: 'a build with test keys', platform: 'android', report: { os: { testKeys: true } }, finds: ['build high'] },
    { name: 'Google does not know the system', platform: 'android', report: { integrity: { reasons: ['UNKNOWN_OS'], attestation: { kind: 'play-integrity', verdict: 'basic' } } }, finds: ['build high'] },
    { name: 'a custom system that locked its own key in', platform: 'android', report: { os: { testKeys: false, verifiedBootState: 'yellow' }, properties: { 'ro.lineage.version': '22.1' } }, finds: ['build high'] },
    { name: 'the maker\'s system', platform: 'android', report: { os: { testKeys: false, verifiedBootState: 'green' } }, finds: [] },
    { name: 'an unlocked bootloader is another matter', platform: 'android', report: { os: { testKeys: false, verifiedBootState: 'orange' } }, finds: [] },
    { name: 'nothing told', platform: 'android', report: { os: { version: '15' } }, finds: 'unknown' }
  ],

  detect (context) {
    const signs = findSigns(context)
    return signs.length === 0
      ? []
      : [{ subject: 'build', title: `The system is not its maker's: ${signs.map(([words]) => words).join(', ')}.`, evidence: signs.map(([, evidence]) => evidence) }]
  }
}
