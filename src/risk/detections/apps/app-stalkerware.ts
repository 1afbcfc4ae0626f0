import type { Detection, DetectionContext, Evidence } from '../../detection.js'
import { describeListing, entriesOf, evidenceOf, isVouchedFor, suspectApps, type SuspectApp } from '../../facts/app-suspects.js'
import { contacts } from '../../facts/contacts.js'
import { brandOf } from '../../facts/distinctive-names.js'
import { openUntil } from '../../facts/event-windows.js'
import { validityOf, weigh } from '../../facts/intel-entries.js'
import { ANDROID } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'app-stalkerware'

const CERT = 'ab'.repeat(20)
/** As makers give to their builds, each another. */
const BY_LOT = ['com.aixlunro.uqfhkagb', 'com.bzbqbkya.hgozttiu', 'com.ntckdlhc.oifhnjwp', 'com.tbntxear.vfmkjxme', 'com.uzoifhzk.qmqnpwaf']
const named = { type: 'app-id', value: 'com.example.sync', threatClass: 'stalkerware', family: 'SpyFamily' } as const

interface Corroboration {
  readonly evidence: readonly Evidence[]
  /** Ms. */
  readonly until: number
}

/** The app, or the phone without naming an app, talked to a server of the app's own family. */
function findC2Contact (context: DetectionContext, suspect: SuspectApp): Corroboration | undefined {
  // Lists write a name each in their way.
  const families = new Set(suspect.hits.map(({ entry }) => brandOf(entry.family)))
  for (const contact of contacts(context)) {
    if (!contact.reached || (contact.event.appId !== undefined && contact.event.appId !== suspect.app.appId)) continue
    if (!contact.entries.some((entry) => entry.role === 'c2' && families.has(brandOf(entry.family)))) continue
    const until = openUntil(context, contact.event, { id: ID }, 'contact')
    if (until !== undefined) return { evidence: contact.evidence, until }
  }
  return undefined
}

export const appStalkerware: Detection = {
  id: ID,
  version: 3,
  category: 'app',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1430', 'T1636', 'T1628.001'],
  raisesLevel: true,
  description: 'An app made to watch its user in secret is installed. High when its signing certificate, its package hash or a contact with its maker\'s server says so; high as well when the package name is so much the family\'s own that nobody else has it (it contains the family\'s brand, or parts that a machine made up; docs/intel.md); medium when only another package name is listed, because many of those names are ordinary words, or when the name of an app from no store is made by lot in the form of at least five that are listed for one family. The organisation\'s list of allowed apps settles a match of the name alone.',
  sections: ['apps', 'events'],
  needs: ['apps'],
  remediation: {
    user: 'Somebody may be watching this phone. Whoever installed the app may notice when it is removed, so think of your safety first: use another device that this person cannot reach, and ask a help line (stopstalkerware.org lists one for your country) or your security team before you change anything. When it is safe, remove the app and change your passwords from another device.',
    admin: 'Talk to the user in person or on another device, not over this phone. Do not remove the app remotely and do not force a reset before the user agrees: it may alert an abuser and destroys evidence. Offer a help line (stopstalkerware.org), keep the report as evidence, then remove the app and rotate credentials.'
  },
  examples: [
    { name: 'the package and its signer are listed', platform: 'android', report: { apps: [{ appId: 'com.example.sync', signingCertSha1: [CERT] }] }, intel: [named, { ...named, type: 'cert-sha1', value: CERT }], finds: ['com.example.sync high'] },
    { name: 'only the package name, which may be an accident', platform: 'android', report: { apps: [{ appId: 'com.example.sync' }] }, intel: [named], finds: ['com.example.sync medium'] },
    { name: 'the name, and the phone asks for the maker\'s server', platform: 'android', report: { apps: [{ appId: 'com.example.sync' }], events: [{ type: 'dns-query', host: 'api.spy.example' }] }, intel: [named, { ...named, type: 'domain', value: 'spy.example', role: 'c2' }], finds: ['com.example.sync high'] },
    { name: 'a name that is the family\'s own', platform: 'android', report: { apps: [{ appId: 'com.cocospy' }] }, intel: [{ ...named, value: 'com.cocospy', family: 'Cocospy' }], finds: ['com.cocospy high'] },
    { name: 'a name made by lot, as five that are listed', platform: 'android', report: { apps: [{ appId: 'com.qpbowavl.dbqhyjcw' }] }, intel: BY_LOT.map((value) => ({ ...named, value })), finds: ['com.qpbowavl.dbqhyjcw medium'] },
    { name: 'as four that are listed', platform: 'android', report: { apps: [{ appId: 'com.qpbowavl.dbqhyjcw' }] }, intel: BY_LOT.slice(1).map((value) => ({ ...named, value })), finds: [] },
    { name: 'such a name in a store', platform: 'android', report: { apps: [{ appId: 'com.qpbowavl.dbqhyjcw', installer: 'com.android.vending' }] }, intel: BY_LOT.map((value) => ({ ...named, value })), finds: [] },
    { name: 'a name of that form that people gave', platform: 'android', report: { apps: [{ appId: 'com.mobiispy.tracking' }, { appId: 'com.evenwell.bboxsbox' }] }, intel: BY_LOT.map((value) => ({ ...named, value })), finds: [] },
    { name: 'the organisation vouches for the name', platform: 'android', report: { apps: [{ appId: 'com.example.sync' }] }, intel: [named], policy: { apps: { allow: ['com.example.sync'] } }, finds: [] },
    { name: 'a visit to the maker\'s sales site', platform: 'android', report: { apps: [{ appId: 'com.example.mail' }], events: [{ type: 'url-visit', url: 'https://spy.example/', action: 'opened' }] }, intel: [{ ...named, type: 'domain', value: 'spy.example', role: 'website' }], finds: [] },
    { name: 'no list of apps', platform: 'android', report: {}, intel: [named], finds: 'unknown' }
  ],

  detect (context) {
    return suspectApps(context)
      .filter(({ threatClass }) => threatClass === 'stalkerware')
      .flatMap((suspect) => {
        const contact = suspect.isProven ? undefined : findC2Contact(context, suspect)
        if (contact === undefined && isVouchedFor(context, suspect)) return []
        return [{
          subject: suspect.app.appId,
          title: `The app ${suspect.app.appId} watches its user in secret: ${describeListing(suspect, ...(contact === undefined ? [] : ['server']))}.`,
          evidence: [...evidenceOf(suspect), ...contact?.evidence ?? []],
          intel: suspect.entry,
          severity: weigh(context, suspect.isProven || contact !== undefined || suspect.hasDistinctiveName ? 'high' : 'medium', entriesOf(suspect)),
          ...(contact === undefined ? validityOf(suspect.entry) : { recheckAt: toIso(contact.until) })
        }]
      })
  }
}
