import { NotFoundError } from '../errors.js'
import { findConnector, saveDeprovisioned } from './connector-repository.js'
import type { IntuneDeps } from './deps.js'
import { getConnector, type Connector } from './get-connector.js'

/**
 * Ends the partnership with the tenant in Intune. States go on being computed and wait in the
 * outbox; nothing is sent until an administrator provisions again.
 * @throws NotFoundError, IntuneError when Intune did not do it; then nothing has changed
 */
export async function deprovisionTenant (deps: IntuneDeps, input: { readonly tenantId: string }): Promise<Connector> {
  const connector = await findConnector(deps.db, input.tenantId)
  if (connector === undefined) throw new NotFoundError('There is no such tenant.')
  await deps.intune.partner.setProvisioned(connector.entraTenantId, { provisioned: false, publicUrl: deps.publicUrl })
  await saveDeprovisioned(deps.db, input.tenantId)
  deps.log.info(input, 'tenant deprovisioned in Intune')
  return await getConnector(deps, input)
}
