import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { createConsentLink, type ConsentDeps } from '../../../onboarding/consent.js'
import { diagnoseTenant, type DiagnoseDeps } from '../../../onboarding/doctor/diagnose-tenant.js'
import { getIntuneSetup, type SetupDeps, setUpIntune } from '../../../onboarding/setup/setup-intune.js'
import { SetupWishSchema } from '../../../onboarding/setup/wish.js'
import { DiagnosisSchema, nullable, TenantParams, Time } from '../../schemas.js'
import { ConsentLinkSchema } from '../onboarding.js'

export interface TenantOnboardingRoutesOptions extends ConsentDeps, SetupDeps, DiagnoseDeps {
  readonly intune: ConsentDeps['intune'] & SetupDeps['intune'] & DiagnoseDeps['intune']
}

const StepSchema = Type.Object({
  key: Type.String({ description: 'What it is about: `connector`, `app-ios`, `config-android`, `policy-iosCompliancePolicy` …' }),
  action: Type.Enum(['keep', 'create', 'adopt', 'update', 'assign', 'delete', 'restore', 'forget']),
  text: Type.String(),
  state: Type.Enum(['planned', 'done', 'failed', 'not-reached']),
  error: nullable(Type.String())
})

const SetupSchema = Type.Object({
  wish: nullable(SetupWishSchema),
  complete: nullable(Type.Boolean({ description: 'Whether Intune is as wished now; null: nothing is wished, or it could not be read.' })),
  appliedAt: nullable(Time),
  appliedBy: nullable(Type.String()),
  lastError: nullable(Type.String()),
  steps: Type.Array(StepSchema),
  conflicts: Type.Array(Type.Object({
    kind: Type.String(),
    blocking: Type.Boolean({ description: 'Nothing is applied unless acceptConflicts is true.' }),
    text: Type.String(),
    remedy: Type.String()
  })),
  items: Type.Array(Type.Object({ key: Type.String(), graphId: nullable(Type.String()), made: Type.Boolean({ description: 'False: it was there, and was only changed.' }), changedAt: Time }))
}, { title: 'IntuneSetup' })

const about = { tags: ['intune'], security: [{ apiKey: [] }], params: TenantParams }

/** How a tenant's Microsoft side comes to be set up, and what is wrong with it. */
export const tenantOnboardingRoutes: FastifyPluginAsyncTypebox<TenantOnboardingRoutesOptions> = async (app, deps) => {
  app.post('/connector/consent', {
    config: { permission: 'connector:manage' },
    schema: {
      ...about,
      operationId: 'createConsentLink',
      summary: 'Make the link on which an administrator of the tenant consents to our app',
      body: Type.Object({ app: Type.Optional(Type.Enum(['partner', 'setup'], { description: 'The app that tells levels (the default), or the second one that sets Intune up.' })) }, { additionalProperties: false }),
      response: { 201: ConsentLinkSchema }
    }
  }, async ({ params, body, operator }, reply) => {
    reply.code(201).header('cache-control', 'no-store')
    return await createConsentLink(deps, { ...params, ...body, actor: operator.name })
  })

  app.get('/connector/doctor', {
    config: { permission: 'connector:manage' },
    schema: {
      ...about,
      operationId: 'diagnoseConnector',
      summary: 'Check every link between us and the tenant\'s phones in Intune',
      response: { 200: DiagnosisSchema }
    }
  }, async ({ params }) => await diagnoseTenant(deps, params) as never)

  app.get('/intune/admin-setup', {
    config: { permission: 'connector:manage' },
    schema: { ...about, operationId: 'getIntuneSetup', summary: 'What is set up in Intune, compared with what was wished', response: { 200: SetupSchema } }
  }, async ({ params }) => await getIntuneSetup(deps, params) as never)

  app.post('/intune/admin-setup', {
    config: { permission: 'connector:manage' },
    schema: {
      ...about,
      operationId: 'setUpIntune',
      summary: 'Set Intune up: plan, apply, or undo',
      body: Type.Object({
        plan: Type.Optional(Type.Boolean({ description: 'Say what would be done, and do nothing.' })),
        undo: Type.Optional(Type.Boolean({ description: 'Take away what we made, and put back what we changed.' })),
        acceptConflicts: Type.Optional(Type.Boolean({ description: 'Apply although a conflict blocks it.' })),
        wish: Type.Optional(SetupWishSchema)
      }, { additionalProperties: false }),
      response: { 200: SetupSchema }
    }
  }, async ({ params, body, operator }) => {
    const { plan = false, undo = false, acceptConflicts = false, wish } = body
    return await setUpIntune(deps, { ...params, actor: operator.name, wish, plan, undo, acceptConflicts }) as never
  })
}
