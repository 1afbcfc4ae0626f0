import { NotFoundError } from '../errors.js'
import { recordAudit } from '../platform/record-audit.js'
import { findConnector, saveDeprovisioned } from './connector-repository.js'
import type { IntuneDeps } from './deps.js'
import { getConnector, type Connector } from './get-connector.js'
import { describeError } from './intune-error.js'

/**
 * Ends the partnership with the tenant in Intune. States go on being computed and wait in the
 * outbox; nothing is sent until an administrator provisions again.
 * @throws NotFoundError, IntuneError when Intune did not do it; then nothing has changed
 */
export async function deprovisionTenant (deps: IntuneDeps, { tenantId, actor }: { readonly tenantId: string, readonly actor: string }): Promise<Connector> {
  const connector = await findConnector(deps.db, tenantId)
  if (connector === undefined) throw new NotFoundError('There is no such tenant.')
  const written = { tenantId, actor }
  // Before: what Intune does is in no transaction of ours, and nothing is asked of it without a line.
  await recordAudit(deps.db, { ...written, action: 'connector.deprovision-requested' })
  try {
    await deps.intune.partner.setProvisioned(connector.entraTenantId, { provisioned: false, publicUrl: deps.publicUrl })
  } catch (error) {
    await recordAudit(deps.db, { ...written, action: 'connector.deprovision-failed', detail: { error: describeError(error) } })
    throw error
  }
  await deps.db.transaction().execute(async (tx) => {
    await saveDeprovisioned(tx, tenantId)
    await recordAudit(tx, { ...written, action: 'connector.deprovisioned' })
  })
  deps.log.info({ tenantId }, 'tenant deprovisioned in Intune')
  return await getConnector(deps, { tenantId })
}
