import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { keyOf, refuse } from './rate-limits.js'

/** Turns an address away that keeps coming with credentials that do not count. */
export interface SignInLimit {
  /** @throws TooManyRequestsError when this address has failed too often lately */
  check (request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** Counts a failure. @throws TooManyRequestsError when it is one too many */
  countFailure (request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/** Only failures count, so that a whole company behind one address is not in its own way. Needs `addRateLimit`. */
export function createSignInLimit (app: FastifyInstance, { maxFailures }: { readonly maxFailures: number }): SignInLimit {
  const failures = app.createRateLimit({ max: maxFailures, keyGenerator: keyOf.failures })
  const count = async (request: FastifyRequest, reply: FastifyReply, increment: boolean): Promise<void> => {
    const state = await failures(request, { increment })
    if (!state.isAllowed && state.isExceeded) refuse(reply, state.ttlInSeconds)
  }
  return {
    check: async (request, reply) => await count(request, reply, false),
    countFailure: async (request, reply) => await count(request, reply, true)
  }
}
