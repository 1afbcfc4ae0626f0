import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EntraKeysUnavailableError, ExpiredTokenError, ForbiddenError, InvalidTokenError, PartnerApiNotConfiguredError, UnauthenticatedError } from '../../errors.js'
import { RefusedToken } from '../../identity/verify-token.js'
import type { Refusals } from '../../operators/sign-in/refusals.js'
import type { Sessions } from '../../operators/sign-in/sessions.js'
import { callerKey, type PartnerCaller, READ_ROLE } from '../../partners/caller.js'
import { callerAddress, countedAddress } from '../caller-address.js'
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
  readonly sessions: Sessions
  readonly refusals: Pick<Refusals, 'count'>
  readonly signInLimit?: SignInLimit
}

/** Longer than we leave Entra alone after it gave no keys. */
const KEYS_RETRY_SECONDS = 10

/** Lets relying parties in by Entra access token, each into its own tenant. */
export function addPartnerAuth (app: FastifyInstance, { verifyCaller, sessions, refusals, signInLimit }: PartnerAuthOptions): void {
  guard(app, 'partner')
  app.decorateRequest('partner', null as unknown as PartnerCaller)
  app.addHook('onRequest', async (request, reply) => {
    if (verifyCaller === undefined) throw new PartnerApiNotConfiguredError()
    // Before the token is looked at: a strange one may make us ask Entra.
    await signInLimit?.check(request, reply)
    let token: string | undefined
    try {
      token = bearerOf(request)
      request.partner = await verifyCaller(token)
    } catch (error) {
      challenge(reply, error)
      // Who shows nothing tries nothing, and what expired was good once.
      if (token !== undefined && (error instanceof InvalidTokenError || error instanceof ForbiddenError)) {
        const reason = error instanceof RefusedToken ? error.reason : error.message
        refusals.count({ action: 'sign-in.refused', tenantId: null, actor: 'unknown', subject: 'partner-token', reason, address: countedAddress(request) })
      }
      if (error instanceof InvalidTokenError || error instanceof UnauthenticatedError) await signInLimit?.countFailure(request, reply)
      throw error
    }
    const { tenantId, entraTenantId, objectId, clientId } = request.partner
    request.log = request.log.child({ partner: callerKey(request.partner), clientId })
    const session = createHash('sha256').update(token).digest('base64url')
    await sessions.saw({ session, id: objectId, name: `app <${objectId}>`, action: 'partner.signed-in', isApiKey: false, tenantId, detail: { directory: entraTenantId, clientId, address: callerAddress(request) } })
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
