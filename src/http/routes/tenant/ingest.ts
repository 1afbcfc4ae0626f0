import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type IngestDeps, type IngestOutcome, ingestVocabulary } from '../../../devices/ingest-vocabulary.js'
import { InvalidInputError } from '../../../errors.js'
import { MAX_DOCUMENT_BYTES, VOCABULARIES } from '../../../telemetry/ingest-document.js'
import { STATE_SECTIONS } from '../../../telemetry/report.js'
import { DeviceParams, nullable, Uuid } from '../../schemas.js'
import { isPassing, toReportError } from '../telemetry.js'

export interface IngestRoutesOptions extends IngestDeps {}

/** What a client may call the body; what it really is, its first bytes say. */
export const INGEST_MEDIA_TYPES = [
  'application/json', 'application/xml', 'text/xml', 'application/x-apple-aspen-mdm', 'application/x-plist',
  'application/zip', 'application/x-tar', 'application/gzip', 'application/x-gzip', 'application/octet-stream'
] as const

const ResultSchema = Type.Object({
  deviceId: nullable(Uuid),
  reportId: nullable(Uuid),
  status: Type.Enum(['accepted', 'duplicate', 'stale', 'rejected']),
  sections: Type.Array(Type.Enum([...STATE_SECTIONS]), { description: 'What the content told of the phone.' }),
  skipped: Type.Array(Type.Object({ reason: Type.String(), count: Type.Integer(), examples: Type.Array(Type.String()) }), { description: 'What was left out, and why.' }),
  error: Type.Optional(Type.Object({
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() })))
  }))
})
const ReplySchema = Type.Object({ results: Type.Array(ResultSchema, { description: 'One for each phone, in their order.' }) })

/** `POST /ingest/{vocabulary}`: what other systems know of phones, in their own words. */
export const ingestRoutes: FastifyPluginAsyncTypebox<IngestRoutesOptions> = async (scope, deps) => {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser([...INGEST_MEDIA_TYPES], { parseAs: 'buffer', bodyLimit: MAX_DOCUMENT_BYTES }, (_request, body, done) => done(null, body))

  app.post('/ingest/:vocabulary', {
    bodyLimit: MAX_DOCUMENT_BYTES,
    config: { permission: 'telemetry:ingest', maxSentBytes: MAX_DOCUMENT_BYTES },
    schema: {
      tags: ['devices'],
      security: [{ apiKey: [] }],
      operationId: 'ingestVocabulary',
      summary: 'Take what another system says of phones',
      description: 'Role `admin`: what is sent here moves levels. The body is JSON, a property list (`apple-mdm`, `mvt`), or a tar, tar.gz or zip archive (`androidqf`, `mvt`), at most 32 MiB. 202 when every phone\'s report was taken, 207 when some were not: look at each result. Content about one phone that cannot be taken is refused as a whole.',
      params: Type.Object({ tenantId: Uuid, vocabulary: Type.Enum([...VOCABULARIES]) }),
      querystring: Type.Object({
        device: Type.Optional(Type.Unsafe<string>({ ...DeviceParams.properties.deviceId, description: 'The phone: its device id, or `entra:` and its Entra device id. Without it the content must name one phone of the tenant, by its serial number or Entra device id.' })),
        collectedAt: Type.Optional(Type.String({ format: 'date-time', description: 'When it was collected, where the content does not say. The same content with another time is another report.' }))
      }),
      consumes: [...INGEST_MEDIA_TYPES],
      body: Type.Unsafe<Buffer | undefined>({ description: 'The content, as the other system gave it.' }),
      response: { 202: ReplySchema, 207: ReplySchema }
    }
  }, async ({ params, query, body = Buffer.of(), operator, log }, reply) => {
    const { tenantId, vocabulary } = params
    const collectedAt = query.collectedAt === undefined ? undefined : toMoment(query.collectedAt)
    const outcomes = await ingestVocabulary(deps, { tenantId, vocabulary, body, device: query.device, collectedAt, actor: operator.name, now: new Date() })
    const [first] = outcomes
    // Nothing was taken for a reason that passes: the sender can come again with all of it.
    if (isPassing(first?.error) && outcomes.every(({ error }) => isPassing(error))) throw first.error

    const taken = outcomes.filter(({ error }) => error === undefined)
    for (const { error, deviceId } of outcomes) {
      if (error !== undefined && toReportError(error).status >= 500) log.error({ err: error, deviceId }, 'an ingested report could not be taken')
    }
    reply.code(taken.length === outcomes.length ? 202 : 207)
    return { results: outcomes.map(toResult) } as never
  })
}

/** The format lets leap seconds through, which no Date can hold. */
function toMoment (time: string): string {
  const at = new Date(time)
  if (Number.isNaN(at.getTime())) throw new InvalidInputError([{ path: '/collectedAt', message: 'must be a moment of the calendar' }])
  return at.toISOString()
}

const toResult = ({ error, ...outcome }: IngestOutcome): object => ({ ...outcome, ...(error === undefined ? {} : { error: toReportError(error) }) })
