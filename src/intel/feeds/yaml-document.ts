import { Lexer, LineCounter, parseDocument, Parser } from 'yaml'
import { InvalidInputError, UnprocessableError, type FieldFault } from '../../errors.js'
import { MAX_FAULTS } from './parsed-feed.js'

/** YAML is read at about 2 MB of text and 150,000 pieces of it a second, and nothing else is done meanwhile. */
const MAX_YAML_LENGTH = 8 * 1024 * 1024
/** Few feeds use aliases; a "billion laughs" needs many. */
const MAX_ALIASES = 100
/** Words, marks and spaces as the reader cuts them; the stalkerware list has 24,000. */
const MAX_PIECES = 400_000
/** In tokens: a level of YAML is up to three. */
const MAX_OPEN_TOKENS = 200

/** A YAML file as plain data. @throws InvalidInputError naming each faulty line, UnprocessableError */
export function parseYaml (text: string): unknown {
  if (text.length > MAX_YAML_LENGTH) throw new UnprocessableError(`A YAML file has at most ${MAX_YAML_LENGTH} characters; this one has ${text.length}.`)
  requireReadable(text)
  const lineCounter = new LineCounter()
  // A key twice: the last counts, as everywhere. Lists written by hand have them.
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false })
  const faults: FieldFault[] = document.errors.slice(0, MAX_FAULTS).map(({ pos, message }) => ({ path: `line ${lineCounter.linePos(pos[0]).line}`, message }))
  if (faults.length > 0) throw new InvalidInputError(faults, 'The YAML file')
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    throw new InvalidInputError([{ path: '', message: (error as Error).message }], 'The YAML file')
  }
}

/**
 * What is nested thousands deep takes the reader to the end of the stack, and there a regular
 * expression that is used for the first time ends the whole process. The tokens are read without
 * recursion, so they tell first; and how many there are, which is what reading takes its time for.
 */
function requireReadable (text: string): void {
  const parser = new Parser()
  let pieces = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (++pieces > MAX_PIECES) throw new UnprocessableError('The YAML file has too many entries to be read at once; import it in several files.')
    // The parser works while it is asked for tokens; they are of no interest.
    const tokens = parser.next(lexeme)
    while (tokens.next().done !== true);
    if (parser.stack.length > MAX_OPEN_TOKENS) throw new InvalidInputError([{ path: '', message: 'is nested too deep' }], 'The YAML file')
  }
}
