import type { Producer } from '../platform/queue-names.js'
import { leftToSweep } from '../platform/left-to-sweep.js'
import { recordAudit } from '../platform/record-audit.js'
import { NotFoundError } from '../errors.js'
import { findConnector, saveConnectorFailure, saveProvisioned, saveWishToConnect } from './connector-repository.js'
import { nowOf, type IntuneDeps } from './deps.js'
import { getConnector, type Connector } from './get-connector.js'
import { describeError, IntuneError } from './intune-error.js'
import { enqueueDevicesAgain } from './outbox-repository.js'
import { backoffMs } from '../platform/retry-delay.js'

export interface ProvisionTenantDeps extends IntuneDeps {
  readonly sync: Producer<'sync'>
}

const BACKOFF = { firstMs: 2_000, maxMs: 5 * 60 * 1000 }

/**
 * Makes us the tenant's partner in Intune, at an administrator's wish; again does no harm.
 * Whatever Intune answers is in the connector that comes back: `failed` with the reason in
 * `lastError`, and tried again by itself. @throws NotFoundError
 */
export async function provisionTenant (deps: ProvisionTenantDeps, { tenantId, actor }: { readonly tenantId: string, readonly actor: string }): Promise<Connector> {
  const connector = await findConnector(deps.db, tenantId)
  if (connector === undefined) throw new NotFoundError('There is no such tenant.')
  const written = { tenantId, actor }
  // Before: what Intune does is in no transaction of ours, and nothing is asked of it without a line.
  await deps.db.transaction().execute(async (tx) => {
    await saveWishToConnect(tx, tenantId)
    await recordAudit(tx, { ...written, action: 'connector.provision-requested' })
  })
  const isConnected = await connectTenant(deps, connector)
  if (isConnected) await leftToSweep(deps.sync, deps.log).add([{ tenantId }])
  const after = await getConnector(deps, { tenantId })
  await recordAudit(deps.db, isConnected
    ? { ...written, action: 'connector.provisioned' }
    : { ...written, action: 'connector.provision-failed', detail: { error: after.lastError } })
  return after
}

/**
 * Provisions and puts all phones into the outbox again: Intune forgets, or ignored, what was
 * sent to a tenant without a partner. False: it failed, and the connector says why.
 */
export async function connectTenant (
  deps: IntuneDeps,
  { tenantId, entraTenantId, attempts }: { readonly tenantId: string, readonly entraTenantId: string, readonly attempts: number }
): Promise<boolean> {
  try {
    await deps.intune.partner.setProvisioned(entraTenantId, { provisioned: true, publicUrl: deps.publicUrl })
  } catch (error) {
    await noteTenantFailure(deps, { tenantId, attempts, error, lost: true })
    return false
  }
  const devices = await enqueueDevicesAgain(deps.db, { tenantId })
  await saveProvisioned(deps.db, tenantId, nowOf(deps))
  deps.log.info({ tenantId, devices }, 'tenant provisioned in Intune')
  return true
}

/**
 * Leaves the tenant alone for a while: as long as Microsoft asked, until its host is asked again,
 * or with growing pauses. @returns until when
 */
export async function noteTenantFailure (
  deps: IntuneDeps,
  { tenantId, attempts, error, lost }: { readonly tenantId: string, readonly attempts: number, readonly error: unknown, readonly lost: boolean }
): Promise<Date> {
  const now = nowOf(deps)
  const { retryAfterMs = 0, host, hostPausedMs } = error instanceof IntuneError ? error.details : {}
  // Spread out, so that not all tenants of a host come at the moment it is back.
  const delayMs = hostPausedMs === undefined ? Math.max(backoffMs(BACKOFF, attempts + 1), retryAfterMs) : hostPausedMs * (1 + Math.random() / 4)
  const retryAt = new Date(now.getTime() + delayMs)
  await saveConnectorFailure(deps.db, tenantId, {
    error: describeError(error), now, retryAt, lost: lost && hostPausedMs === undefined, counts: hostPausedMs === undefined,
    host: host ?? null, hostPausedUntil: hostPausedMs === undefined ? null : new Date(now.getTime() + hostPausedMs)
  })
  deps.log.warn({ err: error, tenantId, retryAt }, 'Intune cannot be served for a tenant')
  return retryAt
}
