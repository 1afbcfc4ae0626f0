import { randomUUID } from 'node:crypto'
import { type Application, NO_CREDENTIALS, type Roles } from './application.js'
import type { Client, Tenant } from './tenant.js'

/** What the administrator at the consent page does. */
export interface ConsentDecision {
  /** `ask`: the page waits for somebody to press a button. */
  readonly decision: 'approve' | 'deny' | 'ask'
  /** Whose administrator signs in where the address says `organizations`. */
  readonly tenantId?: string
  /** What a refusal is told as. */
  readonly error: string
  readonly errorDescription: string
}

export const DEFAULT_DECISION: ConsentDecision = {
  decision: 'approve',
  error: 'access_denied',
  errorDescription: 'AADSTS65004: User declined to consent to access the app.'
}

/** The administrator agreed: the application gets a service principal in the tenant, with every role it requires. */
export function grantConsent (tenant: Tenant, application: Application): Client {
  const known = tenant.clients.get(application.clientId)
  const client: Client = {
    clientId: application.clientId,
    displayName: application.displayName,
    credentials: known?.credentials ?? NO_CREDENTIALS,
    roles: known?.consented === true ? merge(known.roles, application.requiredRoles) : application.requiredRoles,
    consented: true,
    enabled: known?.enabled ?? true,
    objectId: known?.objectId ?? randomUUID()
  }
  tenant.clients.set(client.clientId, client)
  return client
}

const union = (a: readonly string[] = [], b: readonly string[] = []): string[] => [...new Set([...a, ...b])]

const merge = (a: Roles, b: Roles): Roles => ({
  graph: union(a.graph, b.graph),
  intune: union(a.intune, b.intune),
  apis: Object.fromEntries(union(Object.keys(a.apis), Object.keys(b.apis)).map((clientId) => [clientId, union(a.apis[clientId], b.apis[clientId])]))
})
