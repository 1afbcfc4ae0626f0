import type { FastifyInstance } from 'fastify'
import type { RequestSpan, Tracing } from '../../platform/tracing.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined while nothing is traced. */
    span?: RequestSpan | undefined
  }
}

/**
 * A span for each request, in the caller's trace if it names one (W3C `traceparent`). It is called by the route and not by
 * the path, which names phones. Register it before all routes.
 */
export function addTracing (app: FastifyInstance, tracing: Tracing): void {
  if (!tracing.isOn) return
  app.decorateRequest('span', undefined)
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, routeOptions: { url: route } } = request
    const sent = headers.traceparent
    request.span = tracing.startRequest(route === undefined ? method : `${method} ${route}`, typeof sent === 'string' ? sent : undefined, { 'http.request.method': method, 'http.route': route })
    request.span.run(done)
  })
  // Reading the body leaves whatever was entered before it.
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.span === undefined) done()
    else request.span.run(done)
  })
  app.addHook('onResponse', (request, reply, done) => {
    request.span?.end({ 'http.response.status_code': reply.statusCode })
    done()
  })
}
