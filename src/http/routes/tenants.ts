import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listAudit } from '../../operators/audit.js'
import { createTenant, listTenants } from '../../operators/tenants.js'
import type { Database } from '../../platform/database.js'
import { AuditItemSchema, page, PageQuery, Text, Time, Uuid } from '../schemas.js'

export interface TenantsRoutesOptions {
  readonly db: Database
}

const TenantSchema = Type.Object({ tenantId: Uuid, name: Type.String(), entraTenantId: Uuid, createdAt: Time }, { title: 'Tenant' })
const about = { tags: ['platform'], security: [{ apiKey: [] }] }

/** The platform's customers, and what was done to the platform. */
export const tenantsRoutes: FastifyPluginAsyncTypebox<TenantsRoutesOptions> = async (app, deps) => {
  app.get('/tenants', {
    config: { permission: 'tenant:manage' },
    schema: { ...about, operationId: 'listTenants', summary: 'List tenants', querystring: Type.Object(PageQuery), response: { 200: page(TenantSchema) } }
  }, async ({ query }) => await listTenants(deps, query) as never)

  app.post('/tenants', {
    config: { permission: 'tenant:manage' },
    schema: {
      ...about,
      operationId: 'createTenant',
      summary: 'Add a tenant',
      body: Type.Object({ name: Text({ minLength: 1, maxLength: 200 }), entraTenantId: Uuid }),
      response: { 201: TenantSchema }
    }
  }, async ({ body, operator }, reply) => {
    reply.code(201)
    return await createTenant(deps, { ...body, entraTenantId: body.entraTenantId.toLowerCase(), actor: operator.name })
  })

  app.get('/audit', {
    config: { permission: 'platform-audit:read' },
    schema: { ...about, operationId: 'listPlatformAudit', summary: 'Who did what to the platform: its tenants, keys and feeds', querystring: Type.Object(PageQuery), response: { 200: page(AuditItemSchema) } }
  }, async ({ query }) => await listAudit(deps, { ...query, tenantId: null }) as never)
}
