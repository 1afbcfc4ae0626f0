import type { ThreatClass } from '../../../intel/indicators/indicator.js'
import type { AppKind } from '../../data/known-apps.js'
import type { Detection, Match } from '../../detection.js'
import type { Example } from '../../example.js'
import { appsWith } from '../../facts/app-facts.js'
import { appEvidence, describeApp } from '../../facts/app-matches.js'
import { describeListing, entriesOf, evidenceOf, isSuspect, suspectsOf } from '../../facts/app-suspects.js'
import { validityOf, weigh } from '../../facts/intel-entries.js'
import { isAllowedApp, isTrustedVpn } from '../../facts/organisation.js'
import { ALL_PLATFORMS, ANDROID } from '../../facts/platforms.js'
import type { Severity } from '../../level.js'

/** Apps of a kind: by a list that ships with Sallyport (the id alone, a weak fact), and where feeds have a class for it, by them too. */
interface Kind extends Pick<Detection, 'id' | 'platforms' | 'attack' | 'description' | 'remediation'> {
  readonly kind: AppKind
  readonly threatClass?: ThreatClass
  readonly severity: Severity
  /** When only the id tells it. */
  readonly byName: Severity
  readonly is: string
  /** One of the list. */
  readonly example: string
}

const SETTLED = 'Apps that come with the phone, that management installed and that the organisation allows are not meant.'

const KINDS: readonly Kind[] = [
  {
    id: 'app-root-enabler',
    kind: 'root-enabler',
    threatClass: 'root-enabler',
    platforms: ANDROID,
    severity: 'high',
    byName: 'medium',
    attack: ['T1404'],
    is: 'a tool that makes phones rooted or hides that they are',
    example: 'com.topjohnwu.magisk',
    description: `An app that makes a phone rooted, manages that or hides it: high when a feed lists its package or certificate, medium by its package name alone, from the feed or from the list that ships with Sallyport. ${SETTLED}`,
    remediation: {
      user: 'Uninstall the app. If the phone was rooted with it, ask your IT team to restore it.',
      admin: 'Have the tool removed and make sure that the phone is not rooted (see `dev-rooted` and the attestation); restore the stock system where it was.'
    }
  },
  {
    id: 'app-hacking-tool',
    kind: 'hacking-tool',
    threatClass: 'hacking-tool',
    platforms: ALL_PLATFORMS,
    severity: 'medium',
    byName: 'medium',
    attack: ['T1423'],
    is: 'a tool for breaking into networks or apps',
    example: 'com.zimperium.zanti',
    description: `A scanner, sniffer or another tool for breaking into networks and apps is installed, by a feed or by the list that ships with Sallyport. ${SETTLED}`,
    remediation: {
      user: 'Uninstall the app. If you need it for your work, ask your IT team.',
      admin: 'Have the tool removed, or allow it for those who test your systems.'
    }
  },
  {
    id: 'app-remote-access',
    kind: 'remote-access',
    platforms: ALL_PLATFORMS,
    severity: 'medium',
    byName: 'medium',
    attack: ['T1663'],
    is: 'an app by which others see and steer the screen',
    example: 'com.anydesk.anydeskandroid',
    description: `An app for remote control is installed. Callers who pretend to be a bank or a help desk ask for one. ${SETTLED}`,
    remediation: {
      user: 'If somebody on the phone asked you to install this app, uninstall it now and call your bank. If your help desk uses another app, uninstall this one as well.',
      admin: 'Ask who wanted the app on the phone. Allow only the tool that your help desk uses.'
    }
  },
  {
    id: 'app-backup-tool',
    kind: 'backup-tool',
    platforms: ALL_PLATFORMS,
    severity: 'low',
    byName: 'low',
    attack: ['T1533'],
    is: 'an app that copies messages, contacts or apps off the phone',
    example: 'com.riteshsahu.SMSBackupRestore',
    description: `An app that copies data off the phone to places of the user's own is installed. ${SETTLED}`,
    remediation: { user: 'Uninstall the app and use the backup that your organisation offers.', admin: 'Have the app replaced by the approved backup, or allow it.' }
  },
  {
    id: 'app-location-tracking',
    kind: 'location-tracking',
    platforms: ALL_PLATFORMS,
    severity: 'low',
    byName: 'low',
    attack: ['T1430'],
    is: 'an app by which others see where the phone is',
    example: 'com.life360.android.safetymapd',
    description: `An app by which other people follow the phone's place is installed. Families use them openly; on a work phone they also tell where its user works. ${SETTLED}`,
    remediation: {
      user: 'Take the right to your location from the app while you work, or uninstall it. If you did not install it yourself, talk to somebody you trust first, on another device.',
      admin: 'Ask the user, in person, who uses the app and whether it was wanted; then have it removed or allow it.'
    }
  },
  {
    id: 'app-vpn-personal',
    kind: 'personal-vpn',
    platforms: ALL_PLATFORMS,
    severity: 'audit',
    byName: 'audit',
    attack: ['T1604'],
    is: 'a VPN or proxy of the user\'s own',
    example: 'com.nordvpn.android',
    description: `A VPN or proxy app for consumers is installed; recorded only. ${SETTLED} Nor are the VPNs that the policy names.`,
    remediation: { user: 'Use your organisation\'s VPN for work.', admin: 'Nothing has to be done. Where it matters, require the company\'s VPN.' }
  }
]

function examplesOf ({ threatClass, severity, byName, example: appId, platforms }: Kind): Example[] {
  const installed = { appId, installer: 'com.android.vending', system: false }
  const phone = { platform: 'android', report: { apps: [installed] } } as const
  const hash = 'cd'.repeat(32)
  return [
    { name: 'an app of the list', ...phone, finds: [`${appId} ${byName}`] },
    { name: 'the organisation allows it', ...phone, policy: { apps: { allow: [appId] } }, finds: [] },
    { name: 'management installed it', platform: 'android', report: { apps: [{ ...installed, managed: true }] }, finds: [] },
    { name: 'the phone\'s maker put it there', platform: 'android', report: { apps: [{ appId, installer: null, system: true }] }, finds: [] },
    { name: 'an app whose id begins likewise', platform: 'android', report: { apps: [{ ...installed, appId: `${appId}.icons` }] }, finds: [] },
    { name: 'no list of apps', platform: platforms[0]!, report: {}, finds: 'unknown' },
    ...(threatClass === undefined
      ? []
      : [
        { name: 'a feed lists the package, whatever its name', platform: 'android', report: { apps: [{ appId: 'com.example.tool', sha256: hash, system: false }] }, intel: [{ type: 'sha256', value: hash, threatClass }], finds: [`com.example.tool ${severity}`] },
        { name: 'a feed says that it is something worse', ...phone, intel: [{ type: 'app-id', value: appId, threatClass: 'mercenary-spyware' }], finds: [] }
      ] satisfies Example[])
  ]
}

function toDetection (data: Kind): Detection {
  const { kind, threatClass, is, severity, byName, example: _, ...rest } = data
  const classes: ReadonlySet<ThreatClass> = new Set(threatClass === undefined ? [] : [threatClass])
  return {
    ...rest,
    version: 1,
    category: 'app',
    severity,
    raisesLevel: true,
    sections: ['apps'],
    needs: ['apps'],
    examples: examplesOf(data),

    detect (context) {
      const { state, policy } = context
      const listed = appsWith(state, kind)
      const suspects = classes.size === 0 ? [] : suspectsOf(context, classes)
      if (listed.length === 0 && suspects.length === 0) return []
      const isSettled = ({ appId }: { readonly appId: string }): boolean => kind === 'personal-vpn' && isTrustedVpn(policy, appId)
      return [
        ...suspects.map((suspect): Match => ({
          subject: suspect.app.appId,
          title: `The app ${suspect.app.appId} is ${is}: ${describeListing(suspect)}.`,
          evidence: evidenceOf(suspect),
          intel: suspect.entry,
          severity: weigh(context, suspect.isProven ? severity : byName, entriesOf(suspect)),
          ...validityOf(suspect.entry)
        })),
        // What intelligence says of an app counts for more than a list of names.
        ...listed.filter((app) => !isSuspect(context, app) && !isAllowedApp(policy, app) && !isSettled(app)).map((app): Match => ({
          subject: app.appId,
          title: `${describeApp(app)} is ${is}, by its id.`,
          evidence: appEvidence(app, 'appId', 'system', 'managed'),
          severity: byName
        }))
      ]
    }
  }
}

/** Apps of a kind that an organisation may not want. */
export const APP_KINDS: readonly Detection[] = KINDS.map(toDetection)
