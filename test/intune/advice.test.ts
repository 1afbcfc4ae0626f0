import fc from 'fast-check'
import t from 'tap'
import { adviseOn, LINKS } from '../../src/intune/advice.js'
import { IntuneError, type IntuneFailure } from '../../src/intune/intune-error.js'

/** What is seen, and the link it must point at. */
const TABLE: ReadonlyArray<readonly [text: string, failure: IntuneFailure, code: string, link: string | null]> = [
  ['Entra refuses our app: AADSTS7000215: Invalid client secret provided.', 'unauthorized', 'wrong-secret', 'credential'],
  ['Entra refuses our app: AADSTS7000222: The provided client secret keys are expired.', 'unauthorized', 'expired-secret', 'credential'],
  ['Entra refuses our app: AADSTS700027: The certificate is not registered on application.', 'unauthorized', 'unknown-certificate', 'credential'],
  ['Entra refuses our app: AADSTS700024: Client assertion is not within its valid time range.', 'unauthorized', 'assertion-out-of-time', 'credential'],
  ['Entra refuses our app: AADSTS70021: No matching federated identity record found.', 'unauthorized', 'no-federated-credential', 'credential'],
  ['Entra refuses our app: AADSTS700213: No matching federated identity record found for presented assertion subject.', 'unauthorized', 'no-federated-credential', 'credential'],
  ['The federated token cannot be read: ENOENT: no such file', 'unauthorized', 'no-federated-token', 'credential'],
  ['Entra refuses our app: AADSTS7000112: Application is disabled.', 'unauthorized', 'app-disabled', 'credential'],
  ['Entra refuses our app: AADSTS90002: Tenant not found.', 'unauthorized', 'tenant-unknown', 'consent'],
  ['Entra does not answer for this tenant: either it has no such tenant, or it cannot be reached.', 'unavailable', 'tenant-unknown', 'consent'],
  ['Entra refuses our app: AADSTS700016: Application was not found in the directory.', 'unauthorized', 'app-not-in-tenant', 'consent'],
  ['Entra refuses our app: AADSTS7000229: missing service principal in the tenant.', 'unauthorized', 'no-consent', 'consent'],
  ['Entra refuses our app: AADSTS65001: The user or administrator has not consented.', 'unauthorized', 'no-consent', 'consent'],
  ['Entra refuses our app: AADSTS53003: Access has been blocked by Conditional Access policies.', 'unauthorized', 'blocked-by-policy', 'consent'],
  ['Entra refuses our app: AADSTS500011: The resource principal was not found in the tenant.', 'unauthorized', 'no-intune', 'discovery'],
  ['The tenant has no Microsoft Intune: its service principal is missing.', 'not-set-up', 'no-intune', 'discovery'],
  ['The tenant\'s list of services has no PartnerTenantDataSyncService.', 'not-set-up', 'no-service', 'discovery'],
  ['The tenant\'s list names X at http://a, which is not an https address on an allowed host (INTUNE_ENDPOINT_HOSTS).', 'not-set-up', 'host-refused', 'discovery'],
  ['Intune answered 403. The app needs update_device_health and an administrator\'s consent.', 'unauthorized', 'role-missing', 'roles'],
  ['Microsoft Graph answered 403: Forbidden. The app needs Application.Read.All and an administrator\'s consent.', 'unauthorized', 'graph-role-missing', 'roles'],
  ['Intune answered 401. It does not accept our token.', 'unauthorized', 'token-refused', 'roles'],
  ['Intune did not provision the tenant: the tenant\'s state is 0 afterwards', 'not-set-up', 'not-provisioned', 'provisioning'],
  ['Intune took the message without effect: the tenant is not provisioned there.', 'not-set-up', 'not-provisioned', 'provisioning'],
  ['Intune did not take the heartbeat: the heartbeat was ignored', 'not-set-up', 'heartbeat-refused', 'heartbeat'],
  ['Intune answered 429', 'throttled', 'throttled', null],
  ['Intune answered 503', 'unavailable', 'unavailable', null],
  ['Intune could not be reached: connect ECONNREFUSED', 'unavailable', 'unavailable', null]
]

t.test('what Microsoft says is told as a cause and a remedy, at the link that is broken', async (t) => {
  for (const [text, failure, code, link] of TABLE) {
    for (const error of [new IntuneError(failure, text), text]) {
      const advice = adviseOn(error)
      t.match(advice, { code, link }, text)
      t.match(advice.cause, /^[A-Z].*\.$/, `${code}: a sentence`)
      t.match(advice.remedy, /^[A-Z].*\.$/, `${code}: a sentence`)
    }
  }
})

t.test('what an outage says never sends an administrator off to consent', async (t) => {
  for (const text of ['Intune answered 500: heart of the matter', 'Microsoft Graph could not be reached: socket hang up']) t.equal(adviseOn(new IntuneError('unavailable', text)).link, null, text)
  t.match(adviseOn(new IntuneError('throttled', 'Microsoft Graph answered 429: The app needs a pause')), { link: null, needsPerson: false })
})

t.test('any text gets some advice', async () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.integer({ min: 1, max: 9_999_999 }).map((n) => `AADSTS${n}: x`)), (text) => {
    const { code, link, cause, remedy } = adviseOn(text)
    return code !== '' && cause !== '' && remedy !== '' && (link === null || LINKS.includes(link))
  }))
})
