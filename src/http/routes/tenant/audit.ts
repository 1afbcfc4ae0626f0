import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listAudit } from '../../../operators/audit.js'
import type { Database } from '../../../platform/database.js'
import { AuditItemSchema, page, PageQuery, TenantParams } from '../../schemas.js'

export interface AuditRoutesOptions {
  readonly db: Database
}

/** Who did what. */
export const auditRoutes: FastifyPluginAsyncTypebox<AuditRoutesOptions> = async (app, deps) => {
  app.get('/audit', {
    config: { permission: 'audit:read' },
    schema: {
      operationId: 'listAudit',
      summary: 'Who did what, the last first',
      tags: ['platform'],
      security: [{ apiKey: [] }],
      params: TenantParams,
      querystring: Type.Object(PageQuery),
      response: { 200: page(AuditItemSchema) }
    }
  }, async ({ params, query }) => await listAudit(deps, { ...query, ...params }) as never)
}
