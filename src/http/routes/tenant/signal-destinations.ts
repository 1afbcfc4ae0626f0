import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { DESTINATION_KINDS, DESTINATION_STATUSES } from '../../../signals/destination.js'
import { LIMITS } from '../../../signals/derive/compliance.js'
import { changeDestination, createDestination, type DestinationsDeps, getDestination, listAllDestinations, listDeadLetters, MADE_KINDS, removeDestination, resendDeadLetters, rotateSecret, testDestination } from '../../../signals/manage-destinations.js'
import { nullable, page, PageQuery, TenantParams, Text, Time, Uuid } from '../../schemas.js'

export interface SignalDestinationsRoutesOptions extends DestinationsDeps {}

const choice = <T extends string>(values: readonly T[], description?: string) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], ...(description === undefined ? {} : { description }) })
const NullableText = nullable(Type.String())

const DestinationSchema = Type.Object({
  id: Uuid,
  kind: choice(DESTINATION_KINDS),
  name: Type.String(),
  receiver: nullable(Type.String({ description: 'Of a stream: the name of its receiver\'s API keys.' })),
  url: nullable(Type.String({ description: 'Null: it is polled.' })),
  eventTypes: nullable(Type.Array(Type.String())),
  format: NullableText,
  notCompliantFrom: NullableText,
  caCertificate: Type.Boolean({ description: 'Whether it has authorities of its own.' }),
  authorization: Type.Boolean({ description: 'Whether something is sent to prove who we are.' }),
  status: choice(DESTINATION_STATUSES),
  statusReason: NullableText,
  createdAt: Time,
  delivered: Type.Integer(),
  waiting: Type.Integer({ description: 'Signals that were made and not told yet, at most 1,000 or so; what follows them waits in the feed of changes.' }),
  oldestWaitingSince: nullable(Time),
  dead: Type.Integer({ description: 'Dead letters.' }),
  missed: Type.Integer({ description: 'Changes that were too old to be kept when their turn came.' }),
  failures: Type.Integer({ description: 'In a row.' }),
  failingSince: nullable(Time),
  retryAt: Time,
  lastSuccessAt: nullable(Time),
  lastError: NullableText,
  lastErrorAt: nullable(Time)
}, { title: 'SignalDestination' })
const SecretField = Type.String({ description: 'Shown only now: `whsec_` and base64, as Standard Webhooks has it.' })

const CHANGEABLE = {
  eventTypes: Type.Optional(nullable(Type.Array(Text({ maxLength: 100 }), { minItems: 1, maxItems: 20, description: 'Webhook: which events; null: all.' }))),
  authorization: Type.Optional(Type.String({ minLength: 1, maxLength: 8_192, pattern: '^[\\x20-\\x7e]+$', description: 'ocsf-https: value of the `Authorization` header. Kept encrypted, never shown.' })),
  caCertificate: Type.Optional(nullable(Text({ minLength: 1, maxLength: 65_536, description: 'OCSF: PEM of authorities to trust in place of the usual ones.' }))),
  format: Type.Optional(choice(['array', 'ndjson'] as const, 'ocsf-https: one JSON array a request, or a line an event.')),
  notCompliantFrom: Type.Optional(choice(LIMITS, 'OCSF and streams: the least level at which a phone is not compliant; `medium` at first.'))
}
const Url = Text({ minLength: 1, maxLength: 2_048, description: '`https://…`; for ocsf-syslog `tls://host:6514`.' })
const CreateBody = Type.Object({ kind: choice(MADE_KINDS), name: Text({ minLength: 1, maxLength: 200 }), url: Url, ...CHANGEABLE }, { additionalProperties: false })
const ChangeBody = Type.Object({
  name: Type.Optional(Text({ minLength: 1, maxLength: 200 })),
  url: Type.Optional(Url),
  ...CHANGEABLE,
  status: Type.Optional(choice(DESTINATION_STATUSES, 'paused: what happens meanwhile is told later; disabled: it is not.')),
  statusReason: Type.Optional(Text({ maxLength: 1_000 }))
}, { additionalProperties: false })
const Params = Type.Object({ tenantId: Uuid, id: Uuid })
const DeadLetterSchema = Type.Object({
  id: Uuid,
  type: Type.String(),
  deviceId: nullable(Uuid),
  at: Time,
  attempts: Type.Integer(),
  error: NullableText,
  deadAt: Time,
  body: Type.Unknown()
}, { title: 'DeadLetter' })

const about = { tags: ['signals'], security: [{ apiKey: [] }] }
const permission = 'signals:manage'

/** Who else is told of a tenant's changes: webhooks, SIEMs, and the streams that receivers made. */
export const signalDestinationsRoutes: FastifyPluginAsyncTypebox<SignalDestinationsRoutesOptions> = async (app, deps) => {
  app.get('/signal-destinations', {
    config: { permission },
    schema: { ...about, operationId: 'listSignalDestinations', summary: 'List who else is told of changes, and how that goes', params: TenantParams, response: { 200: page(DestinationSchema) } }
  }, async ({ params }) => ({ items: await listAllDestinations(deps, params.tenantId), nextCursor: null }) as never)

  app.post('/signal-destinations', {
    config: { permission },
    schema: {
      ...about, operationId: 'createSignalDestination', summary: 'Make a webhook or a SIEM export',
      description: 'It is told of what happens from now on. A webhook\'s secret is shown only now.',
      params: TenantParams, body: CreateBody, response: { 201: Type.Object({ ...DestinationSchema.properties, secret: Type.Optional(SecretField) }) }
    }
  }, async ({ params, body, operator }, reply) => {
    reply.code(201).header('cache-control', 'no-store')
    return await createDestination(deps, { ...body, ...params, actor: operator.name }) as never
  })

  app.get('/signal-destinations/:id', {
    config: { permission },
    schema: { ...about, operationId: 'getSignalDestination', summary: 'One of them', params: Params, response: { 200: DestinationSchema } }
  }, async ({ params }) => await getDestination(deps, params) as never)

  app.patch('/signal-destinations/:id', {
    config: { permission },
    schema: {
      ...about, operationId: 'changeSignalDestination', summary: 'Change what is named',
      description: 'An address with another host needs `authorization` anew. Of a stream, operators change its status and its limit.',
      params: Params, body: ChangeBody, response: { 200: DestinationSchema }
    }
  }, async ({ params, body, operator }) => await changeDestination(deps, { ...body, ...params, actor: operator.name }) as never)

  app.delete('/signal-destinations/:id', {
    config: { permission },
    schema: { ...about, operationId: 'deleteSignalDestination', summary: 'End it; what it was not told yet goes with it', params: Params, response: { 204: Type.Null() } }
  }, async ({ params, operator }, reply) => {
    await removeDestination(deps, { ...params, actor: operator.name })
    return await reply.code(204).send(null)
  })

  app.post('/signal-destinations/:id/rotate-secret', {
    config: { permission },
    schema: {
      ...about, operationId: 'rotateWebhookSecret', summary: 'Give a webhook a new secret; it is shown only now',
      description: 'For a day each message is signed with both.', params: Params, response: { 200: Type.Object({ secret: SecretField, previousUntil: Time }) }
    }
  }, async ({ params, operator }, reply) => {
    reply.header('cache-control', 'no-store')
    return await rotateSecret(deps, { ...params, actor: operator.name })
  })

  app.post('/signal-destinations/:id/test', {
    config: { permission },
    schema: { ...about, operationId: 'testSignalDestination', summary: 'Send something that tells nothing of any phone', description: 'The list says what became of it.', params: Params, response: { 202: Type.Object({ signalId: Uuid }) } }
  }, async ({ params, operator }, reply) => await reply.code(202).send(await testDestination(deps, { ...params, actor: operator.name })))

  app.get('/signal-destinations/:id/dead-letters', {
    config: { permission },
    schema: { ...about, operationId: 'listDeadLetters', summary: 'List what could not be told', description: 'Kept for 30 days, at most 10,000.', params: Params, querystring: Type.Object(PageQuery), response: { 200: page(DeadLetterSchema) } }
  }, async ({ params, query }) => await listDeadLetters(deps, { ...query, ...params }) as never)

  app.post('/signal-destinations/:id/dead-letters/resend', {
    config: { permission },
    schema: {
      ...about, operationId: 'resendDeadLetters', summary: 'Put dead letters back in line', description: 'All, or those named.',
      params: Params, body: Type.Object({ ids: Type.Optional(Type.Array(Uuid, { minItems: 1, maxItems: 1_000 })) }, { additionalProperties: false }), response: { 200: Type.Object({ resent: Type.Integer() }) }
    }
  }, async ({ params, body, operator }) => await resendDeadLetters(deps, { ...params, ids: body.ids, actor: operator.name }))
}
