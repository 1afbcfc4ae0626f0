import { shareAlike, type Common, type OpenOn, type Question, type Statement } from './open-question.js'
import { compileRange, type CompiledRange } from './ranges.js'
import type { AffectedRange, OsStatement } from './vulnerability.js'
import { isPatchLevelOpen } from './versions.js'

/** How versions and patch levels are read. */
export interface AndroidParsers {
  readonly android: (text: string) => readonly number[] | undefined
  readonly level: (text: string) => string | undefined
}

/**
 * A CVE on Android. A patch level fixes it in the versions that the bulletin names; where it names
 * none, in all. Statements of several bulletins are all true: one that was not fixed wholly comes
 * again, with a later level. A version that is listed without a fix is not claimed: whether the
 * phone has one is in its patch level, of which such a feed says nothing.
 */
export function compileAndroid (common: Common, statements: readonly Statement[], parse: AndroidParsers): OpenOn | undefined {
  const ranges = (chooseStatements(statements)?.flatMap(rangesOf) ?? []).flatMap((range) => compileRange(range, parse.android) ?? []).filter(({ range }) => isDecidable(range, parse))
  if (ranges.length === 0) return undefined
  const share = shareAlike(common)
  return ({ version, patchLevel, support }) => {
    if (!ranges.some(({ range, within }) => isBefore(patchLevel, range) && within(version))) return undefined
    const open = ranges.filter(({ range, within }) => isBefore(patchLevel, range) && within(version))
    const levels = [...new Set(open.flatMap(({ range }) => isGuess(range) ? [] : range.patchLevel ?? range.fixed!))].sort()
    return share({ fixedIn: levels, part: open[0]!.range.part ?? null, ...availability(open, support) })
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

const isDecidable = ({ patchLevel, fixed }: AffectedRange, parse: AndroidParsers): boolean =>
  patchLevel === undefined ? fixed !== undefined : parse.level(patchLevel) !== undefined

/**
 * A patch level of a time when the phone's version still got them is one that its maker could
 * bring; whether he did, nobody says. A level after the version's end will not come.
 */
function availability (open: readonly CompiledRange[], { endOfLife }: Question['support']): { readonly fixAvailable: boolean | null, readonly fixedSince: string | null } {
  const levels = open.flatMap(({ range }) => isGuess(range) ? [] : range.patchLevel ?? []).sort()
  const last = levels.at(-1)
  if (last === undefined) return { fixAvailable: null, fixedSince: null }
  if (typeof endOfLife === 'string') return endOfLife < last ? { fixAvailable: false, fixedSince: null } : { fixAvailable: true, fixedSince: last }
  return { fixAvailable: endOfLife === false ? true : null, fixedSince: last }
}
