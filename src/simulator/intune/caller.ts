import type { FaultKind, FaultSpec } from './control-schemas.js'
import type { RequestRecord } from './request-log.js'

/** Who calls, once known. */
export interface Caller {
  readonly tenantId: string
  readonly clientId: string
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null
    record: RequestRecord | null
    /** Takes one fault of this kind that is meant for this request, if there is one. */
    takeFault: <K extends FaultKind>(kind: K) => Extract<FaultSpec, { kind: K }> | undefined
  }
}
