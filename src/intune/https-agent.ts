import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { Agent, buildConnector } from 'undici'

const CONNECT_TIMEOUT_MS = 5_000
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const CONNECTIONS_PER_HOST = 16

let known: { readonly extraCaPem: string, readonly context: SecureContext } | undefined

/**
 * Trusts the usual authorities and those of `extraCaPem`: naming any would otherwise replace all. One for all
 * connections: to parse some 150 certificates takes tens of milliseconds.
 */
export function contextTrusting (extraCaPem: string): SecureContext {
  if (known?.extraCaPem !== extraCaPem) known = { extraCaPem, context: createSecureContext({ ca: [...rootCertificates, extraCaPem] }) }
  return known.context
}

/** A host that no setting names: an answer, or a list in a customer's tenant, has led there. */
export class HostNotAllowedError extends Error {
  readonly code = 'host-not-allowed'

  constructor (host: string) {
    super(`${host} is not one of the hosts that the configuration names; nothing was sent there`)
  }
}

/** @param allowedHosts a leading dot means any host below */
export function isAllowedHost (hostname: string, allowedHosts: readonly string[]): boolean {
  const host = hostname.toLowerCase()
  return allowedHosts.some((allowed) => allowed.startsWith('.') ? host.endsWith(allowed.toLowerCase()) : host === allowed.toLowerCase())
}

export interface HttpsAgentOptions {
  readonly extraCaPem?: string | undefined
  /** No connection is made to any other, whatever asks for it; a leading dot means any host below. `any`: who asks has chosen the host. */
  readonly allowedHosts: readonly string[] | 'any'
}

/** A pool of kept-alive TLS connections with bounded sizes, to known hosts only. The caller closes it. */
export function createHttpsAgent ({ extraCaPem, allowedHosts }: HttpsAgentOptions): Agent {
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    ...(extraCaPem === undefined ? {} : { secureContext: contextTrusting(extraCaPem) })
  })
  return new Agent({
    connections: CONNECTIONS_PER_HOST,
    keepAliveTimeout: 30_000,
    maxResponseSize: MAX_ANSWER_BYTES,
    connect (target, done) {
      if (target.protocol === 'https:' && (allowedHosts === 'any' || isAllowedHost(target.hostname, allowedHosts))) connect(target, done)
      else done(new HostNotAllowedError(`${target.protocol}//${target.host ?? target.hostname}`), null)
    }
  })
}
