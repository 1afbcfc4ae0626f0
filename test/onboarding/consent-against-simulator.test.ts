import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { createIntuneClient, type IntuneClientOptions } from '../../src/intune/intune-client.js'
import { type ConsentDeps, type ConsentResult, createConsentLink, finishConsent } from '../../src/onboarding/consent.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'
import { startSimulatedIntune } from '../intune/simulator.js'

const APP = '44444444-4444-4444-8444-444444444444'
const PUBLIC_URL = 'https://mtd.example'
const REDIRECT = `${PUBLIC_URL}/v1/onboarding/consent`
const REGISTRATION = { displayName: 'Our MTD', secret: 'a secret', redirectUris: [REDIRECT], requiredRoles: { graph: ['Application.Read.All'], intune: ['update_device_health'] } }

async function setUp (t: Test, registration: object = {}, options: Partial<IntuneClientOptions> = {}) {
  const { db } = await createTestDatabase(t)
  const simulated = await startSimulatedIntune(t, db)
  const { simulator, clientOptions, control } = simulated
  await control('PUT', `/applications/${APP}`, { ...REGISTRATION, ...registration })
  const { clientSecret, ...rest } = clientOptions
  const intune = createIntuneClient({ ...rest, clientId: APP, ...(options.federatedTokenPath === undefined ? { clientSecret: 'a secret' } : {}), ...options })
  t.teardown(async () => await intune.close())
  const deps: ConsentDeps = { db, intune, log: silentLog, publicUrl: PUBLIC_URL }
  /** An administrator's browser: opens the link at Entra, and comes back to us. */
  const browse = async (url: string): Promise<ConsentResult> => {
    const answer = await fetch(url.replace(simulator.httpsUrl, simulator.httpUrl), { redirect: 'manual' })
    const location = new URL(answer.headers.get('location') ?? '')
    t.equal(location.origin + location.pathname, REDIRECT)
    const { searchParams: query } = location
    const given = (name: string): string | undefined => query.get(name) ?? undefined
    return await finishConsent(deps, { state: given('state'), tenant: given('tenant'), adminConsent: given('admin_consent'), error: given('error'), errorDescription: given('error_description') })
  }
  return { ...simulated, db, deps, intune, browse }
}

t.test('an administrator consents at Entra, and the token that Entra then gives proves it', async (t) => {
  const { deps, intune, tenantId, entraTenantId, browse } = await setUp(t)
  await t.rejects(intune.access.inspect(entraTenantId), { code: 'intune-unauthorized' })
  t.match(await browse((await createConsentLink(deps, { tenantId, actor: 'test' })).url), { outcome: 'granted' })
  t.match(await intune.access.inspect(entraTenantId), { entraTenantId, graph: ['Application.Read.All'], intune: ['update_device_health'] })
})

t.test('a refusal at Entra, and an app that asks for too little, are told', async (t) => {
  const { deps, tenantId, browse, control } = await setUp(t, { requiredRoles: { graph: ['Application.Read.All'] } })
  await control('PUT', '/consent', { decision: 'deny' })
  t.match(await browse((await createConsentLink(deps, { tenantId, actor: 'test' })).url), { outcome: 'denied' })
  await control('PUT', '/consent', { decision: 'approve' })
  t.match(await browse((await createConsentLink(deps, { tenantId, actor: 'test' })).url), { outcome: 'granted', text: /update_device_health/ })
})

t.test('a new customer is whoever consented, proven', async (t) => {
  const { db, deps, browse, control } = await setUp(t)
  const other = randomUUID()
  await control('PUT', `/tenants/${other}`, {})
  await control('PUT', '/consent', { decision: 'approve', tenantId: other })
  t.match(await browse((await createConsentLink(deps, { newTenantName: 'NewCo', actor: 'test' })).url), { outcome: 'granted' })
  t.match(await db.selectFrom('tenant').select('name').where('entra_tenant_id', '=', other).executeTakeFirst(), { name: 'NewCo' })
})

t.test('the app may prove itself with a federated token, which is read anew when it is renewed', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const issuer = 'https://cluster.example'
  const file = join(t.testdir({}), 'token')
  const write = async (subject: string): Promise<void> => await writeFile(file, `${await new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).setIssuer(issuer).setSubject(subject).setAudience('api://AzureADTokenExchange').setIssuedAt().setExpirationTime('10m').setJti(randomUUID()).sign(privateKey)}\n`)
  const { deps, intune, tenantId, entraTenantId, browse } = await setUp(t, {
    secret: undefined, federatedCredentials: [{ issuer, subject: 'worker', jwks: { keys: [{ ...await exportJWK(publicKey), kid: 'k1', alg: 'RS256' }] } }]
  }, { federatedTokenPath: file })
  await write('worker')
  t.match(await browse((await createConsentLink(deps, { tenantId, actor: 'test' })).url), { outcome: 'granted' })
  await write('somebody else')
  await t.rejects(intune.access.inspect(entraTenantId), { code: 'intune-unauthorized', message: /AADSTS700/ })
  await write('worker')
  t.match(await intune.access.inspect(entraTenantId), { intune: ['update_device_health'] })
})
