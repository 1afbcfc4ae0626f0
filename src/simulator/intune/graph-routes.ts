import type { FastifyPluginAsync } from 'fastify'
import { compliancePolicyRoutes } from './graph-compliance-policies.js'
import { appRoutes } from './graph-apps.js'
import { batchRoutes } from './graph-batch.js'
import { connectorRoutes } from './graph-connectors.js'
import { deltaRoutes } from './graph-delta.js'
import { directoryRoutes } from './graph-directory.js'
import { GraphError, graphErrorBody } from './graph-errors.js'
import { managedDeviceRoutes } from './graph-managed-devices.js'
import type { GraphRoutesOptions } from './graph-scope.js'
import { servicePrincipalRoutes } from './graph-service-principals.js'
import { headerOf } from './service-hooks.js'

/** One version of Microsoft Graph. */
export const graphRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, options) => {
  app.addHook('onRequest', async (request, reply) => {
    const clientRequestId = headerOf(request, 'client-request-id')
    reply.header('request-id', request.id)
    if (clientRequestId !== undefined) reply.header('client-request-id', clientRequestId)
    const caller = await options.bearer.check(request, 'graph')
    if (typeof caller === 'string') {
      reply.header('www-authenticate', 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"')
      throw new GraphError(401, 'InvalidAuthenticationToken', {
        missing: 'Access token is empty.',
        invalid: 'Access token validation failure. Signature, lifetime or tenant is not valid.',
        'wrong-audience': 'Access token validation failure. Invalid audience.',
        'refused-once': 'Access token validation failure.'
      }[caller])
    }
    const wanted = request.routeOptions.config.roles
    if (wanted !== undefined && !wanted.some((role) => caller.token.roles.includes(role))) {
      throw new GraphError(403, 'Forbidden', `Application is not authorized to perform this operation. Application must have one of the following scopes: ${wanted.join(', ')}`)
    }
    request.tenant = caller.tenant
    request.roles = caller.token.roles
  })

  app.setErrorHandler<Error & { statusCode?: number }>(async (error, request, reply) => {
    const status = error.statusCode ?? 500
    const code = error instanceof GraphError ? error.graphCode : status === 415 ? 'UnsupportedMediaType' : status < 500 ? 'BadRequest' : 'InternalServerError'
    reply.code(status)
    return graphErrorBody(code, error.message, headerOf(request, 'client-request-id'))
  })

  app.setNotFoundHandler(async (request, reply) => {
    reply.code(400)
    return graphErrorBody('BadRequest', `Resource not found for the segment '${request.url.split('?')[0]!.split('/')[2] ?? ''}'.`, headerOf(request, 'client-request-id'))
  })

  await app.register(servicePrincipalRoutes, options)
  await app.register(connectorRoutes, options)
  await app.register(managedDeviceRoutes, options)
  await app.register(directoryRoutes, options)
  await app.register(deltaRoutes, options)
  await app.register(batchRoutes, options)
  await app.register(compliancePolicyRoutes, options)
  await app.register(appRoutes, options)
}
