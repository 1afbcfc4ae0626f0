import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { IntuneError } from '../../src/intune/intune-error.js'
import type { GrantedAccess } from '../../src/intune/app-access.js'
import { startTestApi } from '../helpers/api.js'

const lines: string[] = []
/** Entra as each test wants it. */
const entra = { inspect: async (entraTenantId: string): Promise<GrantedAccess> => ({ entraTenantId, graph: ['Application.Read.All'], intune: ['update_device_health'] }) }
const asked: string[] = []
const nobody = async (): Promise<never> => { throw new IntuneError('unavailable', 'Nobody answers.') }
const access = {
  clientId: 'an-app',
  inspect: async (tenant: string) => {
    asked.push(tenant)
    return await entra.inspect(tenant)
  },
  consentUrl: ({ entraTenantId = 'organizations', redirectUri, state }: { readonly entraTenantId?: string | undefined, readonly redirectUri: string, readonly state: string }) =>
    `https://login.example/${entraTenantId}/v2.0/adminconsent?redirect_uri=${encodeURIComponent(redirectUri)}&state=${state}`
}
const graph = { get: nobody, send: nobody }
const api = await startTestApi(t, {
  log: pino({ level: 'trace' }, { write: (line: string) => { lines.push(line) } }),
  intune: { access, graph, discovery: { findService: nobody, dropServices () {} }, setup: { access, graph, isSeparate: false } }
})
const { app, db, tenantId } = api
const { entra_tenant_id: entraTenantId } = await db.selectFrom('tenant').select('entra_tenant_id').where('id', '=', tenantId).executeTakeFirstOrThrow()
const admin = await api.keyFor('admin')
const platformAdmin = await api.keyFor('platform-admin')

async function makeLink (): Promise<{ state: string, url: URL }> {
  const answer = await api.call(admin, 'POST', `/v1/tenants/${tenantId}/connector/consent`, {})
  const url = new URL(answer.json<{ url: string }>().url)
  return { state: url.searchParams.get('state')!, url }
}

const comeBack = async (query: Record<string, string>) => await app.inject({ url: '/v1/onboarding/consent', query })
const consentStep = async (): Promise<{ state: string, text: string }> =>
  (await api.call(admin, 'GET', `/v1/tenants/${tenantId}/connector`)).json<{ steps: Array<{ step: string, state: string, text: string }> }>().steps.find(({ step }) => step === 'consent')!
const lastAudit = async (tenant: string | null = tenantId) => await db.selectFrom('audit_event').select(['action', 'actor', 'detail']).where('tenant_id', 'is not distinct from', tenant).orderBy('id', 'desc').executeTakeFirst()

/** A page for a person: it loads nothing, is kept nowhere, and shows no stranger's words as anything but text. */
function isPage (t: Test, answer: Awaited<ReturnType<typeof comeBack>>, title: string): void {
  t.equal(answer.statusCode, 200)
  t.match(answer.headers, {
    'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff',
    'content-security-policy': /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/
  })
  t.match(answer.body, `<h1>${title}</h1>`)
  t.notMatch(answer.body, /<script|<img|javascript:/i)
}

t.test('the link asks the tenant that is meant, for our own address, with a state that is stored as a hash only', async (t) => {
  const answer = await api.call(admin, 'POST', `/v1/tenants/${tenantId}/connector/consent`, {})
  t.equal(answer.statusCode, 201)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(answer.json(), { redirectUri: 'https://mtd.example/v1/onboarding/consent', expiresAt: String })
  const url = new URL(answer.json<{ url: string }>().url)
  t.equal(url.pathname, `/${entraTenantId}/v2.0/adminconsent`)
  const state = url.searchParams.get('state')!
  t.ok(state.length >= 43)
  t.notMatch(JSON.stringify(await db.selectFrom('consent_request').selectAll().execute()), state)
  t.match(await lastAudit(), { action: 'consent.requested', detail: { app: 'partner' } })
  t.match(await consentStep(), { state: 'todo', text: /link is out/ })
})

t.test('consent is proven by a token of the tenant that was meant, and told', async (t) => {
  const { state } = await makeLink()
  asked.splice(0)
  isPage(t, await comeBack({ admin_consent: 'True', tenant: entraTenantId.toUpperCase(), state, scope: 'x' }), 'Connected')
  t.strictSame(asked, [entraTenantId])
  t.match(await lastAudit(), { action: 'consent.granted', detail: { roles: ['Application.Read.All', 'update_device_health'], requestedBy: 'admin of the test' } })
  t.match(await consentStep(), { state: 'done' })
})

t.test('a state counts once, and a made-up one never', async (t) => {
  const { state } = await makeLink()
  const both = await Promise.all([comeBack({ admin_consent: 'True', tenant: entraTenantId, state }), comeBack({ admin_consent: 'True', tenant: entraTenantId, state })])
  t.strictSame(both.map(({ body }) => /<h1>(.*)<\/h1>/.exec(body)?.[1]).sort(), ['Connected', 'This link is no longer good'])
  for (const wrong of [{ state }, { state: 'made-up' }, { state: '' }, {}, { state: 'x'.repeat(5_000) }] as Array<Record<string, string>>) isPage(t, await comeBack({ admin_consent: 'True', tenant: entraTenantId, ...wrong }), 'This link is no longer good')
})

t.test('an expired link is no longer good', async (t) => {
  const { state } = await makeLink()
  await db.updateTable('consent_request').set({ expires_at: new Date(Date.now() - 1_000) }).where('used_at', 'is', null).execute()
  isPage(t, await comeBack({ admin_consent: 'True', tenant: entraTenantId, state }), 'This link is no longer good')
  t.match(await consentStep(), { state: 'todo', text: /expired/ })
})

t.test('the tenant in the address proves nothing: another one is refused without asking Entra about it', async (t) => {
  const { state } = await makeLink()
  asked.splice(0)
  isPage(t, await comeBack({ admin_consent: 'True', tenant: randomUUID(), state }), 'Wrong tenant')
  t.strictSame(asked, [])
  t.match(await lastAudit(), { action: 'consent.wrong-tenant' })
  t.match(await consentStep(), { state: 'failed', text: /another tenant/ })
})

t.test('a token of another tenant is no proof', async (t) => {
  const { state } = await makeLink()
  const was = entra.inspect
  t.teardown(() => { entra.inspect = was })
  entra.inspect = async () => ({ entraTenantId: randomUUID(), graph: [], intune: ['update_device_health'] })
  isPage(t, await comeBack({ admin_consent: 'True', tenant: entraTenantId, state }), 'Wrong tenant')
})

t.test('consent that gives no access is told with its cause, and nobody is sent away as connected', async (t) => {
  const { state } = await makeLink()
  const was = entra.inspect
  t.teardown(() => { entra.inspect = was })
  entra.inspect = async () => { throw new IntuneError('unauthorized', 'Entra refuses our app: AADSTS7000229: missing service principal') }
  const answer = await comeBack({ admin_consent: 'True', tenant: entraTenantId, state })
  isPage(t, answer, 'Almost there')
  t.match(answer.body, /No administrator of the tenant has consented/)
  t.match(await lastAudit(), { action: 'consent.unproven', detail: { detail: /AADSTS7000229/ } })
})

t.test('a refusal is told in words, whatever Entra wrote, and its markup is text', async (t) => {
  const { state } = await makeLink()
  const answer = await comeBack({ error: 'access_denied', error_description: 'AADSTS65004: <script>alert(1)</script>', state, admin_consent: 'True', tenant: entraTenantId })
  isPage(t, answer, 'Not connected')
  t.match(answer.body, /Consent was not given/)
  t.match(await lastAudit(), { action: 'consent.denied', detail: { detail: /access_denied: AADSTS65004/ } })
  t.match(await consentStep(), { state: 'failed', text: /not given/ })
})

t.test('a permission that was not granted is told on the page', async (t) => {
  const { state } = await makeLink()
  const was = entra.inspect
  t.teardown(() => { entra.inspect = was })
  entra.inspect = async (tenant) => ({ entraTenantId: tenant, graph: ['Application.Read.All'], intune: [] })
  const answer = await comeBack({ admin_consent: 'True', tenant: entraTenantId, state })
  isPage(t, answer, 'Connected')
  t.match(answer.body, /update_device_health/)
})

t.test('a new customer is added when its administrator has consented, once', async (t) => {
  t.equal((await api.call(admin, 'POST', '/v1/onboarding/consent', { name: 'NewCo' })).statusCode, 403)
  const invite = async (): Promise<string> => new URL((await api.call(platformAdmin, 'POST', '/v1/onboarding/consent', { name: 'NewCo' })).json<{ url: string }>().url).searchParams.get('state')!
  const newTenant = randomUUID()
  const state = await invite()
  t.equal(await db.selectFrom('tenant').select('id').where('name', '=', 'NewCo').executeTakeFirst(), undefined, 'not before')
  isPage(t, await comeBack({ admin_consent: 'True', tenant: newTenant, state }), 'Connected')
  const made = await db.selectFrom('tenant').selectAll().where('name', '=', 'NewCo').execute()
  t.match(made, [{ entra_tenant_id: newTenant }])
  t.match(await lastAudit(made[0]!.id), { action: 'consent.granted' })

  isPage(t, await comeBack({ admin_consent: 'True', tenant: 'not-a-guid', state: await invite() }), 'Not connected')
})

t.test('a link for a new customer leads into nobody else\'s tenant', async (t) => {
  const invite = async (entraTenantId?: string) => await api.call(platformAdmin, 'POST', '/v1/onboarding/consent', { name: 'Mallory Ltd', ...(entraTenantId === undefined ? {} : { entraTenantId }) })
  const stateOf = (answer: Awaited<ReturnType<typeof invite>>): string => new URL(answer.json<{ url: string }>().url).searchParams.get('state')!
  const before = await lastAudit()
  asked.splice(0)
  // It consented, long ago and to another link, so Entra gives us a token; the name in the address is all that says that it is meant.
  isPage(t, await comeBack({ admin_consent: 'True', tenant: entraTenantId, state: stateOf(await invite()) }), 'Wrong tenant')
  t.strictSame(asked, [])
  t.strictSame(await lastAudit(), before, 'nothing is written into the customer\'s audit')
  t.match(await lastAudit(null), { action: 'consent.wrong-tenant', detail: { detail: `the link is for a new customer, and tenant ${entraTenantId} is one already` } })
  t.equal((await invite(entraTenantId)).statusCode, 409)

  const [meant, other] = [randomUUID(), randomUUID()]
  const answer = await invite(meant.toUpperCase())
  t.equal(new URL(answer.json<{ url: string }>().url).pathname, `/${meant}/v2.0/adminconsent`)
  isPage(t, await comeBack({ admin_consent: 'True', tenant: other, state: stateOf(answer) }), 'Wrong tenant')
  t.equal(await db.selectFrom('tenant').select('id').where('name', '=', 'Mallory Ltd').executeTakeFirst(), undefined)
  const [first, second] = [stateOf(await invite(meant)), stateOf(await invite(meant))]
  const pages = await Promise.all([first, second].map(async (state) => await comeBack({ admin_consent: 'True', tenant: meant, state })))
  t.strictSame(pages.map(({ body }) => /<h1>(.*)<\/h1>/.exec(body)?.[1]).sort(), ['Connected', 'Wrong tenant'], 'of two links one makes it')
})

t.test('a second app that there is not is refused', async (t) => {
  const answer = await api.call(admin, 'POST', `/v1/tenants/${tenantId}/connector/consent`, { app: 'setup' })
  t.match(answer.json(), { status: 422, code: 'unprocessable', detail: /INTUNE_SETUP_CLIENT_ID/ })
})

t.test('no state stands in the log', async (t) => {
  const { state } = await makeLink()
  await comeBack({ admin_consent: 'True', tenant: entraTenantId, state })
  await comeBack({ state: `${state}%00`, tenant: 'x' })
  const log = lines.join('')
  t.match(log, /came back from the consent page/)
  t.notMatch(log, state)
})

t.test('strangers who try states are turned away after a while', async (t) => {
  const limited = await startTestApi(t, { rateLimits: { perAddress: 5 } })
  const statuses: number[] = []
  for (let n = 0; n < 7; n++) statuses.push((await limited.app.inject({ url: '/v1/onboarding/consent', query: { state: `guess-${n}` } })).statusCode)
  t.strictSame(statuses, [200, 200, 200, 200, 200, 429, 429])
})
