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
  const bound = (text: string | undefined): readonly number[] | undefined => text === undefined ? undefined : parse(text)
  const [introduced, after, fixed, last] = [range.introduced, range.after, range.fixed, range.lastAffected].map(bound)
  const exact = range.versions?.map(parse)
  if ((range.introduced !== undefined && introduced === undefined) || (range.after !== undefined && after === undefined)) return undefined
  if ((range.fixed !== undefined && fixed === undefined) || (range.lastAffected !== undefined && last === undefined)) return undefined
  if (exact?.some((version) => version === undefined)) return undefined

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
