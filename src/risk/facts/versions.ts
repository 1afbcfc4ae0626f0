/** Numbers of a version before the letter of a Rapid Security Response. */
const PARTS = 4
const VERSION = /^(?:android\s+)?(\d{1,9}(?:\.\d{1,9}){0,3})(?:(L)|\s*\(([a-z])\))?$/i

/**
 * A system's or agent's version as numbers, for comparing: `17.6.1`, `16.5.1 (c)` (which comes after
 * 16.5.1 and before 16.5.2), Android's `14` and `12L` (which is 12.1). Undefined when it is none.
 */
export function parseVersion (text: string): readonly number[] | undefined {
  const match = VERSION.exec(text.trim())
  if (match === null) return undefined
  const numbers = match[1]!.split('.').map(Number)
  if (match[2] !== undefined) return [...numbers, 1]
  if (match[3] === undefined) return numbers
  return [...numbers, ...Array<number>(PARTS - numbers.length).fill(0), match[3].toLowerCase().charCodeAt(0) - 'a'.charCodeAt(0) + 1]
}

/** Negative, zero or positive, part by part as numbers (17.10 comes after 17.9); a missing part is 0. */
export function compareVersions (a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** How a version stands to another: negative when it is lower. Undefined when one of them is none. */
export function compareVersionTexts (a: string | undefined, b: string | undefined): number | undefined {
  const [first, second] = [a, b].map((text) => text === undefined ? undefined : parseVersion(text))
  return first === undefined || second === undefined ? undefined : compareVersions(first, second)
}
