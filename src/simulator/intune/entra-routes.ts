import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { type Application, type Credentials, isResource, NO_CREDENTIALS } from './application.js'
import { type AssertionRules, checkClientAssertion } from './client-assertion.js'
import { EntraError, entraErrorBody } from './entra-errors.js'
import type { Client, Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'
import { apiOfResource, type Resource, type TokenAuthority } from './tokens.js'

export interface EntraRoutesOptions {
  readonly store: TenantStore
  readonly tokens: TokenAuthority
  readonly ownOrigins: () => readonly string[]
  /** Where issuers are when the caller came without TLS. */
  readonly httpsOrigin: () => string
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const originOf = (request: FastifyRequest): string => `${request.protocol}://${request.host}`

/** Entra: token endpoint for client credentials, and the metadata that libraries read first. */
export const entraRoutes: FastifyPluginAsync<EntraRoutesOptions> = async (app, { store, tokens, ownOrigins, httpsOrigin }) => {
  const issuerOrigin = (request: FastifyRequest): string => request.protocol === 'https' ? originOf(request) : httpsOrigin()

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
    const id = tenantSegment(store, request.params.tenantId)
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
      issuer: `${issuerOrigin(request)}/${id === 'common' || id === 'organizations' ? '{tenantid}' : id}/v2.0`,
      request_uri_parameter_supported: false,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`,
      tenant_region_scope: 'EU',
      cloud_instance_name: request.hostname,
      claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'tid', 'ver']
    }
  })

  app.get<{ Params: { tenantId: string } }>('/:tenantId/.well-known/openid-configuration', async (request) => {
    const id = tenantSegment(store, request.params.tenantId)
    const base = `${originOf(request)}/${id}`
    return {
      token_endpoint: `${base}/oauth2/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
      jwks_uri: `${base}/discovery/keys`,
      response_modes_supported: ['query', 'fragment', 'form_post'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'token id_token', 'token'],
      scopes_supported: ['openid'],
      issuer: `https://sts.windows.net/${id === 'common' || id === 'organizations' ? '{tenantid}' : id}/`,
      authorization_endpoint: `${base}/oauth2/authorize`,
      end_session_endpoint: `${base}/oauth2/logout`,
      tenant_region_scope: 'EU',
      cloud_instance_name: request.hostname,
      claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'tid', 'ver']
    }
  })

  // The keys are the same; whose tokens they may sign depends on the version.
  for (const [path, isVersion2] of [['/:tenantId/discovery/v2.0/keys', true], ['/:tenantId/v2.0/discovery/keys', true], ['/:tenantId/discovery/keys', false]] as const) {
    app.get<{ Params: { tenantId: string } }>(path, async (request) => {
      tenantSegment(store, request.params.tenantId)
      const issuer = isVersion2 ? `${issuerOrigin(request)}/{tenantid}/v2.0` : 'https://sts.windows.net/{tenantid}/'
      return { keys: tokens.publicKeys.map((key) => ({ ...key, issuer })) }
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
    const application = store.applications.get(client.clientId)
    if (!client.enabled || application?.enabled === false) {
      throw new EntraError(400, 'unauthorized_client', 7000112, `Application '${client.clientId}'(${client.displayName}) is disabled.`)
    }
    const skewSeconds = request.takeFault('clock-skew')?.skewSeconds ?? 0
    const nowMs = Date.now() + skewSeconds * 1000
    const credential = await authenticate(body, {
      clientId: client.clientId,
      credentials: allCredentials(client, application),
      nowMs,
      audiences: [
        `${originOf(request)}/${tenant.id}/oauth2/v2.0/token`,
        `${originOf(request)}/${request.params.tenantId}/oauth2/v2.0/token`,
        `${originOf(request)}/${tenant.id}/v2.0`
      ]
    })
    const resource = resourceOf(required(body, 'scope'), ownOrigins(), store, tenant)
    if (!client.consented) throw notConsented(client.clientId)
    const { token, expiresInSeconds } = await tokens.issue({ tenant, client, resource, credential, issuerOrigin: issuerOrigin(request), skewSeconds: Math.trunc(skewSeconds) })
    return { token_type: 'Bearer', expires_in: expiresInSeconds, ext_expires_in: expiresInSeconds, access_token: token }
  })
}

/** What the registration has, and what the tenant was seeded with. */
function allCredentials (client: Client, application: Application | undefined): Credentials {
  const registered = application?.credentials ?? NO_CREDENTIALS
  return {
    secrets: [...client.credentials.secrets, ...registered.secrets],
    certificates: [...client.credentials.certificates, ...registered.certificates],
    federated: [...client.credentials.federated, ...registered.federated]
  }
}

async function authenticate (body: Record<string, string>, rules: AssertionRules): Promise<'1' | '2'> {
  if (body.client_assertion !== undefined) {
    if (body.client_assertion_type !== ASSERTION_TYPE) {
      throw new EntraError(401, 'invalid_client', 7000218, `The 'client_assertion_type' parameter must be '${ASSERTION_TYPE}'.`)
    }
    await checkClientAssertion(body.client_assertion, rules)
    return '2'
  }
  if (body.client_secret === undefined) {
    throw new EntraError(401, 'invalid_client', 7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
  }
  const secret = rules.credentials.secrets.find(({ value }) => value === body.client_secret)
  if (secret === undefined) {
    throw new EntraError(401, 'invalid_client', 7000215, `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${rules.clientId}'.`)
  }
  if (secret.expiresAtMs <= rules.nowMs) {
    throw new EntraError(401, 'invalid_client', 7000222, `The provided client secret keys for app '${rules.clientId}' are expired. Visit the Azure portal to create new keys for your app.`)
  }
  return '1'
}

/** The resource of a scope such as `https://api.manage.microsoft.com//.default`: what stands before the last `/.default`. */
function resourceOf (scope: string, ownOrigins: readonly string[], store: TenantStore, tenant: Tenant): Resource {
  const suffix = '/.default'
  if (scope.includes(' ') || !scope.endsWith(suffix)) {
    throw new EntraError(400, 'invalid_scope', 70011, `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid: client credential flows must have a scope value with /.default suffixed to the resource identifier.`)
  }
  const audience = scope.slice(0, -suffix.length)
  const api = apiOfResource(audience, ownOrigins)
  if (api !== undefined) return { api, audience }
  const application = [...store.applications.values()].find((one) => isResource(one, audience))
  // An API of somebody else is known to the tenant once its application was consented to.
  if (application === undefined || tenant.clients.get(application.clientId)?.consented !== true) {
    throw new EntraError(400, 'invalid_resource', 500011, `The resource principal named ${audience} was not found in the tenant named ${tenant.displayName}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.`)
  }
  return { api: 'other', audience, application }
}

/** The tenant of a metadata address; keys and metadata may be asked for without one. */
const tenantSegment = (store: TenantStore, segment: string): string =>
  segment === 'common' || segment === 'organizations' ? segment : knownTenant(store, segment).id

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
  if (store.applications.has(id) || [...store.list()].some(({ clients }) => clients.has(id))) throw notConsented(clientId)
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
