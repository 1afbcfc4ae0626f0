import { MESSAGING_APPS } from '../../data/trusted-helpers.js'
import { BAD_COMBINATIONS, DANGEROUS_PERMISSIONS, TELLING_PERMISSIONS, READ_SMS, SEND_SMS } from '../../data/permissions.js'
import type { App } from '../../../telemetry/report.js'
import type { Detection, Evidence, Match } from '../../detection.js'
import { appOf, appsWith, factsOfInventory, hasTrait } from '../../facts/app-facts.js'
import { appEvidence, describeApp, isFromGoodStore } from '../../facts/app-matches.js'
import { tellingPermissions } from '../../facts/app-traits.js'
import { keyed } from '../../facts/intel-entries.js'
import { isAllowedApp } from '../../facts/organisation.js'
import { ANDROID } from '../../facts/platforms.js'
import type { Severity } from '../../level.js'

const P = 'android.permission.'
const APP = { appId: 'com.example.torch', system: false } as const
const FROM_PLAY = { ...APP, installer: 'com.android.vending' } as const
const SIDELOADED = { ...APP, installer: null } as const
const MANY = ['ACCESS_COARSE_LOCATION', 'ACCESS_FINE_LOCATION', 'CAMERA', 'READ_CALENDAR', 'READ_CALL_LOG', 'READ_CONTACTS', 'READ_PHONE_STATE', 'PROCESS_OUTGOING_CALLS', 'RECORD_AUDIO', 'USE_SIP'].map((name) => P + name)
const SETTLED = 'Apps that come with the phone, that management installed or that the organisation allows are not meant.'
const NOTHING: readonly Match[] = []

/** The permissions among these, as evidence. */
function permissionEvidence ({ appId, permissions = [] }: App, isMeant: (permission: string) => boolean): readonly Evidence[] {
  const place = `${keyed('apps.items', appId)}.permissions`
  return permissions.flatMap((permission, index) => isMeant(permission) ? [{ path: `${place}[${index}]`, value: permission }] : [])
}

const isRoundTheStores = (app: App): boolean => hasTrait(app, 'sideloaded') || hasTrait(app, 'byAdb')

export const appRiskyPermissions: Detection = {
  id: 'app-risky-permissions',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1636'],
  raisesLevel: true,
  description: `An app was granted many dangerous permissions (of 20, as many as \`riskyPermissions\` of the thresholds), or some that together serve a known way of attack: to read messages and draw over other apps, to install others and draw over them, to listen, see calls and follow the phone. Only recorded for apps of a store that looks at what it offers: messengers have ten as well. ${SETTLED}`,
  sections: ['apps'],
  needs: ['apps.permissions'],
  remediation: { user: 'Open the app\'s permissions in the settings and take away what it does not need.', admin: 'Ask what the app is needed for; have it removed, or allow it.' },
  examples: [
    { name: 'ten of twenty', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: MANY }] }, finds: [`${APP.appId} low`] },
    { name: 'ten, from Google Play', platform: 'android', report: { apps: [{ ...FROM_PLAY, permissions: MANY }] }, finds: [`${APP.appId} audit`] },
    { name: 'nine', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: MANY.slice(1) }] }, finds: [] },
    { name: 'two that a banking trojan needs', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: [`${P}READ_SMS`, `${P}SYSTEM_ALERT_WINDOW`] }] }, finds: [`${APP.appId} low`] },
    { name: 'the organisation allows nine', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: MANY }] }, policy: { thresholds: { riskyPermissions: 11 } }, finds: [] },
    { name: 'the phone\'s own dialler', platform: 'android', report: { apps: [{ ...APP, system: true, permissions: MANY }] }, finds: [] },
    { name: 'the organisation allows the app', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: MANY }] }, policy: { apps: { allow: [APP.appId] } }, finds: [] },
    { name: 'nobody told of permissions', platform: 'android', report: { apps: [SIDELOADED] }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    const { apps } = state
    const many = policy.thresholds.riskyPermissions
    if (apps === undefined) return NOTHING
    const facts = factsOfInventory(apps)
    const combined = appsWith(state, 'badCombination')
    if (facts.mostDangerous < many && combined.length === 0) return NOTHING
    return facts.apps.filter(({ app, dangerous }) => (dangerous >= many || hasTrait(app, 'badCombination')) && !isAllowedApp(policy, app)).map(({ app, dangerous }) => {
      const telling = tellingPermissions(app)
      const means = BAD_COMBINATIONS.filter(([all]) => (telling & all) === all)
      const bits = means.reduce((sum, [all]) => sum | all, 0)
      const reasons = [...(dangerous >= many ? [`has ${dangerous} of ${DANGEROUS_PERMISSIONS.size} dangerous permissions`] : []), ...means.map(([, words]) => `may ${words}`)]
      return {
        subject: app.appId,
        title: `${describeApp(app)} ${reasons.join(' and ')}.`,
        evidence: permissionEvidence(app, (permission) => (dangerous >= many && DANGEROUS_PERMISSIONS.has(permission)) || ((TELLING_PERMISSIONS.get(permission) ?? 0) & bits) !== 0),
        severity: isFromGoodStore(policy, app) ? 'audit' as const : 'low' as const
      }
    })
  }
}

export const appSmsAccess: Detection = {
  id: 'app-sms-access',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1636.004', 'T1582'],
  raisesLevel: true,
  description: `An app may read or send text messages, or has the role of the SMS app, and is not one of the well-known ones for messages. Codes of banks come by text. Medium when it did not come from a store. ${SETTLED}`,
  sections: ['apps', 'config'],
  needs: ['apps.permissions', 'config.defaultSmsApp'],
  remediation: { user: 'Take the SMS permission from the app in the settings, or uninstall it.', admin: 'Ask what the app needs text messages for; have it removed, or allow it.' },
  examples: [
    { name: 'from Google Play', platform: 'android', report: { apps: [{ ...FROM_PLAY, permissions: [`${P}RECEIVE_SMS`] }] }, finds: [`${APP.appId} low`] },
    { name: 'from a file', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: [`${P}READ_SMS`, `${P}INTERNET`] }] }, finds: [`${APP.appId} medium`] },
    { name: 'an unknown app is the SMS app', platform: 'android', report: { apps: [FROM_PLAY], config: { defaultSmsApp: APP.appId } }, finds: [`${APP.appId} low`] },
    { name: 'well-known messengers, and the phone\'s own', platform: 'android', report: { apps: [{ ...FROM_PLAY, appId: 'org.thoughtcrime.securesms', permissions: [`${P}READ_SMS`] }, { ...APP, system: true, permissions: [`${P}READ_SMS`] }], config: { defaultSmsApp: APP.appId } }, finds: [] },
    { name: 'an imitation of one from a file', platform: 'android', report: { apps: [{ ...SIDELOADED, appId: 'com.textra', permissions: [`${P}READ_SMS`] }] }, finds: ['com.textra medium'] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: [`${P}READ_SMS`] }] }, policy: { apps: { allow: [APP.appId] } }, finds: [] },
    { name: 'other permissions', platform: 'android', report: { apps: [{ ...SIDELOADED, permissions: [`${P}CAMERA`] }] }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [SIDELOADED] }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    const readers = appsWith(state, 'readsOrSendsSms')
    const role = state.config?.defaultSmsApp
    const holder = role === undefined ? undefined : appOf(state, role)
    const hasRole = holder !== undefined && hasTrait(holder, 'user')
    if (readers.length === 0 && !hasRole) return NOTHING
    const apps = hasRole && !readers.includes(holder) ? [...readers, holder] : readers
    return apps.filter((app) => !isAllowedApp(policy, app) && (isRoundTheStores(app) || !MESSAGING_APPS.has(app.appId))).map((app): Match => ({
      subject: app.appId,
      title: `${describeApp(app)} ${app === holder ? 'is the app for text messages' : 'may read or send text messages'}${isRoundTheStores(app) ? ' and came from no store' : ''}.`,
      evidence: [
        ...permissionEvidence(app, (permission) => ((TELLING_PERMISSIONS.get(permission) ?? 0) & (READ_SMS | SEND_SMS)) !== 0),
        ...(app === holder ? [{ path: 'config.defaultSmsApp', value: role }] : []),
        ...appEvidence(app, 'installer', 'installInitiator')
      ],
      severity: isRoundTheStores(app) ? 'medium' : 'low' satisfies Severity
    }))
  }
}
