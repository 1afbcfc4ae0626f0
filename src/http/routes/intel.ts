import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { FEED_FORMATS } from '../../intel/feeds/index.js'
import { findIndicators, listFeeds } from '../../intel/find-indicators.js'
import { FEED_NAME_PATTERN, importFeed, type ImportFeedDeps, MAX_FEED_BYTES, removeFeed } from '../../intel/import-feed.js'
import { INDICATOR_TYPES, THREAT_CLASSES, type ThreatClass } from '../../intel/indicators/indicator.js'
import type { IntelView } from '../../intel/intel-view.js'
import { recordAudit } from '../../operators/audit.js'
import { nullable, page, Text, Time } from '../schemas.js'

export interface IntelRoutesOptions extends ImportFeedDeps {
  /** Threat intelligence as it is stored now. */
  readonly intel: { refresh (): Promise<IntelView> }
}

const FeedParams = Type.Object({ feed: Type.String({ pattern: FEED_NAME_PATTERN, description: 'The feed\'s lasting name.' }) })
const SkippedSchema = Type.Array(Type.Object({ reason: Type.String(), count: Type.Integer(), examples: Type.Array(Type.String()) }))
const ImportResultSchema = Type.Object({
  feed: Type.String(),
  format: Type.String(),
  added: Type.Integer(),
  updated: Type.Integer(),
  unchanged: Type.Integer(),
  withdrawn: Type.Integer(),
  skipped: SkippedSchema,
  byType: Type.Object(Object.fromEntries([...INDICATOR_TYPES, 'vulnerability'].map((type) => [type, Type.Integer()])), { description: 'Unique values that this import holds.' })
})
const VulnerabilitySchema = Type.Object({
  cve: Type.String(),
  exploited: Type.Boolean(),
  kevDateAdded: nullable(Type.String()),
  severity: nullable(Type.String()),
  fixedIn: Type.Array(Type.String()),
  part: nullable(Type.String())
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
    files.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_FEED_BYTES }, (_request, body, done) => done(null, body))
    files.post('/intel/feeds/:feed/import', {
      bodyLimit: MAX_FEED_BYTES,
      config: { permission: 'intel:write', maxSentBytes: MAX_FEED_BYTES },
      schema: {
        ...about,
        operationId: 'importFeed',
        summary: 'Make a feed what this file says',
        description: 'The body is the file. All or nothing; the same file again changes nothing.',
        params: FeedParams,
        querystring: Type.Object({
          format: Type.Optional(Type.Unsafe<string>({ type: 'string', enum: [...FEED_FORMATS], default: 'auto' })),
          class: Type.Optional(Type.Unsafe<ThreatClass>({ type: 'string', enum: [...THREAT_CLASSES], description: 'What all its indicators stand for, where you know better than the file.' }))
        }),
        consumes: ['application/octet-stream'],
        body: Type.Unsafe<Buffer | undefined>({ description: 'The file, as it was published.' }),
        response: { 200: ImportResultSchema }
      }
    }, async ({ params, query, body = Buffer.of(), operator }) => {
      const result = await importFeed(deps, { ...params, format: query.format ?? 'auto', threatClass: query.class, body, now: new Date() })
      const { added, updated, withdrawn } = result
      await recordAudit(deps.db, { tenantId: null, actor: operator.name, action: 'feed.imported', subject: params.feed, detail: { added, updated, withdrawn } })
      return result as never
    })
  })

  app.get('/intel/feeds', {
    config: { permission: 'intel:read' },
    schema: {
      ...about,
      operationId: 'listFeeds',
      summary: 'List feeds',
      response: { 200: page(Type.Object({ name: Type.String(), format: Type.String(), importedAt: Time, sha256: Type.String(), entries: Type.Integer(), skipped: SkippedSchema, bundled: Type.Boolean() })) }
    }
  }, async () => ({ items: await listFeeds(deps), nextCursor: null }) as never)

  app.delete('/intel/feeds/:feed', {
    config: { permission: 'intel:write' },
    schema: { ...about, operationId: 'removeFeed', summary: 'Take a feed and all it said away', params: FeedParams, response: { 204: Type.Null() } }
  }, async ({ params, operator }, reply) => {
    await removeFeed(deps, params)
    await recordAudit(deps.db, { tenantId: null, actor: operator.name, action: 'feed.removed', subject: params.feed })
    return reply.code(204).send(null)
  })

  app.get('/intel/indicators', {
    config: { permission: 'intel:read' },
    schema: {
      ...about,
      operationId: 'findIndicators',
      summary: 'What the feeds say about a value, however it is spelt',
      querystring: Type.Object({ value: Text({ minLength: 1, maxLength: 2_048 }) }),
      response: { 200: page(Type.Record(Type.String(), Type.Unknown())) }
    }
  }, async ({ query }) => ({ items: await findIndicators(deps, { ...query, limit: 100 }), nextCursor: null }) as never)

  app.get('/intel/vulnerabilities', {
    config: { permission: 'intel:read' },
    schema: {
      ...about,
      operationId: 'listOpenVulnerabilities',
      summary: 'What is open on a phone with this version',
      querystring: Type.Object({
        os: Type.Enum(['android', 'ios', 'ipados']),
        version: Type.Optional(Type.String({ maxLength: 64 })),
        patchLevel: Type.Optional(Type.String({ maxLength: 64 }))
      }),
      response: { 200: Type.Object({ items: Type.Array(VulnerabilitySchema) }) }
    }
  }, async ({ query: { os, version, patchLevel } }) => ({ items: (await deps.intel.refresh()).openVulnerabilities({ platform: os, version, patchLevel }) }) as never)
}
