import { errorCodes, type FastifyInstance } from 'fastify'

/**
 * Many clients say `Content-Type: application/json` on every request, also with nothing to
 * send. Where a route expects no body, nothing is what it gets.
 */
export function addJsonWhereExpected (app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('ignore', 'ignore')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body !== '') void parseJson(request, body as string, done)
    else if (request.routeOptions.schema?.body === undefined) done(null, undefined)
    else done(new errorCodes.FST_ERR_CTP_EMPTY_JSON_BODY())
  })
}
