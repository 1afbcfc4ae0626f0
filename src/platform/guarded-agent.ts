import { Agent, buildConnector } from 'undici'
import { type AddressGuard, AddressRefusedError } from './address-guard.js'

export interface GuardedAgentOptions {
  readonly guard: AddressGuard
  /** Name, connection and TLS. */
  readonly connectMs: number
  /** From the request to the answer's headers. */
  readonly headersMs: number
  /** Between two pieces of the body. */
  readonly idleMs: number
  /** PEM of authorities to trust in place of the usual ones. */
  readonly ca?: string | undefined
  /** The error for a connection that is refused. */
  readonly refusal?: (reason: string) => Error
}

/** Connections for undici that reach only addresses the guard allows. The caller destroys it. */
export function createGuardedAgent ({ guard, connectMs, headersMs, idleMs, ca, refusal = (reason) => new AddressRefusedError(reason) }: GuardedAgentOptions): Agent {
  const connect = buildConnector({ timeout: connectMs, lookup: guard.lookup as never, ...(ca === undefined ? {} : { ca }) })
  return new Agent({
    headersTimeout: headersMs,
    bodyTimeout: idleMs,
    connect (target, done) {
      connect(target, (error, socket) => {
        if (error !== null) return done(error, null)
        // The look-up has judged all addresses; this holds even if a connection was made without it.
        const refused = guard.refuseAddress(target.hostname, socket.remoteAddress ?? '')
        if (refused === undefined) return done(null, socket)
        socket.destroy()
        done(refusal(refused), null)
      })
    }
  })
}
