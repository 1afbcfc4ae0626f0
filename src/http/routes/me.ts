import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { describeOperator } from '../../operators/describe-operator.js'
import type { Database } from '../../platform/database.js'
import { nullable, Uuid } from '../schemas.js'

export interface MeRoutesOptions {
  readonly db: Database
}

const MeSchema = Type.Object({
  id: Uuid,
  kind: Type.Enum(['api-key', 'user', 'app']),
  name: Type.String({ description: 'What the audit log calls you.' }),
  roles: Type.Array(Type.Object({
    role: Type.String(),
    tenantId: nullable(Uuid),
    tenantName: nullable(Type.String())
  }), { description: 'Where you have which role; without a tenant: in all of them, and as platform-admin on the platform.' }),
  permissions: nullable(Type.Array(Type.String(), { description: 'Null: all of your roles.' })),
  account: nullable(Type.Object({
    directory: Type.String({ description: 'Your Entra tenant, or your provider.' }),
    subject: Type.String({ description: 'What an administrator names who gives you a role.' }),
    groupsOmitted: Type.Boolean({ description: 'You are in too many groups for your token to name them, so none counts.' })
  }, { description: 'Null: you came with an API key.' }))
}, { title: 'Me' })

/** What a caller may do, for whoever has just signed in. */
export const meRoutes: FastifyPluginAsyncTypebox<MeRoutesOptions> = async (app, deps) => {
  app.get('/me', {
    config: { permission: 'self:read' },
    schema: { tags: ['access'], security: [{ apiKey: [] }], operationId: 'getMe', summary: 'Who you are here, and what you may do where', response: { 200: MeSchema } }
  }, async ({ operator }) => await describeOperator(deps, operator) as never)
}
