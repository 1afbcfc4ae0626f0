import type { Detection } from '../../detection.js'
import { describeListing, entriesOf, evidenceOf, isVouchedFor, suspectApps } from '../../facts/app-suspects.js'
import { validityOf, weigh } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const appWatchware: Detection = {
  id: 'app-watchware',
  version: 2,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1430'],
  raisesLevel: true,
  description: 'An app that openly monitors a child or staff is installed. The organisation\'s list of allowed apps settles a match of the package name alone.',
  sections: ['apps'],
  needs: ['apps'],
  remediation: {
    user: 'Find out who installed this monitoring app. It can read what you do for work, so it cannot stay on a phone with company data.',
    admin: 'Confirm with the user who installed the app and why; remove it from work devices, or keep company data off the phone.'
  },
  examples: [],

  detect (context) {
    return suspectApps(context)
      .filter((suspect) => suspect.threatClass === 'watchware' && !isVouchedFor(context, suspect))
      .map((suspect) => ({
        subject: suspect.app.appId,
        title: `The app ${suspect.app.appId} monitors its user: ${describeListing(suspect)}.`,
        evidence: evidenceOf(suspect),
        intel: suspect.entry,
        severity: weigh(context, 'medium', entriesOf(suspect)),
        ...validityOf(suspect.entry)
      }))
  }
}
