import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { endSuppression, pageSuppressions, type SuppressionDeps, suppressFindings } from '../../../operators/suppressions.js'
import { SUPPRESSION_REASONS } from '../../../risk/suppression.js'
import { DeviceParams, nullable, page, PageQuery, TenantParams, Text, Time, Uuid } from '../../schemas.js'

const SuppressionSchema = Type.Object({
  id: Uuid,
  detection: nullable(Type.String()),
  subject: nullable(Type.String()),
  deviceId: nullable(Uuid),
  group: nullable(Type.String()),
  reason: Type.Enum([...SUPPRESSION_REASONS]),
  comment: Type.String(),
  owner: Type.String(),
  createdBy: Type.String(),
  createdAt: Time,
  expiresAt: Time,
  status: Type.Enum(['active', 'expired', 'revoked']),
  revokedAt: nullable(Time),
  revokedBy: nullable(Type.String())
}, { title: 'Suppression' })
const about = { tags: ['policy'], security: [{ apiKey: [] }] }

/** Findings that do not count for a while. */
export const suppressionsRoutes: FastifyPluginAsyncTypebox<SuppressionDeps> = async (app, deps) => {
  app.get('/suppressions', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'listSuppressions',
      summary: 'List suppressions in force',
      params: TenantParams,
      querystring: Type.Object({ ...PageQuery, all: Type.Optional(Type.Boolean({ description: 'Also those that are over.' })) }),
      response: { 200: page(SuppressionSchema) }
    }
  }, async ({ params, query }) => await pageSuppressions(deps, { ...query, ...params }) as never)

  app.post('/suppressions', {
    config: { permission: 'suppression:write' },
    schema: {
      ...about,
      operationId: 'createSuppression',
      summary: 'Take findings out of the level for a while',
      description: 'Of a detection, of a subject, or of both; on all phones, one phone, or those in a group of the policy. The findings stay visible as `suppressed`, also when phones report them again, and count again when it runs out.',
      params: TenantParams,
      body: Type.Object({
        detection: Type.Optional(Text({ minLength: 1, maxLength: 64 })),
        subject: Type.Optional(Text({ minLength: 1, maxLength: 2_048, description: 'The bare subject of the finding; with `*` at the end, all that begin so.' })),
        deviceId: Type.Optional(DeviceParams.properties.deviceId),
        group: Type.Optional(Text({ minLength: 1, maxLength: 200 })),
        reason: Type.Enum([...SUPPRESSION_REASONS]),
        comment: Type.Optional(Text({ maxLength: 2_000 })),
        owner: Text({ minLength: 1, maxLength: 200, description: 'Who answers for it.' }),
        expiresAt: Time
      }, { additionalProperties: false }),
      response: { 201: SuppressionSchema }
    }
  }, async ({ params, body, operator }, reply) => {
    reply.code(201)
    const { detection = null, subject = null, deviceId = null, group = null, comment = '', expiresAt, ...rest } = body
    return await suppressFindings(deps, { ...rest, ...params, detection, subject, deviceId, group, comment, expiresAt: new Date(expiresAt), actor: operator.name }) as never
  })

  app.delete('/suppressions/:id', {
    config: { permission: 'suppression:write' },
    schema: { ...about, operationId: 'endSuppression', summary: 'End a suppression before its time', params: Type.Object({ tenantId: Uuid, id: Uuid }), response: { 204: Type.Null() } }
  }, async ({ params, operator }, reply) => {
    await endSuppression(deps, { ...params, actor: operator.name })
    return reply.code(204).send(null)
  })
}
