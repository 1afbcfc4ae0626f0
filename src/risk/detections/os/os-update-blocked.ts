import type { Detection } from '../../detection.js'
import { appsWith } from '../../facts/app-facts.js'
import { keyed } from '../../facts/intel-entries.js'
import { ANDROID } from '../../facts/platforms.js'

export const osUpdateBlocked: Detection = {
  id: 'os-update-blocked',
  version: 1,
  category: 'os',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1629.003'],
  raisesLevel: true,
  description: 'The system app that installs updates is switched off, so none will come. Only recorded on managed phones, where management may install updates itself. What an agent sees from within a work profile says nothing about the phone: there such apps are off as a rule.',
  sections: ['apps', 'agent', 'config'],
  needs: ['apps.enabled'],
  remediation: {
    user: 'Switch the app on again: Settings, then Apps, then the app, then Enable.',
    admin: 'Ask who switched the app off; it takes a computer or a management system. Then have updates installed.'
  },
  examples: [
    { name: 'Samsung\'s updater is off', platform: 'android', report: { apps: [{ appId: 'com.wssyncmldm', system: true, enabled: false }] }, finds: ['com.wssyncmldm medium'] },
    { name: 'on a phone that is managed', platform: 'android', report: { config: { managed: true }, apps: [{ appId: 'com.wssyncmldm', system: true, enabled: false }] }, finds: ['com.wssyncmldm audit'] },
    { name: 'seen from within a work profile', platform: 'android', report: { agent: { scope: 'work-profile' }, apps: [{ appId: 'com.wssyncmldm', system: true, enabled: false }] }, finds: [] },
    { name: 'another app is off', platform: 'android', report: { apps: [{ appId: 'com.facebook.appmanager', system: true, enabled: false }, { appId: 'com.google.android.gms', system: true, enabled: true }] }, finds: [] },
    { name: 'nobody says what is switched off', platform: 'android', report: { apps: [{ appId: 'com.wssyncmldm' }] }, finds: 'unknown' }
  ],

  detect ({ state }) {
    const { agent, config } = state
    if (agent?.scope === 'work-profile') return []
    return appsWith(state, 'updaterOff').map(({ appId }) => ({
      subject: appId,
      title: `The app ${appId}, which installs system updates, is switched off.`,
      evidence: [{ path: `${keyed('apps.items', appId)}.enabled`, value: false }],
      ...(config?.managed === true ? { severity: 'audit' as const } : {})
    }))
  }
}
