import type { AssessedFinding } from '../../assessment.js'
import type { Detection, DetectionContext } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'
import { appOf, combine } from './combine.js'

const BAD = { appId: 'com.parcel.update', installer: 'com.android.chrome', system: false, launcherIcon: true } as const

/** Apps that no store brought, however they came. */
const sideloadedApps = ({ findingsOf }: DetectionContext): readonly AssessedFinding[] => [...findingsOf('app-sideloaded'), ...findingsOf('app-adb-installed')]

export const cmpSideloadAccessibility: Detection = {
  id: 'cmp-sideload-accessibility',
  version: 1,
  category: 'composite',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1453', 'T1417.002'],
  raisesLevel: true,
  description: 'One app came from outside the stores and runs as an accessibility service, with which it reads and operates the screen: how banking trojans work.',
  sections: ['apps', 'config'],
  needs: ['config.accessibilityServices'],
  builtFrom: ['app-sideloaded', 'app-adb-installed', 'app-accessibility-service'],
  remediation: {
    user: 'Turn the app off in the settings under Accessibility, then uninstall it. Look at your bank account, and change your passwords on another device.',
    admin: 'Have the app removed, rotate credentials used on the phone, and have the user check bank accounts. When it is a tool that someone needs, deploy it by management.'
  },
  examples: [
    { name: 'a parcel app from a web page that operates the screen', platform: 'android', report: { apps: [BAD], config: { accessibilityServices: ['com.parcel.update/.Service'] } }, finds: ['com.parcel.update high'] },
    { name: 'parts that the policy only records', platform: 'android', report: { apps: [BAD], config: { accessibilityServices: ['com.parcel.update/.Service'] } }, policy: { severities: { 'app-sideloaded': 'audit', 'app-accessibility-service': 'audit' } }, finds: ['com.parcel.update high'] },
    { name: 'two different apps', platform: 'android', report: { apps: [BAD, { appId: 'com.other', installer: 'com.android.vending', system: false }], config: { accessibilityServices: ['com.other/.Service'] } }, finds: [] },
    { name: 'the organisation vouches for the app', platform: 'android', report: { apps: [BAD], config: { accessibilityServices: ['com.parcel.update/.Service'] } }, policy: { apps: { allow: ['com.parcel.update'] } }, finds: [] },
    { name: 'nobody told of accessibility services', platform: 'android', report: { apps: [BAD] }, finds: 'unknown' }
  ],

  detect (context) {
    const services = context.findingsOf('app-accessibility-service')
    if (services.length === 0) return []
    return sideloadedApps(context).flatMap((sideloaded) => {
      const service = services.find((one) => appOf(one) === sideloaded.subject)
      return service === undefined
        ? []
        : combine(context, [sideloaded, service], { subject: sideloaded.subject, title: `The app ${sideloaded.subject} came from outside the stores and can read and operate the screen, as banking trojans do.` })
    })
  }
}

export const cmpSideloadAdminHidden: Detection = {
  id: 'cmp-sideload-admin-hidden',
  version: 1,
  category: 'composite',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1626.001', 'T1628.001'],
  raisesLevel: true,
  description: 'One app came from outside the stores, administers the device, and has no icon: it defends itself against being found and removed, as stalkerware and trojans do.',
  sections: ['apps', 'config'],
  needs: ['config.deviceAdmins'],
  builtFrom: ['app-sideloaded', 'app-adb-installed', 'app-device-admin', 'app-hidden-icon'],
  remediation: {
    user: 'If you think that somebody you know watches you, removing the app tells them: ask a help line for victims of violence first, on a device that nobody else uses (stopstalkerware.org lists some). Else turn the app off under device admin apps in the settings, then uninstall it.',
    admin: 'Somebody may watch the user: talk to them in confidence, on another phone, before you remove anything, and offer a help line (stopstalkerware.org). Then take the administration away, uninstall the app, and rotate credentials.'
  },
  examples: [
    { name: 'a hidden administrator from a web page', platform: 'android', report: { apps: [{ ...BAD, launcherIcon: false }], config: { deviceAdmins: ['com.parcel.update'] } }, finds: ['com.parcel.update high'] },
    { name: 'it has an icon', platform: 'android', report: { apps: [BAD], config: { deviceAdmins: ['com.parcel.update'] } }, finds: [] },
    { name: 'it administers nothing', platform: 'android', report: { apps: [{ ...BAD, launcherIcon: false }], config: { deviceAdmins: [] } }, finds: [] },
    { name: 'nobody told of administrators', platform: 'android', report: { apps: [{ ...BAD, launcherIcon: false }] }, finds: 'unknown' }
  ],

  detect (context) {
    const admins = context.findingsOf('app-device-admin')
    const hidden = context.findingsOf('app-hidden-icon')
    if (admins.length === 0 || hidden.length === 0) return []
    return sideloadedApps(context).flatMap((sideloaded) => {
      const admin = admins.find((one) => appOf(one) === sideloaded.subject)
      const icon = hidden.find((one) => appOf(one) === sideloaded.subject)
      return admin === undefined || icon === undefined
        ? []
        : combine(context, [sideloaded, admin, icon], { subject: sideloaded.subject, title: `The app ${sideloaded.subject} came from outside the stores, administers the device and has no icon: it defends itself against being found and removed.` })
    })
  }
}
