import { LineCounter, parseDocument } from 'yaml'
import { InvalidInputError } from '../../errors.js'

/** Few feeds use aliases; a "billion laughs" needs many. */
const MAX_ALIASES = 100
const MAX_FAULTS = 20

/** A YAML file as plain data. @throws InvalidInputError naming each faulty line */
export function parseYaml (text: string): unknown {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false })
  if (document.errors.length > 0) {
    throw new InvalidInputError(document.errors.slice(0, MAX_FAULTS).map(({ pos, message }) => ({
      path: `line ${lineCounter.linePos(pos[0]).line}`,
      message
    })), 'The YAML file')
  }
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    throw new InvalidInputError([{ path: '', message: (error as Error).message }], 'The YAML file')
  }
}
