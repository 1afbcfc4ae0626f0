import { ConflictError, UnprocessableError } from '../errors.js'
import type { Database, Tx } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import type { SkippedEntries } from './feeds/index.js'
import { type ChangeCounts, hasChanged, sumCounts } from './change-counts.js'
import type { FeedBody } from './feed-file.js'
import { type FeedFile, findHeldFeed, findVersionOfFile, type HeldFeed, insertFeedVersion, lockFeed, upsertFeed } from './feed-repository.js'
import { INDICATOR_TYPES, type IndicatorType, type ThreatClass } from './indicators/indicator.js'
import { loadHostGuard } from './indicators/change-guarded-hosts.js'
import { guardFeed } from './indicators/guard-feed.js'
import { replaceIndicators } from './indicators/indicator-repository.js'
import { openChanges, publishChanges } from './intel-change-repository.js'
import { raiseIntelVersion } from './intel-version.js'
import { countCves, type VulnerabilityFact } from './vulnerabilities/vulnerability.js'
import { replaceVulnerabilities } from './vulnerabilities/vulnerability-repository.js'

/** Most entries of one feed. */
export const MAX_FEED_ENTRIES = 2_000_000

export interface StoreFeedInput {
  /** The feed's lasting name: importing it again replaces what it said before. */
  readonly feed: string
  readonly format: string
  readonly body: FeedBody
  /** How the body is packed for its way, beside what the file itself is: HTTP's Content-Encoding. */
  readonly contentEncoding?: string | undefined
  /** What all its indicators stand for, where the importer knows better than the file. */
  readonly threatClass?: ThreatClass | undefined
  readonly bundled?: boolean
  /** Who imports, for the feed's history. */
  readonly importedBy?: string | undefined
  /** The import is to be in the audit, as theirs: somebody asked for it. */
  readonly audited?: boolean | undefined
  /** Takes a file also when the feed holds a newer one. */
  readonly allowOlder?: boolean | undefined
  readonly now: Date
}

/** The contract's answer; `byType` counts unique values that this import holds. */
export interface ImportResult extends ChangeCounts {
  readonly feed: string
  readonly format: string
  /** The feed's version after this import. */
  readonly version: number
  readonly skipped: readonly SkippedEntries[]
  readonly byType: Readonly<Record<IndicatorType | 'vulnerability', number>>
}

/**
 * Reads the file and makes the feed what it says, wholly or not at all, in one transaction.
 * @throws InvalidInputError, UnprocessableError, ConflictError for a file older than what the feed holds
 */
export async function storeFeed (db: Database, input: StoreFeedInput): Promise<ImportResult> {
  const { feed, bundled = false, now, threatClass, importedBy, allowOlder = false } = input
  // All parsers, which most processes never need: they have files read by another (feed-imports.ts).
  const { readFeedFile } = await import('./feed-file.js')
  const { sha256, parsed: read } = await readFeedFile(input)
  const parsed = guardFeed(read, await loadHostGuard(db))
  const { format, vulnerabilities, skipped } = parsed
  const indicators = threatClass === undefined ? parsed.indicators : parsed.indicators.map((indicator) => ({ ...indicator, threatClass }))
  const entries = indicators.length + vulnerabilities.length
  if (entries > MAX_FEED_ENTRIES) throw new UnprocessableError(`A feed has at most ${MAX_FEED_ENTRIES} entries; this one has ${entries}.`)
  if (entries === 0 && skipped.length === 0) throw new UnprocessableError('The file holds no indicator and no vulnerability; nothing was changed.')
  const file: FeedFile = { format, importedAt: now, sha256, entries, publishedAt: timeOf(parsed.publishedAt), publisherVersion: parsed.publisherVersion?.slice(0, 200) ?? null }
  const byType = countByType(indicators, vulnerabilities)

  return await db.transaction().execute(async (tx) => {
    await lockFeed(tx, feed)
    const held = await findHeldFeed(tx, feed)
    // A publisher may take everything back, but a file that nothing was understood of is no reason to forget.
    if (entries === 0 && parsed.revoked === 0 && (held?.entries ?? 0) > 0) {
      throw new UnprocessableError('Nothing in the file can be used, and the feed held something; nothing was changed. Delete the feed if that is meant.')
    }
    if (held !== undefined && !allowOlder) await requireNotOlder(tx, feed, held, file)

    const next = (held?.version ?? 0) + 1
    await upsertFeed(tx, feed, file, { skipped, byType, bundled })
    await openChanges(tx)
    const counts = sumCounts(await replaceIndicators(tx, feed, next, indicators), await replaceVulnerabilities(tx, feed, vulnerabilities))
    const isChanged = hasChanged(counts)
    if (isChanged || held === undefined) await insertFeedVersion(tx, feed, file, { version: next, importedBy: importedBy ?? null, ...counts })
    // Last: whoever raises the version keeps other feeds from doing so.
    if (isChanged) await publishChanges(tx, await raiseIntelVersion(tx))
    const version = isChanged ? next : held?.version ?? next
    if (input.audited === true) {
      const { added, updated, withdrawn } = counts
      const detail = { version, added, updated, withdrawn, ...(isChanged ? {} : { unchanged: true }), ...(allowOlder ? { allowOlder } : {}) }
      await recordAudit(tx, { tenantId: null, actor: importedBy ?? 'import', action: 'feed.imported', subject: feed, detail })
    }
    return { feed, format, version, ...counts, skipped, byType }
  })
}

/** @throws ConflictError when the feed holds something newer than this file */
async function requireNotOlder (tx: Tx, feed: string, held: HeldFeed, file: FeedFile): Promise<void> {
  if (file.sha256 === held.sha256) return
  if (file.publishedAt !== null && held.publishedAt !== null && file.publishedAt < held.publishedAt) {
    throw new ConflictError(`The file is of ${file.publishedAt.toISOString()}, and the feed holds what was published ${held.publishedAt.toISOString()}; nothing was changed. Allow an older version if that is meant.`)
  }
  const earlier = await findVersionOfFile(tx, feed, file.sha256)
  if (earlier !== undefined && earlier.version < held.version) {
    throw new ConflictError(`The file is version ${earlier.version} of the feed, imported ${earlier.importedAt.toISOString()}, and the feed holds version ${held.version}, imported ${held.importedAt.toISOString()}; nothing was changed. Allow an older version if that is meant.`)
  }
}

/** A publisher's time that is none says nothing; nor does one that PostgreSQL cannot store. */
function timeOf (text: string | undefined): Date | null {
  const time = new Date(text ?? NaN)
  return Number.isNaN(time.getTime()) || time.getUTCFullYear() < 1970 || time.getUTCFullYear() > 9999 ? null : time
}

function countByType (indicators: ReadonlyArray<{ type: IndicatorType, value: string }>, vulnerabilities: readonly VulnerabilityFact[]): ImportResult['byType'] {
  const values = new Map<IndicatorType, Set<string>>(INDICATOR_TYPES.map((type) => [type, new Set()]))
  for (const { type, value } of indicators) values.get(type)!.add(value)
  return {
    ...Object.fromEntries([...values].map(([type, { size }]) => [type, size])),
    vulnerability: countCves(vulnerabilities)
  } as ImportResult['byType']
}
