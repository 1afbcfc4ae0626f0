import { sql } from 'kysely'
import type { Test } from 'tap'
import { replayDevice } from '../../src/devices/replay-device.js'
import { createIntelCache } from '../../src/intel/index/intel-cache.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { silentLog } from '../helpers/log.js'
import { type Stage, until } from './stage.js'

/**
 * When all is at rest: what the reports led to happened once and in order. A report that was merged twice leaves the same state, so
 * this looks at what adds up: history, the feed of changes, versions, findings, the audit.
 */
export async function proveEffects (t: Test, stage: Stage): Promise<void> {
  const { db } = stage
  await until(async () => (await sql`select from state_change_waiting`.execute(db)).rows.length === 0, 'every change has its position')
  await proveHistory(t, stage)
  await proveFeed(t, stage)
  await proveFindings(t, stage)
  await proveNothingHeld(stage)
  const { chains, intact } = await verifyAudit({ db }, {})
  t.ok(intact, 'the audit log is whole')
  t.ok(chains.some(({ entries }) => entries > 0))
}

/** Each change of a level begins where the last ended. */
async function proveHistory (t: Test, { db }: Stage): Promise<void> {
  const { rows } = await sql<{ device: string, before: string | null, from: string | null, to: string, last: boolean, level: string }>`
    select c.device_id as device, lag(c.to_level) over w as before, c.from_level as "from", c.to_level as "to", lead(c.id) over w is null as last, s.level
    from level_change c join device_state s on s.device_id = c.device_id window w as (partition by c.device_id order by c.id)`.execute(db)
  t.ok(rows.length > 0)
  t.strictSame(rows.filter(({ before, from }) => from !== before && !(before === null && from === null)), [], 'each change of level begins where the last one ended')
  t.strictSame(rows.filter(({ last, to, level }) => last && to !== level), [], 'and the last is the level that counts')
}

/** The feed of changes has each once, and versions count what Intune is told. */
async function proveFeed (t: Test, { db }: Stage): Promise<void> {
  const { rows } = await sql<{ position: number, place: number, version: number, health: string, before: string | null, previous: string | null, lastVersion: number | null, last: boolean, desired: number, wanted: string }>`
    select c.position::float8 as position, row_number() over (partition by c.tenant_number order by c.position)::float8 as place, c.version, c.health, lag(c.health) over w as before, c.previous_health as previous, lag(c.version) over w as "lastVersion",
      lead(c.position) over w is null as last, s.desired_version::float8 as desired, s.desired_health as wanted
    from state_change c join device_state s on s.device_id = c.device_id window w as (partition by c.device_id order by c.position)`.execute(db)
  t.strictSame(rows.map(({ position }) => position), rows.map(({ place }) => place), 'the positions of each tenant follow each other')
  t.strictSame(rows.filter(({ lastVersion, before, previous }) => lastVersion !== null && before !== previous), [], 'each change of health begins where the last one ended')
  t.strictSame(rows.filter(({ version, lastVersion, health, previous }) => version !== (lastVersion ?? 0) + Number(health !== previous)), [], 'versions rise by one with each that Intune is told')
  t.strictSame(rows.filter(({ last, version, desired, health, wanted }) => last && (version !== desired || health !== wanted)), [], 'and the last is what counts')
}

/** What is stored of each phone is what judging all its reports gives. */
async function proveFindings (t: Test, { db, databaseUrl }: Stage): Promise<void> {
  const intel = await createIntelCache({ db, log: silentLog, databaseUrl })
  try {
    const devices = await db.selectFrom('device_state').select(['device_id']).execute()
    for (const { device_id: deviceId } of devices) {
      const { tenant_id: tenantId } = await db.selectFrom('device').select('tenant_id').where('id', '=', deviceId).executeTakeFirstOrThrow()
      const { stored, replayed } = await replayDevice({ db, intel }, { tenantId, deviceId })
      t.equal(stored, replayed, 'its level and findings are what its reports make')
    }
  } finally {
    await intel.close()
  }
}

/** What a dead process had claimed was claimed again. */
async function proveNothingHeld ({ db }: Stage): Promise<void> {
  let held: unknown[] = []
  await until(async () => {
    const { rows } = await sql`
      select 'upkeep' as what, task as whose, lease_until as "until" from upkeep_task where lease_until < now() - interval '5 seconds'
      union all select 'reconciliation', tenant_id::text, lease_until from reconciliation where lease_until < now() - interval '20 seconds' and due_at < now()
      union all select 'subscription', feed, lease_until from intel_subscription where lease_until < now() - interval '20 seconds'
      union all select 'destination', id::text, lease_until from signal_destination where lease_until < now() - interval '20 seconds'`.execute(db)
    held = rows
    return rows.length === 0
  }, 'nothing is held by the dead', 200_000).catch((error: Error) => { throw new Error(`${error.message}: ${JSON.stringify(held)}`) })
}
