import type { Detection, DetectionContext } from '../../detection.js'
import type { App } from '../../../telemetry/report.js'
import { appsWith, hasTrait } from '../../facts/app-facts.js'
import { appEvidence, describeApp, isFromGoodStore } from '../../facts/app-matches.js'
import { isAllowedApp } from '../../facts/organisation.js'
import { ANDROID } from '../../facts/platforms.js'
import type { Severity } from '../../level.js'

const APP = { appId: 'com.example.torch', system: false, installer: 'com.android.vending' } as const
const SIDELOADED = { ...APP, installer: null } as const
const allow = { apps: { allow: [APP.appId] } }
const SETTLED = 'Apps that come with the phone, that management installed or that the organisation allows are not meant.'

function severityOf ({ policy }: DetectionContext, app: App): Severity {
  if (isFromGoodStore(policy, app)) return 'audit'
  return hasTrait(app, 'sideloaded') || hasTrait(app, 'byAdb') || hasTrait(app, 'fromThirdPartyStore') ? 'medium' : 'low'
}

export const appHiddenIcon: Detection = {
  id: 'app-hidden-icon',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1628.001'],
  raisesLevel: true,
  description: `An app that a person installed has no icon among the apps. Medium when it came from no store or from one that the user chose himself; low when nobody tells where it came from; only recorded when it came from a store that looks at what it offers, where plug-ins, watch faces and services have no icon either. ${SETTLED}`,
  sections: ['apps'],
  needs: ['apps.launcherIcon'],
  remediation: { user: 'Find the app in the settings, under all apps, and uninstall it if you do not know it. If you think that somebody watches you, ask for help on another device first.', admin: 'Ask the user, in person, what the app is. Have it removed, or allow it.' },
  examples: [
    { name: 'from a file', platform: 'android', report: { apps: [{ ...SIDELOADED, launcherIcon: false }] }, finds: [`${APP.appId} medium`] },
    { name: 'nobody told from where', platform: 'android', report: { apps: [{ appId: APP.appId, system: false, launcherIcon: false }] }, finds: [`${APP.appId} low`] },
    { name: 'a watch face from Google Play', platform: 'android', report: { apps: [{ ...APP, launcherIcon: false }] }, finds: [`${APP.appId} audit`] },
    { name: 'a part of the system', platform: 'android', report: { apps: [{ appId: 'com.maker.service', system: true, launcherIcon: false }] }, finds: [] },
    { name: 'management\'s own', platform: 'android', report: { apps: [{ ...SIDELOADED, launcherIcon: false, managed: true }] }, finds: [] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [{ ...SIDELOADED, launcherIcon: false }] }, policy: allow, finds: [] },
    { name: 'with an icon', platform: 'android', report: { apps: [{ ...SIDELOADED, launcherIcon: true }] }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [SIDELOADED] }, finds: 'unknown' }
  ],

  detect (context) {
    const { state, policy } = context
    return appsWith(state, 'hidden').filter((app) => !isAllowedApp(policy, app)).map((app) => ({
      subject: app.appId,
      title: `${describeApp(app)} has no icon among the apps.`,
      evidence: appEvidence(app, 'launcherIcon', 'installer', 'system'),
      severity: severityOf(context, app)
    }))
  }
}
