import { shareAlike, type Common, type OpenOn, type Question, type Statement } from './open-question.js'
import type { OsReleases } from './os-releases.js'
import { compileRange, type CompiledRange } from './ranges.js'
import type { OsStatement } from './vulnerability.js'
import { compareVersions } from './versions.js'

interface Fix {
  readonly text: string
  readonly numbers: readonly number[]
  /** Day on which it came out, where the statement says it. */
  readonly since: string | undefined
  /** Of a list of fixes; not the end of a range, which has a beginning too. */
  readonly isListed: boolean
}

export interface AppleContext {
  readonly releases: OsReleases
  /** Major versions that the imported feeds know. */
  readonly coveredBranches: ReadonlySet<number>
  readonly parse: (text: string) => readonly number[] | undefined
}

/**
 * A CVE on iOS or iPadOS. Apple fixes several branches (major versions), each on its own numbers:
 *
 * 1. Fixes in the phone's own branch decide: it is open before the first of them.
 * 2. Without one, versions that a feed lists decide.
 * 3. Without these it is open when a later branch had to be fixed; a branch later than all fixes
 *    came with them.
 *
 * What Sallyport brought along counts where the imported feeds know nothing of the CVE, and for
 * branches that they do not cover at all: SOFA has only the newest few.
 */
export function compileApple (common: Common, statements: readonly Statement[], { releases, coveredBranches, parse }: AppleContext): OpenOn | undefined {
  const isImported = statements.some(({ bundled }) => !bundled)
  const fixes: Fix[] = []
  const ranges: CompiledRange[] = []
  for (const { bundled, fact } of statements) {
    for (const fix of fixesOf(fact, parse)) {
      if (!bundled || !isImported || !coveredBranches.has(fix.numbers[0]!)) addFix(fixes, fix)
    }
    if (fact.ranges === undefined || (bundled && isImported)) continue
    for (const range of fact.ranges) {
      const compiled = compileRange(range, parse)
      if (compiled !== undefined) ranges.push(compiled)
    }
  }
  if (fixes.length === 0 && ranges.length === 0) return undefined

  const share = shareAlike(common)
  const fixedIn = fixes.length < 2 ? fixes.map(({ text }) => text) : [...new Set(fixes.map(({ text }) => text))]
  return ({ os, version }) => {
    if (version === undefined) return undefined
    const isOpen = isOpenByFixes(version, fixes) ?? (ranges.length > 0
      ? ranges.some(({ within }) => within(version))
      : fixes.some(({ numbers }) => numbers[0]! > version[0]!))
    if (!isOpen) return undefined
    const { fixAvailable, fixedSince } = availability(os, version, fixes, releases)
    return share('', { fixedIn, part: null, fixAvailable, fixedSince })
  }
}

function addFix (fixes: Fix[], fix: Fix): void {
  if (!fixes.some(({ isListed, numbers }) => isListed === fix.isListed && compareVersions(numbers, fix.numbers) === 0)) fixes.push(fix)
}

function isOpenByFixes (version: readonly number[], fixes: readonly Fix[]): boolean | undefined {
  let isKnown = false
  for (const { isListed, numbers } of fixes) {
    if (!isListed || numbers[0] !== version[0]) continue
    if (compareVersions(version, numbers) >= 0) return false
    isKnown = true
  }
  return isKnown ? true : undefined
}

function * fixesOf ({ fixedIn, fixedSince, ranges }: OsStatement, parse: AppleContext['parse']): Generator<Fix> {
  for (const text of fixedIn) {
    const numbers = parse(text)
    if (numbers !== undefined) yield { text, numbers, since: fixedSince?.[text], isListed: ranges === undefined }
  }
}

/**
 * Whether this phone can get a fix and since when. A fix in its own branch is for it. One in a
 * later branch is when a feed says that the model can run it; when no feed says, nobody knows.
 */
function availability (os: Question['os'], version: readonly number[], fixes: readonly Fix[], releases: OsReleases): { readonly fixAvailable: boolean | null, readonly fixedSince: string | null } {
  // The first day of fixes that are surely for this phone, and of those that may be.
  let sure: string | undefined
  let maybe: string | undefined
  let [isSure, isMaybe, isAny] = [false, false, false]
  for (const { text, numbers, since } of fixes) {
    if (compareVersions(numbers, version) <= 0) continue
    isAny = true
    const runs = os.model === undefined ? undefined : releases.canRun(os.platform, text, os.model)
    if (runs === false) continue
    const day = since ?? releases.releasedAt(os.platform, text)
    if (runs === true || numbers[0] === version[0]) {
      isSure = true
      if (day !== undefined && (sure === undefined || day < sure)) sure = day
    } else {
      isMaybe = true
      if (day !== undefined && (maybe === undefined || day < maybe)) maybe = day
    }
  }
  if (isSure) return { fixAvailable: true, fixedSince: sure ?? null }
  if (isMaybe) return { fixAvailable: null, fixedSince: maybe ?? null }
  // There are fixes, but none that this model can run; or nobody names one.
  return { fixAvailable: isAny ? false : null, fixedSince: null }
}
