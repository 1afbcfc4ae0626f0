import type { App } from '../../../telemetry/report.js'
import type { Detection, Match } from '../../detection.js'
import { appsWith, factsOfInventory, hasTrait } from '../../facts/app-facts.js'
import { appEvidence, describeApp } from '../../facts/app-matches.js'
import { isDebugSubject, publicKeyOf } from '../../facts/app-traits.js'
import { isAllowedApp } from '../../facts/organisation.js'
import { ALL_PLATFORMS, ANDROID } from '../../facts/platforms.js'

const APP = { appId: 'com.example.torch', system: false } as const
const allow = { apps: { allow: [APP.appId] } }
const SETTLED = 'Apps that come with the phone, that management installed or that the organisation allows are not meant.'
const NOTHING: readonly Match[] = []

function signedBy (app: App): string {
  return app.signingCertSubjects?.some(isDebugSubject) === true ? 'a developer\'s debug key' : 'a key that everybody has (the Android project publishes it)'
}

export const appDebugCertificate: Detection = {
  id: 'app-debug-certificate',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1632.001'],
  raisesLevel: true,
  description: `An app is signed with a debug key: its certificate names \`CN=Android Debug\`, or is one of the test keys that the Android project publishes. No store takes such an app, and anybody can sign the next version. ${SETTLED}`,
  sections: ['apps'],
  needs: ['apps.signingCertSubjects', 'apps.signingCertSha256', 'apps.signingCertSha1'],
  remediation: { user: 'Uninstall the app, or install the version of the store.', admin: 'Have test builds removed from work phones; sign your own apps with a key of your own.' },
  examples: [
    { name: 'a developer\'s debug key', platform: 'android', report: { apps: [{ ...APP, signingCertSubjects: ['CN=Android Debug, O=Android, C=US'] }] }, finds: [`${APP.appId} low`] },
    { name: 'a test key of the Android project', platform: 'android', report: { apps: [{ ...APP, signingCertSha256: ['a40da80a59d170caa950cf15c18c454d47a39b26989d8b640ecd745ba71bf5dc'] }] }, finds: [`${APP.appId} low`] },
    { name: 'a maker\'s app with that test key', platform: 'android', report: { apps: [{ ...APP, system: true, signingCertSha256: ['a40da80a59d170caa950cf15c18c454d47a39b26989d8b640ecd745ba71bf5dc'] }] }, finds: [] },
    { name: 'the organisation\'s own test build', platform: 'android', report: { apps: [{ ...APP, signingCertSubjects: ['CN=Android Debug,O=Android,C=US'] }] }, policy: allow, finds: [] },
    { name: 'a maker with debug in the name', platform: 'android', report: { apps: [{ ...APP, signingCertSubjects: ['CN=Android Debugging Experts, O=Example'] }] }, finds: [] },
    { name: 'nobody told of certificates', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    return appsWith(state, 'debugKey').filter((app) => !isAllowedApp(policy, app)).map((app) => {
      const publicKey = publicKeyOf(app)
      const field = publicKey === undefined ? undefined : app.signingCertSha256?.includes(publicKey) === true ? 'signingCertSha256' : 'signingCertSha1'
      return {
        subject: app.appId,
        title: `${describeApp(app)} is signed with ${signedBy(app)}.`,
        evidence: appEvidence(app, ...(field === undefined ? ['signingCertSubjects'] as const : [field] as const))
      }
    })
  }
}

export const appDebuggable: Detection = {
  id: 'app-debuggable',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1631.001'],
  raisesLevel: true,
  description: `An app lets debuggers into it (Android's debuggable flag, iOS's get-task-allow): who holds the phone or a cable can read what it knows and change what it does. ${SETTLED}`,
  sections: ['apps'],
  needs: ['apps.debuggable'],
  remediation: { user: 'Install the normal version of the app.', admin: 'Have the test build replaced by a release.' },
  examples: [
    { name: 'a test build', platform: 'android', report: { apps: [{ ...APP, debuggable: true }] }, finds: [`${APP.appId} low`] },
    { name: 'a developer\'s build on an iPhone', platform: 'ios', report: { apps: [{ appId: APP.appId, debuggable: true }] }, finds: [`${APP.appId} low`] },
    { name: 'a release', platform: 'android', report: { apps: [{ ...APP, debuggable: false }] }, finds: [] },
    { name: 'management installed it', platform: 'android', report: { apps: [{ ...APP, debuggable: true, managed: true }] }, finds: [] },
    { name: 'the phone\'s own', platform: 'android', report: { apps: [{ ...APP, debuggable: true, system: true }] }, finds: [] },
    { name: 'the organisation\'s own test build', platform: 'android', report: { apps: [{ ...APP, debuggable: true }] }, policy: allow, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect ({ platform, state, policy }) {
    // On Android an app must be known to be no part of the system.
    return appsWith(state, 'debuggable').filter((app) => !isAllowedApp(policy, app) && (platform !== 'android' || app.system === false)).map((app) => ({
      subject: app.appId,
      title: `${describeApp(app)} lets debuggers into it.`,
      evidence: appEvidence(app, 'debuggable', 'system')
    }))
  }
}

export const appTargetSdkOld: Detection = {
  id: 'app-target-sdk-old',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'low',
  attack: [],
  raisesLevel: true,
  description: `An app says that it was made for a very old Android (\`oldTargetSdk\` of the thresholds), so that Android asks for no permission while it runs and keeps fewer of its rules. Malware does it on purpose. ${SETTLED}`,
  sections: ['apps'],
  needs: ['apps.targetSdk'],
  remediation: { user: 'Update the app. If there is no newer version, uninstall it.', admin: 'Have the app replaced.' },
  examples: [
    { name: 'made for Android 5', platform: 'android', report: { apps: [{ ...APP, targetSdk: 22 }] }, finds: [`${APP.appId} low`] },
    { name: 'just new enough', platform: 'android', report: { apps: [{ ...APP, targetSdk: 23 }] }, finds: [] },
    { name: 'the organisation asks for more', platform: 'android', report: { apps: [{ ...APP, targetSdk: 28 }] }, policy: { thresholds: { oldTargetSdk: 29 } }, finds: [`${APP.appId} low`] },
    { name: 'a part of the system', platform: 'android', report: { apps: [{ ...APP, targetSdk: 19, system: true }] }, finds: [] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [{ ...APP, targetSdk: 22 }] }, policy: allow, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect ({ state: { apps }, policy }) {
    const least = policy.thresholds.oldTargetSdk
    if (apps === undefined || factsOfInventory(apps).leastTargetSdk >= least) return NOTHING
    return factsOfInventory(apps).apps
      .filter(({ app }) => app.targetSdk !== undefined && app.targetSdk < least && hasTrait(app, 'user') && !isAllowedApp(policy, app))
      .map(({ app }) => ({
        subject: app.appId,
        title: `${describeApp(app)} was made for a very old Android (API level ${app.targetSdk!}).`,
        evidence: appEvidence(app, 'targetSdk')
      }))
  }
}
