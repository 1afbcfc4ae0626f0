import { createHash } from 'node:crypto'
import { InvalidInputError, NotFoundError, UnprocessableError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { readFeed, type SkippedEntries } from './feeds/index.js'
import { INDICATOR_TYPES, type IndicatorType, type ThreatClass } from './indicators/indicator.js'
import type { ChangeCounts } from './change-counts.js'
import { countEntries, deleteFeed, lockFeed, upsertFeed } from './feed-repository.js'
import { replaceIndicators } from './indicators/indicator-repository.js'
import { raiseIntelVersion } from './intel-version.js'
import { replaceVulnerabilities } from './vulnerabilities/vulnerability-repository.js'

/** Largest file that is taken, in bytes, and most entries of one feed. */
export const MAX_FEED_BYTES = 64 * 1024 * 1024
const MAX_FEED_ENTRIES = 2_000_000

/** A feed's lasting name. */
export const FEED_NAME_PATTERN = '^[a-z0-9][a-z0-9._-]{0,99}$'

export interface ImportFeedDeps {
  readonly db: Database
  /** Told after the commit when something changed, so that phones are judged again. */
  readonly onChanged?: () => Promise<void>
}

export interface ImportFeedInput {
  /** The feed's lasting name: importing it again replaces what it said before. */
  readonly feed: string
  readonly format: string
  readonly body: Buffer | string
  /** What all its indicators stand for, where the importer knows better than the file. */
  readonly threatClass?: ThreatClass | undefined
  readonly bundled?: boolean
  readonly now: Date
}

/** The contract's answer; `byType` counts unique values that this import holds. */
export interface ImportResult extends ChangeCounts {
  readonly feed: string
  readonly format: string
  readonly skipped: readonly SkippedEntries[]
  readonly byType: Readonly<Record<IndicatorType | 'vulnerability', number>>
}

/**
 * Makes a feed what this file says, wholly or not at all. The same file again changes
 * nothing; entries that the file no longer has are withdrawn.
 * @throws InvalidInputError, UnprocessableError
 */
export async function importFeed (deps: ImportFeedDeps, input: ImportFeedInput): Promise<ImportResult> {
  const { feed, bundled = false, now, threatClass } = input
  if (!new RegExp(FEED_NAME_PATTERN).test(feed)) throw new InvalidInputError([{ path: '/feed', message: `must match ${FEED_NAME_PATTERN}` }])
  const body = Buffer.from(input.body)
  if (body.length > MAX_FEED_BYTES) throw new UnprocessableError(`A feed has at most ${MAX_FEED_BYTES} bytes; this one has ${body.length}.`)
  const parsed = readFeed(decode(body), input.format)
  const { format, vulnerabilities, skipped } = parsed
  const indicators = threatClass === undefined ? parsed.indicators : parsed.indicators.map((indicator) => ({ ...indicator, threatClass }))
  const entries = indicators.length + vulnerabilities.length
  if (entries > MAX_FEED_ENTRIES) throw new UnprocessableError(`A feed has at most ${MAX_FEED_ENTRIES} entries; this one has ${entries}.`)
  if (entries === 0 && skipped.length === 0) throw new UnprocessableError('The file holds no indicator and no vulnerability; nothing was changed.')

  const counts = await deps.db.transaction().execute(async (tx) => {
    await lockFeed(tx, feed)
    // A publisher may take everything back, but a file that nothing was understood of is no reason to forget.
    if (entries === 0 && parsed.revoked === 0 && (await countEntries(tx, feed) ?? 0) > 0) {
      throw new UnprocessableError('Nothing in the file can be used, and the feed held something; nothing was changed. Delete the feed if that is meant.')
    }
    await upsertFeed(tx, { name: feed, format, importedAt: now, sha256: checksum(body), entries, skipped, bundled })
    const counts = sum(await replaceIndicators(tx, feed, 1, indicators), await replaceVulnerabilities(tx, feed, vulnerabilities))
    if (hasChanged(counts)) await raiseIntelVersion(tx)
    return counts
  })
  if (hasChanged(counts)) await deps.onChanged?.()
  return { feed, format, ...counts, skipped, byType: countByType(indicators, vulnerabilities) }
}

/** Takes a feed and all it said away. @throws NotFoundError */
export async function removeFeed (deps: ImportFeedDeps, { feed }: { readonly feed: string }): Promise<void> {
  const entries = await deps.db.transaction().execute(async (tx) => {
    await lockFeed(tx, feed)
    const entries = await deleteFeed(tx, feed)
    if (entries === undefined) throw new NotFoundError('There is no such feed.')
    if (entries > 0) await raiseIntelVersion(tx)
    return entries
  })
  if (entries > 0) await deps.onChanged?.()
}

export const checksum = (body: Buffer): string => createHash('sha256').update(body).digest('hex')

const hasChanged = ({ added, updated, withdrawn }: ChangeCounts): boolean => added + updated + withdrawn > 0

/** UTF-8, with or without a byte-order mark. */
function decode (body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new UnprocessableError('The file is not UTF-8 text.')
  }
}

function sum (a: ChangeCounts, b: ChangeCounts): ChangeCounts {
  return { added: a.added + b.added, updated: a.updated + b.updated, unchanged: a.unchanged + b.unchanged, withdrawn: a.withdrawn + b.withdrawn }
}

function countByType (indicators: ReadonlyArray<{ type: IndicatorType, value: string }>, vulnerabilities: ReadonlyArray<{ cve: string }>): ImportResult['byType'] {
  const values = new Map<IndicatorType, Set<string>>(INDICATOR_TYPES.map((type) => [type, new Set()]))
  for (const { type, value } of indicators) values.get(type)!.add(value)
  return {
    ...Object.fromEntries([...values].map(([type, { size }]) => [type, size])),
    vulnerability: new Set(vulnerabilities.map(({ cve }) => cve)).size
  } as ImportResult['byType']
}
