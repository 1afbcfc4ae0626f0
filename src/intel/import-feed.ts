import { createHash } from 'node:crypto'
import { NotFoundError, UnprocessableError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { readFeed, type SkippedEntries } from './feeds/index.js'
import { INDICATOR_TYPES, type IndicatorType } from './indicator.js'
import { deleteFeed, lockFeed, raiseIntelVersion, replaceIndicators, replaceVulnerabilities, upsertFeed, type ChangeCounts } from './repository.js'

/** Largest file that is taken, in bytes, and most entries of one feed. */
export const MAX_FEED_BYTES = 64 * 1024 * 1024
const MAX_FEED_ENTRIES = 2_000_000

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
  const { feed, bundled = false, now } = input
  const body = Buffer.from(input.body)
  if (body.length > MAX_FEED_BYTES) throw new UnprocessableError(`A feed has at most ${MAX_FEED_BYTES} bytes; this one has ${body.length}.`)
  const { format, indicators, vulnerabilities, skipped } = readFeed(decode(body), input.format)
  const entries = indicators.length + vulnerabilities.length
  if (entries > MAX_FEED_ENTRIES) throw new UnprocessableError(`A feed has at most ${MAX_FEED_ENTRIES} entries; this one has ${entries}.`)
  if (entries === 0) throw new UnprocessableError('The file holds no indicator and no vulnerability that can be used; nothing was changed.')

  const counts = await deps.db.transaction().execute(async (tx) => {
    await lockFeed(tx, feed)
    await upsertFeed(tx, { name: feed, format, importedAt: now, sha256: checksum(body), entries, skipped, bundled })
    const counts = sum(await replaceIndicators(tx, feed, indicators), await replaceVulnerabilities(tx, feed, vulnerabilities))
    if (hasChanged(counts)) await raiseIntelVersion(tx)
    return counts
  })
  if (hasChanged(counts)) await deps.onChanged?.()
  return { feed, format, ...counts, skipped, byType: countByType(indicators, vulnerabilities) }
}

/** Takes a feed and all it said away. @throws NotFoundError */
export async function removeFeed (deps: ImportFeedDeps, { feed }: { readonly feed: string }): Promise<void> {
  await deps.db.transaction().execute(async (tx) => {
    await lockFeed(tx, feed)
    if (!await deleteFeed(tx, feed)) throw new NotFoundError('There is no such feed.')
    await raiseIntelVersion(tx)
  })
  await deps.onChanged?.()
}

export const checksum = (body: Buffer): string => createHash('sha256').update(body).digest('hex')

const hasChanged = ({ added, updated, withdrawn }: ChangeCounts): boolean => added + updated + withdrawn > 0

/** UTF-8, with or without a byte-order mark. */
function decode (body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body).replaceAll('\0', '')
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
