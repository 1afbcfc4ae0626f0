import { listStateChanges, readFeedBounds, type StateChange } from '../devices/state-change-repository.js'
import type { Database, Tx } from '../platform/database.js'
import { deriveOcsf } from './derive/ocsf-events.js'
import { deriveSets } from './derive/set-events.js'
import { deriveWebhooks } from './derive/webhook-events.js'
import type { Destination, NewSignal } from './destination.js'
import { lockDestination } from './destination-repository.js'
import { findEntraTenantId, listExcluded, readDeviceFacts, readFindingFacts } from './fact-repository.js'
import { countWaiting, insertSignals } from './signal-repository.js'

export interface FanOutDeps {
  readonly db: Database
  /** Where Entra's device ids come from. */
  readonly authorityHost: string
  readonly version: string
}

/** Signals made ahead for one destination. Beyond them its position stays, and the feed keeps what follows. */
export const MAX_WAITING = 1_000
const CHANGES_AT_ONCE = 200

/** What a look at the feed brought. */
export interface FannedOut {
  /** Changes read. */
  readonly changes: number
  /** Changes that the feed no longer has. */
  readonly missed: number
}

/**
 * Makes what one destination is to be told of the next changes of its tenant, and moves its
 * position, both or neither. So each change is looked at once, however often processes die.
 */
export async function fanOut (deps: FanOutDeps, { tenantId, id }: Pick<Destination, 'tenantId' | 'id'>): Promise<FannedOut> {
  return await deps.db.transaction().execute(async (tx) => {
    const destination = await lockDestination(tx, tenantId, id)
    if (destination === undefined || destination.status !== 'enabled') return { changes: 0, missed: 0 }
    const room = MAX_WAITING - await countWaiting(tx, id, MAX_WAITING)
    if (room <= 0) return { changes: 0, missed: 0 }

    const { dropped } = await readFeedBounds(tx, tenantId)
    const missed = Math.max(0, dropped - destination.position)
    const after = destination.position + missed
    const changes = await listStateChanges(tx, { tenantId, after, limit: Math.min(room, CHANGES_AT_ONCE) })
    const last = changes.at(-1)?.position ?? after
    if (last === destination.position) return { changes: 0, missed: 0 }

    await insertSignals(tx, id, await derive(deps, tx, destination, changes))
    await tx.updateTable('signal_destination').set(({ eb }) => ({ position: last, missed: eb('missed', '+', missed) })).where('id', '=', id).execute()
    return { changes: changes.length, missed }
  })
}

async function derive ({ authorityHost, version }: FanOutDeps, tx: Tx, destination: Destination, changes: readonly StateChange[]): Promise<NewSignal[]> {
  const deviceIds = changes.map(({ deviceId }) => deviceId)
  switch (destination.kind) {
    case 'ssf': {
      const entraTenantId = await findEntraTenantId(tx, destination.tenantId) ?? ''
      const excluded = await listExcluded(tx, destination.id, deviceIds)
      const now = new Date()
      return changes.filter(({ deviceId }) => !excluded.has(deviceId)).flatMap((change) => deriveSets(destination, change, { authorityHost, entraTenantId }, now))
    }
    case 'webhook': {
      const devices = await readDeviceFacts(tx, deviceIds)
      return changes.flatMap((change) => deriveWebhooks(destination, change, devices.get(change.deviceId)))
    }
    case 'ocsf-https':
    case 'ocsf-syslog': {
      const devices = await readDeviceFacts(tx, deviceIds)
      const findings = await readFindingFacts(tx, changes)
      return changes.flatMap((change) => deriveOcsf(destination, change, { device: devices.get(change.deviceId), findings: findings.get(change.position) ?? [], version }))
    }
  }
}
