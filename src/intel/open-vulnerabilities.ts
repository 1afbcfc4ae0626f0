import type { Vulnerability } from './indicator.js'

/** A version's numbers: `17.6.1` → [17, 6, 1]; undefined when it is none. */
export function parseVersion (text: string): number[] | undefined {
  const match = /^(\d{1,5}(?:\.\d{1,5}){0,4})(?:\s*\([a-z]\))?$/i.exec(text.trim())
  return match?.[1]!.split('.').map(Number)
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
 * versions) on its own numbers, so a version counts against the fix of its own branch. A branch
 * without one is open when a later branch was fixed, and closed when it came after all fixes.
 */
export function isAppleVersionOpen (version: readonly number[], fixedIn: ReadonlyArray<readonly number[]>): boolean {
  const ofBranch = fixedIn.filter(([major]) => major === version[0])
  if (ofBranch.length > 0) return ofBranch.every((fix) => compareVersions(version, fix) < 0)
  return fixedIn.some(([major]) => major! > version[0]!)
}

/** Whether a security patch level (`YYYY-MM-DD`) is older than the one that fixes it. */
export function isPatchLevelOpen (patchLevel: string, fixedIn: string): boolean {
  return patchLevel < fixedIn
}

/** A valid patch level, or undefined. */
export function parsePatchLevel (text: string): string | undefined {
  const level = text.trim()
  return /^\d{4}-\d{2}-\d{2}$/.test(level) && !Number.isNaN(Date.parse(level)) ? level : undefined
}

export interface OsOfPhone {
  readonly platform: Vulnerability['platform']
  readonly version?: string | undefined
  readonly patchLevel?: string | undefined
}

type Ask = (os: OsOfPhone) => readonly Vulnerability[]

/** Answers which vulnerabilities are open; the same question again costs nothing. What cannot be decided is not claimed. */
export function createVulnerabilityLookup (vulnerabilities: readonly Vulnerability[]): Ask {
  const apple = new Map<string, Array<{ vulnerability: Vulnerability, fixedIn: number[][] }>>()
  const android = vulnerabilities.filter(({ platform }) => platform === 'android')
  for (const vulnerability of vulnerabilities) {
    if (vulnerability.platform === 'android') continue
    const list = apple.get(vulnerability.platform) ?? []
    list.push({ vulnerability, fixedIn: vulnerability.fixedIn.flatMap((text) => parseVersion(text) === undefined ? [] : [parseVersion(text)!]) })
    apple.set(vulnerability.platform, list)
  }
  const known = new Map<string, readonly Vulnerability[]>()
  // A fleet has hundreds of versions; more are somebody's invention.
  const MAX_KNOWN = 5_000

  const ask: Ask = ({ platform, version, patchLevel }) => {
    if (platform === 'android') {
      const level = parsePatchLevel(patchLevel ?? '')
      return level === undefined ? [] : android.filter(({ fixedIn }) => isPatchLevelOpen(level, fixedIn[0]!))
    }
    const numbers = parseVersion(version ?? '')
    if (numbers === undefined) return []
    return (apple.get(platform) ?? []).filter(({ fixedIn }) => isAppleVersionOpen(numbers, fixedIn)).map(({ vulnerability }) => vulnerability)
  }
  return (os) => {
    const key = `${os.platform} ${os.version ?? ''} ${os.patchLevel ?? ''}`
    let answer = known.get(key)
    if (answer === undefined) {
      answer = ask(os)
      if (known.size >= MAX_KNOWN) known.clear()
      known.set(key, answer)
    }
    return answer
  }
}
