import { parse } from 'tldts'
import { COMMON_PAIRS } from '../data/letter-pairs.js'

/** Shorter names are too few pairs to tell; generators of domains use 8 letters and more. */
const LEAST_LENGTH = 8
/** Of the pairs of a name, at most this share is common in one that was made by lot. */
const MOST_COMMON_SHARE = 0.65

/**
 * Whether a name looks as if a machine had made it by lot: of its pairs of neighbours at most
 * 65 % are common in languages (COMMON_PAIRS), where a letter beside a digit is not, and two
 * digits count for nothing. It takes nearly 9 of 10 names made of 15 letters by lot (as FluBot
 * does), 3 of 4 of 8 letters, and about 1 of 100 domains that people named
 * (test/risk/facts/random-names.test.ts), so one alone says nothing. Names made of words by a
 * machine look like those of people.
 */
export function looksRandom (name: string): boolean {
  if (name.length < LEAST_LENGTH || name.startsWith('xn--')) return false
  let pairs = 0
  let common = 0
  for (let index = 1; index < name.length; index++) {
    const first = name[index - 1]!
    const second = name[index]!
    if (first === '-' || second === '-' || (isDigit(first) && isDigit(second))) continue
    pairs++
    if (COMMON_PAIRS.get(first)?.includes(second) === true) common++
  }
  return pairs >= LEAST_LENGTH - 2 && common <= pairs * MOST_COMMON_SHARE
}

const isDigit = (character: string): boolean => character >= '0' && character <= '9'

/** A host's registered domain, and whether the part that somebody chose looks random. */
export interface RegisteredDomain {
  readonly domain: string
  readonly random: boolean
}

/**
 * Only the registered domain counts: hosts of content networks and telemetry have random labels
 * under a domain with a name. Undefined for addresses, names of one label (browsers try such to
 * find out about the network), and suffixes that nobody can register under, such as `.local`.
 */
export function registeredDomain (host: string): RegisteredDomain | undefined {
  const { domain, domainWithoutSuffix, isIcann } = parse(host, { allowPrivateDomains: false })
  if (domain === null || domainWithoutSuffix === null || isIcann !== true) return undefined
  return { domain, random: looksRandom(domainWithoutSuffix) }
}
