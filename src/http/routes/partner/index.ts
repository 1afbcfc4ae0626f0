import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { partnerDevicesRoutes, type PartnerDevicesRoutesOptions } from './devices.js'
import { partnerStateRoutes, type PartnerStateRoutesOptions } from './state.js'

export interface PartnerRoutesOptions extends PartnerDevicesRoutesOptions, PartnerStateRoutesOptions {}

/** Everything below `/v1/partner`, behind the relying parties' authentication. */
export const partnerRoutes: FastifyPluginAsyncTypebox<PartnerRoutesOptions> = async (app, deps) => {
  // What is in an answer is true at the moment it is given.
  app.addHook('onSend', async (_request, reply) => { reply.header('cache-control', 'no-store') })
  await app.register(partnerStateRoutes, deps)
  await app.register(partnerDevicesRoutes, deps)
}
