import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type ConsentDeps, createConsentLink, finishConsent } from '../../onboarding/consent.js'
import { diagnoseInstallation, type InstallationDeps } from '../../onboarding/doctor/diagnose-installation.js'
import { CONSENT_PAGE_HEADERS, renderConsentPage } from '../consent-page.js'
import { DiagnosisSchema, Text, Time, Uuid } from '../schemas.js'

export interface OnboardingRoutesOptions extends ConsentDeps, InstallationDeps {}

export const ConsentLinkSchema = Type.Object({
  url: Type.String({ description: 'To be opened by a Global Administrator of the Entra tenant; good for one consent.' }),
  expiresAt: Time,
  redirectUri: Type.String({ description: 'Where Entra sends the administrator afterwards; the app registration must list it.' })
}, { title: 'ConsentLink' })

// Whatever is wrong with them is told on the page, to a person; so they are taken as they come.
const Given = Type.Optional(Type.Unknown())
const textOf = (value: unknown): string | undefined => typeof value === 'string' && value !== '' ? value.slice(0, 2_000).replaceAll('\0', '') : undefined

/** Where Entra sends an administrator back to. Anyone can come here; the state decides. */
export const consentRedirectRoutes: FastifyPluginAsyncTypebox<OnboardingRoutesOptions> = async (app, deps) => {
  app.get('/onboarding/consent', {
    config: { access: 'public' },
    // It uses the state up, which only a person's visit may.
    exposeHeadRoute: false,
    schema: {
      tags: ['intune'],
      security: [],
      operationId: 'finishConsent',
      summary: 'Come back from Entra\'s consent page',
      querystring: Type.Object({ state: Given, tenant: Given, admin_consent: Given, error: Given, error_description: Given, scope: Given }),
      response: { 200: { description: 'A page for the administrator that says what became of the consent.', content: { 'text/html': { schema: Type.String() } } } }
    }
  }, async ({ query }, reply) => {
    const result = await finishConsent(deps, {
      state: textOf(query.state), tenant: textOf(query.tenant), adminConsent: textOf(query.admin_consent), error: textOf(query.error), errorDescription: textOf(query.error_description)
    })
    return reply.headers(CONSENT_PAGE_HEADERS).send(renderConsentPage(result) as never)
  })
}

/** New customers, for whoever runs the platform. */
export const onboardingRoutes: FastifyPluginAsyncTypebox<OnboardingRoutesOptions> = async (app, deps) => {
  app.post('/onboarding/consent', {
    config: { permission: 'tenant:manage' },
    schema: {
      tags: ['intune'],
      security: [{ apiKey: [] }],
      operationId: 'inviteTenant',
      summary: 'Make a consent link for a new customer, who is added when an administrator has consented',
      body: Type.Object({
        name: Text({ minLength: 1, maxLength: 200, description: 'What people call the customer.' }),
        entraTenantId: Type.Optional(Type.Unsafe<string>({ ...Uuid, description: 'Its Entra tenant, as it told you by another way. Left out: whichever its administrator comes back from; compare before you hand out anything.' }))
      }),
      response: { 201: ConsentLinkSchema }
    }
  }, async ({ body, operator }, reply) => {
    reply.code(201).header('cache-control', 'no-store')
    return await createConsentLink(deps, { newTenantName: body.name, entraTenantId: body.entraTenantId, actor: operator.name })
  })

  app.get('/onboarding/doctor', {
    config: { permission: 'tenant:manage' },
    schema: { tags: ['intune'], security: [{ apiKey: [] }], operationId: 'diagnoseInstallation', summary: 'Check what concerns all tenants, and how each stands', response: { 200: DiagnosisSchema } }
  }, async () => await diagnoseInstallation(deps) as never)
}
