import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../../platform/metrics.js'

/** Counts every answer by its route, never by its path. Register it before all routes. */
export function countRequests (app: FastifyInstance, { httpRequests }: Pick<Metrics, 'httpRequests'>): void {
  app.addHook('onResponse', (request, reply, done) => {
    httpRequests.inc({ route: request.routeOptions.url ?? 'none', status: `${Math.floor(reply.statusCode / 100)}xx` })
    done()
  })
}
