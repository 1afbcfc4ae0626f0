import { adviseOn, type Link, LINKS } from '../../intune/advice.js'
import type { GrantedAccess } from '../../intune/app-access.js'
import type { ConnectorRow } from '../../intune/connector-repository.js'
import { describeError, IntuneError } from '../../intune/intune-error.js'
import { DEVICE_SERVICE, TENANT_SERVICE } from '../../intune/partner-wire.js'
import type { IntuneClient } from '../../intune/intune-client.js'
import { broken, type Check, ok, unknown, warning } from './check.js'

/** What our app must be allowed, and what for. */
const NEEDED = {
  graph: { 'Application.Read.All': 'find the tenant\'s Intune services' },
  intune: { update_device_health: 'tell Intune how dangerous phones are' }
} as const

const HOUR_MS = 60 * 60 * 1000
/** A public health script in use takes a day of silence for a warning and three for a fault. */
const HEARTBEAT_WARNING_HOURS = 24
const HEARTBEAT_BROKEN_HOURS = 72

export interface LinkInput {
  readonly intune: Pick<IntuneClient, 'access' | 'discovery'>
  readonly connector: ConnectorRow
  readonly now: Date
}

/** Credential, consent, roles, discovery, provisioning, heartbeat: each needs the one before. */
export async function checkLinks ({ intune, connector, now }: LinkInput): Promise<{ readonly checks: readonly Check[], readonly granted: GrantedAccess | undefined }> {
  const { entraTenantId } = connector
  let granted: GrantedAccess
  try {
    granted = await intune.access.inspect(entraTenantId)
  } catch (error) {
    return { checks: brokenAt(error, 'consent'), granted: undefined }
  }
  const checks: Check[] = [ok('credential', 'Entra accepts our app\'s credential.')]
  if (granted.entraTenantId !== entraTenantId.toLowerCase()) {
    checks.push(broken('consent', `Entra's token is of tenant ${granted.entraTenantId}, not of ${entraTenantId}.`, 'Check ENTRA_AUTHORITY_HOST.'))
    return { checks: fill(checks), granted }
  }
  checks.push(ok('consent', 'The tenant\'s administrator has consented to our app.'), checkRoles(granted))
  if (checks.at(-1)!.state === 'broken') return { checks: fill(checks), granted }

  try {
    intune.discovery.dropServices(entraTenantId)
    const places = await Promise.all([TENANT_SERVICE, DEVICE_SERVICE].map(async (name) => await intune.discovery.findService(entraTenantId, name)))
    checks.push(ok('discovery', `The tenant's Intune services are at ${[...new Set(places.map((place) => new URL(place).host))].join(' and ')}.`))
  } catch (error) {
    return { checks: fill([...checks, ...brokenAt(error, 'discovery').filter(({ check, state }) => state === 'broken' && check === 'discovery')], error), granted }
  }
  checks.push(checkProvisioning(connector))
  checks.push(checkHeartbeat(connector, now))
  return { checks, granted }
}

function checkRoles ({ graph, intune }: GrantedAccess): Check {
  const missing = [
    ...Object.entries(NEEDED.intune).filter(([role]) => !intune.includes(role)).map(([role, purpose]) => `${role} (Microsoft Intune API), to ${purpose}`),
    ...Object.entries(NEEDED.graph).filter(([role]) => !graph.includes(role)).map(([role, purpose]) => `${role} (Microsoft Graph), to ${purpose}`)
  ]
  return missing.length === 0
    ? ok('roles', `Our app holds ${[...intune, ...graph].sort().join(', ')}.`)
    : broken('roles', `Our app lacks ${missing.join('; and ')}.`, 'Add the application permission to the app registration, then have the tenant\'s administrator consent again (`sallyport tenant connect`).')
}

export function checkProvisioning ({ state, lastError }: Pick<ConnectorRow, 'state' | 'lastError'>): Check {
  const check = 'provisioning'
  switch (state) {
    case 'provisioned': return ok(check, 'Intune has us as the tenant\'s partner.')
    case 'deprovisioned': return broken(check, 'An administrator disconnected the tenant; nothing is sent.', 'Provision it again: POST …/connector/provision.')
    case 'failed': return broken(check, `Intune did not accept the connection: ${lastError ?? 'no reason is known.'}`, lastError === null ? 'Provision it again: POST …/connector/provision.' : adviseOn(lastError).remedy)
    case 'not-provisioned': return warning(check, 'The tenant has not been connected to Intune yet. That happens with the first phone that reports.', 'Or connect it now: POST …/connector/provision.')
  }
}

export function checkHeartbeat ({ state, heartbeatAt, provisionedAt, lastError }: Pick<ConnectorRow, 'state' | 'heartbeatAt' | 'provisionedAt' | 'lastError'>, now: Date): Check {
  const check = 'heartbeat'
  if (state !== 'provisioned') return unknown(check, 'There is no heartbeat before the tenant is connected.', 'Connect the tenant first.')
  const at = heartbeatAt ?? provisionedAt
  if (at === null) return warning(check, 'No heartbeat was sent yet.', 'Check that a worker runs: each sends heartbeats.')
  const hours = (now.getTime() - at.getTime()) / HOUR_MS
  const text = heartbeatAt === null ? `No heartbeat since the tenant was connected ${ago(hours)}.` : `The last heartbeat was ${ago(hours)}.`
  const nextAction = lastError === null ? 'Check that a worker runs: each sends heartbeats.' : `${lastError} ${adviseOn(lastError).remedy}`
  if (hours > HEARTBEAT_BROKEN_HOURS) return broken(check, text, nextAction)
  return hours > HEARTBEAT_WARNING_HOURS ? warning(check, text, nextAction) : ok(check, text)
}

const ago = (hours: number): string => hours < 1 ? 'within the hour' : hours < 48 ? `${Math.round(hours)} hours ago` : `${Math.round(hours / 24)} days ago`

/** The link that an error breaks, those before it whole, those after it unknown. `fallback`: where it happened, if it names none. */
function brokenAt (error: unknown, fallback: Link): Check[] {
  if (!(error instanceof IntuneError)) throw error
  const advice = adviseOn(error)
  if (advice.link === null) return fill([unknown('reachability', `${describeError(error)} ${advice.cause}`, advice.remedy)])
  const at = LINKS.includes(advice.link) ? advice.link : fallback
  const before = LINKS.slice(0, LINKS.indexOf(at)).map((link) => ok(link, 'Holds: the links after it were reached.'))
  return fill([...before, broken(at, `${describeError(error)} ${advice.cause}`, advice.remedy)])
}

/** The links that were not reached. */
function fill (checks: readonly Check[], error?: unknown): Check[] {
  const told = new Set(checks.map(({ check }) => check))
  const cause = error instanceof IntuneError && !checks.some(({ state }) => state === 'broken') ? [failure(error, told)] : []
  for (const { check } of cause) told.add(check)
  return [...checks, ...cause, ...LINKS.filter((link) => !told.has(link)).map((link) => unknown(link, 'Not looked at: a link before it is broken.', 'Repair that first.'))]
}

/** Something else went wrong while a later link was looked at, such as an outage. */
function failure (error: IntuneError, told: ReadonlySet<string>): Check {
  const { link, cause, remedy } = adviseOn(error)
  const check = link !== null && !told.has(link) ? link : 'discovery'
  const text = `${describeError(error)} ${cause}`
  return link === null ? unknown(check, text, remedy) : broken(check, text, remedy)
}
