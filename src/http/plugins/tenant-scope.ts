import type { FastifyInstance, FastifyRequest } from 'fastify'
import { inTenant } from '../../platform/tenant-scope.js'

/**
 * Answers requests for the tenant that the caller was let into; the database then shows its rows
 * and no others (docs/decisions/0025-row-level-security.md). Undefined: the request is about no
 * tenant in particular.
 */
export function addTenantScope (app: FastifyInstance, tenantOf: (request: FastifyRequest) => string | undefined): void {
  // Last of what comes before the handler, and by callback: all that `done` starts is within.
  app.addHook('preHandler', (request, _reply, done) => {
    const tenantId = tenantOf(request)
    if (tenantId === undefined) done()
    else inTenant(tenantId, done)
  })
}
