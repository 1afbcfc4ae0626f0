import { readFile } from 'node:fs/promises'
import { decodeJwt } from 'jose'
import { credentialExpiresAt } from '../../intune/credential-expiry.js'
import type { EntraApp } from '../../intune/entra-credential.js'
import { getConnector } from '../../intune/get-connector.js'
import { describeError } from '../../intune/intune-error.js'
import { listTenants } from '../../operators/tenants.js'
import { blotOut } from '../../platform/log.js'
import { broken, type Check, type Diagnosis, isHealthy, ok, unknown, warning } from './check.js'
import { checkInstallation } from './installation-checks.js'
import { describeFailure, type FactsDeps, readInstallationFacts } from './installation-facts.js'

export interface InstallationDeps extends FactsDeps {
  readonly publicUrl: string
  /** Our Entra apps, by the setting that names each. */
  readonly apps: Readonly<Record<string, EntraApp>>
  /** Asks the provider that operators sign in with, wherever it has keys for us; undefined: none is configured. */
  readonly askSignIn?: (() => Promise<readonly SignInAnswer[]>) | undefined
  readonly now?: () => Date
}

/** What came of asking a provider for its keys. */
export interface SignInAnswer {
  readonly metadataUrl: string
  /** Undefined: all is well. */
  readonly error: string | undefined
}

const DAY_MS = 24 * 60 * 60 * 1000
const RENEW_DAYS = 30
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * What concerns all tenants: the machine, the database, the queues, feeds, what waits; our address and credentials; and how each
 * tenant stands, by what is stored. Answers also while the database is away. No secret is in what it says.
 */
export async function diagnoseInstallation (deps: InstallationDeps): Promise<Diagnosis> {
  const now = deps.now?.() ?? new Date()
  const credentials = await Promise.all(Object.entries(deps.apps).map(async ([setting, app]) => await checkCredential(setting, app, now)))
  const checks = [...checkInstallation(await readInstallationFacts(deps)), checkPublicUrl(deps.publicUrl), ...credentials, ...await checkSignIn(deps), ...await checkTenants(deps, now)]
  return { healthy: isHealthy(checks), checkedAt: now.toISOString(), checks: checks.map(withoutSecrets) }
}

/** Errors of others may quote an address with its password. */
function withoutSecrets ({ text, nextAction, ...check }: Check): Check {
  return { ...check, text: blotOut(text), nextAction: nextAction === null ? null : blotOut(nextAction) }
}

function checkPublicUrl (publicUrl: string): Check {
  const check = 'public-url'
  const url = new URL(publicUrl)
  if (LOOPBACK.has(url.hostname)) return warning(check, `Phones and administrators are told to come to ${publicUrl}, which is this machine only.`, 'For more than a trial, set PUBLIC_URL to the https address of the API.')
  return url.protocol === 'https:' ? ok(check, `Phones and administrators come to ${publicUrl}.`) : broken(check, `${publicUrl} is not https; Entra sends nobody back there, and phones must not send credentials there.`, 'Set PUBLIC_URL to an https address.')
}

async function checkCredential (setting: string, { clientCertificatePath, federatedTokenPath }: EntraApp, now: Date): Promise<Check> {
  const check = `credential-${setting}`
  try {
    if (federatedTokenPath !== undefined) {
      const { exp, iss, sub } = decodeJwt((await readFile(federatedTokenPath, 'utf8')).trim())
      if (exp !== undefined && exp * 1000 <= now.getTime()) return broken(check, `The token in ${federatedTokenPath} expired at ${new Date(exp * 1000).toISOString()}.`, 'See that the file is renewed: a projected service account token is, a copied one is not.')
      return ok(check, `The token in ${federatedTokenPath} is of ${String(sub)} at ${String(iss)}.`)
    }
    if (clientCertificatePath !== undefined) {
      const until = (await credentialExpiresAt({ clientCertificatePath }))!
      const days = Math.floor((until.getTime() - now.getTime()) / DAY_MS)
      const nextAction = 'Make a new certificate, upload it to the app registration beside the old one, then put it in place.'
      if (days < 0) return broken(check, `The certificate in ${clientCertificatePath} expired at ${until.toISOString()}.`, nextAction)
      return days < RENEW_DAYS ? warning(check, `The certificate in ${clientCertificatePath} expires in ${days} days.`, nextAction) : ok(check, `The certificate in ${clientCertificatePath} is good for ${days} days.`)
    }
    return ok(check, 'The app proves itself by a secret. When it expires is told in the app registration only.')
  } catch (error) {
    return broken(check, `The credential cannot be read: ${describeError(error)}`, 'Check the path, and that Sallyport may read the file.')
  }
}

async function checkSignIn ({ askSignIn }: InstallationDeps): Promise<Check[]> {
  if (askSignIn === undefined) return []
  const answers = await askSignIn()
  if (answers.length === 0) return [warning('sign-in', 'Operators sign in with Entra, and no directory is named whose platform-admin counts.', 'Set OIDC_PLATFORM_TENANTS to your own Entra tenant, or let somebody in with sallyport operator grant --all-tenants.')]
  return answers.map(({ metadataUrl, error }) => error === undefined
    ? ok('sign-in', `Operators sign in; the provider's keys are there (${metadataUrl}).`)
    : broken('sign-in', `Nobody signs in: the provider's keys cannot be fetched (${metadataUrl}): ${error}.`, 'Check OIDC_ISSUER or OIDC_PLATFORM_TENANTS, the way there, and OIDC_CA_FILE.'))
}

async function checkTenants (deps: InstallationDeps, now: Date): Promise<Check[]> {
  try {
    return await listTenantChecks(deps, now)
  } catch (error) {
    // Whatever keeps us from the database (no answer, no password, no schema), the rest of what was found is worth telling.
    return [unknown('tenants', `They could not be looked at: ${describeFailure(error)}.`, 'Repair the database first.')]
  }
}

async function listTenantChecks ({ db }: InstallationDeps, now: Date): Promise<Check[]> {
  const checks: Check[] = []
  let cursor: string | undefined
  do {
    const page = await listTenants({ db }, { limit: 100, ...(cursor === undefined ? {} : { cursor }) })
    for (const { tenantId, name } of page.items) {
      const { healthy, state, summary } = await getConnector({ db, now: () => now }, { tenantId })
      const text = `${name}: ${summary}`
      const nextAction = `sallyport doctor --tenant ${tenantId}`
      checks.push(healthy ? ok(`tenant-${tenantId}`, text) : state === 'not-provisioned' ? warning(`tenant-${tenantId}`, text, nextAction) : broken(`tenant-${tenantId}`, text, nextAction))
    }
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return checks.length === 0 ? [warning('tenants', 'There is no tenant yet.', 'sallyport tenant create, or sallyport tenant connect --new NAME.')] : checks
}
