import { SIDELOAD_INSTALLERS, THIRD_PARTY_STORES } from '../../data/app-installers.js'
import type { Detection } from '../../detection.js'
import { appsWith } from '../../facts/app-facts.js'
import { appEvidence, describeApp } from '../../facts/app-matches.js'
import { isAllowedApp, isTrustedStore } from '../../facts/organisation.js'
import { ANDROID } from '../../facts/platforms.js'

const APP = { appId: 'com.example.torch', system: false } as const
const BY_ADB = { ...APP, installer: null, installInitiator: 'com.android.shell' } as const

export const appSideloaded: Detection = {
  id: 'app-sideloaded',
  version: 2,
  category: 'app',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1632.001'],
  raisesLevel: true,
  description: 'An app did not come from a store: Android knows of no installer, or the installer is a browser, a file manager, a messenger or the dialogue that installs files. What a computer installed (adb) is told by `app-adb-installed` alone, where Android says so. Apps that come with the phone, that management installed or that the organisation allows are not meant; an installer nobody reported is unknown and proves nothing.',
  sections: ['apps'],
  needs: ['apps.installer'],
  remediation: {
    user: 'Uninstall the app, or install it from the Play Store instead.',
    admin: 'Ask the user where the app came from. Have it replaced by the store\'s version, deploy it by management, or add it to the allowed apps of the policy.'
  },
  examples: [
    { name: 'no installer', platform: 'android', report: { apps: [{ ...APP, installer: null }] }, finds: [`${APP.appId} medium`] },
    { name: 'opened from a download', platform: 'android', report: { apps: [{ ...APP, installer: 'com.google.android.packageinstaller' }] }, finds: [`${APP.appId} medium`] },
    { name: 'from Google Play', platform: 'android', report: { apps: [{ ...APP, installer: 'com.android.vending' }] }, finds: [] },
    { name: 'apps of the firmware have no installer either', platform: 'android', report: { apps: [{ ...APP, system: true, installer: null }] }, finds: [] },
    { name: 'perhaps of the firmware', platform: 'android', report: { apps: [{ appId: APP.appId, installer: null }] }, finds: [] },
    { name: 'management brought it', platform: 'android', report: { apps: [{ ...APP, installer: null, managed: true }] }, finds: [] },
    { name: 'by a computer, which is another detection', platform: 'android', report: { apps: [BY_ADB] }, finds: [] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [{ ...APP, installer: null }] }, policy: { apps: { allow: [APP.appId] } }, finds: [] },
    { name: 'the organisation hands its apps out through a browser', platform: 'android', report: { apps: [{ ...APP, installer: 'com.microsoft.emmx' }] }, policy: { apps: { stores: ['com.microsoft.emmx'] } }, finds: [] },
    { name: 'nobody told the installer', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    return appsWith(state, 'sideloaded')
      .filter((app) => !isAllowedApp(policy, app) && !(typeof app.installer === 'string' && isTrustedStore(policy, app.installer)))
      .map((app) => ({
        subject: app.appId,
        title: typeof app.installer !== 'string'
          ? `The app ${app.appId} was not installed by a store: Android knows of no installer, so nobody vouches for it.`
          : `The app ${app.appId} was not installed by a store but through a ${SIDELOAD_INSTALLERS.get(app.installer)!} (${app.installer}), so nobody vouches for it.`,
        evidence: appEvidence(app, 'installer', 'system')
      }))
  }
}

export const appAdbInstalled: Detection = {
  id: 'app-adb-installed',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1458'],
  raisesLevel: true,
  description: 'A computer at the phone\'s cable or in its network installed an app by adb: Android names the shell as installer, or (Android 11 and later) as who asked for the installation. An app without any installer is told by `app-sideloaded`: it may have come by adb too, or its store is gone. Apps that come with the phone, that management installed or that the organisation allows are not meant.',
  sections: ['apps'],
  needs: ['apps.installer', 'apps.installInitiator'],
  remediation: {
    user: 'If you did not install this app from a computer yourself, uninstall it, switch USB debugging off, and tell your IT team who had the phone.',
    admin: 'Ask who connected the phone to a computer. Remove the app unless it is a developer\'s phone; revoke the trusted computers.'
  },
  examples: [
    { name: 'the shell asked for it', platform: 'android', report: { apps: [BY_ADB] }, finds: [`${APP.appId} medium`] },
    { name: 'the shell is its installer', platform: 'android', report: { apps: [{ ...APP, installer: 'com.android.shell' }] }, finds: [`${APP.appId} medium`] },
    { name: 'no installer: sideloaded, somehow', platform: 'android', report: { apps: [{ ...APP, installer: null }] }, finds: [] },
    { name: 'a phone maker\'s test app', platform: 'android', report: { apps: [{ ...BY_ADB, system: true }] }, finds: [] },
    { name: 'the organisation\'s own app in development', platform: 'android', report: { apps: [BY_ADB] }, policy: { apps: { allow: ['com.example.*'] } }, finds: [] },
    { name: 'nobody told who installed it', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    return appsWith(state, 'byAdb').filter((app) => !isAllowedApp(policy, app)).map((app) => ({
      subject: app.appId,
      title: `${describeApp(app)} was installed by a computer through adb.`,
      evidence: appEvidence(app, 'installer', 'installInitiator', 'system')
    }))
  }
}

export const appThirdPartyStore: Detection = {
  id: 'app-third-party-store',
  version: 2,
  category: 'app',
  platforms: ANDROID,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'An app came from a store that the user chose himself, such as F-Droid or Aurora; recorded only. Stores and apps that the organisation allows are not meant.',
  sections: ['apps'],
  needs: ['apps.installer'],
  remediation: { user: 'Nothing has to be done.', admin: 'Nothing has to be done. Where it matters, forbid the apps or raise this detection.' },
  examples: [
    { name: 'from F-Droid', platform: 'android', report: { apps: [{ ...APP, installer: 'org.fdroid.fdroid' }] }, finds: [`${APP.appId} audit`] },
    { name: 'the organisation uses F-Droid', platform: 'android', report: { apps: [{ ...APP, installer: 'org.fdroid.fdroid' }] }, policy: { apps: { stores: ['org.fdroid.fdroid'] } }, finds: [] },
    { name: 'from a phone maker\'s store', platform: 'android', report: { apps: [{ ...APP, installer: 'com.sec.android.app.samsungapps' }] }, finds: [] },
    { name: 'nobody told the installer', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    return appsWith(state, 'fromThirdPartyStore')
      .filter((app) => !isAllowedApp(policy, app) && !isTrustedStore(policy, app.installer!))
      .map((app) => ({
        subject: app.appId,
        title: `${describeApp(app)} came from ${THIRD_PARTY_STORES.get(app.installer!)!}.`,
        evidence: appEvidence(app, 'installer')
      }))
  }
}
