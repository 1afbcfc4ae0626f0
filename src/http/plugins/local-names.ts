import { isIP } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MisdirectedRequestError } from '../../errors.js'

const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/

/**
 * Of what has no sign-in and listens on loopback: answers only who calls it by an address or `localhost`. A web page may have its own
 * name lead to 127.0.0.1 (DNS rebinding), and the browser then lets it read what comes from there; the name it called stands in `Host`.
 */
export function addLocalNamesOnly (app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    done(LOOPBACK.test(request.raw.socket.localAddress ?? '') && !isLocalName(request) ? new MisdirectedRequestError() : undefined)
  })
}

function isLocalName ({ headers: { host = '' } }: FastifyRequest): boolean {
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')
}
