import type { FastifyServerOptions } from 'fastify'

/** How much and how long one connection may take before it is ended. */
export interface HttpLimits {
  /** From the connection, or the request before, until the last header is here. */
  readonly headersMs: number
  /** Until the whole request is here, however steadily it drips. */
  readonly requestMs: number
  /** Without a byte in either direction, also while an answer is made or not being read: longer than the longest import of a feed. */
  readonly idleMs: number
  /** Between two requests. */
  readonly keepAliveMs: number
  /** How often connections are looked at, so how late the first two are noticed. */
  readonly checkEveryMs: number
  /** Of all headers and the address together. */
  readonly headerBytes: number
  readonly headerCount: number
}

export const HTTP_LIMITS: HttpLimits = {
  headersMs: 15_000, requestMs: 60_000, idleMs: 10 * 60_000, keepAliveMs: 72_000, checkEveryMs: 5_000, headerBytes: 16 * 1024, headerCount: 100
}

/** The limits as options of a server; what is counted is refused by addStrictHttp. */
export function serverOptionsOf (limits: HttpLimits): Pick<FastifyServerOptions, 'requestTimeout' | 'connectionTimeout' | 'keepAliveTimeout'> & { readonly http: object } {
  return {
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.idleMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: {
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      maxHeaderSize: limits.headerBytes,
      insecureHTTPParser: false,
      requireHostHeader: true
    }
  }
}
