import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { checkClientAssertion } from './client-assertion.js'
import { EntraError, entraErrorBody } from './entra-errors.js'
import type { Client, Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'
import { apiOfResource, type TokenAuthority } from './tokens.js'

export interface EntraRoutesOptions {
  readonly store: TenantStore
  readonly tokens: TokenAuthority
  readonly ownOrigins: () => readonly string[]
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const originOf = (request: FastifyRequest): string => `${request.protocol}://${request.host}`

/** Entra: token endpoint for client credentials, and the metadata that libraries read first. */
export const entraRoutes: FastifyPluginAsync<EntraRoutesOptions> = async (app, { store, tokens, ownOrigins }) => {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body as string)))
  })

  app.setErrorHandler<Error & { statusCode?: number }>(async (error, request, reply) => {
    const known = error instanceof EntraError ? error : new EntraError(error.statusCode ?? 500, 'invalid_request', 90014, error.message)
    reply.code(known.statusCode)
    return entraErrorBody(known, header(request, 'client-request-id'))
  })

  app.addHook('onRequest', async (request, reply) => {
    const correlation = header(request, 'client-request-id')
    if (correlation !== undefined) reply.header('client-request-id', correlation)
    reply.header('cache-control', 'no-store, no-cache')
  })

  app.get<{ Querystring: { authorization_endpoint?: string } }>('/common/discovery/instance', async (request) => {
    const host = request.host
    const asked = request.query.authorization_endpoint
    const tenant = asked === undefined ? 'common' : new URL(asked).pathname.split('/')[1] ?? 'common'
    return {
      tenant_discovery_endpoint: `${originOf(request)}/${tenant}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }]
    }
  })

  app.get<{ Params: { tenantId: string } }>('/:tenantId/v2.0/.well-known/openid-configuration', async (request) => {
    const { id } = knownTenant(store, request.params.tenantId)
    const base = `${originOf(request)}/${id}`
    return {
      token_endpoint: `${base}/oauth2/v2.0/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
      jwks_uri: `${base}/discovery/v2.0/keys`,
      response_modes_supported: ['query', 'fragment', 'form_post'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      issuer: `${base}/v2.0`,
      request_uri_parameter_supported: false,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`,
      tenant_region_scope: 'EU',
      cloud_instance_name: request.hostname,
      claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'tid', 'ver']
    }
  })

  for (const path of ['/:tenantId/discovery/v2.0/keys', '/:tenantId/discovery/keys', '/:tenantId/v2.0/discovery/keys']) {
    app.get<{ Params: { tenantId: string } }>(path, async (request) => {
      // Entra's own keys may be asked for without a tenant.
      if (request.params.tenantId !== 'common') knownTenant(store, request.params.tenantId)
      return { keys: tokens.publicKeys.map((key) => ({ ...key, issuer: 'https://sts.windows.net/{tenantid}/' })) }
    })
  }

  app.post<{ Params: { tenantId: string }, Body: Record<string, string> | undefined }>('/:tenantId/oauth2/v2.0/token', async (request) => {
    const tenant = knownTenant(store, request.params.tenantId)
    const body = request.body ?? {}
    const grant = required(body, 'grant_type')
    if (grant !== 'client_credentials') {
      throw new EntraError(400, 'unsupported_grant_type', 70003, `The app requested an unsupported grant type '${grant}'.`)
    }
    const client = findClient(store, tenant, required(body, 'client_id'))
    request.caller = { tenantId: tenant.id, clientId: client.clientId }
    const credential = await authenticate(client, body, [
      `${originOf(request)}/${tenant.id}/oauth2/v2.0/token`,
      `${originOf(request)}/${request.params.tenantId}/oauth2/v2.0/token`,
      `${originOf(request)}/${tenant.id}/v2.0`
    ])
    const { api, audience } = resourceOf(required(body, 'scope'), ownOrigins())
    if (!client.consented) throw notConsented(client.clientId)
    const { token, expiresInSeconds } = await tokens.issue(tenant, client, api, audience, credential)
    return { token_type: 'Bearer', expires_in: expiresInSeconds, ext_expires_in: expiresInSeconds, access_token: token }
  })
}

async function authenticate (client: Client, body: Record<string, string>, audiences: readonly string[]): Promise<'1' | '2'> {
  if (body.client_assertion !== undefined) {
    if (body.client_assertion_type !== ASSERTION_TYPE) {
      throw new EntraError(401, 'invalid_client', 7000218, `The 'client_assertion_type' parameter must be '${ASSERTION_TYPE}'.`)
    }
    await checkClientAssertion(body.client_assertion, client, audiences)
    return '2'
  }
  if (body.client_secret === undefined) {
    throw new EntraError(401, 'invalid_client', 7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
  }
  if (!client.secrets.includes(body.client_secret)) {
    throw new EntraError(401, 'invalid_client', 7000215, `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${client.clientId}'.`)
  }
  return '1'
}

/** The resource of a scope such as `https://api.manage.microsoft.com//.default`: what stands before the last `/.default`. */
function resourceOf (scope: string, ownOrigins: readonly string[]): { api: 'graph' | 'intune', audience: string } {
  const suffix = '/.default'
  if (scope.includes(' ') || !scope.endsWith(suffix)) {
    throw new EntraError(400, 'invalid_scope', 70011, `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid: client credential flows must have a scope value with /.default suffixed to the resource identifier.`)
  }
  const resource = scope.slice(0, -suffix.length)
  const api = apiOfResource(resource, ownOrigins)
  if (api === undefined) {
    throw new EntraError(400, 'invalid_resource', 500011, `The resource principal named ${resource} was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.`)
  }
  return { api, audience: resource }
}

function knownTenant (store: TenantStore, tenantId: string): Tenant {
  const tenant = store.find(tenantId)
  if (tenant === undefined) {
    throw new EntraError(400, 'invalid_request', 90002, `Tenant '${tenantId}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`)
  }
  return tenant
}

function findClient (store: TenantStore, tenant: Tenant, clientId: string): Client {
  const id = clientId.toLowerCase()
  const client = tenant.clients.get(id)
  if (client !== undefined) return client
  if ([...store.list()].some(({ clients }) => clients.has(id))) throw notConsented(clientId)
  throw new EntraError(400, 'unauthorized_client', 700016, `Application with identifier '${clientId}' was not found in the directory '${tenant.displayName}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.`)
}

const notConsented = (clientId: string): EntraError =>
  new EntraError(401, 'invalid_client', 7000229, `The client application ${clientId} is missing service principal in the tenant. The administrator has not consented to it.`)

function required (body: Record<string, string>, name: string): string {
  const value = body[name]
  if (value === undefined || value === '') {
    throw new EntraError(400, 'invalid_request', 900144, `The request body must contain the following parameter: '${name}'.`)
  }
  return value
}

function header (request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
