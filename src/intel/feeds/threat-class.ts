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

/** Words of the open vocabularies and of publishers' descriptions; the first that is found counts. */
const BY_WORD: ReadonlyArray<readonly [RegExp, ThreatClass]> = [
  [/\bstalker-?ware\b|\bspouse-?ware\b/i, 'stalkerware'],
  [/\bwatch-?ware\b|\bparental control\b/i, 'watchware'],
  [/\badware\b/i, 'adware'],
  [/\bphishing\b|\bcredential-harvesting\b/i, 'phishing'],
  [/\bfraud\b/i, 'fraud'],
  // Bundles of this kind, MVT's, are about targeted surveillance; they rarely carry a type.
  [/\bmercenary\b|\bspyware\b|\bsurveillance\b/i, 'mercenary-spyware']
]

/**
 * What to think of malware by what its publisher calls it: stalkerware by any mention; else a
 * known mercenary name; else the words of labels and description; else plain malware. An import
 * can set the class itself where this guesses wrong.
 */
export function threatClassOf ({ name, description = '', labels }: MalwareDescription): ThreatClass {
  const text = [name, description, ...labels].join('\n')
  const [stalkerware] = BY_WORD[0]!
  if (stalkerware.test(text)) return 'stalkerware'
  if (MERCENARY_NAMES.test(name)) return 'mercenary-spyware'
  return BY_WORD.find(([word]) => word.test(text))?.[1] ?? 'malware'
}
