import type { Report } from './report.js'

/**
 * The highest version and security patch level that the phone's own agent has reported: a phone
 * that has less now was taken back. Texts as they were told.
 */
export interface HighestOs {
  readonly version?: string
  readonly securityPatchLevel?: string
}

const VERSION = /^\d{1,9}(?:\.\d{1,9}){0,3}(?=L?$)/i
const PATCH_LEVEL = /^\d{4}-\d{2}-\d{2}$/

/** The numbers of a version; Android's 12L is 12.1. Undefined when it is none: nothing is higher than a word. */
function versionNumbers (text: string): readonly number[] | undefined {
  const match = VERSION.exec(text.trim())
  if (match === null) return undefined
  const numbers = match[0].split('.').map(Number)
  return /L$/i.test(text.trim()) ? [...numbers, 1] : numbers
}

const patchLevelNumbers = (text: string): readonly number[] | undefined => PATCH_LEVEL.test(text) ? text.split('-').map(Number) : undefined

function compare (a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function higher (known: string | undefined, told: string | undefined, numbersOf: (text: string) => readonly number[] | undefined): string | undefined {
  const numbers = told === undefined ? undefined : numbersOf(told)
  if (numbers === undefined) return known
  const knownNumbers = known === undefined ? undefined : numbersOf(known)
  if (knownNumbers === undefined) return told
  const difference = compare(numbers, knownNumbers)
  // Of two spellings of one version the same one stays, in whichever order they come.
  return difference > 0 || (difference === 0 && told! < known!) ? told : known
}

/** What is highest after one more report of the agent, whenever it comes. The same object when nothing rose. */
export function raiseHighestOs (known: HighestOs | undefined, os: Report['os']): HighestOs | undefined {
  if (os === undefined) return known
  const version = higher(known?.version, os.version, versionNumbers)
  const securityPatchLevel = higher(known?.securityPatchLevel, os.securityPatchLevel, patchLevelNumbers)
  if (version === known?.version && securityPatchLevel === known?.securityPatchLevel) return known
  return { ...(version === undefined ? {} : { version }), ...(securityPatchLevel === undefined ? {} : { securityPatchLevel }) }
}
