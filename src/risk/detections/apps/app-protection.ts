import type { Detection } from '../../detection.js'
import { appsWith } from '../../facts/app-facts.js'
import { appEvidence, describeApp } from '../../facts/app-matches.js'
import { isAllowedApp } from '../../facts/organisation.js'
import { ALL_PLATFORMS, ANDROID } from '../../facts/platforms.js'

export const appSecurityDisabled: Detection = {
  id: 'app-security-disabled',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1629.003'],
  raisesLevel: true,
  description: 'An app that protects the phone, of its maker or of a well-known vendor, is switched off. What an agent sees from within a work profile says nothing about the phone: there such apps are off as a rule.',
  sections: ['apps', 'agent'],
  needs: ['apps.enabled'],
  remediation: {
    user: 'Switch the app on again: Settings, then Apps, then the app, then Enable.',
    admin: 'Ask who switched it off: malware does, and so do people who find it slow. Allow it in the policy where the phone has other protection.'
  },
  examples: [
    { name: 'Samsung\'s protection is off', platform: 'android', report: { apps: [{ appId: 'com.samsung.android.sm.devicesecurity', system: true, enabled: false }] }, finds: ['com.samsung.android.sm.devicesecurity medium'] },
    { name: 'it is on', platform: 'android', report: { apps: [{ appId: 'com.samsung.android.sm.devicesecurity', system: true, enabled: true }] }, finds: [] },
    { name: 'another app is off', platform: 'android', report: { apps: [{ appId: 'com.facebook.appmanager', system: true, enabled: false }] }, finds: [] },
    { name: 'seen from within a work profile', platform: 'android', report: { agent: { scope: 'work-profile' }, apps: [{ appId: 'com.samsung.android.sm.devicesecurity', system: true, enabled: false }] }, finds: [] },
    { name: 'nobody says what is switched off', platform: 'android', report: { apps: [{ appId: 'com.samsung.android.sm.devicesecurity' }] }, finds: 'unknown' }
  ],

  detect: ({ state, policy }) => state.agent?.scope === 'work-profile'
    ? []
    : appsWith(state, 'securityOff').filter((app) => !isAllowedApp(policy, app)).map((app) => ({
      subject: app.appId,
      title: `${describeApp(app)} protects the phone and is switched off.`,
      evidence: appEvidence(app, 'enabled')
    }))
}

export const appAgentTampered: Detection = {
  id: 'app-agent-tampered',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1629.003', 'T1645'],
  raisesLevel: true,
  description: 'The agent on the phone finds itself changed: its signature or its check at run time fails. What it says cannot be trusted any more.',
  sections: ['agent'],
  needs: ['agent.tampered'],
  remediation: {
    user: 'Uninstall the security app and install it again from the store your organisation named.',
    admin: 'Trust nothing that this phone reports. Have the agent installed again and the phone attested; investigate when it happens again.'
  },
  examples: [
    { name: 'the agent\'s own check fails', platform: 'ios', report: { agent: { tampered: true } }, finds: ['agent high'] },
    { name: 'the check passes', platform: 'android', report: { agent: { tampered: false } }, finds: [] },
    { name: 'the agent does not check itself', platform: 'android', report: { agent: { version: '1.0' } }, finds: 'unknown' }
  ],

  detect: ({ state: { agent } }) => agent?.tampered !== true
    ? []
    : [{ subject: 'agent', title: 'The agent on the phone was tampered with: what it reports cannot be trusted.', evidence: [{ path: 'agent.tampered', value: true }] }]
}

const HOOKS = { integrity: { hooks: ['frida'] } }
const LSPOSED = { appId: 'org.lsposed.manager', system: false, installer: null } as const

export const appHookingFramework: Detection = {
  id: 'app-hooking-framework',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1617'],
  raisesLevel: true,
  description: 'A framework that changes other apps while they run (Xposed, LSPosed, Frida, Substrate). High when two facts agree: its app is installed and the agent finds its traces in memory; medium with one of them alone, for apps are named alike and testers leave traces.',
  sections: ['apps', 'integrity'],
  needs: ['apps', 'integrity.hooks'],
  remediation: {
    user: 'Remove the framework and restart the phone. If you test apps for work, use another phone for that.',
    admin: 'Have the framework removed; where the phone is rooted, restore the stock system. Give testers phones without company data.'
  },
  examples: [
    { name: 'installed, and found in memory', platform: 'android', report: { ...HOOKS, apps: [LSPOSED] }, finds: ['org.lsposed.manager high'] },
    { name: 'installed alone', platform: 'android', report: { apps: [LSPOSED] }, finds: ['org.lsposed.manager medium'] },
    { name: 'traces alone', platform: 'android', report: HOOKS, finds: ['frida medium'] },
    { name: 'the organisation\'s testers', platform: 'android', report: { apps: [LSPOSED] }, policy: { apps: { allow: ['org.lsposed.manager'] } }, finds: [] },
    { name: 'nothing hooks', platform: 'android', report: { integrity: { hooks: [] }, apps: [] }, finds: [] },
    { name: 'nobody looked', platform: 'android', report: {}, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    const hooks = state.integrity?.hooks ?? []
    const apps = appsWith(state, 'hooking-framework').filter((app) => !isAllowedApp(policy, app))
    const traces = hooks.map((value, index) => ({ path: `integrity.hooks[${index}]`, value }))
    if (apps.length === 0) {
      return hooks.map((hook, index) => ({ subject: hook, title: `Something changes apps on the phone while they run: traces of ${hook} are in memory.`, evidence: [traces[index]!], severity: 'medium' as const }))
    }
    return apps.map((app) => ({
      subject: app.appId,
      title: `${describeApp(app)} changes other apps while they run${hooks.length === 0 ? '' : `; traces of ${hooks.join(', ')} are in memory`}.`,
      evidence: [...appEvidence(app, 'appId', 'system'), ...traces],
      severity: hooks.length === 0 ? 'medium' as const : 'high' as const
    }))
  }
}
