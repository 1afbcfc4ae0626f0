import type { App } from '../../../telemetry/report.js'
import type { Detection, Match } from '../../detection.js'
import { factsOfInventory } from '../../facts/app-facts.js'
import { appEvidence, describeApp } from '../../facts/app-matches.js'
import { isUserApp } from '../../facts/app-traits.js'
import { deniedApps, denyingRule, isAllowedApp } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import type { AppRule } from '../../policy/policy.js'

const APP = { appId: 'com.example.game', name: 'Game', installer: 'com.android.vending', system: false } as const
const NOTHING: readonly Match[] = []

/** The fields of an app that a rule looks at. */
function fieldsOf (rule: AppRule): ReadonlyArray<keyof App> {
  if (typeof rule === 'string') return ['appId']
  return [
    ...(rule.appId === undefined ? [] : ['appId'] as const),
    ...(rule.hash === undefined ? [] : ['sha256', 'sha1', 'md5'] as const),
    ...(rule.certificate === undefined ? [] : ['signingCertSha256', 'signingCertSha1', 'signingCertMd5'] as const),
    ...(rule.name === undefined && rule.namePattern === undefined ? [] : ['name'] as const)
  ]
}

const describeRule = (rule: AppRule): string => typeof rule === 'string' ? rule : JSON.stringify(rule)

export const appDenylisted: Detection = {
  id: 'app-denylisted',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: [],
  raisesLevel: true,
  description: 'An app is installed that the organisation forbids (`apps.deny` of the policy): by package, signer, name or hash. Whoever brought it, the maker and management included: the organisation\'s word counts. Of an app that it both allows and forbids, the ban counts.',
  sections: ['apps'],
  needs: ['apps'],
  remediation: {
    user: 'Uninstall the app: your organisation does not allow it on this phone.',
    admin: 'Have the app uninstalled. If it should be allowed, change the policy.'
  },
  examples: [
    { name: 'a forbidden package', platform: 'android', report: { apps: [APP] }, policy: { apps: { deny: [APP.appId] } }, finds: [`${APP.appId} high`] },
    { name: 'all packages of a maker', platform: 'ios', report: { apps: [{ appId: 'com.example.game' }] }, policy: { apps: { deny: ['com.example.*'] } }, finds: [`${APP.appId} high`] },
    { name: 'a forbidden signer, whatever the package', platform: 'android', report: { apps: [{ ...APP, signingCertSha256: ['AA:'.repeat(31) + 'AA'] }] }, policy: { apps: { deny: [{ certificate: 'aa'.repeat(32) }] } }, finds: [`${APP.appId} high`] },
    { name: 'a forbidden name', platform: 'android', report: { apps: [APP] }, policy: { apps: { deny: [{ namePattern: '(?i)game' }] } }, finds: [`${APP.appId} high`] },
    { name: 'allowed and forbidden', platform: 'android', report: { apps: [APP] }, policy: { apps: { allow: [APP.appId], deny: [APP.appId] } }, finds: [`${APP.appId} high`] },
    { name: 'other apps are forbidden', platform: 'android', report: { apps: [APP] }, policy: { apps: { deny: ['com.example.chat'] } }, finds: [] },
    { name: 'no list of apps', platform: 'android', report: {}, policy: { apps: { deny: [APP.appId] } }, finds: 'unknown' }
  ],

  detect ({ state: { apps }, policy }) {
    if (apps === undefined || policy.apps.deny.length === 0) return NOTHING
    return deniedApps(policy, factsOfInventory(apps).apps).map(({ app, rule }) => ({
      subject: app.appId,
      title: `${describeApp(app)} is forbidden by the organisation (${describeRule(rule)}).`,
      evidence: [...appEvidence(app, ...fieldsOf(rule)), { path: 'policy.apps.deny', value: rule }]
    }))
  }
}

export const appNotAllowlisted: Detection = {
  id: 'app-not-allowlisted',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: [],
  raisesLevel: true,
  description: 'The organisation admits only the apps that it names (`apps.onlyAllowed` of the policy), and another is installed. Apps that come with the phone and those that management installed are not meant; one that is forbidden is told by `app-denylisted`. On Android an app that may be part of the system is not meant either.',
  sections: ['apps'],
  needs: ['apps'],
  remediation: {
    user: 'Uninstall the app, or ask your IT team to allow it.',
    admin: 'Have the app uninstalled, or add it to the allowed apps of the policy.'
  },
  examples: [
    { name: 'an app that nobody allowed', platform: 'android', report: { apps: [APP] }, policy: { apps: { onlyAllowed: true, allow: ['com.example.mail'] } }, finds: [`${APP.appId} low`] },
    { name: 'on an iPhone', platform: 'ios', report: { apps: [{ appId: APP.appId }, { appId: 'com.apple.mobilesafari' }] }, policy: { apps: { onlyAllowed: true } }, finds: [`${APP.appId} low`] },
    { name: 'an allowed one', platform: 'android', report: { apps: [APP] }, policy: { apps: { onlyAllowed: true, allow: [APP.appId] } }, finds: [] },
    { name: 'one of the phone\'s maker, one of management, and one that may be either', platform: 'android', report: { apps: [{ appId: 'com.example.dialer', system: true }, { ...APP, managed: true }, { appId: 'com.example.other' }] }, policy: { apps: { onlyAllowed: true } }, finds: [] },
    { name: 'a forbidden one is another matter', platform: 'android', report: { apps: [APP] }, policy: { apps: { onlyAllowed: true, deny: [APP.appId] } }, finds: [] },
    { name: 'no such rule', platform: 'android', report: { apps: [APP] }, policy: { apps: { allow: ['com.example.mail'] } }, finds: [] },
    { name: 'no list of apps', platform: 'android', report: {}, policy: { apps: { onlyAllowed: true } }, finds: 'unknown' }
  ],

  detect ({ platform, state: { apps }, policy }) {
    if (apps === undefined || !policy.apps.onlyAllowed) return NOTHING
    const matches: Match[] = []
    for (const { app } of factsOfInventory(apps).apps) {
      // MDM tells only of what was added on iOS; on Android the firmware's apps are told as well.
      if (!isUserApp(app) || (platform === 'android' && app.system !== false)) continue
      if (isAllowedApp(policy, app) || denyingRule(policy, app) !== undefined) continue
      matches.push({
        subject: app.appId,
        title: `${describeApp(app)} is none of the apps that the organisation allows.`,
        evidence: appEvidence(app, 'appId', 'system', 'managed')
      })
    }
    return matches
  }
}
