import { brandNamed } from '../../data/app-brands.js'
import { KNOWN_SIGNERS } from '../../data/app-signers.js'
import type { App } from '../../../telemetry/report.js'
import type { Detection, DetectionContext, Match } from '../../detection.js'
import { appOf, appsWith } from '../../facts/app-facts.js'
import { appEvidence, describeApp, isFromGoodStore } from '../../facts/app-matches.js'
import { normalizeHex } from '../../facts/intel-entries.js'
import { isAllowedApp, namedSigners } from '../../facts/organisation.js'
import { ALL_PLATFORMS, ANDROID } from '../../facts/platforms.js'

const OURS = 'aa'.repeat(32)
const OTHER = 'bb'.repeat(32)
const APP = { appId: 'com.example.expenses', system: false, installer: null } as const
const SIGNERS = { apps: { signers: { [APP.appId]: [OURS] } } }

function mismatch (app: App, signers: ReadonlySet<string>, who: string, severity: Match['severity']): Match {
  return {
    subject: app.appId,
    title: `${describeApp(app)} is signed by somebody else than its maker: none of its certificates is among those ${who}.`,
    evidence: [...appEvidence(app, 'signingCertSha256', 'installer'), { path: 'expected', value: [...signers] }],
    ...(severity === undefined ? {} : { severity })
  }
}

/** Apps whose signers the organisation names. What Google Play delivers is its owner's, whatever key it has now. */
function againstPolicy ({ state, policy }: DetectionContext): Match[] {
  const matches: Match[] = []
  for (const [appId, signers] of namedSigners(policy)) {
    const app = appOf(state, appId)
    const digests = app?.signingCertSha256
    if (app === undefined || app.system === true || digests === undefined || digests.length === 0 || signers.size === 0) continue
    if (!digests.some((digest) => signers.has(normalizeHex(digest)))) matches.push(mismatch(app, signers, 'that the organisation names', isFromGoodStore(policy, app) ? 'low' : 'high'))
  }
  return matches
}

export const appCertMismatch: Detection = {
  id: 'app-cert-mismatch',
  version: 1,
  category: 'app',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1655.001', 'T1577'],
  raisesLevel: true,
  description: 'An app has a known package name, but none of its certificates is its maker\'s: it was changed, or is another app. High against the certificates that the organisation names (`apps.signers` of the policy; name every one, also that of Play App Signing), low where a store that checks the owner delivered it all the same, because then the key was changed and the list is old. Medium for a few often imitated apps whose certificates ship with Sallyport, and nothing for those from such a store. Apps of the system and of management are not meant; of an app whose SHA-256 certificates nobody told nothing is known.',
  sections: ['apps'],
  needs: ['apps.signingCertSha256'],
  remediation: {
    user: 'This is not the real app. Uninstall it, install the real one from the store, and change the password that you use in it.',
    admin: 'Have the app removed. If its maker changed the key, add the new certificate to `apps.signers` of the policy.'
  },
  examples: [
    { name: 'another signer than the organisation names', platform: 'android', report: { apps: [{ ...APP, signingCertSha256: [OTHER] }] }, policy: SIGNERS, finds: [`${APP.appId} high`] },
    { name: 'the signer that it names', platform: 'android', report: { apps: [{ ...APP, signingCertSha256: [OURS.toUpperCase()] }] }, policy: SIGNERS, finds: [] },
    { name: 'the old key beside the new one', platform: 'android', report: { apps: [{ ...APP, signingCertSha256: [OTHER, OURS] }] }, policy: SIGNERS, finds: [] },
    { name: 'Google Play delivered it: the list is old', platform: 'android', report: { apps: [{ ...APP, installer: 'com.android.vending', signingCertSha256: [OTHER] }] }, policy: SIGNERS, finds: [`${APP.appId} low`] },
    { name: 'an imitation of a messenger from a file', platform: 'android', report: { apps: [{ appId: 'com.whatsapp', system: false, installer: null, signingCertSha256: [OTHER] }] }, finds: ['com.whatsapp medium'] },
    { name: 'the messenger itself, with its newer key', platform: 'android', report: { apps: [{ appId: 'com.whatsapp', system: false, installer: null, signingCertSha256: ['fb920d381bee1b2093f27dc8f13d994da629dc91887d0529b35c9a2dc4f4a6c2'] }] }, finds: [] },
    { name: 'the messenger from Google Play with a key that nobody told us of', platform: 'android', report: { apps: [{ appId: 'com.whatsapp', system: false, installer: 'com.android.vending', signingCertSha256: [OTHER] }] }, finds: [] },
    { name: 'no SHA-256 certificates', platform: 'android', report: { apps: [APP] }, policy: SIGNERS, finds: 'unknown' }
  ],

  detect (context) {
    const { state, policy } = context
    const strange = appsWith(state, 'strangeSigner').filter((app) => !namedSigners(policy).has(app.appId) && !isAllowedApp(policy, app) && !isFromGoodStore(policy, app))
    return [...againstPolicy(context), ...strange.map((app) => mismatch(app, KNOWN_SIGNERS.get(app.appId)!, 'that are known as its maker\'s', 'medium'))]
  }
}

export const appLookalike: Detection = {
  id: 'app-lookalike',
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1655.001'],
  raisesLevel: true,
  description: 'An app bears the name of a well-known brand, or one that looks the same (other letters, digits for letters, signs between), under an id that is none of its owner\'s. Low when a store that looks at what it offers delivered it. Short cuts to web sites, apps that come with the phone, that management installed or that the organisation allows are not meant.',
  sections: ['apps'],
  needs: ['apps.name'],
  remediation: {
    user: 'This app only looks like a well-known one. Uninstall it, and change the password that you entered in it.',
    admin: 'Look at who publishes the app. Have it removed, or add it to the allowed apps when it is genuine.'
  },
  examples: [
    { name: 'a messenger\'s name on another package', platform: 'android', report: { apps: [{ appId: 'com.wh.update', name: 'WhatsApp', installer: null, system: false }] }, finds: ['com.wh.update medium'] },
    { name: 'with Cyrillic letters and a digit', platform: 'android', report: { apps: [{ appId: 'com.pp.app', name: 'РayРa1', system: false }] }, finds: ['com.pp.app medium'] },
    { name: 'a store delivered it', platform: 'ios', report: { apps: [{ appId: 'com.example.tg', name: 'Telegram', fromAppStore: true }] }, finds: ['com.example.tg low'] },
    { name: 'the brand\'s own app', platform: 'ios', report: { apps: [{ appId: 'net.whatsapp.WhatsApp', name: '\u200eWhatsApp' }, { appId: 'com.facebook.Facebook', name: 'Facebook' }] }, finds: [] },
    { name: 'another name with the brand in it', platform: 'android', report: { apps: [{ appId: 'com.example.stickers', name: 'Stickers for WhatsApp', system: false }] }, finds: [] },
    { name: 'a short cut to the brand\'s web site', platform: 'android', report: { apps: [{ appId: 'org.chromium.webapk.a1b2c3', name: 'Spotify', installer: 'com.android.vending', system: false }] }, finds: [] },
    { name: 'a maker\'s own store app', platform: 'android', report: { apps: [{ appId: 'com.maker.video', name: 'YouTube', system: true }] }, finds: [] },
    { name: 'the organisation allows it', platform: 'android', report: { apps: [{ appId: 'com.wh.update', name: 'WhatsApp', system: false }] }, policy: { apps: { allow: ['com.wh.update'] } }, finds: [] },
    { name: 'names are not told', platform: 'android', report: { apps: [{ appId: 'com.wh.update' }] }, finds: 'unknown' }
  ],

  detect ({ state, policy }) {
    return appsWith(state, 'lookalike').filter((app) => !isAllowedApp(policy, app)).map((app) => ({
      subject: app.appId,
      title: `The app ${app.appId} calls itself "${app.name!}" like ${brandNamed(app.name!)!.name}, whose owner has other ids.`,
      evidence: appEvidence(app, 'name', 'installer', 'fromAppStore'),
      severity: isFromGoodStore(policy, app) ? 'low' : 'medium'
    }))
  }
}
