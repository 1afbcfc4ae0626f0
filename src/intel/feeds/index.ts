import { UnprocessableError } from '../../errors.js'
import { parseJson } from './json-document.js'
import type { ParsedFeed } from './parsed-feed.js'
import { isStalkerwareList, readStalkerware } from './stalkerware.js'
import { isStarter, readStarter } from './starter.js'
import { isStixBundle, readStix } from './stix.js'
import { parseYaml } from './yaml-document.js'

export type { ParsedFeed, SkippedEntries } from './parsed-feed.js'

interface Format {
  readonly syntax: 'json' | 'yaml'
  /** Whether the data looks like this format. */
  readonly matches: (data: unknown) => boolean
  readonly read: (data: unknown) => ParsedFeed
}

/** The formats that can be imported, by the name the API gives them. */
const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['stix', { syntax: 'json', matches: isStixBundle, read: readStix }],
  ['stalkerware', { syntax: 'yaml', matches: isStalkerwareList, read: readStalkerware }],
  ['starter', { syntax: 'yaml', matches: isStarter, read: readStarter }]
])
const SYNTAXES = { json: parseJson, yaml: parseYaml } as const

export const FEED_FORMATS: readonly string[] = ['auto', ...FORMATS.keys()]

/** A parsed file and the format it turned out to be. */
export interface ReadFeed extends ParsedFeed {
  readonly format: string
}

/** Reads a file in a given format, or finds out which it is. @throws UnprocessableError, InvalidInputError */
export function readFeed (text: string, format: string): ReadFeed {
  const named = FORMATS.get(format)
  if (named !== undefined) return { format, ...named.read(SYNTAXES[named.syntax](text)) }
  if (format !== 'auto') throw new UnprocessableError(`The format ${format.slice(0, 64)} is not supported; supported are ${FEED_FORMATS.join(', ')}.`)

  // YAML could read JSON as well, but slowly.
  const data = SYNTAXES[/^\s*[[{]/.test(text) ? 'json' : 'yaml'](text)
  for (const [name, { matches, read }] of FORMATS) {
    if (matches(data)) return { format: name, ...read(data) }
  }
  throw new UnprocessableError(`The file is none of the known formats (${[...FORMATS.keys()].join(', ')}); name its format if it is.`)
}
