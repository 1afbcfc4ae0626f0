import type { AffectedRange } from './vulnerability.js'
import { compareVersions } from './versions.js'

/** A range whose versions are numbers; undefined in `within` when the question cannot be decided. */
export interface CompiledRange {
  readonly range: AffectedRange
  /** Whether the version is in the range; the version must be known unless the range is of all. */
  readonly within: (version: readonly number[] | undefined) => boolean
}

type Parse = (text: string) => readonly number[] | undefined

/** A range of the feed as a question, or undefined when one of its versions is none. */
export function compileRange (range: AffectedRange, parse: Parse): CompiledRange | undefined {
  // What is given and no version makes the range useless.
  let isBroken = false
  const bound = (text: string | undefined): readonly number[] | undefined => {
    if (text === undefined) return undefined
    const numbers = parse(text)
    isBroken ||= numbers === undefined
    return numbers
  }
  const introduced = bound(range.introduced)
  const after = bound(range.after)
  const fixed = bound(range.fixed)
  const last = bound(range.lastAffected)
  const exact = range.versions?.map(bound)
  if (isBroken) return undefined

  const isOfAll = introduced === undefined && after === undefined && fixed === undefined && last === undefined && exact === undefined
  return {
    range,
    within: (version) => {
      if (isOfAll) return true
      if (version === undefined) return false
      if (introduced !== undefined && compareVersions(version, introduced) < 0) return false
      if (after !== undefined && compareVersions(version, after) <= 0) return false
      if (fixed !== undefined && compareVersions(version, fixed) >= 0) return false
      if (last !== undefined && compareVersions(version, last) > 0) return false
      return exact === undefined || exact.some((one) => compareVersions(version, one!) === 0)
    }
  }
}
