import type { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { FEED_FORMATS } from '../../intel/feeds/format-names.js'
import { decodeCursor, limitOf, NUMBER_PART, toPage } from '../../devices/cursor.js'
import { OverloadedError } from '../../errors.js'
import { findIndicators, listFeeds, listFeedVersions } from '../../intel/find-indicators.js'
import { FEED_NAME_PATTERN, importFeed, type ImportFeedDeps, MAX_FEED_BYTES, removeFeed } from '../../intel/import-feed.js'
import { INDICATOR_TYPES, THREAT_CLASSES, type ThreatClass } from '../../intel/indicators/indicator.js'
import type { IntelView } from '../../intel/intel-view.js'
import { isSupported } from '../../intel/vulnerabilities/vulnerability.js'
import { contentLengthOf, readPieces } from '../read-pieces.js'
import { nullable, page, PageQuery, Text, Time } from '../schemas.js'

/** Bodies that are read at the same time. */
const MAX_READ_BYTES = 2 * MAX_FEED_BYTES

export interface IntelRoutesOptions extends ImportFeedDeps {
  /** Threat intelligence as it is stored now. */
  readonly intel: { refresh (): Promise<IntelView> }
}

const FeedParams = Type.Object({ feed: Type.String({ pattern: FEED_NAME_PATTERN, description: 'The feed\'s lasting name.' }) })
const SkippedSchema = Type.Array(Type.Object({ reason: Type.String(), count: Type.Integer(), examples: Type.Array(Type.String()) }))
const ImportResultSchema = Type.Object({
  feed: Type.String(),
  format: Type.String(),
  version: Type.Integer({ description: 'The feed\'s version after this import; it rises with each that changes something.' }),
  added: Type.Integer(),
  updated: Type.Integer(),
  unchanged: Type.Integer(),
  withdrawn: Type.Integer(),
  skipped: SkippedSchema,
  byType: Type.Object(Object.fromEntries([...INDICATOR_TYPES, 'vulnerability'].map((type) => [type, Type.Integer()])), { description: 'Unique values that this import holds.' })
})
const NullableText = nullable(Type.String())
const FeedSchema = Type.Object({
  name: Type.String(),
  format: Type.String(),
  importedAt: Time,
  ageSeconds: Type.Integer({ description: 'Since the last import, also one that changed nothing.' }),
  sha256: Type.String(),
  entries: Type.Integer(),
  byType: Type.Record(Type.String(), Type.Integer(), { description: 'Unique values it holds.' }),
  skipped: SkippedSchema,
  bundled: Type.Boolean(),
  version: Type.Integer({ description: 'Rises with each import that changes something.' }),
  publishedAt: nullable(Time),
  publisherVersion: NullableText
}, { title: 'Feed' })
const FeedVersionSchema = Type.Object({
  version: Type.Integer(),
  sha256: Type.String(),
  format: Type.String(),
  importedAt: Time,
  importedBy: NullableText,
  publishedAt: nullable(Time),
  publisherVersion: NullableText,
  added: Type.Integer(),
  updated: Type.Integer(),
  unchanged: Type.Integer(),
  withdrawn: Type.Integer(),
  entries: Type.Integer()
}, { title: 'FeedVersion' })
const ClaimSchema = Type.Object({
  feed: Type.String(),
  type: Type.String(),
  value: Type.String(),
  role: Type.String(),
  threatClass: Type.String(),
  family: Type.String(),
  validFrom: Type.Optional(Time),
  validUntil: Type.Optional(Time),
  confidence: Type.Optional(Type.Integer()),
  port: Type.Optional(Type.Integer({ description: 'Only contacts with this port are meant.' })),
  references: Type.Optional(Type.Array(Type.String())),
  firstSeen: Time,
  sinceVersion: Type.Integer({ description: 'The feed\'s version in which this came.' }),
  changedVersion: Type.Integer({ description: 'That in which it last changed.' }),
  feedVersion: Type.Integer({ description: 'The feed\'s version now.' }),
  publisherVersion: NullableText,
  publishedAt: nullable(Time),
  importedAt: Time
}, { title: 'IndicatorClaim' })
const ReleaseSchema = Type.Object({
  cycle: nullable(Type.String()),
  supported: nullable(Type.Boolean({ description: 'Whether it gets security updates; null: no feed says.' })),
  endOfLife: nullable(Type.String()),
  latest: nullable(Type.String())
}, { description: 'The release that the version is of.' })
const VulnerabilitySchema = Type.Object({
  cve: Type.String(),
  exploited: Type.Boolean(),
  kevDateAdded: nullable(Type.String()),
  severity: nullable(Type.String()),
  fixedIn: Type.Array(Type.String(), { description: 'Versions, one a branch, or Android\'s patch levels.' }),
  part: nullable(Type.String()),
  cvss: Type.Optional(Type.Number()),
  fixAvailable: nullable(Type.Boolean({ description: 'Whether such a phone can get a fix; null: not known.' })),
  fixedSince: nullable(Type.String({ description: 'Day since which such a phone can get a fix.' }))
})
const about = { tags: ['intel'], security: [{ apiKey: [] }] }

/** The platform's threat intelligence: feeds in, questions out. */
export const intelRoutes: FastifyPluginAsyncTypebox<IntelRoutesOptions> = async (app, options) => {
  const deps: IntelRoutesOptions = {
    ...options,
    onChanged: async () => {
      // Where one process does everything, the phones must not be judged anew by what it knew before.
      await options.intel.refresh()
      await options.onChanged?.()
    }
  }
  await app.register(async (instance) => {
    const files = instance.withTypeProvider<TypeBoxTypeProvider>()
    // A feed is a file, whatever the client calls it.
    files.removeAllContentTypeParsers()
    let readingBytes = 0
    files.addContentTypeParser('*', async (request: FastifyRequest, payload: Readable) => {
      const expectedBytes = contentLengthOf(request.headers)
      const bytes = expectedBytes ?? MAX_FEED_BYTES
      if (readingBytes > 0 && readingBytes + bytes > MAX_READ_BYTES) {
        payload.resume()
        throw new OverloadedError()
      }
      readingBytes += bytes
      try {
        return await readPieces(payload, { maxBytes: MAX_FEED_BYTES, expectedBytes })
      } finally {
        readingBytes -= bytes
      }
    })
    files.post('/intel/feeds/:feed/import', {
      bodyLimit: MAX_FEED_BYTES,
      config: { permission: 'intel:write', maxSentBytes: MAX_FEED_BYTES, keepsEncoding: true },
      schema: {
        ...about,
        operationId: 'importFeed',
        summary: 'Make a feed what this file says',
        description: 'The body is the file, also gzip or zip. All or nothing; the same file again changes nothing, one older than what the feed holds is refused (409).',
        params: FeedParams,
        querystring: Type.Object({
          format: Type.Optional(Type.Unsafe<string>({ type: 'string', enum: [...FEED_FORMATS], default: 'auto' })),
          class: Type.Optional(Type.Unsafe<ThreatClass>({ type: 'string', enum: [...THREAT_CLASSES], description: 'What all its indicators stand for, where you know better than the file.' })),
          allowOlder: Type.Optional(Type.Boolean({ default: false, description: 'Take a file also when the feed holds a newer one.' }))
        }),
        consumes: ['application/octet-stream'],
        body: Type.Unsafe<Uint8Array[] | undefined>({ description: 'The file, as it was published.' }),
        response: { 200: ImportResultSchema }
      }
    }, async ({ params, query, body = [], headers, operator }) => {
      const { format = 'auto', class: threatClass, allowOlder } = query
      return await importFeed(deps, { ...params, format, threatClass, allowOlder, body, contentEncoding: headers['content-encoding'], importedBy: operator.name, audited: true, now: new Date() }) as never
    })
  })

  app.get('/intel/feeds', {
    config: { permission: 'intel:read' },
    schema: {
      ...about,
      operationId: 'listFeeds',
      summary: 'List feeds',
      response: { 200: page(FeedSchema) }
    }
  }, async () => ({ items: await listFeeds(deps), nextCursor: null }) as never)

  app.get('/intel/feeds/:feed/versions', {
    config: { permission: 'intel:read' },
    schema: { ...about, operationId: 'listFeedVersions', summary: 'What each version of a feed was and changed, the last first', params: FeedParams, querystring: Type.Object(PageQuery), response: { 200: page(FeedVersionSchema) } }
  }, async ({ params, query }) => {
    const limit = limitOf(query)
    const before = decodeCursor(query, NUMBER_PART)?.map(Number)[0]
    return toPage(await listFeedVersions(deps, { ...params, before, limit: limit + 1 }), limit, (version) => version, ({ version }) => [String(version)]) as never
  })

  app.delete('/intel/feeds/:feed', {
    config: { permission: 'intel:write' },
    schema: { ...about, operationId: 'removeFeed', summary: 'Take a feed and all it said away', params: FeedParams, response: { 204: Type.Null() } }
  }, async ({ params, operator }, reply) => {
    await removeFeed(deps, { ...params, actor: operator.name })
    return reply.code(204).send(null)
  })

  app.get('/intel/indicators', {
    config: { permission: 'intel:read' },
    schema: {
      ...about,
      operationId: 'findIndicators',
      summary: 'What the feeds say about a value, however it is spelt',
      description: 'Every claim of every feed, the oldest first.',
      querystring: Type.Object({ value: Text({ minLength: 1, maxLength: 2_048 }), ...PageQuery }),
      response: { 200: page(ClaimSchema) }
    }
  }, async ({ query }) => {
    const limit = limitOf(query)
    const after = decodeCursor(query, NUMBER_PART)?.map(Number)[0]
    return toPage(await findIndicators(deps, { value: query.value, after, limit: limit + 1 }), limit, ({ id, ...claim }) => claim, ({ id }) => [String(id)]) as never
  })

  app.get('/intel/vulnerabilities', {
    config: { permission: 'intel:read' },
    schema: {
      ...about,
      operationId: 'listOpenVulnerabilities',
      summary: 'What is open on a phone with this version',
      querystring: Type.Object({
        os: Type.Enum(['android', 'ios', 'ipados']),
        version: Type.Optional(Type.String({ maxLength: 64 })),
        patchLevel: Type.Optional(Type.String({ maxLength: 64 })),
        apiLevel: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'Tells Android 12L, which calls itself 12.' })),
        model: Type.Optional(Type.String({ maxLength: 64, description: 'As iPhone15,2: tells which releases it can be updated to.' }))
      }),
      response: { 200: Type.Object({ items: Type.Array(VulnerabilitySchema), release: ReleaseSchema }) }
    }
  }, async ({ query: { os, ...rest } }) => {
    const intel = await deps.intel.refresh()
    const phone = { platform: os, ...rest }
    const { cycle, endOfLife, latest } = intel.osSupport(phone)
    const release = { cycle, supported: isSupported({ endOfLife }, new Date()), endOfLife: typeof endOfLife === 'string' ? endOfLife : null, latest }
    return { items: intel.openVulnerabilities(phone), release } as never
  })
}
