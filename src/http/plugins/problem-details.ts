import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import { MethodNotAllowedError, NotFoundError } from '../../errors.js'
import { type CountedLine, createCountedLine } from '../../platform/counted-line.js'
import { FRAMEWORK_CODES, problem, PROBLEM_MEDIA_TYPE, RETRY_AFTER_SECONDS, toProblem } from '../problem.js'
import { isRefused } from './strict-http.js'

/** Makes every error of a request an RFC 9457 answer. Add it before the routes: it looks at them. */
export function addProblemDetails (app: FastifyInstance): void {
  const methodsOf = collectRoutes(app)
  const turnedAway = countTurnedAway(app)
  app.setErrorHandler<FastifyError>((error, request, reply) => sendProblem(error, request, reply, turnedAway))
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsOf(pathOf(request))
    if (methods.length === 0) throw new NotFoundError('There is nothing here.')
    const allow = methods.join(', ')
    reply.header('allow', allow)
    throw new MethodNotAllowedError(allow)
  })
}

/** For what fails before a request exists: an address or HTTP that cannot be read. */
export const UNREADABLE_REQUESTS = {
  frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => { sendProblem(error, request, reply) },
  clientErrorHandler: refuseConnection
} satisfies Partial<FastifyServerOptions>

/** After these nobody knows where the next request begins. */
const ENDS_CONNECTION = new Set([FRAMEWORK_CODES.FST_ERR_CTP_INVALID_CONTENT_LENGTH!.code, 'malformed-request', 'headers-too-large'])

const pathOf = (request: FastifyRequest): string => request.url.split('?')[0]!

type TurnedAway = (code: string) => CountedLine<{ readonly err: FastifyError }>

/** Whoever is told to come again is told so by the thousand: a line for each would cost more than the answer, when there is least time for it. */
function countTurnedAway ({ log }: FastifyInstance): TurnedAway {
  const lines = new Map<string, ReturnType<TurnedAway>>()
  return (code) => {
    let line = lines.get(code)
    if (line === undefined) lines.set(code, line = createCountedLine((requests, { err }) => log.warn({ err, code, requests }, 'requests were told to come again')))
    return line
  }
}

function sendProblem (error: FastifyError, request: FastifyRequest, reply: FastifyReply, turnedAway?: TurnedAway): FastifyReply {
  const answer = toProblem(error, pathOf(request))
  const about = { code: answer.code, status: answer.status, method: request.method, route: request.routeOptions?.url }
  const tell = (): void => {
    if (answer.status === 503 && turnedAway !== undefined) turnedAway(answer.code).add(1, { err: error })
    else if (answer.status >= 500) request.log.error({ err: error, ...about }, 'request failed')
    else request.log.info(about, 'request refused')
  }
  // A body that could not be read fails outside of the request's span.
  if (request.span === undefined) tell()
  else request.span.run(tell)
  if (answer.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', RETRY_AFTER_SECONDS)
  if (answer.status === 401 && !reply.hasHeader('www-authenticate')) reply.header('www-authenticate', 'Bearer')
  // Fastify ends the connection after a body it could not take. Ours was read to its end, or is
  // being let go within the request timeout, and a phone's next report can use the connection.
  if (answer.status < 500 && !ENDS_CONNECTION.has(answer.code)) reply.removeHeader('connection')
  // What an agent's developer quotes and an operator finds in the log.
  reply.header('x-request-id', request.id)
  return reply.code(answer.status).header('content-type', PROBLEM_MEDIA_TYPE).serializer(JSON.stringify).send(answer)
}

/** Which methods the routes with this path have. */
function collectRoutes (app: FastifyInstance): (path: string) => string[] {
  const routes: Array<{ readonly pattern: RegExp, readonly methods: readonly string[] }> = []
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = url.split('/').map((part) => part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replace(/[^\w-]/g, '\\$&')).join('/')
    routes.push({ pattern: new RegExp(`^${pattern}$`), methods: [method].flat() })
  })
  return (path) => [...new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))].sort()
}

const UNREADABLE: Readonly<Record<string, readonly [status: number, code: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'headers-too-large', 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request-timeout', 'The request did not arrive in time.']
}

/** There is no request yet, so the answer is written by hand, and the connection ends with it. */
function refuseConnection (error: Error & { readonly code?: string }, socket: Socket): void {
  if (isRefused(socket)) return
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, code, detail] = UNREADABLE[error.code ?? ''] ?? [400, 'malformed-request', 'This is not HTTP as we know it.']
  const answer = problem(status, code, detail, '/')
  const body = JSON.stringify(answer)
  socket.end(`HTTP/1.1 ${status} ${answer.title}\r\ncontent-type: ${PROBLEM_MEDIA_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
}
