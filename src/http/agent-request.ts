import 'fastify'

/** Who calls: read from a verified access token before any handler runs. */
export interface RequestDevice {
  readonly deviceId: string
  readonly tenantId: string
}

declare module 'fastify' {
  interface FastifyRequest {
    device: RequestDevice
  }
}
