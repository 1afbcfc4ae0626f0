import type { FastifyRequest } from 'fastify'
import type { BearerChecker } from './bearer.js'
import type { GraphVersion } from './connector.js'
import { badRequest } from './graph-errors.js'
import type { Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'

export interface GraphRoutesOptions {
  readonly store: TenantStore
  readonly bearer: BearerChecker
  readonly version: GraphVersion
  /** Origin that discovered endpoints point at. */
  readonly httpsOrigin: () => string
}

declare module 'fastify' {
  interface FastifyRequest {
    tenant: Tenant
  }
  interface FastifyContextConfig {
    /** Application roles of which the caller must hold one. */
    roles?: readonly string[]
  }
}

/** The body as an object. @throws GraphError */
export function bodyObject (request: FastifyRequest): Record<string, unknown> {
  const { body } = request
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('Empty Payload. JSON content expected.')
  return body as Record<string, unknown>
}
