import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyError } from 'fastify'
import type { BearerChecker } from './bearer.js'
import { isoTime } from './clock.js'
import { directoryControlRoutes } from './control-directory-routes.js'
import { entraControlRoutes } from './control-entra-routes.js'
import { ControlError } from './control-errors.js'
import { ClockSchema, FaultListSchema, FaultQuery, RecordingSchema, RequestsQuery, ThrottlesSchema, UsageQuery } from './control-schemas.js'
import { tenantControlRoutes, type TenantControlOptions } from './control-tenant-routes.js'
import { FaultError, type FaultSet } from './faults.js'
import type { RequestLog } from './request-log.js'
import type { Throttles } from './throttles.js'
import type { TokenAuthority } from './tokens.js'
import { SeedError } from './seed-application.js'

export interface ControlRoutesOptions extends TenantControlOptions {
  readonly faults: FaultSet
  readonly log: RequestLog
  readonly bearer: BearerChecker
  readonly tokens: TokenAuthority
  readonly throttles: Throttles
}

/** `/_sim`: everything a test or a demo needs and Microsoft does not offer. */
export const controlRoutes: FastifyPluginAsyncTypebox<ControlRoutesOptions> = async (app, options) => {
  const { store, faults, log, bearer, throttles } = options

  app.setErrorHandler<FastifyError>(async (error, _request, reply) => {
    if (error.validation !== undefined) {
      reply.code(400)
      return {
        error: {
          code: 'invalid-request',
          message: error.message,
          errors: error.validation.map(({ instancePath, message, params }) => ({ path: instancePath, message: message ?? 'is not valid', ...params }))
        }
      }
    }
    const status = error instanceof SeedError || error instanceof FaultError ? 400 : error.statusCode ?? 500
    reply.code(status)
    return { error: { code: error instanceof ControlError ? error.code : status < 500 ? 'invalid-request' : 'simulator-error', message: error.message } }
  })
  app.setNotFoundHandler(async (request, reply) => {
    reply.code(404)
    return { error: { code: 'not-found', message: `No control route ${request.method} ${request.url}.` } }
  })

  await app.register(tenantControlRoutes, { store, defaults: options.defaults })
  await app.register(directoryControlRoutes, { store })
  await app.register(entraControlRoutes, { store, tokens: options.tokens })

  app.put('/faults', { schema: { body: FaultListSchema, querystring: FaultQuery } }, async (request) => {
    const { seed } = request.query
    const items = faults.replace(request.body, seed === undefined ? undefined : Number(seed))
    bearer.forgetRefusals()
    return { items }
  })
  app.get('/faults', async () => ({ items: faults.list() }))
  app.delete('/faults', async (_request, reply) => {
    faults.replace([])
    bearer.forgetRefusals()
    return await reply.code(204).send()
  })

  app.get('/requests', { schema: { querystring: RequestsQuery } }, async (request) => {
    const { sinceId, limit, ...filter } = request.query
    return {
      total: log.total,
      items: log.list({ ...filter, ...(sinceId === undefined ? {} : { sinceId: Number(sinceId) }), ...(limit === undefined ? {} : { limit: Number(limit) }) })
    }
  })
  app.delete('/requests', async (_request, reply) => {
    log.clear()
    return await reply.code(204).send()
  })

  app.put('/requests', { schema: { body: RecordingSchema } }, async (request) => {
    log.recordsBodies = request.body.bodies
    return { bodies: log.recordsBodies }
  })

  app.put('/throttles', { schema: { body: ThrottlesSchema } }, async (request) => {
    throttles.configure(request.body)
    return throttles.options
  })
  app.get('/throttles', { schema: { querystring: UsageQuery } }, async (request) => {
    const { tenant, exceeded } = request.query
    const usage = throttles.usage()
    return {
      ...throttles.options,
      exceeded: usage.some((row) => row.exceeded),
      usage: usage.filter((row) => (tenant === undefined || row.tenantId === tenant.toLowerCase()) && (exceeded === undefined || row.exceeded))
    }
  })
  app.delete('/throttles', async (_request, reply) => {
    throttles.configure({})
    return await reply.code(204).send()
  })

  const presentClock = (): unknown => ({ now: isoTime(store.clock.now()), offsetSeconds: store.clock.offsetMs / 1000 })
  app.get('/clock', async () => presentClock())
  app.put('/clock', { schema: { body: ClockSchema } }, async (request) => {
    if ('now' in request.body) {
      store.clock.setNow(Date.parse(request.body.now))
    } else {
      store.clock.setOffset(request.body.offsetSeconds * 1000)
    }
    for (const tenant of store.list()) store.reevaluate(tenant)
    return presentClock()
  })
}
