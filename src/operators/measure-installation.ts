import { sql } from 'kysely'
import type { Gauge } from 'prom-client'
import type { Database } from '../platform/database.js'
import { DEFAULT_UNRESPONSIVE_DAYS, isSilentTooLong } from '../intune/connector-repository.js'
import { isDatabaseAway } from '../platform/database-errors.js'
import { type DatabaseHealth, readDatabaseHealth } from '../platform/database-health.js'
import { METRICS } from '../platform/metric-definitions.js'
import type { Metrics } from '../platform/metrics.js'
import type { Queues } from '../platform/queues.js'
import type { RedisHealth } from '../platform/redis-health.js'
import { IS_LATE } from '../platform/upkeep-tasks.js'

export interface MeasureDeps {
  readonly db: Database
  readonly queues: Pick<Queues, 'counts' | 'oldestWaitingSeconds' | 'engineHealth'>
  readonly metrics: Metrics
  /** Days of silence after which Intune ignores us, where it has not told us. */
  readonly unresponsiveDays?: number
}

type GaugeName = { [M in keyof typeof METRICS]: (typeof METRICS)[M]['type'] extends 'gauge' ? M : never }[keyof typeof METRICS]

interface Row {
  readonly gauge: GaugeName
  readonly labels: Record<string, string>
  readonly value: number
}

const ANSWER_LIMIT_MS = 5_000

/** What the database knows; by these names the queries below answer. */
const FROM_DATABASE: readonly GaugeName[] = [
  'devices', 'findings', 'intelEntries', 'intelAgeSeconds', 'intelSubscriptionAgeSeconds', 'intelSubscriptionStale', 'upkeepAgeSeconds', 'upkeepSeconds', 'upkeepFailed', 'upkeepLate', 'auditFaults', 'auditVerifiedEntries', 'auditVerifiedAgeSeconds', 'auditWholeAgeSeconds', 'connectors', 'signalsWaiting', 'signalsOldestSeconds', 'signalsDead',
  'signalDestinations', 'reportsQuarantined', 'unscoredReports', 'unscoredOldestSeconds', 'rescoringWaiting', 'syncWaiting', 'syncLagSeconds', 'stateChangesWaiting', 'stateChangesLagSeconds',
  'syncDeadLetters', 'intunePaused', 'heartbeatsLate', 'heartbeatAgeSeconds', 'reconciliationAgeSeconds', 'databaseBytes', 'databaseConnections', 'databaseMaxConnections',
  'databaseOldestTransaction', 'databaseXidAge', 'diskFreeRatio', 'credentialsEnding'
]
const FROM_QUEUES: readonly GaugeName[] = ['queueJobs', 'queueOldestSeconds', 'queueEngineEvicts', 'queueEnginePersistent', 'queueEngineMemoryRatio']

/**
 * Fills the gauges that only the database and the queues know. Called before each scrape. While
 * one of them is away its gauges are left out: what the process itself counts matters then most.
 */
export async function measureInstallation ({ db, queues, metrics, unresponsiveDays = DEFAULT_UNRESPONSIVE_DAYS }: MeasureDeps): Promise<void> {
  const [rows, health, counts, oldest, redis] = await Promise.all([
    unlessAway(measureDatabase(db, unresponsiveDays)), unlessAway(readDatabaseHealth(db)), unlessAway(queues.counts(), () => true), unlessAway(queues.oldestWaitingSeconds(), () => true), unlessAway(queues.engineHealth(), () => true)
  ])
  // A phone that left a level must leave its old number as well, and what is not known now is not as it was.
  for (const name of [...FROM_DATABASE, ...FROM_QUEUES]) {
    const gauge = metrics[name] as Gauge
    // Without labels a reset would make it 0, which says something.
    if (Object.keys(METRICS[name].labels).length === 0) gauge.remove()
    else gauge.reset()
  }
  for (const { gauge, labels, value } of [...rows ?? [], ...(health === undefined ? [] : rowsOf(health)), ...(redis === undefined ? [] : rowsOfRedis(redis))]) (metrics[gauge] as Gauge).set(labels, value)
  for (const [queue, states] of Object.entries(counts ?? {})) {
    for (const [state, jobs] of Object.entries(states)) metrics.queueJobs.set({ queue, state }, jobs)
  }
  for (const [queue, seconds] of Object.entries(oldest ?? {})) metrics.queueOldestSeconds.set({ queue }, seconds)
  metrics.databaseUp.set(rows === undefined ? 0 : 1)
  metrics.queueEngineUp.set(counts === undefined ? 0 : 1)
}

function rowsOf ({ databaseBytes, connections, maxConnections, oldestTransactionSeconds, xidAge, disk }: DatabaseHealth): Row[] {
  const values: ReadonlyArray<readonly [GaugeName, number]> = [
    ['databaseBytes', databaseBytes], ['databaseConnections', connections], ['databaseMaxConnections', maxConnections],
    ['databaseOldestTransaction', oldestTransactionSeconds ?? 0], ['databaseXidAge', xidAge],
    ...(disk === null || disk.totalBytes === 0 ? [] : [['diskFreeRatio', disk.freeBytes / disk.totalBytes] as const])
  ]
  return values.map(([gauge, value]) => ({ gauge, labels: {}, value }))
}

function rowsOfRedis ({ evictionPolicy, isPersistent, usedBytes, maxBytes }: RedisHealth): Row[] {
  const values: ReadonlyArray<readonly [GaugeName, number]> = [
    ...(evictionPolicy === null ? [] : [['queueEngineEvicts', evictionPolicy === 'noeviction' ? 0 : 1] as const]),
    ['queueEnginePersistent', isPersistent ? 1 : 0],
    ...(maxBytes === 0 ? [] : [['queueEngineMemoryRatio', usedBytes / maxBytes] as const])
  ]
  return values.map(([gauge, value]) => ({ gauge, labels: {}, value }))
}

/** Undefined when whom we ask is away, or does not answer in time. Whatever the queues fail with, their engine is not up; `/readyz` says why. */
async function unlessAway<T> (answer: Promise<T>, isAway: (error: unknown) => boolean = isDatabaseAway): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([answer, new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), ANSWER_LIMIT_MS) })])
  } catch (error) {
    if (isAway(error)) return undefined
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** All of it in one round trip. */
async function measureDatabase (db: Database, unresponsiveDays: number): Promise<readonly Row[]> {
  const { rows } = await sql<Row>`
    select 'devices' as gauge, jsonb_build_object('level', coalesce(level, 'none'), 'state', reporting_state) as labels, count(*)::float8 as value
      from device_state group by level, reporting_state
    union all
    select 'findings', jsonb_build_object('detection', detection), count(*) from finding where status = 'open' group by detection
    union all
    select 'intelEntries', jsonb_build_object('feed', name), entries from intel_feed
    union all
    select 'intelAgeSeconds', jsonb_build_object('feed', name), extract(epoch from now() - imported_at) from intel_feed
    union all
    select 'intelSubscriptionAgeSeconds', jsonb_build_object('feed', feed), extract(epoch from now() - coalesce(last_success_at, created_at)) from intel_subscription
    union all
    -- As in src/intel/subscriptions/subscription-repository.ts.
    select 'intelSubscriptionStale', jsonb_build_object('feed', feed), (now() - coalesce(last_success_at, created_at) > make_interval(secs => every_seconds * 3))::integer from intel_subscription
    union all
    select 'connectors', jsonb_build_object('state', state), count(*) from intune_connector group by state
    union all
    select 'upkeepAgeSeconds', jsonb_build_object('task', task), extract(epoch from now() - coalesce(succeeded_at, created_at)) from upkeep_task
    union all
    select 'upkeepSeconds', jsonb_build_object('task', task), seconds from upkeep_task where seconds is not null
    union all
    select 'upkeepFailed', jsonb_build_object('task', task), (outcome = 'failed')::integer from upkeep_task where outcome is not null
    union all
    select 'upkeepLate', jsonb_build_object('task', task), (${IS_LATE})::integer from upkeep_task
    union all
    select a.gauge, '{}', a.value from (
      select coalesce(sum(fault_count), 0)::float8 as faults, coalesce(sum(number), 0)::float8 as entries,
        extract(epoch from now() - min(coalesce(checked_at, created_at)))::float8 as age, extract(epoch from now() - min(coalesce(whole_at, created_at)))::float8 as whole_age from audit_check
    ) c cross join lateral (values ('auditFaults', faults), ('auditVerifiedEntries', entries), ('auditVerifiedAgeSeconds', age), ('auditWholeAgeSeconds', whole_age)) a (gauge, value)
      -- Before the first run nothing is known.
      where a.value is not null and c.age is not null
    union all
    select 'signalDestinations', jsonb_build_object('kind', kind, 'status', case when status = 'enabled' and failures > 0 then 'failing' else status end), count(*) from signal_destination group by kind, 2
    union all
    select 'signalsWaiting', jsonb_build_object('kind', d.kind), sum(s.waiting + case when d.status = 'disabled' then 0 else greatest(0, coalesce(f.position, 0) - d.position) end)::float8
      from signal_destination d join tenant t on t.id = d.tenant_id left join state_feed f on f.tenant_number = t.number,
        lateral (select count(*) as waiting from signal where destination_id = d.id and dead_at is null) s group by d.kind
    union all
    select 'signalsOldestSeconds', jsonb_build_object('kind', d.kind), coalesce(extract(epoch from now() - min(s.at)), 0)::float8
      from signal_destination d left join signal s on s.destination_id = d.id and s.dead_at is null group by d.kind
    union all
    select 'signalsDead', jsonb_build_object('kind', d.kind), count(s.id) from signal_destination d left join signal s on s.destination_id = d.id and s.dead_at is not null group by d.kind
    union all
    select 'reportsQuarantined', '{}', count(*) from quarantined_report
    union all
    select 'unscoredReports', '{}', coalesce(sum(reports), 0)::float8 from unscored_group
    union all
    select 'unscoredOldestSeconds', '{}', coalesce(extract(epoch from now() - min(received_at)), 0) from unscored_group
    union all
    select 'credentialsEnding', jsonb_build_object('kind', 'api-key'), count(*) from api_key where revoked_at is null and expires_at > now() and expires_at < now() + interval '7 days'
    union all
    select 'credentialsEnding', jsonb_build_object('kind', 'enrollment-token'), count(*) from enrollment_token where revoked_at is null and expires_at > now() and expires_at < now() + interval '7 days'
    union all
    select 'rescoringWaiting', '{}', count(*) from rescoring_device
    union all
    select 'syncWaiting', '{}', count(*) from intune_outbox where dead_at is null
    union all
    select 'syncDeadLetters', '{}', count(*) from intune_outbox where dead_at is not null
    union all
    select 'intunePaused', '{}', count(*) from intune_connector where retry_at > now()
    union all
    select 'heartbeatsLate', '{}', count(*) from intune_connector c where ${isSilentTooLong(unresponsiveDays)}
    union all
    select 'syncLagSeconds', '{}', coalesce(extract(epoch from now() - min(o.enqueued_at)), 0) from intune_outbox o
      -- What an administrator disconnected waits on purpose.
      where o.dead_at is null and not exists (select from intune_connector c where c.tenant_id = o.tenant_id and c.state = 'deprovisioned')
    union all
    select 'stateChangesWaiting', '{}', count(*) from state_change_waiting
    union all
    select 'stateChangesLagSeconds', '{}', coalesce(extract(epoch from now() - min(at)), 0) from state_change_waiting
    union all
    select 'heartbeatAgeSeconds', '{}', coalesce(extract(epoch from now() - min(coalesce(heartbeat_at, provisioned_at))), 0) from intune_connector where state in ('provisioned', 'failed')
    union all
    select 'reconciliationAgeSeconds', '{}', coalesce(extract(epoch from now() - min(coalesce(r.full_at, c.provisioned_at))), 0)
      from reconciliation r join intune_connector c on c.tenant_id = r.tenant_id where c.state = 'provisioned'
  `.execute(db)
  return rows
}
