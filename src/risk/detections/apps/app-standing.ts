import type { Detection, DetectionContext, Match } from '../../detection.js'
import { appsWith, factsOfInventory } from '../../facts/app-facts.js'
import { appEvidence, describeApp } from '../../facts/app-matches.js'
import { isUserApp } from '../../facts/app-traits.js'
import { isAllowedApp } from '../../facts/organisation.js'
import { ALL_PLATFORMS, ANDROID, APPLE } from '../../facts/platforms.js'
import { DAY_MS, toIso } from '../../facts/time.js'

const APP = { appId: 'com.example.torch', system: false } as const
const allow = { apps: { allow: [APP.appId] } }
const SETTLED = 'Apps that come with the phone, that management installed or that the organisation allows are not meant.'
const NOTHING: readonly Match[] = []

/** When an update has waited for too long, in ms; undefined when nobody says since when it waits. */
function overdueAt ({ policy }: DetectionContext, since: string | undefined): number | undefined {
  const ms = since === undefined ? NaN : Date.parse(since)
  return Number.isNaN(ms) ? undefined : ms + policy.thresholds.appUpdateDays * DAY_MS
}

export const appUpdateAvailable: Detection = {
  id: 'app-update-available',
  version: 2,
  category: 'app',
  platforms: APPLE,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: `A newer version of an app has waited in the store for longer than the policy lets it (\`appUpdateDays\`); recorded only. How long it waits must be told. ${SETTLED}`,
  sections: ['apps'],
  needs: ['apps.updateAvailableSince'],
  remediation: { user: 'Update the app in the App Store.', admin: 'Push the update by management, or have automatic updates switched on.' },
  mayWait: true,
  examples: [
    { name: 'an update that waits for five weeks', platform: 'ios', report: { apps: [{ appId: APP.appId, updateAvailable: true, updateAvailableSince: '2026-10-19T12:00:00Z' }] }, finds: [`${APP.appId} audit`] },
    { name: 'one that waits for four', platform: 'ios', report: { apps: [{ appId: APP.appId, updateAvailable: true, updateAvailableSince: '2026-10-26T12:00:00Z' }] }, finds: [] },
    { name: 'it is installed meanwhile', platform: 'ios', report: { apps: [{ appId: APP.appId, updateAvailable: false, updateAvailableSince: '2026-10-19T12:00:00Z' }] }, finds: [] },
    { name: 'management installed the app', platform: 'ios', report: { apps: [{ appId: APP.appId, managed: true, updateAvailable: true, updateAvailableSince: '2026-10-19T12:00:00Z' }] }, finds: [] },
    { name: 'nobody told since when', platform: 'ios', report: { apps: [{ appId: APP.appId, updateAvailable: true }] }, finds: 'unknown' }
  ],

  detect (context) {
    const { state, policy, now } = context
    return appsWith(state, 'updateWaits')
      .filter((app) => (overdueAt(context, app.updateAvailableSince) ?? Infinity) <= now.getTime() && !isAllowedApp(policy, app))
      .map((app) => ({
        subject: app.appId,
        title: `${describeApp(app)} has an update that was not installed for a long time.`,
        evidence: appEvidence(app, 'updateAvailable', 'updateAvailableSince', 'version')
      }))
  },

  nextChangeAt (context) {
    let next = Infinity
    for (const app of appsWith(context.state, 'updateWaits')) {
      const at = overdueAt(context, app.updateAvailableSince) ?? Infinity
      if (at > context.now.getTime() && at < next) next = at
    }
    return next === Infinity ? undefined : toIso(next)
  }
}

export const appRemovedFromStore: Detection = {
  id: 'app-removed-from-store',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: [],
  raisesLevel: true,
  description: `The store from which an app came does not offer it any more: it gets no updates, and may have been removed for a reason. ${SETTLED}`,
  sections: ['apps'],
  needs: ['apps.removedFromStore'],
  remediation: { user: 'Look for another app that does the same, and uninstall this one.', admin: 'Find out why the app is gone; have it replaced.' },
  examples: [
    { name: 'gone from the store', platform: 'ios', report: { apps: [{ appId: APP.appId, removedFromStore: true }] }, finds: [`${APP.appId} low`] },
    { name: 'still there', platform: 'android', report: { apps: [{ ...APP, removedFromStore: false }] }, finds: [] },
    { name: 'management installed it', platform: 'android', report: { apps: [{ ...APP, removedFromStore: true, managed: true }] }, finds: [] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [{ ...APP, removedFromStore: true }] }, policy: allow, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    return appsWith(state, 'removedFromStore').filter((app) => !isAllowedApp(policy, app)).map((app) => ({
      subject: app.appId,
      title: `${describeApp(app)} is not in its store any more.`,
      evidence: appEvidence(app, 'removedFromStore', 'installer', 'version')
    }))
  }
}

export const appLowReputation: Detection = {
  id: 'app-low-reputation',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'low',
  attack: [],
  raisesLevel: true,
  description: `A reputation service gives an app less than the policy asks for (\`lowReputation\` of the thresholds): hardly anybody has it, or who has it had trouble. ${SETTLED}`,
  sections: ['apps'],
  needs: ['apps.reputation'],
  remediation: { user: 'If you do not know where the app came from, uninstall it.', admin: 'Look at the publisher; have the app removed or allow it.' },
  examples: [
    { name: 'hardly known', platform: 'android', report: { apps: [{ ...APP, reputation: 5 }] }, finds: [`${APP.appId} low`] },
    { name: 'known well enough', platform: 'android', report: { apps: [{ ...APP, reputation: 20 }] }, finds: [] },
    { name: 'the organisation asks for more', platform: 'android', report: { apps: [{ ...APP, reputation: 20 }] }, policy: { thresholds: { lowReputation: 50 } }, finds: [`${APP.appId} low`] },
    { name: 'the organisation\'s own app is known to nobody else', platform: 'android', report: { apps: [{ ...APP, reputation: 0, managed: true }] }, finds: [] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [{ ...APP, reputation: 0 }] }, policy: allow, finds: [] },
    { name: 'nobody told', platform: 'android', report: { apps: [APP] }, finds: 'unknown' }
  ],

  detect ({ state: { apps }, policy }) {
    const least = policy.thresholds.lowReputation
    if (apps === undefined || factsOfInventory(apps).leastReputation >= least) return NOTHING
    return factsOfInventory(apps).apps
      .filter(({ app }) => app.reputation !== undefined && app.reputation < least && isUserApp(app) && !isAllowedApp(policy, app))
      .map(({ app }) => ({
        subject: app.appId,
        title: `${describeApp(app)} has a reputation of ${app.reputation!} of 100.`,
        evidence: appEvidence(app, 'reputation')
      }))
  }
}
