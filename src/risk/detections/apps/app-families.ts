import type { ThreatClass } from '../../../intel/indicators/indicator.js'
import type { Platform } from '../../../telemetry/device-state.js'
import type { Detection } from '../../detection.js'
import type { Example } from '../../example.js'
import { describeListing, entriesOf, evidenceOf, suspectsOf } from '../../facts/app-suspects.js'
import { validityOf, weigh } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import type { Severity } from '../../level.js'

/** A kind of bad app: what lists call it, and what that means. */
interface Family extends Pick<Detection, 'id' | 'version' | 'attack' | 'remediation'> {
  readonly classes: readonly ThreatClass[]
  /** `known malware`, for the title. */
  readonly is: string
  readonly severity: Severity
  /** When lists know only the package name, which anybody can take. */
  readonly byName: Severity
  readonly means: string
}

const HASH = 'ab'.repeat(32)
const APP = 'com.example.flashlight'

const FAMILIES: readonly Family[] = [
  {
    id: 'app-ransomware',
    version: 1,
    classes: ['ransomware'],
    is: 'ransomware',
    severity: 'high',
    byName: 'medium',
    attack: ['T1471'],
    means: 'An app that locks the phone or its files and asks for money',
    remediation: {
      user: 'Switch Wi-Fi and mobile data off. Do not pay. Ask your security team before you do anything else; what was lost can come back from a backup.',
      admin: 'Take the phone off company networks and stop its synchronisation of files, so that encrypted ones do not replace good ones. Remove the app in safe mode or reset the phone, and restore from a backup.'
    }
  },
  {
    id: 'app-banking-trojan',
    version: 1,
    classes: ['banking-trojan'],
    is: 'a banking trojan',
    severity: 'high',
    byName: 'medium',
    attack: ['T1417.002', 'T1453'],
    means: 'An app that steals the sign-in to banks and other services by false pages over real apps',
    remediation: {
      user: 'Do not open banking apps on this phone. Uninstall the app, then tell your bank and change the passwords that you used here, from another device.',
      admin: 'Have the app removed (in safe mode, where it defends itself), revoke the user\'s sessions and rotate credentials. Ask the user to inform the bank. Reset the phone when the app was a device administrator.'
    }
  },
  {
    id: 'app-backdoor',
    version: 1,
    classes: ['backdoor'],
    is: 'a backdoor',
    severity: 'high',
    byName: 'medium',
    attack: ['T1663', 'T1437.001'],
    means: 'An app that lets others control the phone from afar',
    remediation: {
      user: 'Somebody may control this phone. Do not enter passwords on it. Uninstall the app and ask your security team whether the phone must be reset.',
      admin: 'Take the phone off company data, remove the app, reset the phone and rotate credentials. Look for the server it talked to on other phones.'
    }
  },
  {
    id: 'app-exploit',
    version: 1,
    classes: ['exploit'],
    is: 'an exploit',
    severity: 'high',
    byName: 'medium',
    attack: ['T1404', 'T1658'],
    means: 'An app that uses holes of the system to get rights that nobody gave it',
    remediation: {
      user: 'Uninstall the app and install the newest update of the system.',
      admin: 'Have the app removed and the system updated. Check that the phone was not rooted; reset it when that is in doubt.'
    }
  },
  {
    id: 'app-dropper',
    version: 1,
    classes: ['dropper'],
    is: 'a dropper',
    severity: 'high',
    byName: 'medium',
    attack: ['T1544', 'T1407'],
    means: 'An app that brings other malware onto the phone',
    remediation: {
      user: 'Uninstall the app and whatever it installed: look at the newest apps in the settings.',
      admin: 'Have the app removed with everything installed since it came. Look at the list of apps of that time.'
    }
  },
  {
    id: 'app-toll-fraud',
    version: 1,
    classes: ['toll-fraud'],
    is: 'an app that runs up charges',
    severity: 'high',
    byName: 'medium',
    attack: ['T1582', 'T1643'],
    means: 'An app that subscribes to paid services or sends premium messages in secret',
    remediation: {
      user: 'Uninstall the app. Look at your phone bill and ask your carrier to block paid services.',
      admin: 'Have the app removed and check the phone\'s bill; have the carrier block premium services.'
    }
  },
  {
    id: 'app-malware-known',
    version: 3,
    // Whatever a list calls bad and no other row takes.
    classes: ['malware', 'c2', 'fraud', 'phishing', 'unknown'],
    is: 'known malware',
    severity: 'high',
    byName: 'medium',
    attack: ['T1655'],
    means: 'An app that lists call malware, without a class that has a detection of its own',
    remediation: {
      user: 'Uninstall the app. Then change the passwords that you used on this phone, from another device.',
      admin: 'Have the app uninstalled, revoke the user\'s sessions and rotate the credentials used on the phone. Look for the same package, certificate and hash on other phones.'
    }
  },
  {
    id: 'app-dangerous',
    version: 1,
    classes: ['dangerous'],
    is: 'listed as too dangerous for a work phone',
    severity: 'high',
    byName: 'medium',
    attack: ['T1626'],
    means: 'A lawful app that can change the phone\'s configuration or open the company\'s network, as a feed of class `dangerous` (of the organisation\'s own, too) says',
    remediation: {
      user: 'Uninstall the app, or ask your IT team for one that is allowed.',
      admin: 'Have the app removed. Who needs it should have it on a phone without access to company data.'
    }
  },
  {
    id: 'app-click-fraud',
    version: 1,
    classes: ['click-fraud'],
    is: 'an app that clicks on advertising in secret',
    severity: 'medium',
    byName: 'low',
    attack: ['T1643'],
    means: 'An app that clicks on advertising behind the user\'s back',
    remediation: { user: 'Uninstall the app.', admin: 'Have the app removed; look for other apps of the same signer.' }
  },
  {
    id: 'app-spam-sender',
    version: 1,
    classes: ['spam'],
    is: 'an app that sends spam',
    severity: 'medium',
    byName: 'low',
    attack: ['T1582'],
    means: 'An app that sends unwanted messages in the user\'s name',
    remediation: {
      user: 'Uninstall the app, and tell your contacts not to open what it sent in your name.',
      admin: 'Have the app removed, and warn those whom it wrote to.'
    }
  },
  {
    id: 'app-watchware',
    version: 3,
    classes: ['watchware'],
    is: 'an app that monitors its user',
    severity: 'medium',
    byName: 'medium',
    attack: ['T1430'],
    means: 'An app that openly monitors a child or staff',
    remediation: {
      user: 'Find out who installed this monitoring app. It can read what you do for work, so it cannot stay on a phone with company data.',
      admin: 'Confirm with the user who installed the app and why; remove it from work devices, or keep company data off the phone.'
    }
  },
  {
    id: 'app-pua',
    version: 1,
    classes: ['pua', 'riskware'],
    is: 'potentially unwanted',
    severity: 'low',
    byName: 'low',
    attack: [],
    means: 'An app that is listed as potentially unwanted or as risky in the wrong hands',
    remediation: { user: 'Uninstall the app, or ask your IT team whether you may keep it.', admin: 'Have the app removed, or add it to the allowed apps of the policy.' }
  },
  {
    id: 'app-adware',
    version: 3,
    classes: ['adware'],
    is: 'adware',
    severity: 'low',
    byName: 'low',
    attack: ['T1643'],
    means: 'An app that is listed as adware',
    remediation: { user: 'Uninstall the app.', admin: 'Have the app uninstalled; look for other apps of the same signer.' }
  }
]

function examplesOf ({ classes: [threatClass], severity, byName, id }: Family): Example[] {
  const listed = { type: 'sha256', value: HASH, threatClass: threatClass! } as const
  const named = { type: 'app-id', value: APP, threatClass: threatClass! } as const
  const phone = { platform: 'android' satisfies Platform, report: { apps: [{ appId: APP, sha256: HASH, installer: 'com.android.vending', system: false }] } } as const
  return [
    { name: 'the package\'s hash is listed', ...phone, intel: [listed], finds: [`${APP} ${severity}`] },
    { name: 'only the package name is listed', ...phone, intel: [named], finds: [`${APP} ${byName}`] },
    { name: 'the organisation vouches for the name', ...phone, intel: [named], policy: { apps: { allow: [APP] } }, finds: [] },
    { name: 'the organisation cannot vouch for a package that is what the list means', ...phone, intel: [listed], policy: { apps: { allow: [APP] } }, finds: [`${APP} ${severity}`] },
    { name: 'another list says that it is something worse', ...phone, intel: [listed, { ...listed, feed: 'other', threatClass: 'mercenary-spyware' }], finds: [] },
    { name: `an iPhone with the listed id (${id})`, platform: 'ios', report: { apps: [{ appId: APP }] }, intel: [named], finds: [`${APP} ${byName}`] },
    { name: 'no list of apps', platform: 'android', report: {}, intel: [listed], finds: 'unknown' }
  ]
}

function toDetection (family: Family): Detection {
  const { id, version, classes, is, severity, byName, attack, means, remediation } = family
  const wanted: ReadonlySet<ThreatClass> = new Set(classes)
  return {
    id,
    version,
    category: 'app',
    platforms: ALL_PLATFORMS,
    severity,
    attack,
    raisesLevel: true,
    description: `${means}: its package hash or signing certificate is listed${byName === severity ? ', or its package name' : ` (${severity}), or only its package name (${byName}: names can be taken by anybody)`}. An app in several lists is reported once, as the worst of what they say. The organisation's list of allowed apps settles a match of the name alone.`,
    sections: ['apps'],
    needs: ['apps'],
    remediation,
    examples: examplesOf(family),

    detect (context) {
      return suspectsOf(context, wanted).map((suspect) => ({
        subject: suspect.app.appId,
        title: `The app ${suspect.app.appId} is ${is}: ${describeListing(suspect)}.`,
        evidence: evidenceOf(suspect),
        intel: suspect.entry,
        severity: weigh(context, suspect.isProven ? severity : byName, entriesOf(suspect)),
        ...validityOf(suspect.entry)
      }))
    }
  }
}

/** Bad apps by what lists call them, the gravest first. */
export const APP_FAMILIES: readonly Detection[] = FAMILIES.map(toDetection)
