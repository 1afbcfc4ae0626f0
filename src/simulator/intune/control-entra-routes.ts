import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Application } from './application.js'
import { DEFAULT_DECISION } from './consent.js'
import { ControlError } from './control-errors.js'
import { ApplicationParams, ApplicationSeedSchema, ConsentParams, ConsentSchema, RotateKeysSchema } from './control-schemas.js'
import { findTenant } from './control-scope.js'
import { toApplication } from './seed-application.js'
import type { TenantStore } from './tenant-store.js'
import type { TokenAuthority } from './tokens.js'

/** `/_sim/applications`, `/_sim/consent`, `/_sim/keys`: what publishers, administrators and Entra itself do. */
export const entraControlRoutes: FastifyPluginAsyncTypebox<{ readonly store: TenantStore, readonly tokens: TokenAuthority }> = async (app, { store, tokens }) => {
  const present = ({ clientId, displayName, requiredRoles, redirectUris, enabled, api, credentials }: Application): unknown => ({
    clientId,
    displayName,
    requiredRoles,
    redirectUris,
    enabled,
    api: api ?? null,
    credentials: { secrets: credentials.secrets.length, certificates: credentials.certificates.length, federated: credentials.federated.map(({ issuer, subject, audiences }) => ({ issuer, subject, audiences })) },
    consentedIn: [...store.list()].filter(({ clients }) => clients.get(clientId)?.consented === true).map(({ id }) => id)
  })

  app.get('/applications', async () => ({ items: [...store.applications.values()].map(present) }))
  app.put('/applications/:clientId', { schema: { params: ApplicationParams, body: ApplicationSeedSchema } }, async (request) => {
    const application = toApplication(request.params.clientId, request.body)
    store.applications.set(application.clientId, application)
    return present(application)
  })
  app.delete('/applications/:clientId', { schema: { params: ApplicationParams } }, async (request, reply) => {
    if (!store.applications.delete(request.params.clientId.toLowerCase())) throw new ControlError(404, 'application-not-found', `Application ${request.params.clientId} is not registered.`)
    return await reply.code(204).send()
  })

  app.get('/consent', async () => store.consent)
  app.put('/consent', { schema: { body: ConsentSchema } }, async (request) => {
    store.consent = { ...DEFAULT_DECISION, ...request.body }
    return store.consent
  })
  app.delete('/tenants/:tenantId/consents/:clientId', { schema: { params: ConsentParams } }, async (request, reply) => {
    const tenant = findTenant(store, request.params.tenantId)
    const client = tenant.clients.get(request.params.clientId.toLowerCase())
    if (client === undefined) throw new ControlError(404, 'consent-not-found', `Application ${request.params.clientId} has no consent in tenant ${tenant.id}.`)
    tenant.clients.set(client.clientId, { ...client, consented: false })
    store.reevaluate(tenant)
    return await reply.code(204).send()
  })

  app.get('/keys', async () => ({ keyIds: tokens.publicKeys.map(({ kid }) => kid), signingKeyId: tokens.signingKeyId }))
  app.post('/keys/rotate', { schema: { body: RotateKeysSchema } }, async (request) => {
    await tokens.rotate({ retireOld: request.body.retireOld ?? false })
    return { keyIds: tokens.publicKeys.map(({ kid }) => kid), signingKeyId: tokens.signingKeyId }
  })
}
