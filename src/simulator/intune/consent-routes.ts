import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Application } from './application.js'
import { type ConsentDecision, grantConsent } from './consent.js'
import { EntraError } from './entra-errors.js'
import type { Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'
import { GUID } from './vocabulary.js'

type Query = Readonly<Record<string, string | undefined>>

/**
 * The admin consent page. By itself it does what `/_sim/consent` says; told to ask, it shows a
 * page with a button for each answer.
 */
export const consentRoutes: FastifyPluginAsync<{ readonly store: TenantStore }> = async (app, { store }) => {
  app.get<{ Params: { tenantId: string }, Querystring: Query }>('/:tenantId/v2.0/adminconsent', async (request, reply) => {
    const { query } = request
    try {
      const { application, redirectUri, scope } = readQuery(store, query)
      const { decision, ...words } = { ...store.consent, ...pressed(query) }
      const tenant = signedInTo(store, request.params.tenantId, words.tenantId)
      if (decision === 'ask' || tenant === undefined) return await sendPage(reply, askPage(application, tenant === undefined ? [...store.list()] : [tenant], request.url))
      const target = new URL(redirectUri)
      const add = (entries: Readonly<Record<string, string>>): void => { for (const [name, value] of Object.entries(entries)) target.searchParams.set(name, value) }
      if (decision === 'deny') {
        add({ error: words.error, error_description: words.errorDescription })
      } else {
        grantConsent(tenant, application)
        store.reevaluate(tenant)
      }
      add({ admin_consent: 'True', tenant: tenant.id, scope, ...(query.state === undefined ? {} : { state: query.state }) })
      return await reply.redirect(target.href, 302)
    } catch (error) {
      if (!(error instanceof EntraError)) throw error
      // Without an address that is known to be the application's own, the error stays on the page.
      reply.code(error.statusCode)
      return await sendPage(reply, page('Sorry, but we’re having trouble signing you in.', `<p>AADSTS${error.aadsts}: ${escape(error.message)}</p>`))
    }
  })
}

/** @throws EntraError */
function readQuery (store: TenantStore, query: Query): { application: Application, redirectUri: string, scope: string } {
  const required = (name: string): string => {
    const value = query[name]
    if (value === undefined || value === '') throw new EntraError(400, 'invalid_request', 900144, `The request body must contain the following parameter: '${name}'.`)
    return value
  }
  const clientId = required('client_id')
  const application = store.applications.get(clientId.toLowerCase())
  if (application === undefined) throw new EntraError(400, 'unauthorized_client', 700016, `Application with identifier '${clientId}' was not found in the directory.`)
  const redirectUri = required('redirect_uri')
  if (!application.redirectUris.includes(redirectUri)) {
    throw new EntraError(400, 'invalid_request', 50011, `The redirect URI '${redirectUri}' specified in the request does not match the redirect URIs configured for the application '${clientId}'.`)
  }
  const scope = required('scope')
  for (const one of scope.split(' ')) {
    if (!one.endsWith('/.default')) throw new EntraError(400, 'invalid_scope', 70011, `The provided value for the input parameter 'scope' is not valid. The scope ${one} is not valid: application permissions need '/.default'.`)
  }
  return { application, redirectUri, scope }
}

/** The tenant whose administrator is there; undefined: nobody has said which. @throws EntraError */
function signedInTo (store: TenantStore, segment: string, chosen: string | undefined): Tenant | undefined {
  if (segment === 'common' || segment === 'consumers') {
    throw new EntraError(400, 'invalid_request', 50059, `No tenant-identifying information found: the administrator of one tenant consents, so '${segment}' cannot be used. Use 'organizations' or the tenant's id.`)
  }
  if (segment !== 'organizations') {
    const tenant = GUID.test(segment) ? store.find(segment) : undefined
    if (tenant === undefined) throw new EntraError(400, 'invalid_request', 90002, `Tenant '${segment}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`)
    return tenant
  }
  const tenants = [...store.list()]
  return chosen === undefined ? tenants.length === 1 ? tenants[0] : undefined : store.find(chosen)
}

/** The button somebody pressed on the page. */
function pressed ({ sim_decision: decision, sim_tenant: tenantId }: Query): Partial<Pick<ConsentDecision, 'decision' | 'tenantId'>> {
  return decision === 'approve' || decision === 'deny' ? { decision, ...(tenantId === undefined ? {} : { tenantId }) } : {}
}

function askPage (application: Application, tenants: readonly Tenant[], url: string): string {
  const { graph, intune, apis } = application.requiredRoles
  const roles = [...graph.map((role) => `Microsoft Graph: ${role}`), ...intune.map((role) => `Microsoft Intune API: ${role}`), ...Object.entries(apis).flatMap(([id, own]) => own.map((role) => `${id}: ${role}`))]
  const link = (decision: string, tenant: Tenant): string => `<a href="${escape(`${url}&sim_decision=${decision}&sim_tenant=${tenant.id}`)}">${decision === 'approve' ? 'Accept' : 'Cancel'}</a>`
  return page('Permissions requested', [
    `<p>${escape(application.displayName)} (${application.clientId}) would like to:</p>`,
    `<ul>${roles.map((role) => `<li>${escape(role)}</li>`).join('')}</ul>`,
    ...tenants.map((tenant) => `<p>${escape(tenant.displayName)}: ${link('approve', tenant)} · ${link('deny', tenant)}</p>`)
  ].join('\n'))
}

const page = (title: string, body: string): string => `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>\n<body><h1>${title}</h1>\n${body}\n<p>This is a simulator, not Microsoft.</p></body></html>\n`

const sendPage = async (reply: FastifyReply, html: string): Promise<FastifyReply> => await reply.type('text/html; charset=utf-8').send(html)

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
