import { createSecureContext, rootCertificates } from 'node:tls'
import { Agent } from 'undici'

const CONNECT_TIMEOUT_MS = 5_000
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const CONNECTIONS_PER_HOST = 16

/**
 * The authorities to trust: the usual ones and those of `extraCaPem`. Undefined means
 * Node's default; naming any authority would otherwise replace all of those.
 */
export function trustedAuthorities (extraCaPem: string | undefined): string[] | undefined {
  return extraCaPem === undefined ? undefined : [...rootCertificates, extraCaPem]
}

/** A pool of kept-alive connections with bounded sizes. The caller closes it. */
export function createHttpsAgent (extraCaPem: string | undefined): Agent {
  const ca = trustedAuthorities(extraCaPem)
  return new Agent({
    connections: CONNECTIONS_PER_HOST,
    keepAliveTimeout: 30_000,
    maxResponseSize: MAX_ANSWER_BYTES,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      // Made once: parsing some 150 certificates for every connection costs tens of milliseconds.
      ...(ca === undefined ? {} : { secureContext: createSecureContext({ ca }) })
    }
  })
}
