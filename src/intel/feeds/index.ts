import { InvalidInputError, UnprocessableError } from '../../errors.js'
import type { ParsedFeed } from './parsed-feed.js'
import { isStalkerwareList, parseStalkerware } from './stalkerware.js'
import { isStarter, parseStarter } from './starter.js'
import { isStixBundle, parseStix } from './stix.js'
import { parseYaml } from './yaml-document.js'

export type { ParsedFeed, SkippedEntries } from './parsed-feed.js'

interface Format {
  readonly parse: (text: string) => ParsedFeed
  /** Whether data that was read as JSON or YAML looks like this format. */
  readonly matches: (data: unknown) => boolean
}

/** The formats that can be imported, by the name the API gives them. */
const FORMATS: Readonly<Record<string, Format>> = {
  stix: { parse: parseStix, matches: isStixBundle },
  stalkerware: { parse: parseStalkerware, matches: isStalkerwareList },
  starter: { parse: parseStarter, matches: isStarter }
}

export const FEED_FORMATS = ['auto', ...Object.keys(FORMATS)] as const

/** A parsed file and the format it turned out to be. */
export interface ReadFeed extends ParsedFeed {
  readonly format: string
}

/** Reads a file in a given format, or finds out which it is. @throws UnprocessableError, InvalidInputError */
export function readFeed (text: string, format: string): ReadFeed {
  const name = format === 'auto' ? recognise(text) : format
  const known = FORMATS[name]
  if (known === undefined) throw new UnprocessableError(`The format ${name} is not supported; supported are ${FEED_FORMATS.join(', ')}.`)
  return { format: name, ...known.parse(text) }
}

function recognise (text: string): string {
  let data: unknown
  try {
    // JSON is tried first: the YAML parser reads it as well, but slowly.
    data = /^\s*[[{]/.test(text) ? JSON.parse(text) : parseYaml(text)
  } catch (error) {
    if (error instanceof InvalidInputError) throw error
    throw new InvalidInputError([{ path: '', message: `looks like JSON, but is not: ${(error as Error).message}` }], 'The file')
  }
  const found = Object.entries(FORMATS).find(([, { matches }]) => matches(data))
  if (found === undefined) throw new UnprocessableError(`The file is none of the known formats (${Object.keys(FORMATS).join(', ')}); name its format if it is.`)
  return found[0]
}
