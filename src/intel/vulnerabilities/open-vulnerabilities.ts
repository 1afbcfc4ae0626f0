import type { OsOfPhone, Vulnerability } from './vulnerability.js'

/** Numbers of a version before the letter of a Rapid Security Response. */
const PARTS = 4

/**
 * A version's numbers: `17.6.1` → [17, 6, 1]. A Rapid Security Response comes after the version it
 * is for and before the next: `16.5.1 (c)` → [16, 5, 1, 0, 3]. Undefined when it is none.
 */
export function parseVersion (text: string): readonly number[] | undefined {
  const match = /^(\d{1,5}(?:\.\d{1,5}){0,3})(?:\s*\(([a-z])\))?$/i.exec(text.trim())
  if (match === null) return undefined
  const numbers = match[1]!.split('.').map(Number)
  if (match[2] === undefined) return numbers
  const letter = match[2].toLowerCase().charCodeAt(0) - 'a'.charCodeAt(0) + 1
  return [...numbers, ...Array<number>(PARTS - numbers.length).fill(0), letter]
}

/** Negative, zero or positive as numbers, part by part; a missing part is 0. */
export function compareVersions (a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/**
 * Whether a version of iOS or iPadOS lacks the fix. Apple fixes several branches (major
 * versions) on their own numbers, so a version counts against the fix of its own branch. A branch
 * without one is open when a later branch had to be fixed, and closed when it came after all fixes.
 */
export function isAppleVersionOpen (version: readonly number[], fixedIn: ReadonlyArray<readonly number[]>): boolean {
  const ofBranch = fixedIn.filter(([major]) => major === version[0])
  if (ofBranch.length > 0) return ofBranch.every((fix) => compareVersions(version, fix) < 0)
  return fixedIn.some(([major]) => major! > version[0]!)
}

/**
 * Whether a security patch level (`YYYY-MM-DD`) is older than the one that fixes it. A level ending
 * in -01 has that month's platform fixes, one ending in -05 kernel and vendor fixes too, so the
 * order of the dates is the order of what is in them.
 */
export function isPatchLevelOpen (patchLevel: string, fixedIn: string): boolean {
  return patchLevel < fixedIn
}

/** A valid patch level, or undefined. */
export function parsePatchLevel (text: string): string | undefined {
  const level = text.trim()
  if (!/^\d{4}-\d{2}-\d{2}$/.test(level)) return undefined
  const time = Date.parse(level)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(level) ? level : undefined
}

type Ask = (os: OsOfPhone) => readonly Vulnerability[]

/** A fleet has hundreds of versions; more are somebody's invention. */
const MAX_KNOWN = 5_000

/**
 * Answers which vulnerabilities are open; the same question again costs nothing. What cannot be
 * decided is not claimed. A CVE that several feeds tell of is answered once: where it is fixed the
 * first of them says; that it is exploited, any.
 */
export function createVulnerabilityLookup (vulnerabilities: readonly Vulnerability[]): Ask {
  const byPlatform = new Map<string, Array<{ vulnerability: Vulnerability, isOpen: (os: OsOfPhone) => boolean }>>()
  for (const vulnerability of mergeByCve(vulnerabilities)) {
    const list = byPlatform.get(vulnerability.platform) ?? []
    list.push({ vulnerability, isOpen: testOf(vulnerability) })
    byPlatform.set(vulnerability.platform, list)
  }
  const known = new Map<string, readonly Vulnerability[]>()
  return (os) => {
    // Phones say what they like: with mere spaces between, one could ask another's question.
    const key = JSON.stringify([os.platform, os.version, os.patchLevel])
    let answer = known.get(key)
    if (answer === undefined) {
      answer = (byPlatform.get(os.platform) ?? []).filter(({ isOpen }) => isOpen(os)).map(({ vulnerability }) => vulnerability)
      if (known.size >= MAX_KNOWN) known.clear()
      known.set(key, answer)
    }
    return answer
  }
}

function testOf ({ platform, fixedIn }: Vulnerability): (os: OsOfPhone) => boolean {
  if (platform === 'android') {
    const fixed = parsePatchLevel(fixedIn[0] ?? '')
    return ({ patchLevel = '' }) => {
      const level = parsePatchLevel(patchLevel)
      return level !== undefined && fixed !== undefined && isPatchLevelOpen(level, fixed)
    }
  }
  const fixes = fixedIn.flatMap((text) => {
    const numbers = parseVersion(text)
    return numbers === undefined ? [] : [numbers]
  })
  return ({ version = '' }) => {
    const numbers = parseVersion(version)
    return numbers !== undefined && isAppleVersionOpen(numbers, fixes)
  }
}

function mergeByCve (vulnerabilities: readonly Vulnerability[]): Iterable<Vulnerability> {
  const merged = new Map<string, Vulnerability>()
  for (const one of vulnerabilities) {
    const key = `${one.platform} ${one.cve}`
    const first = merged.get(key)
    merged.set(key, first === undefined
      ? one
      : {
          ...first,
          exploited: first.exploited || one.exploited,
          severity: first.severity ?? one.severity,
          kevDateAdded: first.kevDateAdded ?? one.kevDateAdded,
          kevDueDate: first.kevDueDate ?? one.kevDueDate
        })
  }
  return merged.values()
}
