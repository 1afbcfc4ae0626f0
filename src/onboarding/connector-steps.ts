import { adviseOn, LINKS } from '../intune/advice.js'
import { type ConnectorRow, findConnector } from '../intune/connector-repository.js'
import type { Database } from '../platform/database.js'
import { findLastConsent, type LastConsent } from './consent-repository.js'
import type { Check } from './doctor/check.js'
import { findDiagnosis } from './doctor/diagnosis-repository.js'
import { checkHeartbeat } from './doctor/link-checks.js'
import { findSetup, listItems, type SetupRow } from './setup/setup-repository.js'

export const STEP_STATES = ['done', 'todo', 'failed', 'unknown'] as const

/** One step on the way to a connected tenant. */
export interface ConnectorStep {
  readonly step: string
  readonly state: typeof STEP_STATES[number]
  readonly text: string
  /** Null: nothing is to be done. */
  readonly nextAction: string | null
}

export interface KnownOfTenant {
  readonly connector: Pick<ConnectorRow, 'state' | 'lastError' | 'heartbeatAt' | 'provisionedAt'>
  readonly consent: LastConsent | undefined
  readonly diagnosis: { readonly checkedAt: Date, readonly checks: readonly Check[] } | undefined
  readonly setup: SetupRow
  /** What setting up made. */
  readonly keys: readonly string[]
  readonly now: Date
}

/** How far a tenant is on the way, from what is stored; asks Microsoft nothing. */
export async function listConnectorSteps ({ db, now = () => new Date() }: { readonly db: Database, readonly now?: () => Date }, { tenantId }: { readonly tenantId: string }): Promise<ConnectorStep[]> {
  const [connector, consent, diagnosis, setup, items] = await Promise.all([
    findConnector(db, tenantId), findLastConsent(db, tenantId), findDiagnosis(db, tenantId), findSetup(db, tenantId), listItems(db, tenantId)
  ])
  return connector === undefined ? [] : stepsOf({ connector, consent, diagnosis, setup, keys: items.map(({ key }) => key), now: now() })
}

/** Pure. */
export function stepsOf (known: KnownOfTenant): ConnectorStep[] {
  return [...linkSteps(known), ...setupSteps(known)]
}

const TEXTS: Readonly<Record<typeof LINKS[number], readonly [done: string, todo: string]>> = {
  credential: ['Entra accepts our app\'s credential.', 'Whether Entra accepts our app\'s credential shows with the first sign-in.'],
  consent: ['The tenant\'s administrator has consented to our app.', 'An administrator of the tenant must consent to our app.'],
  roles: ['Our app has the permissions it needs.', 'What our app may do shows once an administrator has consented.'],
  discovery: ['The tenant\'s Intune services were found.', 'The tenant\'s Intune services are looked up once we have access.'],
  provisioning: ['Intune has us as the tenant\'s partner.', 'The tenant is not connected to Intune yet.'],
  heartbeat: ['Intune hears from us.', 'The heartbeat begins when the tenant is connected.']
}
const CONNECT = 'Connect it: POST …/connector/provision; it also happens with the first phone that reports.'
const CONSENT = 'Make a consent link (`sallyport tenant connect`, or POST …/connector/consent) and have a Global Administrator of the tenant open it.'

function linkSteps (known: KnownOfTenant): ConnectorStep[] {
  const { connector, consent, now } = known
  const diagnosed = new Map(known.diagnosis?.checks.map((check) => [check.check, check]))
  const advice = connector.lastError === null ? undefined : adviseOn(connector.lastError)
  const failedAt = advice?.link === null || advice === undefined ? -1 : LINKS.indexOf(advice.link)
  // What was provisioned had all links before; a failure names the one that broke since.
  const reached = failedAt >= 0 ? failedAt : connector.state === 'provisioned' ? LINKS.length - 1 : -1

  return LINKS.map((step, at): ConnectorStep => {
    const [done, todo] = TEXTS[step]
    if (at === failedAt) return { step, state: 'failed', text: `${connector.lastError ?? ''} ${advice!.cause}`, nextAction: advice!.remedy }
    if (step === 'provisioning' && connector.state === 'deprovisioned') return { step, state: 'todo', text: 'An administrator disconnected the tenant; nothing is sent.', nextAction: CONNECT }
    if (step === 'provisioning' && connector.state === 'failed') return { step, state: 'failed', text: `${connector.lastError ?? 'Intune did not accept the connection.'} It is tried again by itself.`, nextAction: advice?.remedy ?? CONNECT }
    if (step === 'heartbeat' && connector.state === 'provisioned') {
      const { state, text, nextAction } = checkHeartbeat(connector, now)
      return { step, state: state === 'ok' ? 'done' : 'failed', text, nextAction }
    }
    if (at < reached || (at === reached && failedAt < 0)) return { step, state: 'done', text: done, nextAction: null }
    const check = diagnosed.get(step)
    if (check !== undefined && failedAt < 0 && check.state === 'ok') return { step, state: 'done', text: check.text, nextAction: null }
    if (check !== undefined && failedAt < 0 && check.state === 'broken') return { step, state: 'failed', text: check.text, nextAction: check.nextAction }
    if (step === 'consent') return consentStep(consent, now)
    return { step, state: consent?.outcome === 'granted' && step === 'credential' ? 'done' : 'todo', text: todo, nextAction: step === 'provisioning' ? CONNECT : null }
  })
}

function consentStep (consent: LastConsent | undefined, now: Date): ConnectorStep {
  const step = 'consent'
  const [done, todo] = TEXTS.consent
  switch (consent?.outcome) {
    case 'granted': return { step, state: 'done', text: consent.detail === null ? done : `${done} ${consent.detail}`, nextAction: null }
    case 'denied': return { step, state: 'failed', text: `Consent was not given: ${consent.detail ?? 'no reason was told.'}`, nextAction: CONSENT }
    case 'wrong-tenant': return { step, state: 'failed', text: `Somebody consented in another tenant (${consent.detail ?? 'unknown'}).`, nextAction: CONSENT }
    case 'unproven': return { step, state: 'failed', text: `Consent was reported, but gave us no access: ${consent.detail ?? ''}`, nextAction: `Run \`sallyport doctor\`; if it stays: ${CONSENT}` }
  }
  if (consent !== undefined && consent.usedAt === null && consent.expiresAt > now) {
    return { step, state: 'todo', text: 'A consent link is out, and nobody has come back from it yet.', nextAction: `Have it opened before ${consent.expiresAt.toISOString()}.` }
  }
  return { step, state: 'todo', text: consent !== undefined && consent.usedAt === null ? `The last consent link expired at ${consent.expiresAt.toISOString()}.` : todo, nextAction: CONSENT }
}

const SETUP_STEPS = {
  'connector-toggles': { check: 'connector', key: 'connector', text: 'The connector\'s switches' },
  app: { check: 'app', key: 'app-', text: 'The agent app' },
  'app-configuration': { check: 'app-configuration', key: 'config-', text: 'The app configuration' },
  'compliance-policies': { check: 'policies', key: 'policy-', text: 'The compliance policies' }
} as const
const SET_UP = 'Set Intune up (`sallyport tenant setup-intune`, or POST …/intune/admin-setup), or by hand: docs/intune-setup.md.'

function setupSteps ({ diagnosis, setup, keys }: KnownOfTenant): ConnectorStep[] {
  const diagnosed = new Map(diagnosis?.checks.map((check) => [check.check, check]))
  return Object.entries(SETUP_STEPS).map(([step, { check, key, text }]): ConnectorStep => {
    const found = diagnosed.get(check)
    // Whatever is newer counts: what we looked at, or what we did.
    const isNewer = diagnosis !== undefined && (setup.appliedAt === null || diagnosis.checkedAt >= setup.appliedAt)
    if (found !== undefined && isNewer && found.state !== 'unknown') {
      return { step, state: found.state === 'broken' ? 'failed' : 'done', text: `${found.text} (Looked at ${diagnosis!.checkedAt.toISOString()}.)`, nextAction: found.nextAction }
    }
    const begun = keys.some((one) => one === key || (key.endsWith('-') && one.startsWith(key)))
    if (setup.lastError !== null) return { step, state: begun ? 'unknown' : 'failed', text: `${text}: setting Intune up did not come to its end. ${setup.lastError}`, nextAction: SET_UP }
    if (setup.appliedAt !== null && setup.wish !== null) return { step, state: 'done', text: `${text}: set up at ${setup.appliedAt.toISOString()}.`, nextAction: null }
    if (found !== undefined) return { step, state: 'unknown', text: found.text, nextAction: found.nextAction }
    return { step, state: 'unknown', text: `${text}: not set up by us; whether somebody did it by hand shows \`sallyport doctor\`.`, nextAction: SET_UP }
  })
}
