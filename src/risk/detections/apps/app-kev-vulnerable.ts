import type { AppVulnerability } from '../../../intel/vulnerabilities/vulnerability.js'
import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { matchOf, vulnerableApps } from '../../facts/vulnerable-apps.js'

const APP = { appId: 'com.example.browser', version: '2.0' } as const
const HOLE: AppVulnerability = { appId: APP.appId, cve: 'CVE-2026-0001', feed: 'nvd', severity: 'high', cvss: 8.8, exploited: true, kevDateAdded: null, kevDueDate: null, references: [], fixedIn: '2.1' }

export const appKevVulnerable: Detection = {
  id: 'app-kev-vulnerable',
  version: 2,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1658', 'T1456'],
  raisesLevel: true,
  description: 'The installed version of an app has a hole that attackers are known to use: it is in CISA\'s Known Exploited Vulnerabilities, or the feed that names the versions says so. One finding an app. An app of unknown version, or one that is disabled, proves nothing.',
  sections: ['apps'],
  needs: ['apps'],
  remediation: {
    user: 'Update the app in the store today. Until then do not open it. If there is no update, uninstall it.',
    admin: 'Push the update by management today. If there is none, have the app removed; look at what it could reach.'
  },
  examples: [
    { name: 'a hole that is known to be used', platform: 'android', report: { apps: [APP] }, appVulnerabilities: [HOLE], finds: ['com.example.browser high'] },
    { name: 'a hole of which no use is known', platform: 'android', report: { apps: [APP] }, appVulnerabilities: [{ ...HOLE, exploited: false }], finds: [] },
    { name: 'the app is switched off', platform: 'android', report: { apps: [{ ...APP, enabled: false }] }, appVulnerabilities: [HOLE], finds: [] },
    { name: 'no list of apps', platform: 'android', report: {}, appVulnerabilities: [HOLE], finds: 'unknown' }
  ],

  detect (context) {
    return vulnerableApps(context).flatMap(({ app, holes }) => {
      const exploited = holes.filter((hole) => hole.exploited)
      return exploited.length === 0 ? [] : [matchOf(app, exploited, exploited.length === 1 ? 'a hole that attackers are known to use' : `${exploited.length} holes that attackers are known to use`)]
    })
  }
}
