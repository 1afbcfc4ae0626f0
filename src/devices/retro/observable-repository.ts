import { sql } from 'kysely'
import type { Tx } from '../../platform/database.js'
import type { DeviceState } from '../../telemetry/device-state.js'
import { areSame, observablesOf } from './observables.js'

export interface StateChange {
  readonly deviceId: string
  readonly before: DeviceState
  readonly after: DeviceState
}

/** Keeps the index of what states name equal to the states; touches nothing where it stays the same, which is nearly always. */
export async function saveObservables (tx: Tx, changes: readonly StateChange[]): Promise<void> {
  const changed = changes.flatMap(({ deviceId, before, after }) => {
    if (namesTheSame(before, after)) return []
    const hashes = observablesOf(after)
    return areSame(hashes, observablesOf(before)) ? [] : [{ device_id: deviceId, hashes }]
  })
  const named = changed.filter(({ hashes }) => hashes.length > 0)
  if (named.length > 0) {
    await sql`
      insert into device_observable (device_id, hashes)
      select device_id, array(select jsonb_array_elements_text(hashes)::integer) from jsonb_to_recordset(${JSON.stringify(named)}::jsonb) as i(device_id uuid, hashes jsonb)
      order by device_id
      on conflict (device_id) do update set hashes = excluded.hashes`.execute(tx)
  }
  const bare = changed.filter(({ hashes }) => hashes.length === 0).map(({ device_id: deviceId }) => deviceId)
  if (bare.length > 0) await sql`delete from device_observable where device_id = any(${bare}::uuid[])`.execute(tx)
}

const namesTheSame = (before: DeviceState, after: DeviceState): boolean =>
  before.events === after.events && before.files === after.files && before.processes === after.processes && before.profiles === after.profiles && before.properties === after.properties
