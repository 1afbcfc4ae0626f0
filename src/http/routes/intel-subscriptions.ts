import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { FEED_FORMATS } from '../../intel/feeds/format-names.js'
import { FEED_NAME_PATTERN } from '../../intel/import-feed.js'
import { THREAT_CLASSES } from '../../intel/indicators/indicator.js'
import { listAllSubscriptions, type ManageSubscriptionsDeps, requestRefresh, subscribe, unsubscribe } from '../../intel/subscriptions/manage-subscriptions.js'
import { MAX_EVERY_SECONDS, MIN_EVERY_SECONDS, SUBSCRIPTION_KINDS, type SubscriptionKind } from '../../intel/subscriptions/subscription.js'
import { nullable, page, Text, Time } from '../schemas.js'

export interface IntelSubscriptionsRoutesOptions extends ManageSubscriptionsDeps {}

const choice = <T extends string>(values: readonly T[], description?: string) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], ...(description === undefined ? {} : { description }) })
const Url = (description?: string) => Text({ minLength: 1, maxLength: 2_048, ...(description === undefined ? {} : { description }) })
const Secret = (description: string) => Text({ minLength: 1, maxLength: 8_192, description })

const FeedParams = Type.Object({ feed: Type.String({ pattern: FEED_NAME_PATTERN, description: 'The feed\'s lasting name.' }) })
const SubscribeBody = Type.Object({
  feed: Type.String({ pattern: FEED_NAME_PATTERN, description: 'The feed that it fills.' }),
  url: Url('A file; a TAXII server, API root or collection; a MISP feed\'s manifest.json.'),
  kind: Type.Optional(choice<SubscriptionKind>(SUBSCRIPTION_KINDS, 'Told by the rest where it is left out.')),
  format: Type.Optional(choice(FEED_FORMATS)),
  class: Type.Optional(choice(THREAT_CLASSES, 'What all its indicators stand for, where you know better than the publisher.')),
  everySeconds: Type.Optional(Type.Integer({ minimum: MIN_EVERY_SECONDS, maximum: MAX_EVERY_SECONDS, default: 21_600 })),
  checksumUrl: Type.Optional(Url('A file with its SHA-256 or SHA-512.')),
  signatureUrl: Type.Optional(Url('A minisign signature.')),
  signatureKey: Type.Optional(Text({ maxLength: 512, description: 'The publisher\'s minisign public key.' })),
  taxiiCollection: Type.Optional(Text({ maxLength: 200, description: 'Id, alias or title of the collection.' })),
  username: Type.Optional(Secret('With `password`: HTTP Basic.')),
  password: Type.Optional(Secret('Kept encrypted, never shown.')),
  token: Type.Optional(Secret('Sent as `Authorization: Bearer`. Kept encrypted, never shown.')),
  tokenHeader: Type.Optional(Text({ maxLength: 64, description: 'Header that carries the token instead.' })),
  allowHttp: Type.Optional(Type.Boolean({ default: false, description: 'Also without TLS.' })),
  allowPrivate: Type.Optional(Type.Boolean({ default: false, description: 'Also hosts inside, of those that INTEL_ALLOW_PRIVATE_HOSTS names.' }))
}, { additionalProperties: false })

const NullableText = nullable(Type.String())
const SubscriptionSchema = Type.Object({
  feed: Type.String(),
  kind: Type.String(),
  url: Type.String(),
  format: Type.String(),
  class: NullableText,
  everySeconds: Type.Integer(),
  checksumUrl: NullableText,
  signatureUrl: NullableText,
  signatureKey: NullableText,
  taxiiCollection: NullableText,
  allowHttp: Type.Boolean(),
  allowPrivate: Type.Boolean(),
  credentials: nullable(Type.String({ description: 'How it proves itself: basic, bearer or header.' })),
  createdAt: Time,
  nextRunAt: Time,
  running: Type.Boolean(),
  lastAttemptAt: nullable(Time),
  lastSuccessAt: nullable(Time),
  lastChangeAt: nullable(Time),
  lastError: NullableText,
  lastErrorAt: nullable(Time),
  failures: Type.Integer({ description: 'In a row.' }),
  ageSeconds: nullable(Type.Number({ description: 'Since the last success.' })),
  stale: Type.Boolean({ description: 'Three intervals without a success.' }),
  etag: NullableText,
  lastModified: NullableText,
  lastResult: nullable(Type.Record(Type.String(), Type.Unknown(), { description: 'What the last import answered.' }))
}, { title: 'Subscription' })
const about = { tags: ['intel'], security: [{ apiKey: [] }] }

/** What publishers offer by address, fetched on a schedule. */
export const intelSubscriptionsRoutes: FastifyPluginAsyncTypebox<IntelSubscriptionsRoutesOptions> = async (app, deps) => {
  app.get('/intel/subscriptions', {
    config: { permission: 'intel:read' },
    schema: { ...about, operationId: 'listSubscriptions', summary: 'List subscriptions, how they go and when they run next', response: { 200: page(SubscriptionSchema) } }
  }, async () => ({ items: await listAllSubscriptions(deps), nextCursor: null }) as never)

  app.post('/intel/subscriptions', {
    config: { permission: 'intel:write' },
    schema: {
      ...about,
      operationId: 'subscribe',
      summary: 'Fetch a feed on a schedule',
      description: 'Takes the place of any other subscription of this feed (200 instead of 201). It is fetched at once.',
      body: SubscribeBody,
      response: { 200: SubscriptionSchema, 201: SubscriptionSchema }
    }
  }, async ({ body: { class: threatClass, ...body }, operator }, reply) => {
    const { created, subscription } = await subscribe(deps, { ...body, threatClass }, operator.name)
    return await reply.code(created ? 201 : 200).send(subscription as never)
  })

  app.delete('/intel/subscriptions/:feed', {
    config: { permission: 'intel:write' },
    schema: {
      ...about, operationId: 'unsubscribe', summary: 'Fetch a feed no more', description: 'What it holds stays until the feed is removed.',
      params: FeedParams, response: { 204: Type.Null() }
    }
  }, async ({ params, operator }, reply) => {
    await unsubscribe(deps, params.feed, operator.name)
    return await reply.code(204).send(null)
  })

  app.post('/intel/subscriptions/:feed/refresh', {
    config: { permission: 'intel:write' },
    schema: {
      ...about,
      operationId: 'refreshSubscription',
      summary: 'Fetch a feed now',
      description: 'The next worker does within seconds; the list says what became of it.',
      params: FeedParams,
      querystring: Type.Object({ full: Type.Optional(Type.Boolean({ default: false, description: 'Everything anew, also what the publisher says is as it was.' })) }),
      response: { 202: SubscriptionSchema }
    }
  }, async ({ params, query, operator }, reply) =>
    await reply.code(202).send(await requestRefresh(deps, { feed: params.feed, full: query.full ?? false }, operator.name) as never))
}
