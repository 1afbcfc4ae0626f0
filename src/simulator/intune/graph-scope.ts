import type { FastifyRequest } from 'fastify'
import type { BearerChecker } from './bearer.js'
import type { GraphVersion } from './connector.js'
import { badRequest, GraphError } from './graph-errors.js'
import type { Tenant, User } from './tenant.js'
import type { TenantStore } from './tenant-store.js'
import type { Throttles } from './throttles.js'

export interface GraphRoutesOptions {
  readonly store: TenantStore
  readonly bearer: BearerChecker
  readonly throttles: Throttles
  readonly version: GraphVersion
  /** Origin that discovered endpoints point at. */
  readonly httpsOrigin: () => string
}

declare module 'fastify' {
  interface FastifyRequest {
    tenant: Tenant
    /** Application roles in the caller's token. */
    roles: readonly string[]
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

/** How Entra says that one of its objects is not there. */
export const resourceNotFound = (id: string): GraphError =>
  new GraphError(404, 'Request_ResourceNotFound', `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`)

/** A user by id or by user principal name. @throws GraphError */
export function findUser (tenant: Tenant, idOrName: string): User {
  const wanted = idOrName.toLowerCase()
  const user = tenant.users.get(wanted) ?? [...tenant.users.values()].find(({ userPrincipalName }) => userPrincipalName.toLowerCase() === wanted)
  if (user === undefined) throw resourceNotFound(idOrName)
  return user
}
