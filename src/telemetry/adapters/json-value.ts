import { InvalidInputError } from '../../errors.js'

export type JsonObject = Readonly<Record<string, unknown>>
export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Deeper than any of the vocabularies goes. */
const MAX_DEPTH = 32

/** @throws InvalidInputError when it nests deeper than what walks through it bears */
export function assertShallow (value: unknown, what: string): void {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new InvalidInputError([{ path: '', message: `must not nest deeper than ${MAX_DEPTH}` }], what)
    const next: unknown[] = []
    for (const one of level) {
      if (one === null || typeof one !== 'object') continue
      for (const member of Object.values(one)) if (member !== null && typeof member === 'object') next.push(member)
    }
    level = next
  }
}

/** @throws InvalidInputError when the text is not JSON, or nests too deep */
export function parseJsonText (text: string, what: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new InvalidInputError([{ path: '', message: `is not JSON: ${(error as Error).message}` }], what)
  }
  assertShallow(value, what)
  return value
}
