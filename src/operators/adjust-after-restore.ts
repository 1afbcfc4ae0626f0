import { sql } from 'kysely'
import { askForEverything } from '../devices/ask-again.js'
import { retellStates } from '../devices/state-change-repository.js'
import { enqueueDevicesAgain } from '../intune/outbox-repository.js'
import { RESTORE_MARK } from '../platform/backup/restore-mark.js'
import type { Database, Tx } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'

/** More than a phone's state changes between a backup and the loss of what it is of. */
const VERSIONS_AHEAD = 1_000_000
/** More than there are changes in a tenant's feed between them. */
const POSITIONS_AHEAD = 1_000_000_000

export interface Adjusted {
  readonly tenants: number
  /** Phones whose states Intune is told once more. */
  readonly devices: number
  /** States that webhooks, streams and SIEMs are told once more. */
  readonly retold: number
}

/**
 * Makes a database that was put back to an earlier moment fit for a world that went on: Intune,
 * relying parties and phones know more than it does. By whatever means it was put back, and
 * before anything of Sallyport runs on it. Doing it twice does no harm.
 */
export async function adjustAfterRestore (db: Database, { actor, madeAt }: { readonly actor: string, readonly madeAt: string | null }): Promise<Adjusted> {
  return await db.transaction().execute(async (tx) => {
    await raiseVersions(tx)
    await askForEverything(tx)
    const retold = await closeFeeds(tx)
    await freeWhatWasInHand(tx)
    const tenants = await tx.selectFrom('tenant').select('id').orderBy('id').execute()
    let devices = 0
    for (const { id: tenantId } of tenants) devices += await enqueueDevicesAgain(tx, { tenantId })
    await tx.deleteFrom('schema_migration').where('name', '=', RESTORE_MARK).execute()
    await recordAudit(tx, { tenantId: null, actor, action: 'platform.restored', detail: { madeAt, tenants: tenants.length, devices, retold } })
    return { tenants: tenants.length, devices, retold }
  })
}

/** Whoever was told of a phone's state under a version must never be told another under the same one or a lower one. */
async function raiseVersions (tx: Tx): Promise<void> {
  await sql`
    update device_state set desired_version = desired_version + ${VERSIONS_AHEAD}::integer
    where desired_health is not null`.execute(tx)
  // Numbers of transactions count anew on another server, and API processes follow changes by them.
  await sql`update device set credentials_changed_in = pg_current_xact_id() where credentials_changed_in is not null`.execute(tx)
}

/**
 * Positions after the restored ones were given out, for changes that nobody has any more. So the
 * feeds go on far behind them, and readers who are anywhere before are told to start anew. Who is
 * told without asking is told every state once more, and what was not told yet counts as missed.
 */
async function closeFeeds (tx: Tx): Promise<number> {
  await sql`insert into state_feed (tenant_number) select number from tenant on conflict (tenant_number) do nothing`.execute(tx)
  await sql`update state_feed set position = position + ${POSITIONS_AHEAD}::bigint, dropped_position = position + ${POSITIONS_AHEAD}::bigint`.execute(tx)
  await sql`delete from state_change`.execute(tx)
  await sql`
    update signal_destination d set position = f.position, missed = d.missed + greatest(0, f.position - ${POSITIONS_AHEAD}::bigint - d.position), lease_id = null, lease_until = null
    from tenant t join state_feed f on f.tenant_number = t.number where t.id = d.tenant_id`.execute(tx)
  return await retellStates(tx)
}

/** Who had it in hand is gone, and what became of it is not known here. */
async function freeWhatWasInHand (tx: Tx): Promise<void> {
  // Built anew from the states: what waited then may have been told since.
  await sql`delete from intune_outbox`.execute(tx)
  await sql`delete from intune_message`.execute(tx)
  await sql`update intune_connector set heartbeat_due_at = now(), retry_at = null, attempts = 0, host_paused_until = null`.execute(tx)
  // Everything is compared with what Intune and Entra know, not what changed since a moment that they may not remember.
  await sql`
    update reconciliation set due_at = now(), lease_id = null, lease_until = null, full_requested_at = now(),
      round_id = null, devices_delta = null, members_delta = null, members_delta_groups = null, checked_in_until = null`.execute(tx)
  await sql`update intel_subscription set lease_id = null, lease_until = null, next_run_at = now()`.execute(tx)
  await sql`update upkeep_task set run_id = null, lease_until = null, due_at = now()`.execute(tx)
  await sql`update intune_setup set busy_until = null where busy_until is not null`.execute(tx)
}
