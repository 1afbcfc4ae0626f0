import type { Common, OpenOn, Statement } from './open-vulnerabilities.js'
import { shareAlike } from './open-vulnerabilities.js'
import { parseOsVersion, type OsReleases } from './os-releases.js'
import { compileRange, type CompiledRange } from './ranges.js'
import type { AffectedRange, OsOfPhone, OsStatement } from './vulnerability.js'
import { isPatchLevelOpen, parseAndroidVersion, parsePatchLevel } from './versions.js'

/**
 * A CVE on Android. A patch level fixes it in the versions that the bulletin names; where it names
 * none, in all. Statements of several bulletins are all true: one that was not fixed wholly comes
 * again, with a later level. A version that is listed without a fix is not claimed: whether the
 * phone has one is in its patch level, of which such a feed says nothing.
 */
export function compileAndroid (common: Common, statements: readonly Statement[], releases: OsReleases): OpenOn | undefined {
  const ranges = (chooseStatements(statements)?.flatMap(rangesOf) ?? []).flatMap((range) => compileRange(range, parseAndroidVersion) ?? []).filter(isDecidable)
  if (ranges.length === 0) return undefined
  const share = shareAlike(common)
  return (os) => {
    const version = parseOsVersion(os)
    const level = parsePatchLevel(os.patchLevel ?? '')
    const open = ranges.filter(({ range, within }) => within(version) && isBefore(level, range))
    if (open.length === 0) return undefined
    const levels = [...new Set(open.flatMap(({ range }) => isGuess(range) ? [] : range.patchLevel ?? range.fixed!))].sort()
    return share({ fixedIn: levels, part: open[0]!.range.part ?? null, ...availability(os, open, releases) })
  }
}

/** What publishers say of patch levels goes before what is only concluded, what was imported before what came with Sallyport. */
function chooseStatements (statements: readonly Statement[]): readonly OsStatement[] | undefined {
  const said = statements.filter(({ fact }) => fact.ranges === undefined || fact.ranges.some(({ concluded }) => concluded !== true))
  const imported = said.filter(({ bundled }) => !bundled)
  return [imported, said, statements].find(({ length }) => length > 0)?.map(({ fact }) => fact)
}

/** A statement without ranges is of all versions, by its patch levels. */
function rangesOf ({ fixedIn, part, ranges }: OsStatement): readonly AffectedRange[] {
  return ranges ?? fixedIn.map((patchLevel) => ({ patchLevel, ...(part === null ? {} : { part }) }))
}

/** Whether the phone's patch level lacks the fix; a range without one is decided by the version. */
function isBefore (level: string | undefined, { patchLevel, sinceLevel }: AffectedRange): boolean {
  if (patchLevel === undefined) return true
  return level !== undefined && isPatchLevelOpen(level, patchLevel) && (sinceLevel === undefined || level >= sinceLevel)
}

/** A level that nobody named, from the month of publication: good enough to tell old phones, not to be shown. */
const isGuess = ({ concluded, part }: AffectedRange): boolean => concluded === true && part === undefined

const isDecidable = ({ range }: CompiledRange): boolean =>
  range.patchLevel === undefined ? range.fixed !== undefined : parsePatchLevel(range.patchLevel) !== undefined

/**
 * A patch level of a time when the phone's version still got them is one that its maker could
 * bring; whether he did, nobody says. A level after the version's end will not come.
 */
function availability (os: OsOfPhone, open: readonly CompiledRange[], releases: OsReleases): { readonly fixAvailable: boolean | null, readonly fixedSince: string | null } {
  const levels = open.flatMap(({ range }) => isGuess(range) ? [] : range.patchLevel ?? []).sort()
  const last = levels.at(-1)
  if (last === undefined) return { fixAvailable: null, fixedSince: null }
  const { endOfLife } = releases.supportOf(os)
  if (typeof endOfLife === 'string') return endOfLife < last ? { fixAvailable: false, fixedSince: null } : { fixAvailable: true, fixedSince: last }
  return { fixAvailable: endOfLife === false ? true : null, fixedSince: last }
}
