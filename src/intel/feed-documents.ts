import { InvalidInputError, UnprocessableError, type FieldFault } from '../errors.js'
import { namingMember } from './naming-member.js'
import { type ReadFeed, readFeed, type SkippedEntries } from './feeds/index.js'
import { parseJson } from './feeds/json-document.js'
import { factKey, mergeFacts } from './vulnerabilities/facts.js'

/** The text of a file, or of one in an archive. */
export interface Document {
  readonly name: string | undefined
  readonly text: string
}

/** Reasons for skipping that are told of a feed. */
const MAX_REASONS = 1_000
const MAX_EXAMPLES = 5

/**
 * What several files of one archive say together. They are of one format.
 * @throws InvalidInputError and UnprocessableError naming the file
 */
export function readDocuments (documents: readonly Document[], format: string): ReadFeed {
  if (documents.length === 1) return namingMember(documents[0]!.name, () => readFeed(documents[0]!.text, format))
  return readAsList(documents, format) ?? readOneByOne(documents, format)
}

/**
 * JSON files as one list, as OSV's readers take advisories: several of them may be about the same
 * hole. Undefined: no format takes such a list.
 */
function readAsList (documents: readonly Document[], format: string): ReadFeed | undefined {
  if (!documents.every(({ text }) => /^\s*[[{]/.test(text))) return undefined
  // For the name of the file that is damaged.
  for (const { name, text } of documents) namingMember(name, () => parseJson(text))
  try {
    return readFeed(`[${documents.map(({ text }) => text).join(',\n')}]`, format)
  } catch (error) {
    if (error instanceof UnprocessableError) return undefined
    if (!(error instanceof InvalidInputError)) throw error
    // Not a fault of one of them: the format takes no list.
    if (!error.faults.every(({ path }) => /^\/\d+(?:\/|$)/.test(path))) return undefined
    throw new InvalidInputError(error.faults.map((fault) => inMember(documents, fault)), 'The archive')
  }
}

function inMember (documents: readonly Document[], { path, message }: FieldFault): FieldFault {
  const [, index, rest] = /^\/(\d+)(.*)$/.exec(path)!
  return { path: `${documents[Number(index)]?.name ?? ''} ${rest!}`.trim(), message }
}

function readOneByOne (documents: readonly Document[], format: string): ReadFeed {
  let found = format
  const feeds = documents.map(({ name, text }) => namingMember(name, () => {
    const feed = readFeed(text, found)
    found = feed.format
    return feed
  }))
  return merge(feeds)
}

/** Never the same claim twice: the table's unique constraint. The first counts; what they say of one hole is put together, as within one file. */
function merge (feeds: readonly ReadFeed[]): ReadFeed {
  const indicators = new Map<string, ReadFeed['indicators'][number]>()
  const vulnerabilities = new Map<string, ReadFeed['vulnerabilities'][number]>()
  const skipped = new Map<string, SkippedEntries>()
  for (const feed of feeds) {
    for (const one of feed.indicators) {
      const key = JSON.stringify([one.type, one.value, one.family, one.role, one.port ?? 0])
      if (!indicators.has(key)) indicators.set(key, one)
    }
    for (const one of feed.vulnerabilities) {
      const key = factKey(one)
      const before = vulnerabilities.get(key)
      vulnerabilities.set(key, before === undefined ? one : mergeFacts(before, one))
    }
    for (const { reason, count, examples } of feed.skipped) {
      const before = skipped.get(reason)
      if (before === undefined && skipped.size >= MAX_REASONS) continue
      skipped.set(reason, { reason, count: count + (before?.count ?? 0), examples: [...before?.examples ?? [], ...examples].slice(0, MAX_EXAMPLES) })
    }
  }
  const newest = feeds.filter(({ publishedAt }) => publishedAt !== undefined && !Number.isNaN(Date.parse(publishedAt)))
    .sort((a, b) => Date.parse(b.publishedAt!) - Date.parse(a.publishedAt!))[0]
  return {
    format: feeds[0]!.format,
    indicators: [...indicators.values()],
    vulnerabilities: [...vulnerabilities.values()],
    skipped: [...skipped.values()],
    revoked: feeds.reduce((sum, { revoked }) => sum + revoked, 0),
    ...(newest === undefined ? {} : { publishedAt: newest.publishedAt! }),
    ...(newest?.publisherVersion === undefined ? {} : { publisherVersion: newest.publisherVersion })
  }
}
