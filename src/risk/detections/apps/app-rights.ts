import { SIDELOAD_INSTALLERS, THIRD_PARTY_STORES } from '../../data/app-installers.js'
import { HARMLESS_ACCESSIBILITY, HARMLESS_ADMINS, HARMLESS_LISTENERS, HARMLESS_OVERLAYS, MANAGEMENT_AGENTS } from '../../data/trusted-helpers.js'
import type { Detection, DetectionContext, Match } from '../../detection.js'
import { appsWith } from '../../facts/app-facts.js'
import { describeApp } from '../../facts/app-matches.js'
import { rightHolders, roundTheStores, type RightHolder } from '../../facts/app-rights.js'
import { keyed } from '../../facts/intel-entries.js'
import { isAllowedAccessibility } from '../../facts/organisation.js'
import { ANDROID } from '../../facts/platforms.js'

const APP = { appId: 'com.example.torch', system: false, installer: 'com.android.vending' } as const
const SIDELOADED = { ...APP, installer: null } as const
const allow = { apps: { allow: [APP.appId] } }
const SETTLED = 'Apps that come with the phone, that management installed or that the organisation allows are not meant.'
const HARMLESS_INSTALLERS: ReadonlySet<string> = new Set([...MANAGEMENT_AGENTS, ...THIRD_PARTY_STORES.keys(), ...SIDELOAD_INSTALLERS.keys()])
const NOTHING: readonly Match[] = []

const nameOf = ({ appId, app }: RightHolder): string => describeApp(app ?? { appId })

/** One match a package. */
function matchesOf (holders: readonly RightHolder[], does: string, severity: (holder: RightHolder) => Match['severity']): readonly Match[] {
  return holders.length === 0
    ? NOTHING
    : holders.map((holder) => {
      const own = severity(holder)
      return { subject: holder.appId, title: `${nameOf(holder)}${roundTheStores(holder)} ${does}.`, evidence: holder.evidence, ...(own === undefined ? {} : { severity: own }) }
    })
}

export const appAccessibilityService: Detection = {
  id: 'app-accessibility-service',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1453', 'T1516'],
  raisesLevel: true,
  description: `An app may read and press everything on the screen as an accessibility service, and is neither a known help for people with disabilities, manager of passwords, protection or agent of management, nor on the organisation's list (\`accessibility.allow\`). A known one that came from no store is meant: it may be an imitation. ${SETTLED}`,
  sections: ['config', 'apps'],
  needs: ['config.accessibilityServices'],
  remediation: {
    user: 'If you do not need this app to operate the phone, switch it off in Settings, Accessibility, and uninstall it.',
    admin: 'Ask the user, without haste, whether the app is a help that he needs: then allow it (`accessibility.allow`). Else have it removed.'
  },
  examples: [
    { name: 'an unknown service', platform: 'android', report: { apps: [APP], config: { accessibilityServices: [`${APP.appId}/.HelpService`] } }, finds: [`${APP.appId} medium`] },
    { name: 'the list of apps is withheld', platform: 'android', report: { config: { accessibilityServices: [`${APP.appId}/.HelpService`] } }, finds: [`${APP.appId} medium`] },
    { name: 'a screen reader and a manager of passwords', platform: 'android', report: { config: { accessibilityServices: ['com.google.android.marvin.talkback/com.google.android.marvin.talkback.TalkBackService', 'com.x8bit.bitwarden/com.x8bit.bitwarden.Accessibility.AccessibilityService'] } }, finds: [] },
    { name: 'an imitation of one from a file', platform: 'android', report: { apps: [{ ...SIDELOADED, appId: 'com.x8bit.bitwarden' }], config: { accessibilityServices: ['com.x8bit.bitwarden/.Service'] } }, finds: ['com.x8bit.bitwarden medium'] },
    { name: 'the phone\'s own', platform: 'android', report: { apps: [{ appId: 'com.maker.assist', system: true }], config: { accessibilityServices: ['com.maker.assist/.Service', 'com.samsung.android.bixby.agent/.Service'] } }, finds: [] },
    { name: 'the organisation allows the service', platform: 'android', report: { apps: [APP], config: { accessibilityServices: [`${APP.appId}/.HelpService`] } }, policy: { accessibility: { allow: [APP.appId] } }, finds: [] },
    { name: 'management installed it', platform: 'android', report: { apps: [{ ...APP, managed: true }], config: { accessibilityServices: [`${APP.appId}/.HelpService`] } }, finds: [] },
    { name: 'none is switched on', platform: 'android', report: { apps: [APP], config: { accessibilityServices: [] } }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect (context) {
    const { state, policy } = context
    const services = state.config?.accessibilityServices
    const holders = rightHolders(context, 'config.accessibilityServices', services, HARMLESS_ACCESSIBILITY)
      .filter(({ evidence }) => !isAllowedAccessibility(policy, String(evidence[0]!.value)))
    return matchesOf(holders, 'may read and press everything on the screen as an accessibility service', () => undefined)
  }
}

/** Who may draw over other apps: as the phone lists them, else by their permissions. */
function overlayHolders (context: DetectionContext): readonly RightHolder[] {
  const { state } = context
  const listed = state.config?.overlayApps
  if (listed !== undefined) return rightHolders(context, 'config.overlayApps', listed, HARMLESS_OVERLAYS)
  const apps = appsWith(state, 'mayOverlay')
  return apps.length === 0 ? [] : rightHolders(context, 'apps.permissions', apps.map(({ appId }) => appId), HARMLESS_OVERLAYS).map((holder) => ({ ...holder, evidence: permissionEvidence(holder, 'SYSTEM_ALERT_WINDOW') }))
}

/** The permission itself, in place of the list that was made up from it. */
function permissionEvidence ({ app, evidence }: RightHolder, name: string): RightHolder['evidence'] {
  const index = app?.permissions?.indexOf(`android.permission.${name}`) ?? -1
  return [...(index === -1 ? [] : [{ path: `${keyed('apps.items', app!.appId)}.permissions[${index}]`, value: `android.permission.${name}` }]), ...evidence.slice(1)]
}

export const appOverlay: Detection = {
  id: 'app-overlay',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1417.002'],
  raisesLevel: true,
  description: `An app may draw over others, so that it can put false pages over them; medium when it came from no store. Known helps, managers of passwords, protection and agents of management are not meant. Where Play Integrity says only that an unknown app draws over others, without its name, that is told as \`unknown-overlays\`. ${SETTLED}`,
  sections: ['config', 'apps', 'integrity'],
  needs: ['config.overlayApps', 'apps.permissions', 'integrity.appAccessRisk'],
  remediation: { user: 'In the settings, under special access, take the right to appear on top from apps that do not need it.', admin: 'Ask what the app draws; have it removed, or allow it.' },
  examples: [
    { name: 'from Google Play', platform: 'android', report: { apps: [APP], config: { overlayApps: [APP.appId] } }, finds: [`${APP.appId} low`] },
    { name: 'from a file', platform: 'android', report: { apps: [SIDELOADED], config: { overlayApps: [APP.appId] } }, finds: [`${APP.appId} medium`] },
    { name: 'told by its permissions', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: ['android.permission.SYSTEM_ALERT_WINDOW'] }] }, finds: [`${APP.appId} medium`] },
    { name: 'the permission was asked for, and the phone says that it has not got it', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: ['android.permission.SYSTEM_ALERT_WINDOW'] }], config: { overlayApps: [] } }, finds: [] },
    { name: 'Play Integrity tells of one without a name', platform: 'android', report: { integrity: { appAccessRisk: ['known-installed', 'unknown-overlays'] } }, finds: ['unknown-overlays low'] },
    { name: 'the phone\'s own, and one of the organisation', platform: 'android', report: { apps: [{ appId: 'com.maker.edge', system: true }, APP], config: { overlayApps: ['com.maker.edge', APP.appId] } }, policy: allow, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect (context) {
    const holders = overlayHolders(context)
    const named = matchesOf(holders, 'may draw over other apps', ({ isSideloaded }) => isSideloaded ? 'medium' : 'low')
    const index = holders.length > 0 ? -1 : context.state.integrity?.appAccessRisk?.indexOf('unknown-overlays') ?? -1
    return index === -1
      ? named
      : [{ subject: 'unknown-overlays', title: 'Play Integrity says that an app from outside Google Play may draw over others; it does not say which.', evidence: [{ path: `integrity.appAccessRisk[${index}]`, value: 'unknown-overlays' }] }]
  }
}

export const appNotificationListener: Detection = {
  id: 'app-notification-listener',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1517'],
  raisesLevel: true,
  description: `An app may read all notifications, with the codes and messages in them. Companions of watches and cars, launchers, protection and agents of management that are well known are not meant, unless one came from no store. ${SETTLED}`,
  sections: ['config', 'apps'],
  needs: ['config.notificationListeners'],
  remediation: { user: 'In the settings, under special access, take the access to notifications from apps that do not need it.', admin: 'Ask what the app reads notifications for; have it removed, or allow it.' },
  examples: [
    { name: 'an unknown app', platform: 'android', report: { apps: [APP], config: { notificationListeners: [`${APP.appId}/.Listener`] } }, finds: [`${APP.appId} low`] },
    { name: 'a watch\'s companion and the phone\'s launcher', platform: 'android', report: { apps: [{ appId: 'com.maker.launcher', system: true }], config: { notificationListeners: ['com.garmin.android.apps.connectmobile', 'com.maker.launcher/.Badges'] } }, finds: [] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [APP], config: { notificationListeners: [APP.appId] } }, policy: allow, finds: [] },
    { name: 'none', platform: 'android', report: { config: { notificationListeners: [] } }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect (context) {
    return matchesOf(rightHolders(context, 'config.notificationListeners', context.state.config?.notificationListeners, HARMLESS_LISTENERS), 'may read all notifications', () => undefined)
  }
}

export const appDeviceAdmin: Detection = {
  id: 'app-device-admin',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1626.001', 'T1629.001'],
  raisesLevel: true,
  description: `An app is a device administrator: it can lock or wipe the phone and resists being uninstalled. The phone's management (also as the phone itself names it), protection and mail apps that are well known are not meant, unless one came from no store. ${SETTLED}`,
  sections: ['config', 'apps'],
  needs: ['config.deviceAdmins'],
  remediation: { user: 'In the settings, under device admin apps, switch the app off. Then uninstall it.', admin: 'Have the administrator switched off and the app removed, or allow it.' },
  examples: [
    { name: 'an unknown administrator', platform: 'android', report: { apps: [APP], config: { deviceAdmins: [`${APP.appId}/.Admin`] } }, finds: [`${APP.appId} medium`] },
    { name: 'management, and mail', platform: 'android', report: { config: { deviceAdmins: ['com.microsoft.windowsintune.companyportal', 'com.microsoft.office.outlook/.Admin'] } }, finds: [] },
    { name: 'the management that the phone names', platform: 'android', report: { apps: [APP], config: { deviceAdmins: [APP.appId], managedBy: { identifier: APP.appId } } }, finds: [] },
    { name: 'an imitation of an agent from a file', platform: 'android', report: { apps: [{ ...SIDELOADED, appId: 'com.airwatch.androidagent' }], config: { deviceAdmins: ['com.airwatch.androidagent'] } }, finds: ['com.airwatch.androidagent medium'] },
    { name: 'none', platform: 'android', report: { config: { deviceAdmins: [] } }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect (context) {
    const { config } = context.state
    const holders = rightHolders(context, 'config.deviceAdmins', config?.deviceAdmins, HARMLESS_ADMINS).filter(({ appId }) => appId !== config?.managedBy?.identifier)
    return matchesOf(holders, 'is a device administrator: it can lock and wipe the phone', () => undefined)
  }
}

export const appInstallPackages: Detection = {
  id: 'app-install-packages',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1544'],
  raisesLevel: true,
  description: `An app may install others. Stores, browsers, file managers and agents of management that are well known are not meant, unless one came from no store; that the phone installs apps from files at all is told by \`dev-unknown-sources\`. ${SETTLED}`,
  sections: ['config', 'apps'],
  needs: ['config.installSources', 'apps.permissions'],
  remediation: { user: 'In the settings, under installing unknown apps, take this right from the app.', admin: 'Ask why the app installs others; have it removed, or allow it.' },
  examples: [
    { name: 'an unknown app', platform: 'android', report: { apps: [APP], config: { installSources: [APP.appId] } }, finds: [`${APP.appId} low`] },
    { name: 'told by its permissions', platform: 'android', report: { apps: [{ ...APP, permissions: ['android.permission.REQUEST_INSTALL_PACKAGES'] }] }, finds: [`${APP.appId} low`] },
    { name: 'a browser and a store', platform: 'android', report: { apps: [{ ...APP, appId: 'org.mozilla.firefox' }, { ...APP, appId: 'cm.aptoide.pt' }], config: { installSources: ['org.mozilla.firefox', 'cm.aptoide.pt'] } }, finds: [] },
    { name: 'the phone\'s own', platform: 'android', report: { apps: [{ appId: 'com.maker.files', system: true }], config: { installSources: ['com.maker.files'] } }, finds: [] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [APP], config: { installSources: [APP.appId] } }, policy: allow, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect (context) {
    const { state } = context
    const listed = state.config?.installSources
    if (listed !== undefined) return matchesOf(rightHolders(context, 'config.installSources', listed, HARMLESS_INSTALLERS), 'may install other apps', () => undefined)
    const apps = appsWith(state, 'mayInstall')
    if (apps.length === 0) return NOTHING
    return matchesOf(rightHolders(context, 'apps.permissions', apps.map(({ appId }) => appId), HARMLESS_INSTALLERS).map((holder) => ({ ...holder, evidence: permissionEvidence(holder, 'REQUEST_INSTALL_PACKAGES') })), 'may install other apps', () => undefined)
  }
}
