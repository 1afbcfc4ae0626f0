import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listCatalogue } from '../../../risk/catalogue.js'
import type { Policy } from '../../../risk/policy/policy.js'
import { TenantParams } from '../../schemas.js'

export interface PolicyRoutesOptions {
  policyOf (tenantId: string): Policy
}

const CatalogueEntrySchema = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  category: Type.String(),
  platforms: Type.Array(Type.String()),
  description: Type.String(),
  defaultSeverity: Type.String(),
  severity: Type.String(),
  raisesLevel: Type.Boolean(),
  attack: Type.Array(Type.String()),
  sections: Type.Array(Type.String()),
  remediation: Type.Object({ user: Type.String(), admin: Type.String() })
})
const about = { tags: ['policy'], security: [{ apiKey: [] }] }

/** What counts as dangerous for a tenant. */
export const policyRoutes: FastifyPluginAsyncTypebox<PolicyRoutesOptions> = async (app, { policyOf }) => {
  app.get('/policy', {
    config: { permission: 'fleet:read' },
    schema: { ...about, operationId: 'getPolicy', summary: 'The policy in force', params: TenantParams, response: { 200: Type.Record(Type.String(), Type.Unknown()) } }
  }, async ({ params }, reply) => {
    const policy = policyOf(params.tenantId)
    reply.header('etag', `"${policy.version}"`)
    return policy as never
  })

  app.get('/detections', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'listDetections',
      summary: 'The catalogue with each detection\'s effective severity',
      params: TenantParams,
      response: { 200: Type.Object({ items: Type.Array(CatalogueEntrySchema), nextCursor: Type.Null() }) }
    }
  }, async ({ params }) => ({ items: [...listCatalogue(policyOf(params.tenantId))] as never, nextCursor: null }))
}
