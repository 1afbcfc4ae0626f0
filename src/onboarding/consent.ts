import { createHash, randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { ConflictError, NotFoundError, UnprocessableError } from '../errors.js'
import { adviseOn } from '../intune/advice.js'
import { findConnector } from '../intune/connector-repository.js'
import type { AppAccess, GrantedAccess } from '../intune/app-access.js'
import type { IntuneClient } from '../intune/intune-client.js'
import { describeError, IntuneError } from '../intune/intune-error.js'
import { createTenant } from '../operators/tenants.js'
import type { Database } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import {
  type ConsentApp, type ConsentOutcome, type ConsentRequest, insertConsentRequest, isCustomer, saveConsentOutcome, takeConsentRequest
} from './consent-repository.js'

export interface ConsentDeps {
  readonly db: Database
  readonly intune: Pick<IntuneClient, 'access' | 'setup'>
  readonly log: Logger
  /** Where administrators' browsers reach us. */
  readonly publicUrl: string
  readonly now?: () => Date
}

export interface ConsentLink {
  /** To be opened by a Global Administrator of the tenant; good for one consent. */
  readonly url: string
  /** ISO 8601. */
  readonly expiresAt: string
  /** Where Entra sends the administrator afterwards; the app registration must list it. */
  readonly redirectUri: string
}

/** An administrator may have to be found first; a link that lies around must not be good for long. */
const LINK_HOURS = 24
const HOUR_MS = 60 * 60 * 1000
export const REDIRECT_PATH = '/v1/onboarding/consent'
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const MAX_DETAIL = 500

const hashState = (state: string): Buffer => createHash('sha256').update(state).digest()
const nowOf = (deps: ConsentDeps): Date => deps.now?.() ?? new Date()
const redirectUriOf = ({ publicUrl }: ConsentDeps): string => publicUrl.replace(/\/+$/, '') + REDIRECT_PATH

/**
 * Makes the link on which an administrator of a customer's Entra tenant consents to our app. The state in it is kept
 * as a hash only. @throws NotFoundError, UnprocessableError for a second app that there is not
 */
export async function createConsentLink (
  deps: ConsentDeps,
  input: { readonly tenantId: string, readonly app?: ConsentApp, readonly actor: string } | { readonly newTenantName: string, readonly entraTenantId?: string | undefined, readonly actor: string }
): Promise<ConsentLink> {
  const { db } = deps
  const tenantId = 'tenantId' in input ? input.tenantId : null
  const app = 'tenantId' in input ? input.app ?? 'partner' : 'partner'
  if (app === 'setup' && !deps.intune.setup.isSeparate) throw new UnprocessableError('There is no second app: INTUNE_SETUP_CLIENT_ID is not set, and the first app sets Intune up.')
  const connector = tenantId === null ? undefined : await findConnector(db, tenantId)
  if (tenantId !== null && connector === undefined) throw new NotFoundError('There is no such tenant.')
  const wanted = 'newTenantName' in input ? input.entraTenantId?.toLowerCase() : undefined
  if (wanted !== undefined && await isCustomer(db, wanted)) throw new ConflictError('This Entra tenant is a customer already.')
  const state = randomBytes(32).toString('base64url')
  const expiresAt = new Date(nowOf(deps).getTime() + LINK_HOURS * HOUR_MS)
  await db.transaction().execute(async (tx) => {
    await insertConsentRequest(tx, hashState(state), { tenantId, tenantName: 'newTenantName' in input ? input.newTenantName : null, entraTenantId: wanted ?? null, app, createdBy: input.actor, expiresAt })
    await recordAudit(tx, { tenantId, actor: input.actor, action: 'consent.requested', detail: { app, expiresAt: expiresAt.toISOString(), ...('newTenantName' in input ? { name: input.newTenantName, ...(wanted === undefined ? {} : { entraTenantId: wanted }) } : {}) } })
  })
  const redirectUri = redirectUriOf(deps)
  return { url: accessOf(deps, app).consentUrl({ entraTenantId: connector?.entraTenantId ?? wanted, redirectUri, state }), expiresAt: expiresAt.toISOString(), redirectUri }
}

/** What Entra's redirect brought; every value is a stranger's. */
export interface ConsentRedirect {
  readonly state?: string | undefined
  readonly tenant?: string | undefined
  readonly adminConsent?: string | undefined
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
}

export interface ConsentResult {
  /** `unknown-link`: no link of ours, used before, or expired. */
  readonly outcome: ConsentOutcome | 'unknown-link'
  /** For the administrator who stands before it. */
  readonly text: string
  readonly nextAction: string
}

const UNKNOWN: ConsentResult = {
  outcome: 'unknown-link',
  text: 'This link is not one of ours, has been used before, or has expired.',
  nextAction: 'Ask whoever sent you the link for a new one. If you consented a moment ago and reloaded the page, nothing is wrong: the first visit counted.'
}

/**
 * Judges the return from Entra's consent page. The `tenant` in it proves nothing: the state says which tenant was meant,
 * and a token that Entra gives us for that tenant proves that its administrator consented. Of a new customer whose tenant nobody named
 * before, the address alone says which it is, and any tenant that ever consented gives such a token: so it is never one that is a customer already.
 */
export async function finishConsent (deps: ConsentDeps, redirect: ConsentRedirect): Promise<ConsentResult> {
  const { db, log } = deps
  const { state = '' } = redirect
  const stateHash = hashState(state)
  const request = await takeConsentRequest(db, stateHash, nowOf(deps))
  if (request === undefined) return UNKNOWN
  const judged = await judge(deps, request, redirect)
  const detail = judged.detail?.slice(0, MAX_DETAIL) ?? null
  const tenantId = judged.tenantId ?? request.tenantId
  await db.transaction().execute(async (tx) => {
    await saveConsentOutcome(tx, stateHash, { outcome: judged.outcome, detail, tenantId: judged.tenantId })
    await recordAudit(tx, {
      tenantId, actor: 'Entra administrator', action: `consent.${judged.outcome}`,
      detail: { app: request.app, requestedBy: request.createdBy, ...(detail === null ? {} : { detail }), ...(judged.roles === undefined ? {} : { roles: judged.roles }) }
    })
  })
  log.info({ tenantId, app: request.app, outcome: judged.outcome }, 'an administrator came back from the consent page')
  return { outcome: judged.outcome, text: judged.text, nextAction: judged.nextAction }
}

interface Judgement extends ConsentResult {
  readonly outcome: ConsentOutcome
  readonly detail: string | null
  /** The customer that was made or found for it. */
  readonly tenantId: string | null
  readonly roles?: readonly string[]
}

async function judge (deps: ConsentDeps, request: ConsentRequest, { tenant, adminConsent, error, errorDescription }: ConsentRedirect): Promise<Judgement> {
  const { tenantId } = request
  const connector = tenantId === null ? undefined : await findConnector(deps.db, tenantId)
  if (error !== undefined || adminConsent?.toLowerCase() !== 'true') return denied(tenantId, error, errorDescription)

  const claimed = tenant !== undefined && GUID.test(tenant) ? tenant.toLowerCase() : undefined
  const meant = connector?.entraTenantId.toLowerCase() ?? request.entraTenantId ?? claimed
  if (meant === undefined) return denied(tenantId, 'no-tenant', 'Entra did not say in which tenant the consent was given.')
  if (claimed !== meant) return wrongTenant(tenantId, claimed)
  if (tenantId === null && await isCustomer(deps.db, meant)) return takenTenant(meant)

  let granted: GrantedAccess
  try {
    granted = await accessOf(deps, request.app).inspect(meant)
  } catch (failure) {
    if (!(failure instanceof IntuneError)) throw failure
    const { cause, remedy } = adviseOn(failure)
    return {
      outcome: 'unproven', detail: describeError(failure), tenantId,
      text: `Entra says that you consented, but gives us no access to your tenant yet. ${cause}`,
      nextAction: `${remedy} Right after consent this may take some minutes.`
    }
  }
  if (granted.entraTenantId !== meant) return wrongTenant(tenantId, granted.entraTenantId)
  const boundTo = tenantId ?? await bindTenant(deps, request, meant)
  if (boundTo === undefined) return takenTenant(meant)
  const roles = [...granted.graph, ...granted.intune]
  const lacking = request.app === 'partner' && !granted.intune.includes('update_device_health')
  return {
    outcome: 'granted', roles, detail: lacking ? 'Our app lacks update_device_health.' : null, tenantId: boundTo,
    text: lacking ? 'Thank you. Your tenant is connected, but our app was not granted update_device_health, without which Intune learns nothing.' : 'Thank you. Your tenant has consented, and we have checked that it works.',
    nextAction: lacking ? 'Whoever runs Sallyport must add that permission to the app registration and send you a new link.' : 'You can close this page. Whoever sent you the link sees that it is done.'
  }
}

function denied (tenantId: string | null, error: string | undefined, description: string | undefined): Judgement {
  const said = [error, description].filter((text) => text !== undefined && text !== '').join(': ')
  const isRefusal = error === 'access_denied' || /AADSTS65004|AADSTS90094/.test(said)
  return {
    outcome: 'denied', detail: said === '' ? 'Entra did not report consent.' : said, tenantId,
    text: isRefusal ? 'Consent was not given. Nothing has changed in your tenant.' : 'Entra could not give consent. Nothing has changed in your tenant.',
    nextAction: isRefusal
      ? 'If that was by mistake, ask for a new link. Consent can be given by a Global Administrator or a Privileged Role Administrator.'
      : 'Ask for a new link; if it happens again, tell whoever sent it to you. What Entra said is kept with the link.'
  }
}

const wrongTenant = (tenantId: string | null, found: string | undefined): Judgement => ({
  outcome: 'wrong-tenant', detail: `consent came from tenant ${found ?? 'unknown'}`, tenantId,
  text: 'You consented in another tenant than the one this link is for.',
  nextAction: 'Ask for a new link and sign in as an administrator of the right tenant. In the other tenant, you can remove our app under Enterprise applications.'
})

/** To whoever brought the link it looks like any wrong tenant: who is a customer is not theirs to learn, and nothing of that customer is touched. */
const takenTenant = (entraTenantId: string): Judgement => ({ ...wrongTenant(null, undefined), detail: `the link is for a new customer, and tenant ${entraTenantId} is one already` })

/** Makes the new customer. Undefined: another request has made it one meanwhile. */
async function bindTenant ({ db }: ConsentDeps, { tenantName, createdBy }: ConsentRequest, entraTenantId: string): Promise<string | undefined> {
  try {
    return (await createTenant({ db }, { name: tenantName ?? entraTenantId, entraTenantId, actor: createdBy })).tenantId
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
    return undefined
  }
}

const accessOf = ({ intune }: ConsentDeps, app: ConsentApp): AppAccess => app === 'setup' ? intune.setup.access : intune.access
