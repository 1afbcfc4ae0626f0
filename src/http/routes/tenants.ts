import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { createTenant, listTenants } from '../../operators/tenants.js'
import type { Database } from '../../platform/database.js'
import { page, Time, Uuid } from '../schemas.js'

export interface TenantsRoutesOptions {
  readonly db: Database
}

const TenantSchema = Type.Object({ tenantId: Uuid, name: Type.String(), entraTenantId: Uuid, createdAt: Time }, { title: 'Tenant' })
const about = { tags: ['platform'], security: [{ apiKey: [] }] }

/** The platform's customers. */
export const tenantsRoutes: FastifyPluginAsyncTypebox<TenantsRoutesOptions> = async (app, deps) => {
  app.get('/tenants', {
    config: { permission: 'tenant:manage' },
    schema: { ...about, operationId: 'listTenants', summary: 'List tenants', response: { 200: page(TenantSchema) } }
  }, async () => await listTenants(deps))

  app.post('/tenants', {
    config: { permission: 'tenant:manage' },
    schema: {
      ...about,
      operationId: 'createTenant',
      summary: 'Add a tenant',
      body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }), entraTenantId: Uuid }),
      response: { 201: TenantSchema }
    }
  }, async ({ body, operator }, reply) => {
    reply.code(201)
    return await createTenant(deps, { ...body, entraTenantId: body.entraTenantId.toLowerCase(), actor: operator.name })
  })
}
