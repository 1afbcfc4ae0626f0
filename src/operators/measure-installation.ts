import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import { DEFAULT_UNRESPONSIVE_DAYS, isSilentTooLong } from '../intune/connector-repository.js'
import { isDatabaseAway } from '../platform/database-errors.js'
import type { Metrics } from '../platform/metrics.js'
import type { Queues } from '../platform/queues.js'
import { IS_LATE } from '../platform/upkeep-tasks.js'

export interface MeasureDeps {
  readonly db: Database
  readonly queues: Pick<Queues, 'counts' | 'oldestWaitingSeconds'>
  readonly metrics: Metrics
  /** Days of silence after which Intune ignores us, where it has not told us. */
  readonly unresponsiveDays?: number
}

interface Row { readonly labels: Record<string, string>, readonly value: number }

const ANSWER_LIMIT_MS = 5_000

/**
 * Fills the gauges that only the database and the queues know. Called before each scrape. While
 * one of them is away its gauges are left out: what the process itself counts matters then most.
 */
export async function measureInstallation ({ db, queues, metrics, unresponsiveDays = DEFAULT_UNRESPONSIVE_DAYS }: MeasureDeps): Promise<void> {
  const [rows = [], counts, oldest] = await Promise.all([
    unlessAway(measureDatabase(db, unresponsiveDays)), unlessAway(queues.counts()), unlessAway(queues.oldestWaitingSeconds())
  ])
  // A phone that left a level must leave its old number as well, and what is not known now is not as it was.
  for (const gauge of [metrics.devices, metrics.findings, metrics.intelEntries, metrics.intelAgeSeconds, metrics.intelSubscriptionAgeSeconds, metrics.intelSubscriptionStale, metrics.upkeepAgeSeconds, metrics.upkeepSeconds, metrics.upkeepFailed, metrics.upkeepLate, metrics.connectors, metrics.signalsWaiting, metrics.signalsOldestSeconds, metrics.signalsDead, metrics.signalDestinations, metrics.queueJobs, metrics.queueOldestSeconds]) gauge.reset()
  // Without labels a reset would make it 0, which says something.
  for (const gauge of [metrics.reportsQuarantined, metrics.rescoringWaiting, metrics.syncWaiting, metrics.syncLagSeconds, metrics.stateChangesWaiting, metrics.stateChangesLagSeconds, metrics.syncDeadLetters, metrics.intunePaused, metrics.heartbeatsLate, metrics.heartbeatAgeSeconds, metrics.reconciliationAgeSeconds]) gauge.remove()
  const set: Readonly<Record<string, (row: Row) => void>> = {
    devices: ({ labels, value }) => metrics.devices.set(labels, value),
    findings: ({ labels, value }) => metrics.findings.set(labels, value),
    intelEntries: ({ labels, value }) => metrics.intelEntries.set(labels, value),
    intelAge: ({ labels, value }) => metrics.intelAgeSeconds.set(labels, value),
    subscriptionAge: ({ labels, value }) => metrics.intelSubscriptionAgeSeconds.set(labels, value),
    subscriptionStale: ({ labels, value }) => metrics.intelSubscriptionStale.set(labels, value),
    upkeepAge: ({ labels, value }) => metrics.upkeepAgeSeconds.set(labels, value),
    upkeepSeconds: ({ labels, value }) => metrics.upkeepSeconds.set(labels, value),
    upkeepFailed: ({ labels, value }) => metrics.upkeepFailed.set(labels, value),
    upkeepLate: ({ labels, value }) => metrics.upkeepLate.set(labels, value),
    connectors: ({ labels, value }) => metrics.connectors.set(labels, value),
    signalsWaiting: ({ labels, value }) => metrics.signalsWaiting.set(labels, value),
    signalsOldest: ({ labels, value }) => metrics.signalsOldestSeconds.set(labels, value),
    signalsDead: ({ labels, value }) => metrics.signalsDead.set(labels, value),
    signalDestinations: ({ labels, value }) => metrics.signalDestinations.set(labels, value),
    quarantined: ({ value }) => metrics.reportsQuarantined.set(value),
    rescoringWaiting: ({ value }) => metrics.rescoringWaiting.set(value),
    syncWaiting: ({ value }) => metrics.syncWaiting.set(value),
    syncLag: ({ value }) => metrics.syncLagSeconds.set(value),
    stateChangesWaiting: ({ value }) => metrics.stateChangesWaiting.set(value),
    stateChangesLag: ({ value }) => metrics.stateChangesLagSeconds.set(value),
    deadLetters: ({ value }) => metrics.syncDeadLetters.set(value),
    paused: ({ value }) => metrics.intunePaused.set(value),
    heartbeatsLate: ({ value }) => metrics.heartbeatsLate.set(value),
    heartbeatAge: ({ value }) => metrics.heartbeatAgeSeconds.set(value),
    reconciliationAge: ({ value }) => metrics.reconciliationAgeSeconds.set(value)
  }
  for (const row of rows) set[row.gauge]?.(row)
  for (const [queue, states] of Object.entries(counts ?? {})) {
    for (const [state, jobs] of Object.entries(states)) metrics.queueJobs.set({ queue, state }, jobs)
  }
  for (const [queue, seconds] of Object.entries(oldest ?? {})) metrics.queueOldestSeconds.set({ queue }, seconds)
}

/** Undefined when whom we ask is away, or does not answer in time. */
async function unlessAway<T> (answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([answer, new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), ANSWER_LIMIT_MS) })])
  } catch (error) {
    if (isDatabaseAway(error)) return undefined
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** All of it in one round trip. */
async function measureDatabase (db: Database, unresponsiveDays: number): Promise<ReadonlyArray<Row & { readonly gauge: string }>> {
  const { rows } = await sql<Row & { gauge: string }>`
    select 'devices' as gauge, jsonb_build_object('level', coalesce(level, 'none'), 'state', reporting_state) as labels, count(*)::float8 as value
      from device_state group by level, reporting_state
    union all
    select 'findings', jsonb_build_object('detection', detection), count(*) from finding where status = 'open' group by detection
    union all
    select 'intelEntries', jsonb_build_object('feed', name), entries from intel_feed
    union all
    select 'intelAge', jsonb_build_object('feed', name), extract(epoch from now() - imported_at) from intel_feed
    union all
    select 'subscriptionAge', jsonb_build_object('feed', feed), extract(epoch from now() - coalesce(last_success_at, created_at)) from intel_subscription
    union all
    -- As in src/intel/subscriptions/subscription-repository.ts.
    select 'subscriptionStale', jsonb_build_object('feed', feed), (now() - coalesce(last_success_at, created_at) > make_interval(secs => every_seconds * 3))::integer from intel_subscription
    union all
    select 'connectors', jsonb_build_object('state', state), count(*) from intune_connector group by state
    union all
    select 'upkeepAge', jsonb_build_object('task', task), extract(epoch from now() - coalesce(succeeded_at, created_at)) from upkeep_task
    union all
    select 'upkeepSeconds', jsonb_build_object('task', task), seconds from upkeep_task where seconds is not null
    union all
    select 'upkeepFailed', jsonb_build_object('task', task), (outcome = 'failed')::integer from upkeep_task where outcome is not null
    union all
    select 'upkeepLate', jsonb_build_object('task', task), (${IS_LATE})::integer from upkeep_task
    union all
    select 'signalDestinations', jsonb_build_object('kind', kind, 'status', case when status = 'enabled' and failures > 0 then 'failing' else status end), count(*) from signal_destination group by kind, 2
    union all
    select 'signalsWaiting', jsonb_build_object('kind', d.kind), sum(s.waiting + case when d.status = 'disabled' then 0 else greatest(0, coalesce(f.position, 0) - d.position) end)::float8
      from signal_destination d join tenant t on t.id = d.tenant_id left join state_feed f on f.tenant_number = t.number,
        lateral (select count(*) as waiting from signal where destination_id = d.id and dead_at is null) s group by d.kind
    union all
    select 'signalsOldest', jsonb_build_object('kind', d.kind), coalesce(extract(epoch from now() - min(s.at)), 0)::float8
      from signal_destination d left join signal s on s.destination_id = d.id and s.dead_at is null group by d.kind
    union all
    select 'signalsDead', jsonb_build_object('kind', d.kind), count(s.id) from signal_destination d left join signal s on s.destination_id = d.id and s.dead_at is not null group by d.kind
    union all
    select 'quarantined', '{}', count(*) from quarantined_report
    union all
    select 'rescoringWaiting', '{}', count(*) from rescoring_device
    union all
    select 'syncWaiting', '{}', count(*) from intune_outbox where dead_at is null
    union all
    select 'deadLetters', '{}', count(*) from intune_outbox where dead_at is not null
    union all
    select 'paused', '{}', count(*) from intune_connector where retry_at > now()
    union all
    select 'heartbeatsLate', '{}', count(*) from intune_connector c where ${isSilentTooLong(unresponsiveDays)}
    union all
    select 'syncLag', '{}', coalesce(extract(epoch from now() - min(o.enqueued_at)), 0) from intune_outbox o
      -- What an administrator disconnected waits on purpose.
      where o.dead_at is null and not exists (select from intune_connector c where c.tenant_id = o.tenant_id and c.state = 'deprovisioned')
    union all
    select 'stateChangesWaiting', '{}', count(*) from state_change_waiting
    union all
    select 'stateChangesLag', '{}', coalesce(extract(epoch from now() - min(at)), 0) from state_change_waiting
    union all
    select 'heartbeatAge', '{}', coalesce(extract(epoch from now() - min(coalesce(heartbeat_at, provisioned_at))), 0) from intune_connector where state in ('provisioned', 'failed')
    union all
    select 'reconciliationAge', '{}', coalesce(extract(epoch from now() - min(coalesce(r.full_at, c.provisioned_at))), 0)
      from reconciliation r join intune_connector c on c.tenant_id = r.tenant_id where c.state = 'provisioned'
  `.execute(db)
  return rows
}
