import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { matchOf, vulnerableApps } from '../../facts/vulnerable-apps.js'

export const appKevVulnerable: Detection = {
  id: 'app-kev-vulnerable',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1658', 'T1664'],
  raisesLevel: true,
  description: 'The installed version of an app has a hole that attackers are known to use: it is in CISA\'s Known Exploited Vulnerabilities, or the feed that names the versions says so. One finding an app. An app of unknown version, or one that is disabled, proves nothing.',
  sections: ['apps'],
  needs: ['apps'],
  remediation: {
    user: 'Update the app in the store today. Until then do not open it. If there is no update, uninstall it.',
    admin: 'Push the update by management today. If there is none, have the app removed; look at what it could reach.'
  },
  examples: [],

  detect (context) {
    return vulnerableApps(context).flatMap(({ app, holes }) => {
      const exploited = holes.filter((hole) => hole.exploited)
      return exploited.length === 0 ? [] : [matchOf(app, exploited, exploited.length === 1 ? 'a hole that attackers are known to use' : `${exploited.length} holes that attackers are known to use`)]
    })
  }
}
