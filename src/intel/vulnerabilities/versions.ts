/** Numbers of a version before the letter of a Rapid Security Response. */
const PARTS = 4

/**
 * An Apple version's numbers: `17.6.1` → [17, 6, 1]. A Rapid Security Response (since 26: a Background
 * Security Improvement) comes after the version it is for and before the next: `16.5.1 (c)` →
 * [16, 5, 1, 0, 3]. Undefined when it is none.
 */
export function parseVersion (text: string): readonly number[] | undefined {
  const match = /^(\d{1,5}(?:\.\d{1,5}){0,3})(?:\s*\(([a-z])\))?$/i.exec(text.trim())
  if (match === null) return undefined
  const numbers = match[1]!.split('.').map(Number)
  if (match[2] === undefined) return numbers
  const letter = match[2].toLowerCase().charCodeAt(0) - 'a'.charCodeAt(0) + 1
  return [...numbers, ...Array<number>(PARTS - numbers.length).fill(0), letter]
}

/** Android's: `13`, `8.1.0`, `12L` (which is 12.1). Undefined when it is none. */
export function parseAndroidVersion (text: string): readonly number[] | undefined {
  const match = /^(?:android\s+)?(\d{1,3}(?:\.\d{1,3}){0,3})(L)?$/i.exec(text.trim())
  if (match === null) return undefined
  const numbers = match[1]!.split('.').map(Number)
  return match[2] === undefined ? numbers : [...numbers, 1]
}

/**
 * An app's: numbers with dots, whatever its maker writes behind them (`2.1.0-beta (451)`). What
 * stands there does not count, so a pre-release is taken for its release: rather nothing is said
 * than something wrong.
 */
export function parseAppVersion (text: string): readonly number[] | undefined {
  const match = /^v?(\d{1,15}(?:\.\d{1,15}){0,7})(?:[-+_ (.a-z][^\n]{0,100})?$/i.exec(text.trim())
  return match === null ? undefined : match[1]!.split('.').map(Number)
}

/** An Android app's version code: a whole number. */
export function parseVersionCode (code: string | number): readonly number[] | undefined {
  if (typeof code === 'string' && !/^\s*\d{1,15}\s*$/.test(code)) return undefined
  const number = Number(code)
  return Number.isSafeInteger(number) && number >= 0 ? [number] : undefined
}

/** Remembers what texts were parsed to: thousands of statements name the same few versions. For the time of one compilation. */
export function remembering<T> (parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    let parsed = known.get(text)
    if (parsed === undefined && !known.has(text)) known.set(text, parsed = parse(text))
    return parsed as T
  }
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

/** The calendar day of a date or time as publishers write it, or undefined. */
export function parseDate (value: unknown): string | undefined {
  return typeof value === 'string' && /^\d{4}-\d{2}-\d{2}(?:$|[T ])/.test(value.trim()) ? parsePatchLevel(value.trim().slice(0, 10)) : undefined
}
