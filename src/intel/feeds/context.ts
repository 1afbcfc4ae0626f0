import type { IndicatorRole, IndicatorType, ThreatClass } from '../indicators/indicator.js'
import type { Claim } from './parsed-feed.js'
import { threatClassOf } from './threat-class.js'

const NETWORK_TYPES: ReadonlySet<IndicatorType> = new Set(['domain', 'url', 'ipv4', 'ipv6', 'cidr'])
/** Classes whose servers a phone contacts because something on it is controlled from there. */
const CONTROLLING: ReadonlySet<ThreatClass> = new Set(['malware', 'mercenary-spyware', 'stalkerware', 'watchware', 'c2', 'banking-trojan', 'ransomware', 'backdoor', 'dropper', 'toll-fraud', 'click-fraud'])

/** Words of feeds for what an entry is about. */
const CLASS_WORDS: ReadonlyArray<readonly [RegExp, ThreatClass]> = [
  [/botnet|\bc2\b|\bc&c\b|\bcnc\b|command.and.control/i, 'c2'],
  [/phish|smish/i, 'phishing'],
  [/\bfraud|\bscam/i, 'fraud'],
  [/\badware\b|\bad ?(?:server|provider|network)s?\b|\bad-?block|\badvertis|\btracker|\btracking\b/i, 'adware'],
  [/\bbanker\b/i, 'banking-trojan'],
  [/\bback-?door\b/i, 'backdoor'],
  [/\bdropper\b/i, 'dropper'],
  [/malware|trojan|ransom|stealer|\brat\b|payload/i, 'malware'],
  [/\bspam\b/i, 'spam'],
  [/\bpu[ap]\b/i, 'pua']
]

/** What a text calls a threat; undefined when it says nothing of it. */
export function classInText (text: string): ThreatClass | undefined {
  const said = threatClassOf({ name: text, labels: [text] })
  return said !== 'malware' ? said : CLASS_WORDS.find(([word]) => word.test(text))?.[1]
}

/**
 * The role of a value in a list that says no more than that it is bad: hosts of what controls phones are its servers;
 * of other classes, places to keep away from.
 */
export function roleOf (type: IndicatorType, threatClass: ThreatClass): IndicatorRole {
  if (!NETWORK_TYPES.has(type)) return 'artifact'
  return CONTROLLING.has(threatClass) ? 'c2' : 'distribution'
}

/** What a list says of a value, of which it says little. */
export function plainClaim (type: IndicatorType, threatClass: ThreatClass, family: string, rest: Partial<Claim> = {}): Claim {
  return { role: roleOf(type, threatClass), threatClass, family, ...rest }
}
