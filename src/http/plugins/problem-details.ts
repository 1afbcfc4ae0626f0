import type { FastifyError, FastifyInstance } from 'fastify'
import { NotFoundError } from '../../errors.js'
import { PROBLEM_MEDIA_TYPE, RETRY_AFTER_SECONDS, toProblem } from '../problem.js'

/** Makes every error an RFC 9457 answer. */
export function addProblemDetails (app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const problem = toProblem(error, request.url.split('?')[0]!)
    if (problem.status >= 500) request.log.error({ err: error, code: problem.code }, 'request failed')
    else request.log.info({ code: problem.code, status: problem.status }, 'request refused')
    if (problem.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', RETRY_AFTER_SECONDS)
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
    return reply.code(problem.status).header('content-type', PROBLEM_MEDIA_TYPE).serializer(JSON.stringify).send(problem)
  })
  app.setNotFoundHandler(() => {
    throw new NotFoundError('There is nothing here.')
  })
}
