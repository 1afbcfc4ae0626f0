import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const mgmtInventoryWithheld: Detection = {
  id: 'mgmt-inventory-withheld',
  version: 1,
  category: 'management',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'The list of apps is withheld, by the user\'s choice or by the mode of management, so that apps cannot be judged. An agent in the work profile of an Android phone tells the apps of that profile, which is all it is meant to see.',
  sections: ['agent'],
  needs: ['agent.appInventory'],
  remediation: {
    user: 'You do not need to do anything. Without the list of your apps we cannot warn you of dangerous ones; you can allow it in the security app.',
    admin: 'Explain to the user what is done with the list of apps, and what cannot be found without it.'
  },
  examples: [
    { name: 'the user does not agree', platform: 'ios', report: { agent: { appInventory: 'withheld' } }, finds: ['apps audit'] },
    { name: 'the whole list', platform: 'android', report: { agent: { appInventory: 'complete' } }, finds: [] },
    { name: 'all of the work profile', platform: 'android', report: { agent: { appInventory: 'complete', scope: 'work-profile' } }, finds: [] },
    { name: 'not told', platform: 'ios', report: { agent: { version: '3.1.0' } }, finds: 'unknown' }
  ],

  detect: ({ state: { agent } }) => agent?.appInventory !== 'withheld'
    ? []
    : [{
        subject: 'apps',
        title: 'The list of apps is withheld, so that apps cannot be judged.',
        evidence: [{ path: 'agent.appInventory', value: 'withheld' }]
      }]
}
