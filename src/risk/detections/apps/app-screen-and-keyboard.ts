import { isKnownKeyboard } from '../../data/trusted-helpers.js'
import type { Detection, Match } from '../../detection.js'
import { appOf, hasTrait } from '../../facts/app-facts.js'
import { appEvidence, describeApp } from '../../facts/app-matches.js'
import { isUserApp } from '../../facts/app-traits.js'
import { looksPreinstalled } from '../../facts/distinctive-names.js'
import { isAllowedApp } from '../../facts/organisation.js'
import { ALL_PLATFORMS, ANDROID } from '../../facts/platforms.js'

const KEYBOARD = { appId: 'com.example.emoji.keyboard', fullAccess: true } as const
const NOTHING: readonly Match[] = []

const SCREEN = {
  'unknown-capturing': ['capturing', 'medium', 'An app from outside Google Play records the screen'],
  'unknown-controlling': ['controlling', 'medium', 'An app from outside Google Play can steer the phone'],
  'known-capturing': ['capturing', 'audit', 'An app of Google Play or of the system records the screen'],
  'known-controlling': ['controlling', 'audit', 'An app of Google Play or of the system can steer the phone']
} as const

export const appScreenCaptureControl: Detection = {
  id: 'app-screen-capture-control',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1513', 'T1516'],
  raisesLevel: true,
  description: 'Play Integrity says that an app records the screen or can steer the phone now (`appAccessRiskVerdict`). It does not say which: look at the accessibility services. Medium for apps from outside Google Play; those of Google Play and of the system, such as a video call that shares the screen or a screen reader, are only recorded.',
  sections: ['integrity'],
  needs: ['integrity.appAccessRisk'],
  remediation: { user: 'Close the apps that record or share your screen before you open work apps. Uninstall those that you do not know.', admin: 'Ask the user which app records the screen; look for remote control and accessibility services among the findings.' },
  examples: [
    { name: 'an app from a file records the screen', platform: 'android', report: { integrity: { appAccessRisk: ['unknown-installed', 'unknown-capturing'] } }, finds: ['capturing medium'] },
    { name: 'a video call shares it, and something unknown steers the phone', platform: 'android', report: { integrity: { appAccessRisk: ['known-capturing', 'unknown-controlling'] } }, finds: ['capturing audit', 'controlling medium'] },
    { name: 'a screen reader', platform: 'android', report: { integrity: { appAccessRisk: ['known-controlling'] } }, finds: ['controlling audit'] },
    { name: 'other apps are installed', platform: 'android', report: { integrity: { appAccessRisk: ['known-installed', 'unknown-installed'] } }, finds: [] },
    { name: 'Play Integrity was not asked', platform: 'android', report: { integrity: { rooted: false } }, finds: 'unknown' }
  ],

  detect ({ state }) {
    const risks = state.integrity?.appAccessRisk
    if (risks === undefined || risks.length === 0) return NOTHING
    return risks.flatMap((risk, index): Match[] => {
      if (!Object.hasOwn(SCREEN, risk)) return []
      const [subject, severity, title] = SCREEN[risk as keyof typeof SCREEN]
      return [{ subject, severity, title: `${title}, says Play Integrity.`, evidence: [{ path: `integrity.appAccessRisk[${index}]`, value: risk }] }]
    })
  }
}

export const appThirdPartyKeyboard: Detection = {
  id: 'app-third-party-keyboard',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1417.001'],
  raisesLevel: true,
  description: 'A keyboard that may send what is typed (full access) is switched on, and its publisher is none of the well-known ones. The phone\'s own, those that management installed and those that the organisation allows are not meant; a known one that came from no store is.',
  sections: ['config', 'apps'],
  needs: ['config.keyboards'],
  remediation: { user: 'Switch to the keyboard of the phone for work, and take full access from the other one in the settings.', admin: 'Forbid keyboards of others in work apps by an app protection policy, or allow this one.' },
  examples: [
    { name: 'an unknown keyboard on an iPhone', platform: 'ios', report: { config: { keyboards: [KEYBOARD] } }, finds: [`${KEYBOARD.appId} low`] },
    { name: 'without full access', platform: 'ios', report: { config: { keyboards: [{ ...KEYBOARD, fullAccess: false }] } }, finds: [] },
    { name: 'well-known ones', platform: 'ios', report: { config: { keyboards: [{ appId: 'com.touchtype.swiftkey.keyboard', fullAccess: true }, { appId: 'com.google.keyboard.KeyboardExtension', fullAccess: true }] } }, finds: [] },
    { name: 'the phone\'s own', platform: 'android', report: { apps: [{ appId: 'com.maker.keyboard', system: true }], config: { keyboards: [{ appId: 'com.maker.keyboard', fullAccess: true }, { appId: 'com.huawei.ohos.inputmethod', fullAccess: true }] } }, finds: [] },
    { name: 'an imitation of a known one from a file', platform: 'android', report: { apps: [{ appId: 'com.touchtype.swiftkey', system: false, installer: null }], config: { keyboards: [{ appId: 'com.touchtype.swiftkey', fullAccess: true }] } }, finds: ['com.touchtype.swiftkey low'] },
    { name: 'the organisation allows it', platform: 'android', report: { config: { keyboards: [KEYBOARD] } }, policy: { apps: { allow: [KEYBOARD.appId] } }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { config: { passcodeSet: true } }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    const keyboards = state.config?.keyboards
    if (keyboards === undefined || keyboards.length === 0) return NOTHING
    return keyboards.flatMap(({ appId, fullAccess }, index): Match[] => {
      if (appId === undefined || fullAccess !== true) return []
      const app = appOf(state, appId)
      const isSideloaded = app !== undefined && (hasTrait(app, 'sideloaded') || hasTrait(app, 'byAdb'))
      if (app !== undefined && !isUserApp(app)) return []
      if ((isKnownKeyboard(appId) && !isSideloaded) || (app?.system === undefined && looksPreinstalled(appId)) || isAllowedApp(policy, app ?? { appId })) return []
      return [{
        subject: appId,
        title: `${describeApp(app ?? { appId })} is a keyboard that may send what is typed.`,
        evidence: [{ path: `config.keyboards[${index}].appId`, value: appId }, { path: `config.keyboards[${index}].fullAccess`, value: true }, ...(app === undefined ? [] : appEvidence(app, 'installer', 'system'))]
      }]
    })
  }
}
