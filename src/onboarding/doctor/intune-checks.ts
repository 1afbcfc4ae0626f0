import { adviseOn } from '../../intune/advice.js'
import { type GraphClient, listAll } from '../../intune/graph-client.js'
import { describeError, IntuneError } from '../../intune/intune-error.js'
import { vendorOf } from '../setup/conflicts.js'
import { readConnectors, type Row } from '../setup/observed.js'
import type { SetupAnswer } from '../setup/setup-intune.js'
import { broken, type Check, ok, unknown, warning } from './check.js'

type Graph = Pick<GraphClient, 'send'>

/** Permissions that only these checks need; without one, its check is `unknown`. */
export const DOCTOR_PERMISSIONS = {
  connector: 'DeviceManagementServiceConfig.Read.All',
  conditionalAccess: 'Policy.Read.All',
  licences: 'LicenseAssignment.Read.All'
} as const

/** A check that asks Graph: what it cannot read is no failure. */
async function readOr (check: string, permission: string, read: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof IntuneError)) throw error
    if (error.details.status === 403) return [unknown(check, `Could not be looked at: our app lacks ${permission} (Microsoft Graph).`, `If this check matters to you, add ${permission} to the app registration and consent again.`)]
    const { cause, remedy } = adviseOn(error)
    return [unknown(check, `${describeError(error)} ${cause}`, remedy)]
  }
}

/** The connector as Intune has it: its state and its switches. */
export async function checkConnector (graph: Graph, entraTenantId: string, connectorId: string): Promise<Check[]> {
  const check = 'connector'
  return await readOr(check, DOCTOR_PERMISSIONS.connector, async () => {
    const rows = await readConnectors({ graph, entraTenantId })
    const ours = rows.find(({ id }) => String(id).toLowerCase() === connectorId.toLowerCase())
    return [ours === undefined
      ? broken(check, `The tenant has no Mobile Threat Defense connector ${connectorId}${rows.length === 0 ? '' : `, but ${rows.map(({ id }) => vendorOf(id)).join(', ')}`}.`, 'Set Intune up (`sallyport tenant setup-intune`), or add the connector under Tenant administration > Connectors and tokens > Mobile Threat Defense. If it is there, INTUNE_CONNECTOR_ID is wrong.')
      : judgeConnector(ours)]
  })
}

const SWITCHES = { androidEnabled: 'Android', iosEnabled: 'iOS and iPadOS' } as const

function judgeConnector (row: Row): Check {
  const check = 'connector'
  const state = String(row.partnerState)
  const on = Object.entries(SWITCHES).filter(([name]) => row[name] === true).map(([, platform]) => platform)
  const beat = `last synchronized ${typeof row.lastHeartbeatDateTime === 'string' ? row.lastHeartbeatDateTime : 'never'}`
  switch (state) {
    case 'enabled': return on.length === 0
      ? warning(check, `Intune shows the connector as enabled, but neither for Android nor for iOS (${beat}).`, 'Turn on the platforms: `sallyport tenant setup-intune`, or in the Intune admin centre.')
      : ok(check, `Intune shows the connector as enabled for ${on.join(' and ')}, ${beat}.`)
    case 'available': return broken(check, `Intune has us as a partner, but no platform is turned on (${beat}).`, 'Turn on "Connect Android devices" and "Connect iOS devices": `sallyport tenant setup-intune`, or Tenant administration > Connectors and tokens > Mobile Threat Defense.')
    case 'unavailable': return broken(check, 'Intune shows the connector as unavailable: the tenant is deprovisioned, and what we send is thrown away.', 'Provision again: POST …/connector/provision.')
    case 'notSetUp':
    case 'unknownFutureValue': return broken(check, 'Intune shows the connector as not set up: steps or permissions are missing, and what we send is thrown away.', 'Have the tenant\'s administrator consent again (`sallyport tenant connect`), then provision again.')
    case 'unresponsive': return broken(check, `Intune takes us for unresponsive and ignores our levels (${beat}; limit ${String(row.partnerUnresponsivenessThresholdInDays)} days).`, 'See the check of the heartbeat; the next one that arrives restores it.')
    case 'error': return broken(check, 'Intune shows an error of the connector.', 'Remove and add the connector in the Intune admin centre, then provision again; if it stays, ask Microsoft.')
    default: return warning(check, `Intune shows the connector in a state we do not know: ${state}.`, 'Compare with the Intune admin centre.')
  }
}

const PARTS = { app: ['app-', 'The agent app'], 'app-configuration': ['config-', 'The app configuration'], policies: ['policy-', 'The compliance policies'] } as const

/** App, app configuration and policies, as they were wished; and what would keep them from working. */
export function checkSetup ({ wish, steps, conflicts, complete, lastError }: SetupAnswer): Check[] {
  const names = Object.keys(PARTS) as Array<keyof typeof PARTS>
  if (wish === null) {
    return names.map((name) => unknown(name, `${PARTS[name][1]}: nothing was wished of us, so nothing can be compared.`, 'Say which apps, limits and groups (`sallyport tenant setup-intune`), or set it up by hand (docs/intune-setup.md).'))
  }
  if (complete === null) return names.map((name) => unknown(name, `${PARTS[name][1]} could not be read: ${lastError ?? ''}`, 'See the message; the app that sets Intune up may lack the permission it names.'))
  const found = names.map((name) => {
    const [prefix, what] = PARTS[name]
    const missing = steps.filter(({ key, action }) => key.startsWith(prefix) && action !== 'keep')
    return missing.length === 0
      ? ok(name, steps.some(({ key }) => key.startsWith(prefix)) ? `${what}: as wished.` : `${what}: none is wished.`)
      : broken(name, `${what}: not as wished. ${missing.map(({ text }) => text).join(' ')}`, 'Set Intune up again: `sallyport tenant setup-intune`.')
  })
  return [...found, ...conflicts.map(({ kind, blocking, text, remedy }) => blocking ? broken(`conflict-${kind}`, text, remedy) : warning(`conflict-${kind}`, text, remedy))]
}

/** Whether anything follows from compliance: without Conditional Access a noncompliant phone keeps its access. */
export async function checkConditionalAccess (graph: Graph, entraTenantId: string): Promise<Check[]> {
  const check = 'conditional-access'
  return await readOr(check, DOCTOR_PERMISSIONS.conditionalAccess, async () => {
    const policies = await listAll(graph, entraTenantId, { path: '/identity/conditionalAccess/policies', permission: DOCTOR_PERMISSIONS.conditionalAccess })
    const asking = policies.filter((policy) => (policy.grantControls as { builtInControls?: unknown[] } | null)?.builtInControls?.includes('compliantDevice') === true)
    const on = asking.filter(({ state }) => state === 'enabled')
    const name = ({ displayName }: Row): string => `"${String(displayName)}"`
    if (on.length > 0) return [ok(check, `Conditional Access asks for a compliant device: ${on.map(name).join(', ')}.`)]
    return [asking.length > 0
      ? warning(check, `Conditional Access policies that ask for a compliant device are not on (${asking.map(name).join(', ')}); a dangerous phone keeps its access.`, 'Turn one on in Entra admin centre > Conditional Access.')
      : warning(check, 'No Conditional Access policy asks for a compliant device; a dangerous phone is marked noncompliant and keeps its access.', 'Make one in Entra admin centre > Conditional Access: grant access, require device to be marked as compliant.')]
  })
}

/** Service plans that hold Intune, by what they are called in every licence that holds one. */
const INTUNE_PLANS = new Set(['INTUNE_A', 'INTUNE_A_D', 'INTUNE_A_VL', 'INTUNE_EDU', 'INTUNE_SMBIZ'])

export async function checkLicences (graph: Graph, entraTenantId: string): Promise<Check[]> {
  const check = 'licences'
  return await readOr(check, DOCTOR_PERMISSIONS.licences, async () => {
    const skus = await listAll(graph, entraTenantId, { path: '/subscribedSkus', permission: DOCTOR_PERMISSIONS.licences })
    const live = skus.filter(({ capabilityStatus, servicePlans }) => (capabilityStatus === 'Enabled' || capabilityStatus === 'Warning') &&
      Array.isArray(servicePlans) && servicePlans.some((plan: Row) => INTUNE_PLANS.has(String(plan.servicePlanName))))
    if (live.length === 0) return [warning(check, 'The tenant has no licence that holds Intune.', 'Buy one, and assign it to the users whose phones are protected: a user without a licence gets the built-in policy, which says noncompliant.')]
    const spent = live.filter(({ consumedUnits, prepaidUnits }) => Number(consumedUnits) >= Number((prepaidUnits as Row | undefined)?.enabled ?? Infinity))
    return [spent.length === live.length
      ? warning(check, `All licences that hold Intune are assigned (${live.map(({ skuPartNumber }) => String(skuPartNumber)).join(', ')}).`, 'Buy more before further users come: a user without a licence is noncompliant.')
      : ok(check, `Licences that hold Intune: ${live.map(({ skuPartNumber }) => String(skuPartNumber)).join(', ')}.`)]
  })
}
