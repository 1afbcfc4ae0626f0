import { deactivateDevices, lockStates } from '../../devices/device-repository.js'
import { recordAudit } from '../../platform/record-audit.js'
import { describeDevices, listPredecessorsOf, saveManagedEntries, type DirectoryScope } from './directory-repository.js'
import type { DirectoryEntry } from './graph-rows.js'
import { healDrift } from './heal-drift.js'
import type { RoundContext } from './reconcile-tenant.js'
import type { RoundCounts } from './round.js'

export const scopeOf = ({ round }: RoundContext): DirectoryScope => round

/**
 * Does all that follows from phones that Intune lists. Each step may be made again: a worker that
 * dies after it leaves the page to be read once more.
 */
export async function applyManagedEntries (context: RoundContext, entries: readonly DirectoryEntry[]): Promise<Partial<RoundCounts>> {
  if (entries.length === 0) return {}
  const { deps, tuning } = context
  const scope = scopeOf(context)
  const now = context.now()
  const back = await context.transact(async (tx) => await saveManagedEntries(tx, scope, entries))
  await context.transact(async (tx) => await describeDevices(tx, scope, entries))
  const reenrolled = await retirePredecessors(context, entries)
  const drift = await healDrift(deps.db, scope, entries, { now, acknowledgedBefore: new Date(now.getTime() - tuning.settleMs) })
  if (drift.healed > 0 || reenrolled > 0) await deps.sync.add([{ tenantId: scope.tenantId }])
  return { seen: entries.length, reappeared: back.length, reenrolled, ...drift }
}

/** Ends the records of phones that are known at Intune under a newer Entra id: nobody will report as them again. */
async function retirePredecessors (context: RoundContext, entries: readonly DirectoryEntry[]): Promise<number> {
  const scope = scopeOf(context)
  const predecessors = await listPredecessorsOf(context.deps.db, scope, entries)
  if (predecessors.length === 0) return 0
  await context.transact(async (tx) => {
    await lockStates(tx, predecessors.map(({ deviceId }) => deviceId))
    await deactivateDevices(tx, predecessors.map(({ deviceId }) => deviceId), 'retired_at', context.now())
    for (const { deviceId, successor } of predecessors) {
      await recordAudit(tx, {
        tenantId: scope.tenantId, actor: 'reconciliation', action: 'device.retired', subject: deviceId,
        detail: { reason: 'Intune lists the same serial number under a newer Entra device id', successorEntraDeviceId: successor }
      })
    }
  })
  return predecessors.length
}
