/** Who uses the phones of a simulated tenant. */
export const SIMULATED_USER = '00000000-0000-4000-8000-000000000001'

/** What the app of an MTD partner is allowed in a customer's tenant. */
const ROLES = {
  graph: ['Application.Read.All', 'DeviceManagementManagedDevices.Read.All', 'DeviceManagementServiceConfig.Read.All', 'Device.Read.All', 'GroupMember.Read.All'],
  intune: ['update_device_health']
}
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
  await putToSimulator(simulator, `/_sim/tenants/${entraTenantId}`, {
    displayName: name,
    users: [{ id: SIMULATED_USER, displayName: `${name} user` }],
    clients: [{ clientId, secret: clientSecret, roles: ROLES }],
    policies: [{ displayName: `At or under ${LIMIT}`, limit: LIMIT }],
    connector: { androidEnabled: true, iosEnabled: true }
  })
}

export async function putToSimulator ({ httpUrl }: Simulator, path: string, body: unknown): Promise<void> {
  const answer = await fetch(httpUrl + path, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`the Intune simulator refused ${path}: ${answer.status} ${await answer.text()}`)
}
