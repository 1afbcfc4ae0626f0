import type { ThreatClass } from '../indicators/indicator.js'

/** What a publisher says about the malware behind his indicators. */
export interface MalwareDescription {
  readonly name: string
  readonly description?: string
  /** STIX `malware_types`, `labels`, `indicator_types`: open vocabularies. */
  readonly labels: readonly string[]
}

/**
 * Spyware that is sold to governments, and its sellers, by the names under which research
 * publishes them (Amnesty Security Lab, Citizen Lab, Google TAG and others).
 */
const MERCENARY_NAMES = /\b(pegasus|nso group|predator|cytrox|intellexa|novispy|hermit|rcs ?lab|graphite|paragon|fin(spy|fisher)|candiru|devilstongue|quadream|kingspawn|reignspy|heliconia|variston|wintego|triangulation|landfall|exodus|skygofree|spyrtacus|eaglemsgspy|coruna|darksword|donot)\b/i

/**
 * Words of the open vocabularies and of publishers' descriptions that mean one thing only; the
 * first that is found counts.
 */
const BY_WORD: ReadonlyArray<readonly [RegExp, ThreatClass]> = [
  [/\bstalker-?ware\b|\bspouse-?ware\b/i, 'stalkerware'],
  [/\bwatch-?ware\b|\bparental control\b/i, 'watchware'],
  [/\bransom-?ware\b/i, 'ransomware'],
  [/\bbank(?:ing|er)[ _-]?(?:trojan|malware|bot)s?\b|\bandroid[ _-]?banker\b|\bbankbot\b/i, 'banking-trojan'],
  [/\btoll[ _-]?fraud\b|\bcharge-?ware\b|\bfleece-?ware\b|\bpremium[ _-]sms\b|\bsms[ _-]trojan\b/i, 'toll-fraud'],
  [/\bclick[ _-]?fraud\b|\bad[ _-]fraud\b/i, 'click-fraud'],
  [/\bad-?ware\b/i, 'adware'],
  [/\bphishing\b|\bcredential-harvesting\b/i, 'phishing'],
  [/\bfraud\b/i, 'fraud'],
  [/\broot(?:ing)?[ _-](?:enabler|tool)s?\b/i, 'root-enabler'],
  [/\bhack(?:ing)?[ _-]?tools?\b/i, 'hacking-tool'],
  [/\bpotentially[ _-]unwanted\b/i, 'pua'],
  [/\brisk-?ware\b|\bgray-?ware\b|\bgrey-?ware\b/i, 'riskware'],
  // Bundles of this kind, MVT's, are about targeted surveillance; they rarely carry a type.
  [/\bmercenary\b|\bspyware\b|\bsurveillance\b/i, 'mercenary-spyware']
]

/**
 * What a label by itself says: STIX 2.1 `malware_types` and `tool_types` (10.15, 10.24), tags of MISP (`ms-caro-malware:malware-type="Backdoor"`),
 * classes of vendors (`APP_DROPPER`). In a description such words tell of what else the malware does.
 */
const BY_LABEL: ReadonlyMap<string, ThreatClass> = new Map<string, ThreatClass>([
  ['backdoor', 'backdoor'], ['bot', 'backdoor'], ['remote-access-trojan', 'backdoor'], ['rat', 'backdoor'],
  ['exploit', 'exploit'], ['exploit-kit', 'exploit'], ['exploitation', 'exploit'],
  ['dropper', 'dropper'], ['downloader', 'dropper'], ['trojandownloader', 'dropper'], ['trojandropper', 'dropper'], ['app-dropper', 'dropper'],
  ['spam', 'spam'], ['spammer', 'spam'], ['clicker', 'click-fraud'], ['trojanclicker', 'click-fraud'],
  ['banker', 'banking-trojan'], ['trojan-banker', 'banking-trojan'], ['trojan-ransom', 'ransomware'], ['trojan-sms', 'toll-fraud'],
  ['pua', 'pua'], ['pup', 'pua'], ['unwanted-software', 'pua'], ['hacktool', 'hacking-tool'], ['root-enabler', 'root-enabler']
])

/** The last part of a tag such as `veris:action:malware:variety="Backdoor"`, in small letters with hyphens. */
function plainLabel (label: string): string {
  const quoted = /="([^"]*)"$/.exec(label)?.[1] ?? label
  return quoted.slice(quoted.lastIndexOf(':') + 1).trim().toLowerCase().replace(/[ _]+/g, '-')
}

/**
 * What to think of malware by what its publisher calls it: stalkerware by any mention; else a
 * known mercenary name; else the words of labels and description; else a label by itself; else
 * plain malware. An import can set the class itself where this guesses wrong.
 */
export function threatClassOf ({ name, description = '', labels }: MalwareDescription): ThreatClass {
  const text = [name, description, ...labels].join('\n')
  const [stalkerware] = BY_WORD[0]!
  if (stalkerware.test(text)) return 'stalkerware'
  if (MERCENARY_NAMES.test(name)) return 'mercenary-spyware'
  const byWord = BY_WORD.find(([word]) => word.test(text))?.[1]
  if (byWord !== undefined) return byWord
  for (const label of labels) {
    const byLabel = BY_LABEL.get(plainLabel(label))
    if (byLabel !== undefined) return byLabel
  }
  return 'malware'
}
