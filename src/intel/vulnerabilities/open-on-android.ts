import { shareAlike, type Common, type OpenOn, type Question, type Statement } from './open-question.js'
import { compileRange, type CompiledRange } from './ranges.js'
import type { AffectedRange, OsStatement, OsSupport, Vulnerability } from './vulnerability.js'
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
  const ranges: CompiledRange[] = []
  for (const fact of chooseStatements(statements)) {
    for (const range of rangesOf(fact)) {
      const compiled = isDecidable(range, parse) ? compileRange(range, parse.android) : undefined
      if (compiled !== undefined) ranges.push(compiled)
    }
  }
  const [only] = ranges
  if (only === undefined) return undefined
  const share = shareAlike(common)
  const answer = (open: readonly CompiledRange[], { support }: Question): Vulnerability => {
    const levels = [...new Set(open.flatMap(({ range }) => isGuess(range) ? [] : range.patchLevel ?? range.fixed!))].sort()
    const part = open[0]!.range.part ?? null
    return share(`${part} ${levels.join(' ')}`, { fixedIn: levels, part, ...availability(open, support) })
  }
  const isOpen = ({ range, within }: CompiledRange, { version, patchLevel }: Question): boolean => isBefore(patchLevel, range) && within(version)
  if (ranges.length > 1) {
    return (question) => {
      const open = ranges.filter((range) => isOpen(range, question))
      return open.length === 0 ? undefined : answer(open, question)
    }
  }
  // Nearly all are like this, and the answer depends on the release's end alone.
  const answers = new Map<OsSupport['endOfLife'], Vulnerability>()
  return (question) => {
    if (!isOpen(only, question)) return undefined
    const { endOfLife } = question.support
    let known = answers.get(endOfLife)
    if (known === undefined) answers.set(endOfLife, known = answer(ranges, question))
    return known
  }
}

/** What publishers say of patch levels goes before what is only concluded, what was imported before what came with Sallyport. */
function chooseStatements (statements: readonly Statement[]): readonly OsStatement[] {
  if (statements.length === 1) return [statements[0]!.fact]
  const said = statements.filter(({ fact }) => fact.ranges === undefined || fact.ranges.some(({ concluded }) => concluded !== true))
  const imported = said.filter(({ bundled }) => !bundled)
  return (imported.length > 0 ? imported : said.length > 0 ? said : statements).map(({ fact }) => fact)
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
