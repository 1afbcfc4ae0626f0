import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { IntuneError } from '../../src/intune/intune-error.js'
import { LINKS } from '../../src/intune/advice.js'
import { type KnownOfTenant, stepsOf } from '../../src/onboarding/connector-steps.js'
import { diagnoseInstallation } from '../../src/onboarding/doctor/diagnose-installation.js'
import { checkConditionalAccess, checkConnector, checkSetup } from '../../src/onboarding/doctor/intune-checks.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'
import { makeCertificate } from '../intune/make-certificate.js'

const CONNECTOR = '5a11ab0e-0000-4000-8000-00000000c0de'
const OURS = { connectorId: CONNECTOR, isConnected: true }
const answering = (value: unknown[]) => ({ send: async () => ({ value }) })
const forbidding = { async send (): Promise<never> { throw new IntuneError('unauthorized', 'Microsoft Graph answered 403', { status: 403 }) } }

t.test('each state in which Intune can show the connector is told in words', async (t) => {
  const states: ReadonlyArray<readonly [string, object, string]> = [
    ['enabled', { androidEnabled: true }, 'ok'], ['enabled', {}, 'warning'], ['available', {}, 'broken'], ['unavailable', {}, 'broken'], ['notSetUp', {}, 'broken'],
    ['unknownFutureValue', {}, 'broken'], ['unresponsive', {}, 'broken'], ['error', {}, 'broken'], ['somethingNew', {}, 'warning']
  ]
  for (const [partnerState, more, state] of states) {
    const [check] = await checkConnector(answering([{ id: CONNECTOR.toUpperCase(), partnerState, ...more }]), 't', OURS)
    t.match(check, { check: 'connector', state }, partnerState)
    t.equal(check!.nextAction === null, state === 'ok', partnerState)
  }
  t.match(await checkConnector(answering([{ id: '2c7790de-8b02-4814-85cf-e0c59380dee8' }]), 't', OURS), [{ state: 'broken', text: /but Lookout/, nextAction: /INTUNE_CONNECTOR_ID/ }])
  t.match(await checkConnector(answering([{ id: CONNECTOR, partnerState: 'unavailable' }]), 't', { ...OURS, isConnected: false }), [{ state: 'warning', nextAction: /provision/ }], 'before it was ever connected')
  t.match(await checkConnector(forbidding, 't', OURS), [{ state: 'unknown', text: /DeviceManagementServiceConfig\.Read\.All/ }])
})

t.test('Conditional Access that asks for no compliant device, or is not on, is worth a word', async (t) => {
  const policy = (state: string, builtInControls: string[]) => ({ displayName: 'Compliant phones', state, grantControls: { builtInControls } })
  t.match(await checkConditionalAccess(answering([policy('enabled', ['compliantDevice'])]), 't'), [{ state: 'ok' }])
  t.match(await checkConditionalAccess(answering([policy('enabledForReportingButNotEnforced', ['compliantDevice'])]), 't'), [{ state: 'warning', text: /not on/ }])
  t.match(await checkConditionalAccess(answering([policy('enabled', ['mfa']), { displayName: 'Block', grantControls: null }]), 't'), [{ state: 'warning' }])
  t.match(await checkConditionalAccess(forbidding, 't'), [{ state: 'unknown', text: /Policy\.Read\.All/ }])
})

t.test('what was not wished of us is unknown; what is missing of a wish is broken, by its part', async (t) => {
  const answer = { wish: null, complete: null, appliedAt: null, appliedBy: null, lastError: null, steps: [], conflicts: [], items: [] }
  t.ok(checkSetup(answer).every(({ state }) => state === 'unknown'))
  const wish = { android: { packageId: 'com.example.x', limit: 'low' as const } }
  const step = (key: string, action: 'keep' | 'create') => ({ key, action, text: `${key}.`, state: 'planned' as const, error: null })
  const checks = checkSetup({ ...answer, wish, complete: false, steps: [step('app-android', 'keep'), step('config-android', 'create'), step('policy-x', 'keep')], conflicts: [{ kind: 'two-vendors', blocking: true, text: 'Two.', remedy: 'One.' }] })
  t.strictSame(checks.map(({ check, state }) => `${check} ${state}`), ['app ok', 'app-configuration broken', 'policies ok', 'conflict-two-vendors broken'])
})

const KNOWN: KnownOfTenant = {
  connector: { state: 'not-provisioned', lastError: null, heartbeatAt: null, provisionedAt: null }, consent: undefined, diagnosis: undefined,
  setup: { wish: null, appliedAt: null, appliedBy: null, lastError: null }, keys: [], now: new Date('2026-11-23T12:00:00Z')
}

t.test('a step that failed is the one that the error names; those before it are done, those after it wait', async (t) => {
  const errors: Record<string, string> = {
    credential: 'Entra refuses our app: AADSTS7000215: Invalid client secret.',
    consent: 'Entra refuses our app: AADSTS7000229: missing service principal.',
    roles: 'Intune answered 403. The app needs update_device_health and an administrator\'s consent.',
    discovery: 'The tenant\'s list of services has no PartnerTenantDataSyncService.',
    provisioning: 'Intune did not provision the tenant: the tenant\'s state is 0 afterwards'
  }
  for (const [link, lastError] of Object.entries(errors)) {
    const steps = stepsOf({ ...KNOWN, connector: { ...KNOWN.connector, state: 'failed', lastError } }).slice(0, LINKS.length)
    const at = steps.findIndex(({ step }) => step === link)
    t.match(steps[at], { state: 'failed', nextAction: /./ }, link)
    t.ok(steps.slice(0, at).every(({ state }) => state === 'done'), `${link}: before`)
    t.ok(steps.slice(at + 1).every(({ state }) => state !== 'done'), `${link}: after`)
  }
})

t.test('a tenant that runs has all links; silence of a day is seen', async (t) => {
  const running = { state: 'provisioned' as const, lastError: null, heartbeatAt: new Date('2026-11-23T11:30:00Z'), provisionedAt: new Date('2026-11-01T00:00:00Z') }
  t.ok(stepsOf({ ...KNOWN, connector: running }).slice(0, LINKS.length).every(({ state, nextAction }) => state === 'done' && nextAction === null))
  t.match(stepsOf({ ...KNOWN, connector: { ...running, heartbeatAt: new Date('2026-11-22T10:00:00Z') } }).find(({ step }) => step === 'heartbeat'), { state: 'failed', text: /26 hours/ })
  t.match(stepsOf(KNOWN).find(({ step }) => step === 'consent'), { state: 'todo', nextAction: /tenant connect/ })
})

t.test('the installation: our address, our credentials and their ends, and how each tenant stands', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const { file } = await makeCertificate(t)
  const { privateKey } = await generateKeyPair('RS256')
  const expired = await new SignJWT({}).setProtectedHeader({ alg: 'RS256' }).setIssuer('x').setSubject('y').setExpirationTime(1).sign(privateKey)
  const folder = dirname(file)
  await writeFile(join(folder, 'token'), expired)
  const run = async (publicUrl: string, app: object) => await diagnoseInstallation({ db, publicUrl, apps: { INTUNE_CLIENT_ID: { clientId: 'a', ...app } } })
  const states = async (...input: Parameters<typeof run>): Promise<string[]> => (await run(...input)).checks.filter(({ check }) => /^(?:public-url|credential|tenant-)/.test(check)).map(({ state }) => state)
  t.strictSame(await states('https://mtd.example', { clientSecret: 'x' }), ['ok', 'ok', 'warning'])
  t.strictSame(await states('http://127.0.0.1:8080', { clientCertificatePath: file }), ['warning', 'warning', 'warning'], 'it expires within the hour')
  t.match(await run('http://mtd.example', { federatedTokenPath: `${folder}/token` }), { healthy: false })
  t.match((await run('http://mtd.example', { federatedTokenPath: `${folder}/token` })).checks.slice(-3), [{ check: 'public-url', state: 'broken' }, { check: 'credential-INTUNE_CLIENT_ID', state: 'broken', text: /expired/ }, { check: `tenant-${tenantId}`, nextAction: `sallyport doctor --tenant ${tenantId}` }])
  t.match((await run('https://mtd.example', { clientCertificatePath: `${folder}/${randomUUID()}` })).checks.at(-2), { state: 'broken', text: /cannot be read/ })
  const signInOf = async (answers: ReadonlyArray<{ metadataUrl: string, error: string | undefined }>) => (await diagnoseInstallation({ db, publicUrl: 'https://mtd.example', apps: {}, askSignIn: async () => answers })).checks.filter(({ check }) => check === 'sign-in')
  t.match(await signInOf([{ metadataUrl: 'https://a.test', error: undefined }, { metadataUrl: 'https://b.test', error: 'nobody answers' }]), [{ state: 'ok' }, { state: 'broken', text: /b\.test.*nobody answers/, nextAction: /OIDC_CA_FILE/ }])
  t.match(await signInOf([]), [{ state: 'warning', nextAction: /OIDC_PLATFORM_TENANTS/ }])
})
