import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { Lexer, LineCounter, parseDocument, Parser } from 'yaml'
import { findFaults } from './check-meaning.js'
import { POLICY_LIMITS, type PolicyDocument, PolicyDocumentSchema } from './document.js'
import { plainWords } from './schema-faults.js'

export interface PolicyFault {
  /** As in a JSON pointer (RFC 6901), or a line of the text. */
  readonly path: string
  readonly message: string
}

export type ReadPolicy = { readonly document: PolicyDocument } | { readonly faults: readonly PolicyFault[] }

const MAX_FAULTS = 200
/** In tokens: a level of YAML is up to three. */
const MAX_OPEN_TOKENS = 100
const MAX_ALIASES = 50

let compiled: ValidateFunction<PolicyDocument> | undefined
// Compiled when it is first needed: a process that reads no policies starts sooner.
function isDocument (): ValidateFunction<PolicyDocument> {
  compiled ??= new Ajv({ strict: false, allErrors: true }).compile<PolicyDocument>(PolicyDocumentSchema)
  return compiled
}

/** A policy from YAML 1.2 or JSON text, or all that is wrong with it. Never throws. */
export function readPolicyDocument (text: string): ReadPolicy {
  if (Buffer.byteLength(text) > POLICY_LIMITS.bytes) return { faults: [{ path: '', message: `must have at most ${POLICY_LIMITS.bytes} bytes` }] }
  const read = readText(text)
  return 'faults' in read ? read : checkPolicyDocument(read.value)
}

/** Whether a value is a policy: its form first, then what it means. Never throws. */
export function checkPolicyDocument (value: unknown): ReadPolicy {
  const validate = isDocument()
  if (!validate(value)) {
    const faults = plainWords(validate.errors as ErrorObject[], value)
    // What is of the right form is looked at as well, so that nobody has to send it twice.
    const rest = withoutFaulty(value, validate)
    return { faults: [...faults, ...rest === undefined ? [] : findFaults(rest)].slice(0, MAX_FAULTS) }
  }
  const faults = findFaults(value)
  return faults.length > 0 ? { faults: faults.slice(0, MAX_FAULTS) } : { document: value }
}

/** Steps of pruning: a part that goes may have been needed by another. */
const MAX_STEPS = 5
/** Their members are compared with each other, so a faulty one takes the rest along. */
const WHOLE_TABLES: ReadonlySet<string> = new Set(['thresholds', 'minimum', 'maximum'])

/** The document without the members that are not of the right form; undefined when nothing is left to look at. */
function withoutFaulty (value: unknown, validate: ValidateFunction<PolicyDocument>): PolicyDocument | undefined {
  const rest = structuredClone(value)
  for (let step = 0; step < MAX_STEPS; step++) {
    if (validate(rest)) return rest
    const faulty = validate.errors!.map(({ instancePath, keyword, params }) => [
      ...instancePath.split('/').slice(1).map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~')),
      ...keyword === 'additionalProperties' ? [String((params as { additionalProperty: string }).additionalProperty)] : []
    ])
    if (!faulty.every((path) => removeMember(rest, path))) return undefined
  }
  return undefined
}

/** Removes the nearest member of an object; elements of lists keep their places. */
function removeMember (root: unknown, path: readonly string[]): boolean {
  let holder: Record<string, unknown> | undefined
  let member = ''
  let inner: unknown = root
  for (const name of path) {
    // It went with another.
    if (typeof inner !== 'object' || inner === null) return holder !== undefined
    if (!Array.isArray(inner)) {
      holder = inner as Record<string, unknown>
      member = name
    }
    if (WHOLE_TABLES.has(name)) break
    inner = (inner as Record<string, unknown>)[name]
  }
  if (holder === undefined) return false
  delete holder[member]
  return true
}

function readText (text: string): { readonly value: unknown } | { readonly faults: readonly PolicyFault[] } {
  try {
    if (isTooDeep(text)) return { faults: [{ path: '', message: 'is nested too deep' }] }
    const lines = new LineCounter()
    // JSON is a part of YAML 1.2; a key twice is a fault in both here, because the reader cannot know which is meant.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, version: '1.2', schema: 'core' })
    const problems = [...document.errors, ...document.warnings]
    if (problems.length > 0) return { faults: problems.slice(0, MAX_FAULTS).map(({ pos, message }) => ({ path: `line ${lines.linePos(pos[0]).line}`, message })) }
    // Plain data again: no member can be more than a member.
    return { value: JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: MAX_ALIASES }) ?? null)) as unknown }
  } catch (error) {
    return { faults: [{ path: '', message: error instanceof Error ? error.message : String(error) }] }
  }
}

/** Tokens are read without recursion, so they tell before the stack does. */
function isTooDeep (text: string): boolean {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    const tokens = parser.next(lexeme)
    while (tokens.next().done !== true);
    if (parser.stack.length > MAX_OPEN_TOKENS) return true
  }
  return false
}
