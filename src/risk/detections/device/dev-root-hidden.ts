import type { Detection, Evidence } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

/** Tools whose one purpose is that apps do not see root, by the names of their files and modules. */
const HIDES_ROOT = /magisk.?hide|shamiko|susfs|zygisk.?(?:assistant|denylist)|hide.?my.?(?:root|applist)|root.?cloak|hide.?root|tricky.?store|play.?integrity.?fix/i

export const devRootHidden: Detection = {
  id: 'dev-root-hidden',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1630.003'],
  raisesLevel: true,
  description: 'The agent\'s own check calls the phone clean, and a tool that hides root is on it: the two together mean that the phone is rooted and hides it. A tool on a phone that is known to be rooted, or of which nobody says, is dev-root-binary or app-root-enabler; a clean check against a failed attestation is cmp-attestation-conflict.',
  sections: ['integrity'],
  needs: ['integrity.rooted'],
  remediation: {
    user: 'Have the maker\'s original system installed again (this erases the phone); until then company data stays locked.',
    admin: 'Treat the phone as rooted: revoke sessions, have the stock system restored and the bootloader locked, then enrol again.'
  },
  examples: [
    { name: 'a module that hides root, on a phone that seems clean', platform: 'android', report: { integrity: { rooted: false, hooks: ['zygisk_shamiko'] } }, finds: ['zygisk_shamiko high'] },
    { name: 'MagiskHide', platform: 'android', report: { integrity: { rooted: false, rootBinaries: ['/system/bin/magiskhide'] } }, finds: ['/system/bin/magiskhide high'] },
    { name: 'on a phone that is known to be rooted it hides nothing', platform: 'android', report: { integrity: { rooted: true, rootBinaries: ['/system/bin/magiskhide'] } }, finds: [] },
    { name: 'a tool that does not hide', platform: 'android', report: { integrity: { rooted: false, rootBinaries: ['/system/xbin/busybox'] } }, finds: [] },
    { name: 'the agent gives no verdict', platform: 'android', report: { integrity: { rootBinaries: ['/system/bin/magiskhide'] } }, finds: 'unknown' }
  ],

  detect ({ state: { integrity } }) {
    if (integrity?.rooted !== false) return []
    const tools: Evidence[] = []
    for (const field of ['hooks', 'rootBinaries'] as const) {
      integrity[field]?.forEach((value, index) => { if (HIDES_ROOT.test(value)) tools.push({ path: `integrity.${field}[${index}]`, value }) })
    }
    return tools.map((tool) => ({
      subject: String(tool.value),
      title: `${String(tool.value)} hides root, so that the phone seems clean and is not.`,
      evidence: [tool, { path: 'integrity.rooted', value: false }]
    }))
  }
}
