import { InvalidInputError, NotFoundError } from '../../errors.js'
import type { Database } from '../../platform/database.js'
import type { Producer } from '../../platform/queue-names.js'
import { recordAudit } from '../../platform/record-audit.js'
import { findConnector } from '../connector-repository.js'
import { getReconciliation, type Reconciliation } from './get-reconciliation.js'
import { replaceChosenGroups } from './group-repository.js'
import { requestRound, saveDeactivateAfterDays } from './reconciliation-repository.js'

export interface ReconciliationDeps {
  readonly db: Database
  readonly reconcile: Producer<'reconcile'>
}

/** What is left out stays. */
export interface ReconciliationSettings {
  /** Entra groups, by object id or by name, whose members' phones are expected here. */
  readonly groups?: readonly string[] | undefined
  readonly deactivateAfterDays?: number | null | undefined
}

/** Changes what a tenant's rounds do, and starts one. @throws NotFoundError, InvalidInputError */
export async function changeReconciliation (deps: ReconciliationDeps, { tenantId, actor, groups, deactivateAfterDays }: ReconciliationSettings & { readonly tenantId: string, readonly actor: string }): Promise<Reconciliation> {
  if (await findConnector(deps.db, tenantId) === undefined) throw new NotFoundError('There is no such tenant.')
  const wanted = groups?.map((group) => group.trim())
  const faults = (wanted ?? []).flatMap((group, index) => group === '' ? [{ path: `/groups/${index}`, message: 'must be an object id or a name' }] : [])
  if (faults.length > 0) throw new InvalidInputError(faults)
  await deps.db.transaction().execute(async (tx) => {
    if (wanted !== undefined) await replaceChosenGroups(tx, tenantId, [...new Set(wanted)])
    if (deactivateAfterDays !== undefined) await saveDeactivateAfterDays(tx, tenantId, deactivateAfterDays)
    await recordAudit(tx, { tenantId, actor, action: 'reconciliation.changed', subject: tenantId, detail: { groups: wanted, deactivateAfterDays } })
    await requestRound(tx, tenantId)
  })
  await deps.reconcile.add([{ tenantId }])
  return await getReconciliation(deps, { tenantId })
}

/** Starts a full round now; one that is under way is finished first. @throws NotFoundError */
export async function startReconciliation (deps: ReconciliationDeps, { tenantId, actor }: { readonly tenantId: string, readonly actor: string }): Promise<Reconciliation> {
  if (await findConnector(deps.db, tenantId) === undefined) throw new NotFoundError('There is no such tenant.')
  await deps.db.transaction().execute(async (tx) => {
    await requestRound(tx, tenantId)
    await recordAudit(tx, { tenantId, actor, action: 'reconciliation.requested', subject: tenantId, detail: {} })
  })
  await deps.reconcile.add([{ tenantId }])
  return await getReconciliation(deps, { tenantId })
}
