import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import { eraseReports } from '../telemetry/journal-groups.js'
import { deactivateDevices } from './device-repository.js'
import { resolveDeviceId } from './get-device.js'
import { ERASED_STATE } from './score-repository.js'
import { eraseStateChanges } from './state-change-repository.js'
import { announceEnd, type EndDeviceDeps, type EndDeviceInput } from './revoke-device.js'

/**
 * Erases what is known about a device at once: reports, state, findings, history, key and
 * description. The bare ids stay until Intune was told that it is deactivated (see
 * purgeErasedDevices), and in the feed of changes as long as that is kept; the audit keeps that it was erased. @throws NotFoundError
 */
export async function eraseDevice (deps: EndDeviceDeps, input: EndDeviceInput): Promise<{ readonly deviceId: string }> {
  const deviceId = await resolveDeviceId(deps, input)
  const { tenantId, actor } = input
  const now = new Date()
  await deps.db.transaction().execute(async (tx) => {
    await deactivateDevices(tx, [deviceId], 'retired_at', now)
    await eraseReports(tx, deviceId)
    for (const table of ['quarantined_report', 'finding', 'finding_version', 'level_change', 'suppression', 'used_assertion', 'device_apps', 'signal'] as const) {
      await tx.deleteFrom(table).where('device_id', '=', deviceId).execute()
    }
    await tx.updateTable('device_state')
      .set({ state: JSON.stringify(ERASED_STATE), older_events: null, apps_digest: null, resend: [], level: null, level_since: null, coverage_id: null, score: null, judged_by: null, changes_at: null, last_report_at: null, assessed_at: null, due_at: null })
      .where('device_id', '=', deviceId).execute()
    await tx.updateTable('device')
      .set({ erased_at: now, public_key: '{}', intune_device_id: null, os_version: null, manufacturer: null, model: null, serial_number: null, ownership: null, tags: [], entra_groups: [], directory_ownership: null, directory_groups: null, updated_at: sql<Date>`now()` })
      .where('id', '=', deviceId).execute()
    await sql`
      update directory_device e set user_id = null, device_name = null, serial_number = null from device d join tenant t on t.id = d.tenant_id
      where d.id = ${deviceId} and e.tenant_number = t.number and e.entra_device_id = d.entra_device_id`.execute(tx)
    // Last: whoever reads the feed waits for it.
    await eraseStateChanges(tx, deviceId, now)
    await recordAudit(tx, { tenantId, actor, action: 'device.erased', subject: deviceId, detail: {} })
  })
  await announceEnd(deps, tenantId, deviceId)
  return { deviceId }
}

/** How long an erased device's ids wait for Intune to take the last message. */
const MAX_WAIT_DAYS = 30
/** Longer than an access token lives: a process that starts meanwhile must know that it no longer counts. */
const MIN_WAIT_HOURS = 25

/** Removes the rest of erased devices once Intune has nothing more to hear of them. Answers how many. */
export async function purgeErasedDevices ({ db }: { readonly db: Database }): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    select id from device d where d.erased_at is not null and (
      d.erased_at < now() - make_interval(days => ${MAX_WAIT_DAYS})
      or d.erased_at < now() - make_interval(hours => ${MIN_WAIT_HOURS}) and not exists (select from intune_outbox o where o.device_id = d.id and o.dead_at is null)
    )`.execute(db)
  for (const { id } of rows) {
    await db.transaction().execute(async (tx) => {
      // A report that was being stored while the device was erased.
      await eraseReports(tx, id)
      // Names phones without asking whether they are there.
      await tx.deleteFrom('rescoring_device').where('device_id', '=', id).execute()
      await tx.deleteFrom('device').where('id', '=', id).execute()
    })
  }
  return rows.length
}
