import pg from 'pg'
import { replayDevice } from '../src/devices/replay-device.js'
import { createIntelCache } from '../src/intel/index/intel-cache.js'
import { verifyAudit } from '../src/operators/verify-audit.js'
import { openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { QUEUE_SCHEMA } from '../src/platform/migrate.js'

/** Beside what a ledger looks at: what the reports and the jobs led to. Each is empty when all is well. */
export interface Faults {
  /** Changes of levels that do not begin where the last one ended, and phones whose level is another than the last. */
  readonly history: readonly string[]
  /** Changes of the feed that do not begin where the one before ended: one is missing, doubled or out of order. */
  readonly feed: readonly string[]
  /** Jobs that failed for good, or are in hands that do not let go, by queue and reason; phones that nobody judges anew. */
  readonly jobs: readonly string[]
}

/** To be asked when all is at rest. Works on the schema of any version. */
export async function findFaults (databaseUrl: string): Promise<Faults> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const ask = async (text: string): Promise<string[]> => (await client.query<{ fault: string }>(text)).rows.map(({ fault }) => fault)
  try {
    return {
      history: await ask(`
        select 'phone ' || device_id || ': ' || coalesce(before, 'none') || ', then ' || coalesce(from_level, 'none') || ' to ' || to_level || case when last then ', at last ' || coalesce(level, 'none') else '' end as fault
        from (
          select c.device_id, c.from_level, c.to_level, s.level, lag(c.to_level) over w as before, lead(c.id) over w is null as last
          from level_change c join device_state s on s.device_id = c.device_id join device d on d.id = c.device_id
          where d.erased_at is null window w as (partition by c.device_id order by c.id)
        ) x where (before is not null and from_level is distinct from before) or (last and level is not null and to_level <> level)`),
      // What was told of erased phones is gone.
      feed: await ask(`
        select 'position ' || position || ' of phone ' || device_id || ': ' || coalesce(previous_health, 'none') || ' after ' || before as fault from (
          select c.position, c.device_id, c.previous_health, lag(c.health) over (partition by c.device_id order by c.position) as before
          from state_change c join device d on d.id = c.device_id where d.erased_at is null
        ) x where before is not null and previous_health is distinct from before`),
      jobs: await ask(`select queue || ' ' || state || coalesce(': ' || failed_reason, '') as fault from (
        select to_jsonb(j) ->> 'queue' as queue, to_jsonb(j) ->> 'state' as state, to_jsonb(j) ->> 'failed_reason' as failed_reason from ${QUEUE_SCHEMA}.job j
      ) x where state in ('failed', 'active')
        union all select count(*) || ' phones wait to be judged anew' from rescoring_device having count(*) > 0`)
    }
  } finally {
    await client.end()
  }
}

/** With this version's code: phones of which judging their reports once more gives something else than is stored, and whether the audit is whole. */
export async function replayAll (databaseUrl: string, tenantId: string, deviceIds: readonly string[]): Promise<{ readonly different: string[], readonly auditIsWhole: boolean }> {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 2 })
  const intel = await createIntelCache({ db, log: createLogger({ level: 'error' }), databaseUrl })
  try {
    const different: string[] = []
    for (const deviceId of deviceIds) if (!(await replayDevice({ db, intel }, { tenantId, deviceId })).same) different.push(deviceId)
    return { different, auditIsWhole: (await verifyAudit({ db }, {})).intact }
  } finally {
    await intel.close()
    await db.destroy()
  }
}
