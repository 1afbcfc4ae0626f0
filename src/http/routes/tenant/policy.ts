import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listRescorings } from '../../../devices/retro/rescorings.js'
import { InvalidInputError, PreconditionRequiredError } from '../../../errors.js'
import { applyPolicy, type ExpectedVersion, getPolicy, getPolicyVersion, listPolicies, type PolicyDeps } from '../../../operators/policies.js'
import { getPreview, previewPolicy, type PreviewDeps } from '../../../operators/preview-policy.js'
import { listCatalogue } from '../../../risk/catalogue.js'
import { nullable, page, PageQuery, TenantParams, Text, Time, Uuid } from '../../schemas.js'
import { RescoringSchema } from '../intel-rescorings.js'

export interface PolicyRoutesOptions extends PolicyDeps, PreviewDeps {}

/** A policy is text: YAML, of which JSON is a part. */
const POLICY_MEDIA_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml', 'application/json'] as const
const MAX_POLICY_BYTES = 1024 * 1024

const CatalogueEntrySchema = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  category: Type.String(),
  platforms: Type.Array(Type.String()),
  description: Type.String(),
  defaultSeverity: Type.String(),
  severity: Type.String(),
  raisesLevel: Type.Boolean(),
  attack: Type.Array(Type.String()),
  sections: Type.Array(Type.String()),
  remediation: Type.Object({ user: Type.String(), admin: Type.String() })
})
const AnyPolicy = Type.Record(Type.String(), Type.Unknown(), { description: 'See docs/policy.md.' })
const PolicyBody = Type.Unsafe<string>({ description: 'The policy in YAML or JSON; see docs/policy.md.' })
const VersionSchema = { version: Type.Integer(), author: Type.String(), comment: nullable(Type.String()), createdAt: Time }
const Counts = Type.Object({ secured: Type.Integer(), low: Type.Integer(), medium: Type.Integer(), high: Type.Integer() })
const PreviewSchema = Type.Object({
  previewId: Uuid,
  status: Type.Enum(['waiting', 'running', 'done', 'failed']),
  devices: Type.Integer({ description: 'Phones looked at so far; when it is done, all that have a level.' }),
  error: Type.Optional(Type.String()),
  byLevel: Type.Optional(Type.Object({ now: Counts, then: Counts })),
  changes: Type.Optional(Type.Array(Type.Object({
    from: Type.String(),
    to: Type.String(),
    count: Type.Integer(),
    because: Type.Array(Type.Object({ detection: Type.String(), count: Type.Integer() }))
  }))),
  newlyNoncompliant: Type.Optional(Type.Object({ secured: Type.Integer(), low: Type.Integer(), medium: Type.Integer() }, { description: 'Phones that Intune would block under a compliance policy that allows at most this level, and does not block now.' })),
  newlyCompliant: Type.Optional(Type.Object({ secured: Type.Integer(), low: Type.Integer(), medium: Type.Integer() })),
  examples: Type.Optional(Type.Array(Type.Object({
    deviceId: Uuid,
    from: Type.String(),
    to: Type.String(),
    groups: Type.Array(Type.String()),
    findings: Type.Array(Type.Object({ detection: Type.String(), subject: Type.String(), severity: Type.String(), title: Type.String() }))
  }))),
  seconds: Type.Optional(Type.Number())
}, { title: 'PolicyPreview' })
const about = { tags: ['policy'], security: [{ apiKey: [] }] }

/** What counts as dangerous for a tenant. */
export const policyRoutes: FastifyPluginAsyncTypebox<PolicyRoutesOptions> = async (scope, deps) => {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser([...POLICY_MEDIA_TYPES], { parseAs: 'string', bodyLimit: MAX_POLICY_BYTES }, (_request, body, done) => done(null, body))

  app.get('/policy', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'getPolicy',
      summary: 'The policy in force',
      description: 'What holds for phones in no group, with what is built in; and the groups. `ETag` is its version, for `If-Match`.',
      params: TenantParams,
      response: { 200: AnyPolicy }
    }
  }, async ({ params }, reply) => {
    const policy = await getPolicy(deps, params)
    reply.header('etag', `"${policy.version}"`)
    return policy as never
  })

  app.put('/policy', {
    bodyLimit: MAX_POLICY_BYTES,
    config: { permission: 'policy:write' },
    schema: {
      ...about,
      operationId: 'applyPolicy',
      summary: 'Put a policy in force',
      description: 'Takes the place of the whole document before; what it leaves out is as built in. All phones are judged anew by it, the newest telemetry first. A faulty one is refused with all its faults, and the one before stays in force.',
      params: TenantParams,
      querystring: Type.Object({ comment: Type.Optional(Text({ maxLength: 500, description: 'Why, for the record.' })) }),
      headers: Type.Object({ 'if-match': Type.Optional(Type.String({ maxLength: 64, description: 'Version that the change starts from, as `ETag` had it; `*`: whatever is there.' })) }),
      consumes: [...POLICY_MEDIA_TYPES],
      body: PolicyBody,
      response: { 200: Type.Object({ version: Type.Integer(), changed: Type.Boolean(), rescoringId: nullable(Type.Integer({ description: 'In `GET …/rescorings`: how far phones are judged by it.' })) }) }
    }
  }, async ({ params, query, headers, body = '', operator }, reply) => {
    const applied = await applyPolicy(deps, { ...params, ...query, text: body, expected: expectedVersion(headers['if-match']), actor: operator.name })
    reply.header('etag', `"${applied.version}"`)
    return applied
  })

  app.get('/policy/versions', {
    config: { permission: 'fleet:read' },
    schema: { ...about, operationId: 'listPolicyVersions', summary: 'Every version of the policy', params: TenantParams, querystring: Type.Object(PageQuery), response: { 200: page(Type.Object(VersionSchema)) } }
  }, async ({ params, query }) => await listPolicies(deps, { ...query, ...params }) as never)

  app.get('/policy/versions/:version', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'getPolicyVersion',
      summary: 'A version of the policy, as its author wrote it',
      params: Type.Object({ tenantId: Uuid, version: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
      response: { 200: Type.Object({ ...VersionSchema, source: Type.String(), document: AnyPolicy }) }
    }
  }, async ({ params }) => await getPolicyVersion(deps, params) as never)

  app.post('/policy/preview', {
    bodyLimit: MAX_POLICY_BYTES,
    config: { permission: 'policy:preview' },
    schema: {
      ...about,
      operationId: 'previewPolicy',
      summary: 'What a policy would change',
      description: 'Answered from what is stored of each phone, by a worker; nothing is changed. Waits for the answer; with `Prefer: respond-async` it does not (202).',
      params: TenantParams,
      headers: Type.Object({ prefer: Type.Optional(Type.String({ maxLength: 200 })) }),
      consumes: [...POLICY_MEDIA_TYPES],
      body: PolicyBody,
      response: { 200: PreviewSchema, 202: PreviewSchema }
    }
  }, async ({ params, headers, body = '', operator }, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const mayWait = !/\brespond-async\b/i.test(headers.prefer ?? '')
    const preview = await previewPolicy(deps, { ...params, text: body, requestedBy: operator.name, wait: mayWait, signal: gone.signal })
    const isOver = preview.status === 'done' || preview.status === 'failed'
    reply.code(isOver ? 200 : 202).header('location', `/v1/tenants/${params.tenantId}/policy/previews/${preview.previewId}`)
    return preview as never
  })

  app.get('/policy/previews/:previewId', {
    config: { permission: 'policy:preview' },
    schema: { ...about, operationId: 'getPolicyPreview', summary: 'How far a preview is, or its answer', params: Type.Object({ tenantId: Uuid, previewId: Uuid }), response: { 200: PreviewSchema } }
  }, async ({ params }) => await getPreview(deps, params) as never)

  app.get('/rescorings', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'listTenantRescorings',
      summary: 'How far phones are judged anew for changes of policy and suppressions',
      params: TenantParams,
      querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })) }),
      response: { 200: page(RescoringSchema) }
    }
  }, async ({ params, query }) => ({ items: await listRescorings(deps.db, { limit: query.limit ?? 50, tenantId: params.tenantId }), nextCursor: null }) as never)

  app.get('/detections', {
    config: { permission: 'fleet:read' },
    schema: {
      ...about,
      operationId: 'listDetections',
      summary: 'The catalogue with each detection\'s effective severity',
      params: TenantParams,
      response: { 200: Type.Object({ items: Type.Array(CatalogueEntrySchema), nextCursor: Type.Null() }) }
    }
  }, async ({ params }) => ({ items: [...listCatalogue(await getPolicy(deps, params))] as never, nextCursor: null }))
}

/** RFC 9110, section 13.1.1, for versions that are numbers. @throws PreconditionRequiredError, InvalidInputError */
function expectedVersion (ifMatch: string | undefined): ExpectedVersion {
  if (ifMatch === undefined) throw new PreconditionRequiredError('Say which version of the policy yours starts from: If-Match: "<version>" as GET had it in ETag, or * for whatever is in force.')
  if (ifMatch.trim() === '*') return 'any'
  const version = /^\s*"?(\d{1,15})"?\s*$/.exec(ifMatch)?.[1]
  if (version === undefined) throw new InvalidInputError([{ path: '/headers/if-match', message: 'must be one version, such as "3", or *' }])
  return Number(version)
}
