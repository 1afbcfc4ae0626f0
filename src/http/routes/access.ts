import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type ApiKeyView, createApiKey, listApiKeys, revokeApiKey, rotateApiKey } from '../../operators/api-keys.js'
import { addGrant, type GrantsDeps, HOLDER_KINDS, listGrants, removeGrant } from '../../operators/grants.js'
import { RANKS, ROLES } from '../../operators/roles.js'
import type { Database } from '../../platform/database.js'
import { nullable, page, PageQuery, TenantParams, Text, Time, Uuid } from '../schemas.js'

export interface AccessRoutesOptions extends GrantsDeps {
  /** Shows one tenant's rows: a tenant's grants are asked for here, so that no condition that is forgotten shows or takes away another's. */
  readonly tenantDb: Database
}

const DAY_MS = 24 * 60 * 60 * 1000
const DEFAULT_DAYS = 90
const MAX_DAYS = 366
const MAX_GRACE_SECONDS = 30 * 24 * 60 * 60
const DEFAULT_GRACE_SECONDS = 24 * 60 * 60

const GrantSchema = Type.Object({
  id: Uuid,
  tenantId: nullable(Uuid),
  role: Type.String(),
  directory: Type.String({ description: 'Whose ids they are: an Entra tenant, or another provider\'s issuer.' }),
  kind: Type.String(),
  value: Type.String(),
  label: Type.String(),
  createdBy: Type.String(),
  createdAt: Time,
  expiresAt: nullable(Time)
}, { title: 'OperatorGrant' })
const grantBody = <const R extends string>(roles: readonly R[]) => Type.Object({
  role: Type.Unsafe<R>({ type: 'string', enum: [...roles] }),
  directory: Type.Optional(Text({ maxLength: 500, description: 'The Entra tenant of whom is let in. Left out: the tenant\'s own, or the one provider there is.' })),
  kind: Type.Unsafe<(typeof HOLDER_KINDS)[number]>({ type: 'string', enum: [...HOLDER_KINDS], description: '`subject`: one person or app; `group`: all of a group.' }),
  value: Text({ minLength: 1, maxLength: 255, description: 'Entra: object id of user, service principal or group. Other providers: `sub`, or a group as tokens name it.' }),
  label: Text({ minLength: 1, maxLength: 200, description: 'Who that is, in words.' }),
  expiresAt: Type.Optional(Time)
}, { additionalProperties: false })

const ApiKeySchema = Type.Object({
  id: Uuid,
  prefix: nullable(Type.String({ description: 'How it begins; null for old ones.' })),
  name: Type.String(),
  role: Type.String(),
  tenantIds: Type.Array(Uuid, { description: 'None: the whole platform. Seen from a tenant: that one alone.' }),
  shared: Type.Boolean({ description: 'It counts in several tenants.' }),
  permissions: nullable(Type.Array(Type.String(), { description: 'Null: all of its role.' })),
  createdAt: Time,
  expiresAt: nullable(Time),
  lastUsedAt: nullable(Type.Unsafe<string>({ ...Time, description: 'To the minute.' })),
  revokedAt: nullable(Time),
  replaces: nullable(Uuid)
}, { title: 'ApiKey' })
const MadeKeySchema = Type.Object({ id: Uuid, key: Type.String({ description: 'Shown now and never again.' }), expiresAt: nullable(Time) }, { title: 'NewApiKey' })
const keyBody = <const R extends string>(roles: readonly R[]) => Type.Object({
  name: Text({ minLength: 1, maxLength: 200, description: 'Whose it is; the audit log names it, and a receiver of shared signals is known by it.' }),
  role: Type.Unsafe<R>({ type: 'string', enum: [...roles] }),
  permissions: Type.Optional(Type.Array(Text({ maxLength: 64 }), { minItems: 1, maxItems: 50, description: 'Only these of the role\'s. Left out: all.' })),
  expiresAt: Type.Optional(Type.Unsafe<string>({ ...Time, description: `Within ${MAX_DAYS} days. Left out: in ${DEFAULT_DAYS}.` }))
}, { additionalProperties: false })
const RotateBody = Type.Object({
  graceSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_GRACE_SECONDS, description: 'So much longer the old key counts; left out: a day. 0: it has leaked.' }))
}, { additionalProperties: false })

const about = { tags: ['access'], security: [{ apiKey: [] }] }
const IdParams = Type.Object({ id: Uuid })
const TenantIdParams = Type.Object({ tenantId: Uuid, id: Uuid })
const TENANT_RANKS = RANKS.filter((rank) => rank !== 'platform-admin')
const TENANT_ROLES = ROLES.filter((role) => role !== 'platform-admin')
const timeOf = (text: string | undefined): Date | undefined => text === undefined ? undefined : new Date(text)
const expiryOf = (text: string | undefined): Date => timeOf(text) ?? new Date(Date.now() + DEFAULT_DAYS * DAY_MS)

/** Who gets into a tenant besides those whose token says so. Its administrators let in, and cannot give more than they have. */
export const tenantAccessRoutes: FastifyPluginAsyncTypebox<AccessRoutesOptions> = async (app, deps) => {
  const config = { permission: 'access:manage' } as const
  const grants: GrantsDeps = { ...deps, db: deps.tenantDb }

  app.get('/grants', {
    config,
    schema: { ...about, operationId: 'listTenantGrants', summary: 'Who was let into the tenant', params: TenantParams, querystring: Type.Object(PageQuery), response: { 200: page(GrantSchema) } }
  }, async ({ params, query }) => await listGrants(grants, { ...query, tenantId: params.tenantId.toLowerCase() }) as never)

  app.post('/grants', {
    config,
    schema: {
      ...about,
      operationId: 'addTenantGrant',
      summary: 'Let somebody into the tenant',
      description: 'Also people of another Entra tenant, such as a service provider\'s: name it as `directory`.',
      params: TenantParams,
      body: grantBody(TENANT_RANKS),
      response: { 201: GrantSchema }
    }
  }, async ({ params, body: { expiresAt, ...body }, operator }, reply) => {
    reply.code(201)
    return await addGrant(grants, { ...body, ...params, expiresAt: timeOf(expiresAt), actor: operator.name })
  })

  app.delete('/grants/:id', {
    config,
    schema: { ...about, operationId: 'removeTenantGrant', summary: 'Take somebody\'s role in the tenant away', params: TenantIdParams, response: { 204: Type.Null() } }
  }, async ({ params: { tenantId, id }, operator }, reply) => {
    await removeGrant(grants, { tenantId: tenantId.toLowerCase(), id, actor: operator.name })
    return await reply.code(204).send(null)
  })

  app.get('/api-keys', {
    config,
    schema: { ...about, operationId: 'listTenantApiKeys', summary: 'API keys that count in the tenant, without what is secret', params: TenantParams, querystring: Type.Object(PageQuery), response: { 200: page(ApiKeySchema) } }
  }, async ({ params, query }) => toAnswer(await listApiKeys(deps, { ...query, ...params })))

  app.post('/api-keys', {
    config,
    schema: { ...about, operationId: 'createTenantApiKey', summary: 'Make an API key; it is shown only now', params: TenantParams, body: keyBody(TENANT_ROLES), response: { 201: MadeKeySchema } }
  }, async ({ params, body: { expiresAt, ...body }, operator }, reply) => {
    reply.code(201).header('cache-control', 'no-store')
    return await createApiKey(deps, { ...body, ...params, expiresAt: expiryOf(expiresAt), maxDays: MAX_DAYS, actor: operator.name })
  })

  app.post('/api-keys/:id/rotate', {
    config,
    schema: { ...about, operationId: 'rotateTenantApiKey', summary: 'Make a key in the place of another, which counts for a while longer', params: TenantIdParams, body: RotateBody, response: { 201: MadeKeySchema } }
  }, async ({ params, body, operator }, reply) => {
    reply.code(201).header('cache-control', 'no-store')
    return await rotateApiKey(deps, { ...params, graceSeconds: body.graceSeconds ?? DEFAULT_GRACE_SECONDS, actor: operator.name })
  })

  app.delete('/api-keys/:id', {
    config,
    schema: { ...about, operationId: 'revokeTenantApiKey', summary: 'End an API key', description: 'Of a key that counts in several tenants, this one is taken away. It is out everywhere within five seconds.', params: TenantIdParams, response: { 204: Type.Null() } }
  }, async ({ params, operator }, reply) => {
    await revokeApiKey(deps, { ...params, actor: operator.name })
    return await reply.code(204).send(null)
  })
}

/** The same for the whole platform: who has a role in every tenant, and keys of any tenants. */
export const platformAccessRoutes: FastifyPluginAsyncTypebox<AccessRoutesOptions> = async (app, deps) => {
  const config = { permission: 'platform-access:manage' } as const

  app.get('/grants', {
    config,
    schema: { ...about, operationId: 'listGrants', summary: 'Who was let into all tenants, or runs the platform', querystring: Type.Object(PageQuery), response: { 200: page(GrantSchema) } }
  }, async ({ query }) => await listGrants(deps, { ...query, tenantId: null }) as never)

  app.post('/grants', {
    config,
    schema: { ...about, operationId: 'addGrant', summary: 'Let somebody into all tenants, or have them run the platform', body: grantBody(RANKS), response: { 201: GrantSchema } }
  }, async ({ body: { expiresAt, ...body }, operator }, reply) => {
    reply.code(201)
    return await addGrant(deps, { ...body, tenantId: null, expiresAt: timeOf(expiresAt), actor: operator.name })
  })

  app.delete('/grants/:id', {
    config,
    schema: { ...about, operationId: 'removeGrant', summary: 'Take such a role away', params: IdParams, response: { 204: Type.Null() } }
  }, async ({ params: { id }, operator }, reply) => {
    await removeGrant(deps, { tenantId: null, id, actor: operator.name })
    return await reply.code(204).send(null)
  })

  app.get('/api-keys', {
    config,
    schema: { ...about, operationId: 'listApiKeys', summary: 'All API keys, without what is secret', querystring: Type.Object(PageQuery), response: { 200: page(ApiKeySchema) } }
  }, async ({ query }) => toAnswer(await listApiKeys(deps, query)))

  app.post('/api-keys', {
    config,
    schema: {
      ...about,
      operationId: 'createApiKey',
      summary: 'Make an API key, also for several tenants; it is shown only now',
      body: Type.Object({ ...keyBody(ROLES).properties, tenantIds: Type.Optional(Type.Array(Uuid, { maxItems: 1_000, description: 'None for platform-admin, at least one for every other role.' })) }, { additionalProperties: false }),
      response: { 201: MadeKeySchema }
    }
  }, async ({ body: { expiresAt, tenantIds = [], ...body }, operator }, reply) => {
    reply.code(201).header('cache-control', 'no-store')
    const [tenantId, ...alsoIn] = tenantIds
    return await createApiKey(deps, { ...body, tenantId, alsoIn, expiresAt: expiryOf(expiresAt), maxDays: MAX_DAYS, actor: operator.name })
  })

  app.post('/api-keys/:id/rotate', {
    config,
    schema: { ...about, operationId: 'rotateApiKey', summary: 'Make a key in the place of another, which counts for a while longer', params: IdParams, body: RotateBody, response: { 201: MadeKeySchema } }
  }, async ({ params, body, operator }, reply) => {
    reply.code(201).header('cache-control', 'no-store')
    return await rotateApiKey(deps, { ...params, graceSeconds: body.graceSeconds ?? DEFAULT_GRACE_SECONDS, actor: operator.name })
  })

  app.delete('/api-keys/:id', {
    config,
    schema: { ...about, operationId: 'revokeApiKey', summary: 'End an API key', description: 'It is out everywhere within five seconds.', params: IdParams, response: { 204: Type.Null() } }
  }, async ({ params, operator }, reply) => {
    await revokeApiKey(deps, { ...params, actor: operator.name })
    return await reply.code(204).send(null)
  })
}

const toAnswer = (keys: { readonly items: readonly ApiKeyView[], readonly nextCursor: string | null }): never => keys as never
