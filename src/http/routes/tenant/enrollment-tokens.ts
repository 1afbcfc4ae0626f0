import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { createEnrollmentToken, listEnrollmentTokens, revokeEnrollmentToken } from '../../../operators/enrollment-tokens.js'
import type { Database } from '../../../platform/database.js'
import { PLATFORMS } from '../../../telemetry/device-state.js'
import { nullable, page, PageQuery, TenantParams, Text, Time, Uuid } from '../../schemas.js'

export interface EnrollmentTokensRoutesOptions {
  readonly db: Database
}

const TOKEN = {
  id: Uuid,
  label: Type.String(),
  platform: nullable(Type.String()),
  maxUses: nullable(Type.Integer()),
  uses: Type.Integer(),
  createdAt: Time,
  expiresAt: nullable(Time),
  revokedAt: nullable(Time)
}
const about = { tags: ['enrollment'], security: [{ apiKey: [] }] }

/** What lets a tenant's agents enrol. */
export const enrollmentTokensRoutes: FastifyPluginAsyncTypebox<EnrollmentTokensRoutesOptions> = async (app, deps) => {
  app.get('/enrollment-tokens', {
    config: { permission: 'enrollment:manage' },
    schema: { ...about, operationId: 'listEnrollmentTokens', summary: 'List enrolment tokens', params: TenantParams, querystring: Type.Object(PageQuery), response: { 200: page(Type.Object(TOKEN)) } }
  }, async ({ params, query }) => await listEnrollmentTokens(deps, { ...query, ...params }) as never)

  app.post('/enrollment-tokens', {
    config: { permission: 'enrollment:manage' },
    schema: {
      ...about,
      operationId: 'createEnrollmentToken',
      summary: 'Make an enrolment token; it is shown only now',
      params: TenantParams,
      body: Type.Object({
        label: Text({ minLength: 1, maxLength: 200 }),
        platform: Type.Optional(Type.Enum([...PLATFORMS])),
        maxUses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
        expiresAt: Type.Optional(Time)
      }),
      response: { 201: Type.Object({ ...TOKEN, token: Type.String() }) }
    }
  }, async ({ params, body, operator }, reply) => {
    reply.code(201).header('cache-control', 'no-store')
    const { expiresAt, ...rest } = body
    return await createEnrollmentToken(deps, {
      ...rest,
      ...params,
      ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
      actor: operator.name
    })
  })

  app.delete('/enrollment-tokens/:id', {
    config: { permission: 'enrollment:manage' },
    schema: { ...about, operationId: 'revokeEnrollmentToken', summary: 'Revoke an enrolment token', params: Type.Object({ tenantId: Uuid, id: Uuid }), response: { 204: Type.Null() } }
  }, async ({ params, operator }, reply) => {
    await revokeEnrollmentToken(deps, { ...params, actor: operator.name })
    return reply.code(204).send(null)
  })
}
