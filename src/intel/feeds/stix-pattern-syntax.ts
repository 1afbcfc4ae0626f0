/** A constant of a pattern as text; undefined for what is no text: true, a float, bytes. */
export interface Constant {
  readonly text: string
  readonly kind: 'string' | 'number' | 'other'
}

export interface ComparisonNode {
  readonly kind: 'comparison'
  /** As written, such as `file:hashes.'SHA-256'`. */
  readonly path: string
  readonly operator: string
  readonly isNegated: boolean
  readonly constants: readonly Constant[]
}

export interface BooleanNode {
  readonly kind: 'and' | 'or'
  readonly operands: readonly ComparisonExpression[]
}
export type ComparisonExpression = ComparisonNode | BooleanNode

/** `[…]`, several of them, or one with a qualifier such as `WITHIN 5 SECONDS`. */
export type ObservationExpression =
  | { readonly kind: 'observation', readonly expression: ComparisonExpression }
  | { readonly kind: 'observations', readonly operator: 'AND' | 'OR' | 'FOLLOWEDBY', readonly operands: readonly ObservationExpression[] }
  | { readonly kind: 'qualified', readonly qualifier: string, readonly observed: ObservationExpression }

/** A pattern that is none, with what was expected where. */
export class PatternSyntaxError extends Error {}

/** Characters; the longest public pattern has some thousand. */
export const MAX_PATTERN_LENGTH = 256 * 1024
/** Parentheses in each other. */
const MAX_DEPTH = 32

interface Token {
  readonly kind: 'word' | 'path' | 'string' | 'number' | 'other' | 'operator' | 'mark' | 'end'
  readonly text: string
  readonly at: number
}

const SPACE = /(?:\s+|\/\/[^\n]*|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*/y
/** In this order: a path begins like a word, a timestamp like both. Each is linear. */
const LEXEMES: ReadonlyArray<readonly [Token['kind'], RegExp]> = [
  ['other', /[thb]'(?:[^'\\]|\\.)*'/ys],
  ['string', /'(?:[^'\\]|\\.)*'/ys],
  ['path', /[a-zA-Z][\w-]*:(?:[\w-]+|'(?:[^'\\]|\\.)*'|"[^"]*")(?:\.(?:[\w-]+|'(?:[^'\\]|\\.)*'|"[^"]*")|\[(?:\*|-?\d+)\])*/ys],
  ['number', /[+-]?\d+(?:\.\d+)?/y],
  ['word', /[a-zA-Z]+/y],
  ['operator', /==|=|!=|<>|<=|>=|<|>/y],
  ['mark', /[[\](),]/y]
]

function nextToken (text: string, from: number): Token {
  SPACE.lastIndex = from
  const at = from + (SPACE.exec(text)?.[0].length ?? 0)
  if (at === text.length) return { kind: 'end', text: '', at }
  for (const [kind, lexeme] of LEXEMES) {
    lexeme.lastIndex = at
    const found = lexeme.exec(text)
    if (found !== null) return { kind, text: found[0], at }
  }
  throw new PatternSyntaxError(`nothing of a pattern at character ${at + 1}`)
}

/**
 * Reads a pattern of STIX 2.0 or 2.1 (section 9 of 2.1), in one pass and with bounded nesting.
 * @throws PatternSyntaxError
 */
export function parsePattern (text: string): ObservationExpression {
  if (text.length > MAX_PATTERN_LENGTH) throw new PatternSyntaxError(`longer than ${MAX_PATTERN_LENGTH} characters`)
  return new PatternParser(text).parse()
}

class PatternParser {
  readonly #text: string
  #token: Token
  #depth = 0

  constructor (text: string) {
    this.#text = text
    this.#token = nextToken(text, 0)
  }

  parse (): ObservationExpression {
    const expression = this.#followedBy()
    if (this.#token.kind !== 'end') throw this.#expected('the end')
    return expression
  }

  // FOLLOWEDBY binds least, then OR, then AND (STIX 2.1, section 9.4 and its grammar).
  #followedBy (): ObservationExpression { return this.#observations('FOLLOWEDBY', () => this.#observedOr()) }
  #observedOr (): ObservationExpression { return this.#observations('OR', () => this.#observedAnd()) }
  #observedAnd (): ObservationExpression { return this.#observations('AND', () => this.#observed()) }

  #observations (operator: 'AND' | 'OR' | 'FOLLOWEDBY', operand: () => ObservationExpression): ObservationExpression {
    const operands = [operand()]
    while (this.#takeWord(operator)) operands.push(operand())
    return operands.length === 1 ? operands[0]! : { kind: 'observations', operator, operands }
  }

  #observed (): ObservationExpression {
    let observed: ObservationExpression
    if (this.#takeMark('[')) {
      observed = { kind: 'observation', expression: this.#comparisonOr() }
      this.#requireMark(']')
    } else {
      observed = this.#inParentheses(() => this.#followedBy())
    }
    for (let qualifier = this.#qualifier(); qualifier !== undefined; qualifier = this.#qualifier()) observed = { kind: 'qualified', qualifier, observed }
    return observed
  }

  #qualifier (): string | undefined {
    if (this.#takeWord('WITHIN')) {
      this.#require('number')
      this.#requireWord('SECONDS')
      return 'WITHIN'
    }
    if (this.#takeWord('REPEATS')) {
      this.#require('number')
      this.#requireWord('TIMES')
      return 'REPEATS'
    }
    if (this.#takeWord('START')) {
      this.#requireTime()
      this.#requireWord('STOP')
      this.#requireTime()
      return 'START … STOP'
    }
    return undefined
  }

  #comparisonOr (): ComparisonExpression { return this.#boolean('OR', () => this.#boolean('AND', () => this.#comparison())) }

  #boolean (operator: 'AND' | 'OR', operand: () => ComparisonExpression): ComparisonExpression {
    const operands = [operand()]
    while (this.#takeWord(operator)) operands.push(operand())
    return operands.length === 1 ? operands[0]! : { kind: operator === 'AND' ? 'and' : 'or', operands }
  }

  #comparison (): ComparisonExpression {
    if (this.#isMark('(')) return this.#inParentheses(() => this.#comparisonOr())
    if (this.#takeWord('EXISTS')) return { kind: 'comparison', path: this.#require('path').text, operator: 'EXISTS', isNegated: false, constants: [] }
    // 2.1 has NOT before the operator; some write it before the whole comparison.
    const isNegatedBefore = this.#takeWord('NOT')
    const path = this.#require('path').text
    const isNegated = this.#takeWord('NOT') !== isNegatedBefore
    const operator = this.#operator()
    const constants = operator === 'IN' ? this.#set() : [this.#constant()]
    return { kind: 'comparison', path, operator, isNegated, constants }
  }

  #operator (): string {
    const { kind, text } = this.#token
    if (kind === 'operator') return this.#take().text.replace('==', '=').replace('<>', '!=')
    const word = text.toUpperCase()
    if (kind !== 'word' || !['IN', 'LIKE', 'MATCHES', 'ISSUBSET', 'ISSUPERSET'].includes(word)) throw this.#expected('a comparison')
    this.#take()
    return word
  }

  #set (): Constant[] {
    this.#requireMark('(')
    const constants: Constant[] = []
    if (this.#takeMark(')')) return constants
    do constants.push(this.#constant()); while (this.#takeMark(','))
    this.#requireMark(')')
    return constants
  }

  #constant (): Constant {
    const { kind, text } = this.#token
    if (kind === 'string') return { kind, text: unquote(this.#take().text) }
    if (kind === 'number') return { kind, text: this.#take().text }
    if (kind === 'other' || /^(?:true|false)$/i.test(text)) return { kind: 'other', text: this.#take().text }
    throw this.#expected('a value')
  }

  #inParentheses<T> (inner: () => T): T {
    this.#requireMark('(')
    if (++this.#depth > MAX_DEPTH) throw new PatternSyntaxError('nested too deep')
    const expression = inner()
    this.#depth--
    this.#requireMark(')')
    return expression
  }

  #take (): Token {
    const token = this.#token
    this.#token = nextToken(this.#text, token.at + token.text.length)
    return token
  }

  #isMark (text: string): boolean { return this.#token.kind === 'mark' && this.#token.text === text }

  #takeMark (text: string): boolean {
    const is = this.#isMark(text)
    if (is) this.#take()
    return is
  }

  #takeWord (text: string): boolean {
    const is = this.#token.kind === 'word' && this.#token.text.toUpperCase() === text
    if (is) this.#take()
    return is
  }

  #require (kind: Token['kind']): Token {
    if (this.#token.kind !== kind) throw this.#expected(`a ${kind}`)
    return this.#take()
  }

  #requireMark (text: string): void { if (!this.#takeMark(text)) throw this.#expected(text) }
  #requireWord (text: string): void { if (!this.#takeWord(text)) throw this.#expected(text) }

  /** `t'…'`; 2.0 had plain strings there. */
  #requireTime (): void {
    if (this.#token.kind !== 'other' && this.#token.kind !== 'string') throw this.#expected('a time')
    this.#take()
  }

  #expected (what: string): PatternSyntaxError {
    return new PatternSyntaxError(`${what} was expected at character ${this.#token.at + 1}`)
  }
}

/** Only \' and \\ are escapes (STIX 2.1, section 9.2), but a backslash never stands for itself elsewhere either. */
function unquote (quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/gs, '$1')
}
