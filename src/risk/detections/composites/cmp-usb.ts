import type { AssessedFinding } from '../../assessment.js'
import type { Detection, DetectionContext } from '../../detection.js'
import { eventTimes } from '../../facts/coincidence.js'
import { ANDROID } from '../../facts/platforms.js'
import { combine } from './combine.js'

const HOUR_MS = 60 * 60 * 1000
const APP = { appId: 'com.tool', installer: 'com.android.shell', system: false, launcherIcon: true } as const

/** Whether the app can have come with this use of adb; unknown counts as so. */
function cameWith (context: DetectionContext, app: AssessedFinding, activity: AssessedFinding): boolean {
  const installedAt = context.state.apps?.items[app.subject]?.firstInstalledAt
  if (installedAt === undefined) return true
  const windowMs = context.policy.thresholds.compositeWindowHours * HOUR_MS
  return (eventTimes(context, activity) ?? [context.now.getTime()]).some((time) => Math.abs(time - Date.parse(installedAt)) <= windowMs)
}

export const cmpUsbTakeover: Detection = {
  id: 'cmp-usb-takeover',
  version: 1,
  category: 'composite',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1458'],
  raisesLevel: true,
  description: 'USB debugging is on, a computer used it within the policy\'s window, and an app that a computer installed is there (within the window of it, where the time of installation is known): somebody who had the phone in his hands put it there.',
  sections: ['config', 'events', 'apps'],
  needs: ['config.usbDebugging'],
  builtFrom: ['dev-usb-debugging', 'dev-adb-activity', 'app-adb-installed'],
  remediation: {
    user: 'Unplug the phone. Revoke the USB debugging authorisations in the developer options, turn USB debugging off, and uninstall the app unless you installed it yourself.',
    admin: 'Ask who connected the phone. On the phone of a developer, suppress it or put the phone into a group of its own; else treat it as an attack: remove the app, revoke the keys, rotate credentials.'
  },
  examples: [
    { name: 'a computer ran commands, and an app of it is there', platform: 'android', report: { config: { usbDebugging: true }, apps: [APP], events: [{ type: 'adb-shell' }] }, finds: ['com.tool high'] },
    { name: 'an app of last year', platform: 'android', report: { config: { usbDebugging: true }, apps: [{ ...APP, firstInstalledAt: '2025-10-01T00:00:00Z' }], events: [{ type: 'adb-shell' }] }, finds: [] },
    { name: 'USB debugging is off by now', platform: 'android', report: { config: { usbDebugging: false }, apps: [APP], events: [{ type: 'adb-shell' }] }, finds: [] },
    { name: 'no computer was connected', platform: 'android', report: { config: { usbDebugging: true }, apps: [APP] }, finds: [] },
    { name: 'nobody told of USB debugging', platform: 'android', report: { apps: [APP], events: [{ type: 'adb-shell' }] }, finds: 'unknown' }
  ],

  detect (context) {
    const [debugging] = context.findingsOf('dev-usb-debugging')
    const activities = debugging === undefined ? [] : context.findingsOf('dev-adb-activity')
    if (debugging === undefined || activities.length === 0) return []
    return context.findingsOf('app-adb-installed').flatMap((app) => activities.filter((activity) => cameWith(context, app, activity)).flatMap((activity) =>
      combine(context, [debugging, activity, app], { subject: app.subject, title: `A computer used USB debugging, and the app ${app.subject} was installed by a computer: somebody who had the phone in his hands may have put it there.` })))
  }
}

export const cmpDebugWeak: Detection = {
  id: 'cmp-debug-weak',
  version: 1,
  category: 'composite',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1458', 'T1461'],
  raisesLevel: true,
  description: 'USB debugging is on and there is no screen lock: whoever picks the phone up can allow a computer, read everything, and install what he likes.',
  sections: ['config'],
  needs: ['config.usbDebugging'],
  builtFrom: ['dev-usb-debugging', 'dev-no-passcode'],
  remediation: {
    user: 'Set a screen lock, and turn off USB debugging in the developer options.',
    admin: 'Require a screen lock and forbid USB debugging by management.'
  },
  examples: [
    { name: 'both', platform: 'android', report: { config: { usbDebugging: true, passcodeSet: false } }, finds: ['usbDebugging high'] },
    { name: 'parts that the policy only records', platform: 'android', report: { config: { usbDebugging: true, passcodeSet: false } }, policy: { severities: { 'dev-usb-debugging': 'audit', 'dev-no-passcode': 'audit' } }, finds: ['usbDebugging high'] },
    { name: 'a part that the policy switches off', platform: 'android', report: { config: { usbDebugging: true, passcodeSet: false } }, policy: { severities: { 'dev-usb-debugging': 'off' } }, finds: [] },
    { name: 'a developer with a screen lock', platform: 'android', report: { config: { usbDebugging: true, passcodeSet: true } }, finds: [] },
    { name: 'nobody told of USB debugging', platform: 'android', report: { config: { passcodeSet: false } }, finds: 'unknown' }
  ],

  detect (context) {
    const [debugging] = context.findingsOf('dev-usb-debugging')
    const [unlocked] = context.findingsOf('dev-no-passcode')
    if (debugging === undefined || unlocked === undefined) return []
    return combine(context, [debugging, unlocked], { subject: 'usbDebugging', title: 'USB debugging is on and there is no screen lock: whoever picks the phone up can read it with a computer.' })
  }
}
