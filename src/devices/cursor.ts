import { InvalidInputError } from '../errors.js'

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null
}

export interface PageInput {
  /** At most 500. */
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

export const DEFAULT_PAGE_SIZE = 100
export const MAX_PAGE_SIZE = 500

export function limitOf ({ limit = DEFAULT_PAGE_SIZE }: PageInput): number {
  return Math.min(Math.max(Math.trunc(limit), 1), MAX_PAGE_SIZE)
}

/** Where the next page starts: the sort key of the last item, hidden from those who would build on it. */
export function encodeCursor (key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** The sort key in a cursor, each part checked; undefined on the first page. @throws InvalidInputError */
export function decodeCursor ({ cursor }: PageInput, ...parts: readonly RegExp[]): string[] | undefined {
  if (cursor === undefined || cursor === '') return undefined
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(key) && key.length === parts.length && parts.every((part, at) => typeof key[at] === 'string' && part.test(key[at]) && (part !== TIME_PART || isTime(key[at])))) return key as string[]
  } catch {}
  throw new InvalidInputError([{ path: '/querystring/cursor', message: 'is not a cursor of this list' }])
}

const isTime = (text: string): boolean => !Number.isNaN(Date.parse(text))

/** Cuts what was read, one more than the limit, into a page. */
export function toPage<R, T> (rows: readonly R[], limit: number, toItem: (row: R) => T, keyOf: (row: R) => readonly string[]): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(toItem), nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null }
}

export const UUID_PART = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** A moment as we write it ourselves. PostgreSQL knows no year 0. */
export const TIME_PART = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
export const NUMBER_PART = /^\d{1,16}$/
