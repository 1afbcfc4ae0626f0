import type { Detection } from '../../detection.js'
import { describeListing, entriesOf, evidenceOf, isVouchedFor, suspectApps } from '../../facts/app-suspects.js'
import { validityOf, weigh } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const appAdware: Detection = {
  id: 'app-adware',
  version: 2,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1643'],
  raisesLevel: true,
  description: 'An app that is listed as adware is installed. The organisation\'s list of allowed apps settles a match of the package name alone.',
  sections: ['apps'],
  needs: ['apps'],
  remediation: {
    user: 'Uninstall the app.',
    admin: 'Have the app uninstalled; look for other apps of the same signer.'
  },
  examples: [],

  detect (context) {
    return suspectApps(context)
      .filter((suspect) => suspect.threatClass === 'adware' && !isVouchedFor(context, suspect))
      .map((suspect) => ({
        subject: suspect.app.appId,
        title: `The app ${suspect.app.appId} is adware: ${describeListing(suspect)}.`,
        evidence: evidenceOf(suspect),
        intel: suspect.entry,
        severity: weigh(context, 'low', entriesOf(suspect)),
        ...validityOf(suspect.entry)
      }))
  }
}
