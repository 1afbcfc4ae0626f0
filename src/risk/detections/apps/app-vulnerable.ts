import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { matchOf, scoreOf, vulnerableApps } from '../../facts/vulnerable-apps.js'

/** Where FIRST's scale for CVSS begins with "high". */
const LEAST_SCORE = 7

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
  examples: [],

  detect (context) {
    return vulnerableApps(context).flatMap(({ app, holes }) => {
      const grave = holes.filter((hole) => !hole.exploited && scoreOf(hole) >= LEAST_SCORE)
      return grave.length === 0 ? [] : [matchOf(app, grave, grave.length === 1 ? 'a grave known hole' : `${grave.length} grave known holes`)]
    })
  }
}
