import { createHash } from 'node:crypto'
import type { IndicatorType } from '../src/intel/indicators/indicator.js'
import type { IntelEntry } from '../src/intel/intel-view.js'
import { Random } from '../src/simulator/fleet/random.js'

/** One of the indicators that the benchmark lists, or of those that it does not. */
export interface Value { readonly type: IndicatorType, readonly value: string }

/** Shares in a hundred, as the feeds that the public offers have them together. */
const MIX: ReadonlyArray<readonly [IndicatorType, number]> = [['domain', 40], ['sha256', 25], ['url', 12], ['ipv4', 10], ['app-id', 7], ['cert-sha1', 3], ['md5', 3]]
const TYPES: readonly IndicatorType[] = MIX.flatMap(([type, share]) => Array.from({ length: share }, () => type))
export const FEEDS: readonly string[] = Array.from({ length: 20 }, (_, number) => `feed-${number}`)
const FAMILIES = 400

/** The value with this number: always the same, and no two alike. Numbers from the count on are not listed. */
export function valueOf (number: number): Value {
  const digest = createHash('sha256').update(`value ${number}`).digest()
  const hex = digest.toString('hex')
  const type = TYPES[number % TYPES.length]!
  switch (type) {
    case 'sha256': return { type, value: hex }
    case 'md5': return { type, value: hex.slice(0, 32) }
    case 'cert-sha1': return { type, value: hex.slice(0, 40) }
    // Addresses are few: the number itself, in an order that looks like none.
    case 'ipv4': { const address = Math.imul(number, 0x9e3779b1) >>> 0; return { type, value: `${address >>> 24}.${address >>> 16 & 255}.${address >>> 8 & 255}.${address & 255}` } }
    case 'app-id': return { type, value: `com.${word(digest, 0, 7)}.${word(digest, 8, 9)}.a${number.toString(36)}` }
    case 'url': return { type, value: `https://${word(digest, 0, 8)}${number.toString(36)}.${tld(digest)}/${word(digest, 12, 6)}/${word(digest, 20, 8)}.php` }
    default: return { type, value: `${number % 3 === 0 ? `${word(digest, 16, 4)}.` : ''}${word(digest, 0, 9)}${number.toString(36)}.${tld(digest)}` }
  }
}

/** What a feed says of it; a feed's rows come together, and few families share a feed. */
export function entryOf (number: number, count: number): IntelEntry {
  const feed = Math.floor(number / Math.max(1, Math.ceil(count / FEEDS.length)))
  const { type, value } = valueOf(number)
  const isNetwork = type === 'domain' || type === 'url' || type === 'ipv4'
  return {
    type, value, feed: FEEDS[feed]!, family: `Family ${(feed * 7 + Math.floor(number / 50)) % FAMILIES}`, role: isNetwork ? 'c2' : 'artifact',
    threatClass: isNetwork ? 'c2' : 'malware', ...(feed % 2 === 0 ? { confidence: 50 + feed } : {})
  }
}

/** Questions as phones ask them: all alike in kind to what is listed, one in a hundred is. */
export function makeQuestions (count: number, listed: number, seed: number): Value[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => {
    const isHit = random.below(100) === 0
    const { type, value } = valueOf(isHit ? random.below(listed) : listed + random.below(listed))
    // As they come from a report: texts of their own, in one piece.
    return { type, value: Buffer.from(value).toString('latin1') }
  })
}

const word = (digest: Buffer, from: number, length: number): string => Array.from(digest.subarray(from, from + length), (byte) => String.fromCharCode(97 + byte % 26)).join('')
const tld = (digest: Buffer): string => ['com', 'net', 'org', 'xyz', 'top', 'ru', 'info', 'example'][digest[31]! & 7]!
