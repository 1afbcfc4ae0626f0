import { shareAlike, type Common, type OpenOn, type Question, type Statement } from './open-question.js'
import type { OsReleases } from './os-releases.js'
import { compileRange } from './ranges.js'
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
  const imported = statements.filter(({ bundled }) => !bundled)
  const bundled = statements.filter((one) => one.bundled)
  const fixes = withoutDoubles([
    ...fixesOf(imported, parse),
    ...fixesOf(bundled, parse).filter(({ numbers }) => imported.length === 0 || !coveredBranches.has(numbers[0]!))
  ])
  const ranges = (imported.length > 0 ? imported : bundled).flatMap(({ fact }) => fact.ranges ?? []).flatMap((range) => compileRange(range, parse) ?? [])
  if (fixes.length === 0 && ranges.length === 0) return undefined

  const share = shareAlike(common)
  const fixedIn = [...new Set(fixes.map(({ text }) => text))]
  return ({ os, version }) => {
    if (version === undefined) return undefined
    const isOpen = isOpenByFixes(version, fixes) ?? (ranges.length > 0
      ? ranges.some(({ within }) => within(version))
      : fixes.some(({ numbers }) => numbers[0]! > version[0]!))
    if (!isOpen) return undefined
    return share({ fixedIn, part: null, ...availability(os, version, fixes, releases) })
  }
}

function withoutDoubles (fixes: readonly Fix[]): readonly Fix[] {
  return fixes.length < 2 ? fixes : [...new Map(fixes.map((fix) => [`${fix.isListed} ${fix.numbers.join('.')}`, fix])).values()]
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

function fixesOf (statements: readonly Statement[], parse: AppleContext['parse']): Fix[] {
  return statements.flatMap(({ fact }) => fact.fixedIn.flatMap((text) => {
    const numbers = parse(text)
    return numbers === undefined ? [] : [{ text, numbers, since: fact.fixedSince?.[text], isListed: fact.ranges === undefined }]
  }))
}

/**
 * Whether this phone can get a fix and since when. A fix in its own branch is for it. One in a
 * later branch is when a feed says that the model can run it; when no feed says, nobody knows.
 */
function availability (os: Question['os'], version: readonly number[], fixes: readonly Fix[], releases: OsReleases): { readonly fixAvailable: boolean | null, readonly fixedSince: string | null } {
  const later = fixes.filter(({ numbers }) => compareVersions(numbers, version) > 0)
  const verdicts = later.map((fix) => {
    const runs = os.model === undefined ? undefined : releases.canRun(os.platform, fix.text, os.model)
    return { fix, available: runs ?? (fix.numbers[0] === version[0] ? true : undefined) }
  })
  const days = (wanted: readonly typeof verdicts[number][]): string | null => wanted.flatMap(({ fix }) => fix.since ?? releases.releasedAt(os.platform, fix.text) ?? []).sort()[0] ?? null
  const sure = verdicts.filter(({ available }) => available === true)
  if (sure.length > 0) return { fixAvailable: true, fixedSince: days(sure) }
  const open = verdicts.filter(({ available }) => available === undefined)
  if (open.length > 0) return { fixAvailable: null, fixedSince: days(open) }
  // There are fixes, but none that this model can run; or nobody names one.
  return { fixAvailable: later.length > 0 ? false : null, fixedSince: null }
}
