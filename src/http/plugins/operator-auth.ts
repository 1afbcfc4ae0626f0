import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ForbiddenError, NotFoundError, UnauthenticatedError } from '../../errors.js'
import { hasPermission, type Operator, type Permission } from '../../operators/roles.js'
import type { SignInLimit } from './sign-in-limit.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller must be allowed to do; every operator route names it. */
    permission?: Permission
  }
  interface FastifyRequest {
    operator: Operator
  }
}

export interface OperatorAuthOptions {
  findOperator (key: string): Promise<Operator | undefined>
  readonly signInLimit?: SignInLimit
}

/**
 * Lets operators in by API key, with the permission their route declares, into their own
 * tenant only: a foreign one looks as if it were not there. A route without a declared
 * permission does not start.
 */
export function addOperatorAuth (app: FastifyInstance, { findOperator, signInLimit }: OperatorAuthOptions): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.permission === undefined) throw new Error(`${String(method)} ${url} declares no permission`)
  })
  app.decorateRequest('operator', null as unknown as Operator)
  app.addHook('onRequest', async (request, reply) => {
    // Before the key is looked up: guessing must not become a load on the database.
    await signInLimit?.check(request, reply)
    const operator = await findOperator(bearerOf(request))
    if (operator === undefined) {
      await signInLimit?.countFailure(request, reply)
      throw new UnauthenticatedError('The API key is unknown, expired or revoked.')
    }
    request.operator = operator
    // Before anything is refused: who tries doors that are not theirs is worth knowing.
    request.log = request.log.child({ operator: operator.name, operatorId: operator.id })
    const { tenantId } = request.params as { tenantId?: string }
    if (tenantId !== undefined && operator.tenantId !== null && operator.tenantId !== tenantId.toLowerCase()) {
      throw new NotFoundError('There is no such tenant.')
    }
    const permission = request.routeOptions.config.permission!
    if (!hasPermission(operator.role, permission)) throw new ForbiddenError(`Your role ${operator.role} does not allow this (${permission}).`)
  })
}

function bearerOf (request: FastifyRequest): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) {
    throw new UnauthenticatedError('An API key is needed: Authorization: Bearer <key>.')
  }
  return token
}
