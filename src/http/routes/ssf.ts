import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Operator } from '../../operators/operator.js'
import { DESTINATION_STATUSES } from '../../signals/destination.js'
import { LIMITS } from '../../signals/derive/compliance.js'
import { createStream, deleteStream, getStream, getStreamStatus, listOwnStreams, noStream, type Receiver, setStreamStatus, type StreamsDeps, updateStream, verifyStream } from '../../signals/ssf/manage-streams.js'
import { getTransmitterMetadata } from '../../signals/ssf/metadata.js'
import { pollStream, type PollStreamDeps } from '../../signals/ssf/poll-stream.js'
import type { SetSigner } from '../../signals/ssf/set-keys.js'
import { setSubject } from '../../signals/ssf/subjects.js'
import { refuse } from '../plugins/rate-limits.js'
import { TenantParams, Text, Uuid } from '../schemas.js'

export interface SsfRoutesOptions extends StreamsDeps, PollStreamDeps {}

const about = { tags: ['signals'], security: [{ apiKey: [] }] }
const open = { tags: ['signals'], security: [] }

const Uri = Type.String({ maxLength: 2_048 })
const StreamId = Text({ minLength: 1, maxLength: 200, description: 'The stream\'s `stream_id`.' })
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whatever else it is, there is no stream of that id. @throws NotFoundError */
function streamIdOf (text: string): string {
  if (!UUID.test(text)) throw noStream()
  return text.toLowerCase()
}

/** By the name of the key, so that the next key of a receiver finds its streams. */
const receiverOf = ({ label, name }: Operator): Pick<Receiver, 'name' | 'actor'> => ({ name: label, actor: name })

const DeliverySchema = Type.Object({
  method: Uri,
  endpoint_url: Type.Optional(Text({ maxLength: 2_048, description: 'Push: where to. Poll: given by us.' })),
  authorization_header: Type.Optional(Type.String({ minLength: 1, maxLength: 8_192, pattern: '^[\\x20-\\x7e]+$', description: 'Sent along with each push. Kept encrypted.' }))
})
const RECEIVER_SUPPLIED = {
  events_requested: Type.Optional(Type.Array(Text({ maxLength: 2_048 }), { maxItems: 100, description: 'What is not known is ignored; left out: all.' })),
  description: Type.Optional(Text({ maxLength: 1_000 })),
  not_compliant_from: Type.Optional(Type.Unsafe<(typeof LIMITS)[number]>({ type: 'string', enum: [...LIMITS], description: 'Sallyport\'s own: the least threat level at which a phone is not compliant; `medium` where nothing is said.' }))
}
const StreamSchema = Type.Object({
  stream_id: Type.String(),
  iss: Type.String(),
  aud: Type.String(),
  events_supported: Type.Array(Type.String()),
  events_requested: Type.Optional(Type.Array(Type.String())),
  events_delivered: Type.Array(Type.String()),
  delivery: DeliverySchema,
  min_verification_interval: Type.Integer(),
  description: Type.Optional(Type.String()),
  not_compliant_from: Type.String()
}, { title: 'Stream' })
const CreateStreamBody = Type.Object({ delivery: Type.Optional(DeliverySchema), ...RECEIVER_SUPPLIED })
/** What is ours may be sent back as it was. */
const ChangeStreamBody = Type.Object({
  stream_id: StreamId,
  delivery: Type.Optional(DeliverySchema),
  ...RECEIVER_SUPPLIED,
  iss: Type.Optional(Type.Unknown()),
  aud: Type.Optional(Type.Unknown()),
  events_supported: Type.Optional(Type.Unknown()),
  events_delivered: Type.Optional(Type.Unknown()),
  min_verification_interval: Type.Optional(Type.Unknown()),
  inactivity_timeout: Type.Optional(Type.Unknown())
})
const StatusName = Type.Unsafe<(typeof DESTINATION_STATUSES)[number]>({ type: 'string', enum: [...DESTINATION_STATUSES] })
const StatusSchema = Type.Object({ stream_id: Type.String(), status: StatusName, reason: Type.Optional(Type.String()) }, { title: 'StreamStatus' })
const StreamQuery = Type.Object({ stream_id: Type.Optional(StreamId) })
/** Required, though schemas of queries have no way to say that a 404 is meant otherwise. */
const OneStreamQuery = Type.Object({ stream_id: StreamId })
const SubjectBody = Type.Object({
  stream_id: StreamId,
  subject: Type.Object({ format: Type.String({ maxLength: 100 }) }, { additionalProperties: true, description: 'RFC 9493: `iss_sub` with the Entra device id, alone or as the `device` of a `complex` subject.' }),
  verified: Type.Optional(Type.Boolean())
})
const PollBody = Type.Object({
  maxEvents: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: 'At most 100 come at once.' })),
  returnImmediately: Type.Optional(Type.Boolean({ description: 'Without it the answer waits up to 20 seconds for something to tell.' })),
  ack: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: 1_000 })),
  setErrs: Type.Optional(Type.Record(Type.String(), Type.Object({ err: Text({ maxLength: 200 }), description: Type.Optional(Text({ maxLength: 1_000 })) })))
})

/** A tenant's transmitter of OpenID Shared Signals (SSF 1.0), for receivers with a key of role `ssf-receiver`. */
export const ssfRoutes: FastifyPluginAsyncTypebox<SsfRoutesOptions> = async (app, deps) => {
  /** Polls under way. Not one signal that all of them listen to: such a signal remembers each of them for as long as it lives. */
  const polls = new Set<AbortController>()
  let ending = false
  app.addHook('preClose', async () => {
    ending = true
    for (const poll of polls) poll.abort()
  })
  app.addHook('onSend', async (_request, reply) => { reply.header('cache-control', 'no-store') })

  app.post('/ssf/:tenantId/streams', {
    config: { permission: 'ssf:manage' },
    schema: {
      ...about, operationId: 'createStream', summary: 'Make a stream',
      description: 'It begins with what happens from now on. Without `delivery` it is polled.',
      params: TenantParams, body: CreateStreamBody, response: { 201: StreamSchema }
    }
  }, async ({ params, body, operator }, reply) => await reply.code(201).send(await createStream(deps, { ...params, ...receiverOf(operator) }, body)))

  app.get('/ssf/:tenantId/streams', {
    config: { permission: 'ssf:read' },
    schema: { ...about, operationId: 'readStreams', summary: 'Read a stream, or all of one\'s own', params: TenantParams, querystring: StreamQuery, response: { 200: Type.Union([StreamSchema, Type.Array(StreamSchema)]) } }
  }, async ({ params, query, operator }) => {
    const receiver = { ...params, ...receiverOf(operator) }
    return query.stream_id === undefined ? await listOwnStreams(deps, receiver) : await getStream(deps, receiver, streamIdOf(query.stream_id))
  })

  app.patch('/ssf/:tenantId/streams', {
    config: { permission: 'ssf:manage' },
    schema: { ...about, operationId: 'updateStream', summary: 'Change what is named of a stream', params: TenantParams, body: ChangeStreamBody, response: { 200: StreamSchema } }
  }, async ({ params, body: { stream_id: id, ...input }, operator }) => await updateStream(deps, { ...params, ...receiverOf(operator) }, streamIdOf(id), input, { replace: false }))

  app.put('/ssf/:tenantId/streams', {
    config: { permission: 'ssf:manage' },
    schema: { ...about, operationId: 'replaceStream', summary: 'Replace what the receiver says of a stream', description: 'What is left out is as if it were never said.', params: TenantParams, body: ChangeStreamBody, response: { 200: StreamSchema } }
  }, async ({ params, body: { stream_id: id, ...input }, operator }) => await updateStream(deps, { ...params, ...receiverOf(operator) }, streamIdOf(id), input, { replace: true }))

  app.delete('/ssf/:tenantId/streams', {
    config: { permission: 'ssf:manage' },
    schema: { ...about, operationId: 'deleteStream', summary: 'End a stream', params: TenantParams, querystring: OneStreamQuery, response: { 204: Type.Null() } }
  }, async ({ params, query, operator }, reply) => {
    await deleteStream(deps, { ...params, ...receiverOf(operator) }, streamIdOf(query.stream_id))
    return await reply.code(204).send(null)
  })

  app.get('/ssf/:tenantId/status', {
    config: { permission: 'ssf:read' },
    schema: { ...about, operationId: 'readStreamStatus', summary: 'Read a stream\'s status', params: TenantParams, querystring: OneStreamQuery, response: { 200: StatusSchema } }
  }, async ({ params, query, operator }) => await getStreamStatus(deps, { ...params, ...receiverOf(operator) }, streamIdOf(query.stream_id)))

  app.post('/ssf/:tenantId/status', {
    config: { permission: 'ssf:manage' },
    schema: {
      ...about, operationId: 'updateStreamStatus', summary: 'Enable, pause or disable a stream',
      description: 'While it is paused it keeps its place, for as long as changes are kept; while it is disabled nothing is kept.',
      params: TenantParams, body: Type.Object({ stream_id: StreamId, status: StatusName, reason: Type.Optional(Text({ maxLength: 1_000 })) }), response: { 200: StatusSchema }
    }
  }, async ({ params, body, operator }) => await setStreamStatus(deps, { ...params, ...receiverOf(operator) }, streamIdOf(body.stream_id), body.status, body.reason))

  app.post('/ssf/:tenantId/subjects/add', {
    config: { permission: 'ssf:manage' },
    schema: { ...about, operationId: 'addSubject', summary: 'Take a phone that was removed into a stream again', params: TenantParams, body: SubjectBody, response: { 200: Type.Object({}) } }
  }, async ({ params, body, operator }) => {
    await setSubject(deps, { ...params, ...receiverOf(operator) }, streamIdOf(body.stream_id), body.subject, false)
    return {}
  })

  app.post('/ssf/:tenantId/subjects/remove', {
    config: { permission: 'ssf:manage' },
    schema: { ...about, operationId: 'removeSubject', summary: 'Leave a phone out of a stream', params: TenantParams, body: SubjectBody, response: { 204: Type.Null() } }
  }, async ({ params, body, operator }, reply) => {
    await setSubject(deps, { ...params, ...receiverOf(operator) }, streamIdOf(body.stream_id), body.subject, true)
    return await reply.code(204).send(null)
  })

  app.post('/ssf/:tenantId/verify', {
    config: { permission: 'ssf:manage' },
    schema: {
      ...about, operationId: 'verifyStream', summary: 'Have a verification event sent over a stream',
      description: 'More often than `min_verification_interval` says is answered with 429.',
      params: TenantParams, body: Type.Object({ stream_id: StreamId, state: Type.Optional(Text({ maxLength: 4_096 })) }), response: { 204: Type.Null() }
    }
  }, async ({ params, body, operator }, reply) => {
    const waitSeconds = await verifyStream(deps, { ...params, ...receiverOf(operator) }, streamIdOf(body.stream_id), body.state)
    if (waitSeconds > 0) refuse(reply, waitSeconds)
    return await reply.code(204).send(null)
  })

  app.post('/ssf/:tenantId/streams/:streamId/poll', {
    config: { permission: 'ssf:read' },
    schema: {
      ...about, operationId: 'pollStream', summary: 'Fetch security event tokens, and acknowledge those received (RFC 8936)',
      description: 'What is not acknowledged comes again.',
      params: Type.Object({ tenantId: Uuid, streamId: StreamId }), body: PollBody,
      response: { 200: Type.Object({ sets: Type.Record(Type.String(), Type.String()), moreAvailable: Type.Boolean() }) }
    }
  }, async ({ params: { tenantId, streamId }, body, operator }, reply) => {
    const poll = new AbortController()
    if (ending) poll.abort()
    polls.add(poll)
    // Of the answer, not of the connection, which may see thousands of polls.
    reply.raw.once('close', () => poll.abort())
    try {
      return await pollStream(deps, { tenantId, ...receiverOf(operator) }, streamIdOf(streamId), body, poll.signal)
    } finally {
      polls.delete(poll)
    }
  })
}

/** What anybody may know of a transmitter. */
export const ssfPublicRoutes: FastifyPluginAsyncTypebox<SsfRoutesOptions & { readonly signer: SetSigner }> = async (app, deps) => {
  const Metadata = Type.Object({
    spec_version: Type.String(),
    issuer: Type.String(),
    jwks_uri: Type.String(),
    delivery_methods_supported: Type.Array(Type.String()),
    configuration_endpoint: Type.String(),
    status_endpoint: Type.String(),
    add_subject_endpoint: Type.String(),
    remove_subject_endpoint: Type.String(),
    verification_endpoint: Type.String(),
    critical_subject_members: Type.Array(Type.String()),
    authorization_schemes: Type.Array(Type.Object({ spec_urn: Type.String() })),
    default_subjects: Type.String()
  }, { title: 'TransmitterMetadata' })

  app.get('/.well-known/ssf-configuration/v1/ssf/:tenantId', {
    config: { access: 'public' },
    schema: { ...open, operationId: 'readTransmitterMetadata', summary: 'What a tenant\'s transmitter of shared signals can do, and where', params: TenantParams, response: { 200: Metadata } }
  }, async ({ params }) => await getTransmitterMetadata(deps, params.tenantId.toLowerCase()))

  app.get('/v1/ssf/:tenantId/jwks.json', {
    config: { access: 'public' },
    schema: {
      ...open, operationId: 'readSignalKeys', summary: 'The keys that a transmitter\'s tokens are verified by',
      params: TenantParams, response: { 200: Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) }) }
    }
  }, async ({ params }, reply) => {
    await getTransmitterMetadata(deps, params.tenantId.toLowerCase())
    reply.header('cache-control', 'public, max-age=3600')
    return await deps.signer.keySet() as never
  })
}
