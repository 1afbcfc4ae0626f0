import type { AppVulnerability } from '../../../intel/vulnerabilities/vulnerability.js'
import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { matchOf, scoreOf, vulnerableApps } from '../../facts/vulnerable-apps.js'

/** Where FIRST's scale for CVSS begins with "high". */
const LEAST_SCORE = 7

const APP = { appId: 'com.example.browser', version: '2.0' } as const
const HOLE: AppVulnerability = { appId: APP.appId, cve: 'CVE-2026-0001', feed: 'nvd', severity: 'high', cvss: 8.8, exploited: false, kevDateAdded: null, kevDueDate: null, references: [], fixedIn: '2.1' }

export const appVulnerable: Detection = {
  id: 'app-vulnerable',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1658'],
  raisesLevel: true,
  description: 'The installed version of an app has a known grave hole: CVSS 7 or more, or where a feed has no score, high or critical. Feeds name the versions by app id. One finding an app; holes that are known to be used are told by `app-kev-vulnerable`. An app of unknown version, or one that is disabled, proves nothing.',
  sections: ['apps'],
  needs: ['apps'],
  remediation: {
    user: 'Update the app in the store. If there is no update, uninstall it.',
    admin: 'Push the update by management. If there is none, have the app removed until there is.'
  },
  examples: [
    { name: 'a grave hole', platform: 'android', report: { apps: [APP] }, appVulnerabilities: [HOLE], finds: ['com.example.browser medium'] },
    { name: 'a hole that is known to be used is another detection', platform: 'android', report: { apps: [APP] }, appVulnerabilities: [{ ...HOLE, exploited: true }], finds: [] },
    { name: 'a hole of medium gravity', platform: 'ios', report: { apps: [APP] }, appVulnerabilities: [{ ...HOLE, cvss: 6.9 }], finds: [] },
    { name: 'the app is switched off', platform: 'android', report: { apps: [{ ...APP, enabled: false }] }, appVulnerabilities: [HOLE], finds: [] },
    { name: 'no list of apps', platform: 'android', report: {}, appVulnerabilities: [HOLE], finds: 'unknown' }
  ],

  detect (context) {
    return vulnerableApps(context).flatMap(({ app, holes }) => {
      const grave = holes.filter((hole) => !hole.exploited && scoreOf(hole) >= LEAST_SCORE)
      return grave.length === 0 ? [] : [matchOf(app, grave, grave.length === 1 ? 'a grave known hole' : `${grave.length} grave known holes`)]
    })
  }
}
