import { parse, parseBinary, type PlistValue } from 'plist'
import { InvalidInputError } from '../../errors.js'
import { assertUnfoldsSmall } from './binary-plist-guard.js'

export interface PropertyListOptions {
  /** What it is, for the error: `The backup's Info.plist`. */
  readonly what: string
  /** Where it is, for the error. */
  readonly path: string
  readonly maxBytes: number
}

export const isBinaryPropertyList = (content: Uint8Array): boolean => Buffer.from(content.subarray(0, 6)).toString('latin1') === 'bplist'

/**
 * A property list, XML or binary.
 * @throws InvalidInputError when it is none, too large, or made to fill the memory
 */
export function parsePropertyList (content: Uint8Array, { what, path, maxBytes }: PropertyListOptions): PlistValue {
  if (content.byteLength > maxBytes) throw new InvalidInputError([{ path, message: `is too large: at most ${maxBytes} bytes` }], what)
  try {
    if (!isBinaryPropertyList(content)) return parse(Buffer.from(content).toString('utf8'))
    assertUnfoldsSmall(content)
    return parseBinary(content)
  } catch (error) {
    throw new InvalidInputError([{ path, message: `is no property list: ${(error as Error).message}` }], what)
  }
}

/** The same as JSON has it: data in base64, dates as text. Its depth must have been looked at. */
export function toJsonValue (value: unknown): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(toJsonValue)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toJsonValue(member)]))
}
