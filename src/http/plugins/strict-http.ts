import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { HeadersTooLargeError, MalformedRequestError } from '../../errors.js'
import type { HttpLimits } from '../http-limits.js'

/** Headers of which a second one makes a request mean one thing to a proxy and another to us. Node keeps the first of most. */
const ONLY_ONCE = ['host', 'authorization', 'content-type', 'content-encoding']
const LENGTHS = new Set(ONLY_ONCE.map(({ length }) => length))

/** Connections whose last request was refused here: they get that answer, and end. */
const refused = new WeakSet<Socket>()

/** The parser may stumble over the same request once more after it was refused. */
export const isRefused = (socket: Socket): boolean => refused.has(socket)

/**
 * Refuses what Node's parser lets through and the standard (RFC 9112) does not: other versions than HTTP/1, transfer codings besides
 * `chunked`, chunks in HTTP/1.0, headers twice. What is ambiguous ends the connection, so that nobody's next request is taken for part of it.
 * Two lengths, a length with chunks, folded headers and bare line feeds are refused by Node itself.
 */
export function addStrictHttp (app: FastifyInstance, { headerCount }: Pick<HttpLimits, 'headerCount'>): void {
  // Beyond its own limit Node leaves headers out and says nothing.
  app.server.maxHeadersCount = headerCount + 1
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request
    const fault = raw.rawHeaders.length > 2 * headerCount ? new HeadersTooLargeError() : faultIn(raw)
    if (fault === undefined) return done()
    refused.add(raw.socket)
    reply.header('connection', 'close')
    done(fault)
  })
}

function faultIn ({ rawHeaders, httpVersionMajor, httpVersionMinor, headers }: IncomingMessage): Error | undefined {
  if (httpVersionMajor !== 1) return new MalformedRequestError('This is not HTTP/1.1.')
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') return new MalformedRequestError('Transfer-Encoding can be chunked only.')
    if (httpVersionMinor === 0) return new MalformedRequestError('HTTP/1.0 has no Transfer-Encoding.')
  }
  let seen = ''
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (!LENGTHS.has(name.length)) continue
    const lower = name.toLowerCase()
    if (!ONLY_ONCE.includes(lower)) continue
    if (seen.includes(`${lower};`)) return new MalformedRequestError(`${lower} stands there twice.`)
    seen += `${lower};`
  }
  return undefined
}
