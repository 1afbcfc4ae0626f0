import { driftKind, MAX_HEALS, type DriftKind } from '../../devices/directory-vocabulary.js'
import type { Database } from '../../platform/database.js'
import { enqueueDevicesAgain } from '../outbox-repository.js'
import type { DirectoryScope } from './directory-repository.js'
import { clearDrifts, type Disagreement, listDisagreements, saveDrifts } from './drift-repository.js'
import type { DirectoryEntry } from './graph-rows.js'

export interface DriftCounts {
  readonly drifted: number
  readonly driftedByKind: Readonly<Partial<Record<DriftKind, number>>>
  readonly healed: number
  readonly stuck: number
}

/** The pause after the first time; it doubles with each. Shorter than the time between two rounds would change nothing. */
const FIRST_PAUSE_MS = 5 * 60_000

/** What is done about a state that Intune does not keep. */
export function decideHeal ({ version, heals, healVersion, healedAt }: Pick<Disagreement, 'version' | 'heals' | 'healVersion' | 'healedAt'>, now: Date): 'heal' | 'wait' | 'give-up' {
  // Another state than the one that was sent again and again: it has its own tries.
  if (healVersion !== version) return 'heal'
  if (heals >= MAX_HEALS) return 'give-up'
  return healedAt !== null && now.getTime() - healedAt.getTime() < FIRST_PAUSE_MS * 2 ** (heals - 1) ? 'wait' : 'heal'
}

/**
 * Compares a page of Intune's list with what Intune acknowledged, and puts phones about which it
 * holds something else into the outbox again; only so often, since Intune may keep its own mind.
 */
export async function healDrift (db: Database, scope: DirectoryScope, entries: readonly DirectoryEntry[], { now, acknowledgedBefore }: { readonly now: Date, readonly acknowledgedBefore: Date }): Promise<DriftCounts> {
  const disagreements = await listDisagreements(db, scope, entries, acknowledgedBefore)
  const kinds: Partial<Record<DriftKind, number>> = {}
  const agreed: string[] = []
  const drifted: Array<Disagreement & { readonly decision: ReturnType<typeof decideHeal> }> = []
  for (const one of disagreements) {
    const kind = driftKind(one.acknowledged, one.held)
    if (kind === undefined) {
      if (one.held === one.acknowledged) agreed.push(one.entraDeviceId)
      continue
    }
    kinds[kind] = (kinds[kind] ?? 0) + 1
    drifted.push({ ...one, decision: decideHeal(one, now) })
  }
  const healed = drifted.filter(({ decision }) => decision === 'heal')
  if (agreed.length > 0 || drifted.length > 0) {
    await db.transaction().execute(async (tx) => {
      if (agreed.length > 0) await clearDrifts(tx, scope, agreed)
      if (drifted.length > 0) {
        await saveDrifts(tx, scope, drifted.map(({ entraDeviceId, version, heals, healVersion, decision }) => ({
          entraDeviceId,
          version,
          heals: (healVersion === version ? heals : 0) + (decision === 'heal' ? 1 : 0),
          isHealed: decision === 'heal'
        })), now)
      }
      if (healed.length > 0) await enqueueDevicesAgain(tx, { tenantId: scope.tenantId, deviceIds: healed.map(({ deviceId }) => deviceId) })
    })
  }
  return { drifted: drifted.length, driftedByKind: kinds, healed: healed.length, stuck: drifted.filter(({ decision }) => decision === 'give-up').length }
}
