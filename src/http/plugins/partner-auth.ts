import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EntraKeysUnavailableError, ExpiredTokenError, ForbiddenError, InvalidTokenError, PartnerApiNotConfiguredError, UnauthenticatedError } from '../../errors.js'
import { callerKey, type PartnerCaller, READ_ROLE } from '../../partners/caller.js'
import { guard } from './access.js'
import type { SignInLimit } from './sign-in-limit.js'

declare module 'fastify' {
  interface FastifyRequest {
    partner: PartnerCaller
  }
}

export interface PartnerAuthOptions {
  /** Who calls with this token. Undefined: this installation has no such API. */
  readonly verifyCaller: ((token: string) => Promise<PartnerCaller>) | undefined
  readonly signInLimit?: SignInLimit
}

/** Longer than we leave Entra alone after it gave no keys. */
const KEYS_RETRY_SECONDS = 10

/** Lets relying parties in by Entra access token, each into its own tenant. */
export function addPartnerAuth (app: FastifyInstance, { verifyCaller, signInLimit }: PartnerAuthOptions): void {
  guard(app, 'partner')
  app.decorateRequest('partner', null as unknown as PartnerCaller)
  app.addHook('onRequest', async (request, reply) => {
    if (verifyCaller === undefined) throw new PartnerApiNotConfiguredError()
    // Before the token is looked at: a strange one may make us ask Entra.
    await signInLimit?.check(request, reply)
    try {
      request.partner = await verifyCaller(bearerOf(request))
    } catch (error) {
      challenge(reply, error)
      if (error instanceof InvalidTokenError || error instanceof UnauthenticatedError) await signInLimit?.countFailure(request, reply)
      throw error
    }
    request.log = request.log.child({ partner: callerKey(request.partner), clientId: request.partner.clientId })
  })
}

/** What a client library reads to know whether a new token helps (RFC 6750, section 3). */
function challenge (reply: FastifyReply, error: unknown): void {
  if (error instanceof InvalidTokenError || error instanceof ExpiredTokenError) {
    reply.header('www-authenticate', `Bearer error="invalid_token", error_description="${error.message.replace(/["\\]/g, '')}"`)
  } else if (error instanceof ForbiddenError) {
    reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${READ_ROLE}"`)
  } else if (error instanceof EntraKeysUnavailableError) {
    reply.header('retry-after', KEYS_RETRY_SECONDS)
  }
}

function bearerOf (request: FastifyRequest): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || token === '' || rest.length > 0) {
    throw new UnauthenticatedError('An access token from Entra is needed: Authorization: Bearer <token>.')
  }
  return token
}
