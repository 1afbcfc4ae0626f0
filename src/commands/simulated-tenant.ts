/** Who uses the phones of a simulated tenant. */
export const SIMULATED_USER = '00000000-0000-4000-8000-000000000001'

/** What the app of an MTD partner is allowed in a customer's tenant. */
const ROLES = {
  graph: [
    'Application.Read.All', 'DeviceManagementManagedDevices.Read.All', 'Device.Read.All', 'GroupMember.Read.All', 'User.Read.All',
    // To set Intune up, and for the doctor to look at it.
    'DeviceManagementServiceConfig.ReadWrite.All', 'DeviceManagementApps.ReadWrite.All', 'DeviceManagementConfiguration.ReadWrite.All',
    'Policy.Read.All', 'Organization.Read.All'
  ],
  intune: ['update_device_health']
}
/** Our own API as an Entra app: relying parties and operators ask for a token for it. */
export const SIMULATED_API = { clientId: '5a11ab0e-0000-4000-8000-000000000a91', uri: 'api://sallyport', roles: ['threat_state.read', 'viewer', 'analyst', 'admin'] }
/** A relying party of the simulated tenant; it proves itself by the same secret as Sallyport's own app there. */
export const SIMULATED_RELYING_PARTY = '5a11ab0e-0000-4000-8000-00000000de11'
/** A script of an operator of that tenant, who is an analyst; likewise. */
export const SIMULATED_OPERATOR = '5a11ab0e-0000-4000-8000-00000000de12'
/** Microsoft's usual advice: a phone may be `low` at worst. */
const LIMIT = 'low'

export interface SimulatedTenant {
  readonly entraTenantId: string
  readonly name: string
  /** The Entra app that Sallyport is there. */
  readonly clientId: string
  readonly clientSecret: string
}

type Simulator = { readonly httpUrl: string }

/** Makes a customer at the simulator, as an administrator would set one up at Microsoft. */
export async function seedSimulatedTenant (simulator: Simulator, { entraTenantId, name, clientId, clientSecret }: SimulatedTenant): Promise<void> {
  const { clientId: apiId, uri, roles } = SIMULATED_API
  await putToSimulator(simulator, `/_sim/applications/${apiId}`, { displayName: 'Sallyport API', api: { identifierUris: [uri], tokenVersion: 2, roles } })
  await putToSimulator(simulator, `/_sim/tenants/${entraTenantId}`, {
    displayName: name,
    users: [{ id: SIMULATED_USER, displayName: `${name} user` }],
    clients: [
      { clientId, secret: clientSecret, roles: ROLES },
      { clientId: apiId, displayName: 'Sallyport API', roles: {} },
      { clientId: SIMULATED_RELYING_PARTY, displayName: 'A relying party', secret: clientSecret, roles: { apis: { [apiId]: ['threat_state.read'] } } },
      { clientId: SIMULATED_OPERATOR, displayName: 'A script', secret: clientSecret, roles: { apis: { [apiId]: ['analyst'] } } }
    ],
    policies: [{ displayName: `At or under ${LIMIT}`, limit: LIMIT }],
    connector: { androidEnabled: true, iosEnabled: true }
  })
}

export async function putToSimulator ({ httpUrl }: Simulator, path: string, body: unknown): Promise<void> {
  const answer = await fetch(httpUrl + path, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`the Intune simulator refused ${path}: ${answer.status} ${await answer.text()}`)
}
