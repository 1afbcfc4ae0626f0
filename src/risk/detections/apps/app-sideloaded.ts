import { SIDELOAD_INSTALLERS } from '../../data/app-installers.js'
import type { Detection } from '../../detection.js'
import { keyed } from '../../facts/intel-entries.js'
import { isAllowedApp } from '../../facts/organisation.js'
import { ANDROID } from '../../facts/platforms.js'

export const appSideloaded: Detection = {
  id: 'app-sideloaded',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1632.001'],
  raisesLevel: true,
  description: 'An app did not come from a store: Android knows of no installer, or the installer is a browser, a file manager, a messenger, adb or the dialogue that installs files. System apps and apps the organisation allows are not meant; an installer nobody reported is unknown and proves nothing.',
  sections: ['apps'],
  needs: ['apps.installer'],
  remediation: {
    user: 'Uninstall the app, or install it from the Play Store instead.',
    admin: 'Ask the user where the app came from. Have it replaced by the store\'s version, deploy it by management, or add it to the allowed apps of the policy.'
  },
  examples: [],

  detect ({ state, policy }) {
    return Object.values(state.apps?.items ?? {}).flatMap((app) => {
      const { appId, installer, system } = app
      // `system` must be known: apps of the firmware have no installer either.
      if (system !== false || installer === undefined || isAllowedApp(policy, app)) return []
      const kind = installer === null ? undefined : SIDELOAD_INSTALLERS.get(installer)
      if (installer !== null && kind === undefined) return []
      const place = keyed('apps.items', appId)
      return [{
        subject: appId,
        title: installer === null
          ? `The app ${appId} was not installed by a store: Android knows of no installer, so nobody vouches for it.`
          : `The app ${appId} was not installed by a store but through a ${kind} (${installer}), so nobody vouches for it.`,
        evidence: [{ path: `${place}.installer`, value: installer }, { path: `${place}.system`, value: system }]
      }]
    })
  }
}
