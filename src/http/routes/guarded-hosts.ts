import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type ChangeGuardedHostsDeps, guardHost, liftHost, listGuardedHosts } from '../../intel/indicators/change-guarded-hosts.js'
import { GUARD_CATEGORIES } from '../../intel/indicators/guarded-hosts.js'
import type { IntelView } from '../../intel/intel-view.js'
import { nullable, page, Text, Time } from '../schemas.js'

export interface GuardedHostsRoutesOptions extends ChangeGuardedHostsDeps {
  /** Threat intelligence as it is stored now. */
  readonly intel: { refresh (): Promise<IntelView> }
}

const HostParams = Type.Object({ host: Text({ minLength: 1, maxLength: 300, description: 'A host name or an address.' }) })
const GuardedHostSchema = Type.Object({
  host: Type.String(),
  state: Type.Enum(['built-in', 'added', 'lifted']),
  category: nullable(Type.Enum(Object.keys(GUARD_CATEGORIES))),
  reason: Type.String(),
  withAllBelow: Type.Boolean({ description: 'All below it too: it is in the same hands.' }),
  changedBy: nullable(Type.String()),
  changedAt: nullable(Time)
}, { title: 'GuardedHost' })
const about = { tags: ['intel'], security: [{ apiKey: [] }] }

/** The hosts that no feed can condemn as a whole. */
export const guardedHostsRoutes: FastifyPluginAsyncTypebox<GuardedHostsRoutesOptions> = async (app, options) => {
  const deps: ChangeGuardedHostsDeps = {
    db: options.db,
    onChanged: async () => {
      await options.intel.refresh()
      await options.onChanged?.()
    }
  }

  app.get('/intel/guarded-hosts', {
    config: { permission: 'intel:read' },
    schema: {
      ...about,
      operationId: 'listGuardedHosts',
      summary: 'List the hosts that no feed can condemn as a whole',
      description: 'Hosts that strangers share: a feed that names one means a page, or is mistaken. Public suffixes are guarded as well and not listed.',
      response: { 200: page(GuardedHostSchema) }
    }
  }, async () => ({ items: await listGuardedHosts(deps), nextCursor: null }) as never)

  app.put('/intel/guarded-hosts/:host', {
    config: { permission: 'intel:write' },
    schema: {
      ...about,
      operationId: 'guardHost',
      summary: 'Guard a host',
      description: 'Feeds do not condemn it any more, at once. One that was lifted is guarded again.',
      params: HostParams,
      body: Type.Object({ reason: Text({ minLength: 1, maxLength: 300 }) }, { additionalProperties: false }),
      response: { 200: GuardedHostSchema }
    }
  }, async ({ params, body, operator }) => await guardHost(deps, { ...params, ...body, changedBy: operator.name }) as never)

  app.delete('/intel/guarded-hosts/:host', {
    config: { permission: 'intel:write' },
    schema: {
      ...about,
      operationId: 'liftGuardedHost',
      summary: 'Lift a host from the list',
      description: 'Feeds may condemn it with all below it, from their next import on.',
      params: HostParams,
      querystring: Type.Object({ reason: Type.Optional(Text({ maxLength: 300 })) }),
      response: { 204: Type.Null() }
    }
  }, async ({ params, query: { reason = '' }, operator }, reply) => {
    await liftHost(deps, { ...params, reason, changedBy: operator.name })
    return await reply.code(204).send(null)
  })
}
