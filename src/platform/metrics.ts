import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

const LATENCY_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]
const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500]

export type Metrics = ReturnType<typeof createMetrics>

/**
 * Everything Sallyport counts about itself. Labels have few values: never a device, a
 * subject or an address. What the database knows is asked for when it is scraped, see `onScrape`.
 */
export function createMetrics () {
  const registry = new Registry()
  const registers = [registry]
  const askOnScrape: Array<() => Promise<void>> = []
  collectDefaultMetrics({ register: registry, prefix: 'sallyport_' })

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    new Counter<L>({ name: `sallyport_${name}`, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge<L>({ name: `sallyport_${name}`, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name: `sallyport_${name}`, help, buckets, registers })

  return {
    /** Asks the database before each scrape; several may ask at once. */
    onScrape (ask: () => Promise<void>): void {
      askOnScrape.push(ask)
    },
    /** The page for Prometheus. */
    async render (): Promise<{ readonly contentType: string, readonly body: string }> {
      await Promise.all(askOnScrape.map(async (ask) => await ask()))
      return { contentType: registry.contentType, body: await registry.metrics() }
    },

    reports: counter('reports_total', 'Telemetry reports by what became of them.', ['status']),
    acceptSeconds: histogram('accept_seconds', 'From receiving a report to its acknowledgement.', LATENCY_BUCKETS),
    journalBatchSize: histogram('journal_batch_reports', 'Reports committed together.', BATCH_BUCKETS),
    journalWaiting: gauge('journal_waiting_reports', 'Reports in memory that wait for a commit.'),
    reportsScored: counter('reports_scored_total', 'Reports merged and judged.'),
    reportsQuarantined: gauge('reports_quarantined', 'Reports set aside because they could not be scored.'),
    detectionFailures: counter('detection_failures_total', 'Judgements in which a detection threw; the phone was judged by the others.', ['detection']),
    scoreSeconds: histogram('score_seconds', 'From receiving a report to its judgement.', LATENCY_BUCKETS),
    endToEndSeconds: histogram('report_to_intune_seconds', 'From a change of a phone\'s level to Intune acknowledging it.', LATENCY_BUCKETS),
    findings: gauge('findings_open', 'Open findings by detection.', ['detection']),
    devices: gauge('devices', 'Phones by level and reporting state.', ['level', 'state']),
    queueJobs: gauge('queue_jobs', 'Jobs by queue and state.', ['queue', 'state']),
    queueOldestSeconds: gauge('queue_oldest_waiting_seconds', 'Age of the oldest job that waits.', ['queue']),
    queueFailures: counter('queue_failures_total', 'Jobs that failed for good.', ['queue']),
    intelEntries: gauge('intel_entries', 'Indicators and vulnerabilities by feed.', ['feed']),
    intelAgeSeconds: gauge('intel_feed_age_seconds', 'Time since a feed was imported.', ['feed']),
    intelSubscriptionFailures: counter('intel_subscription_failures_total', 'Runs of a subscription that failed.', ['feed']),
    intelSubscriptionAgeSeconds: gauge('intel_subscription_last_success_age_seconds', 'Time since a subscription last succeeded; before that, since it was made.', ['feed']),
    intelSubscriptionStale: gauge('intel_subscription_stale', '1 when a subscription has not succeeded for three of its intervals.', ['feed']),
    rescoringWaiting: gauge('rescoring_waiting_devices', 'Phones that a change of intelligence or policy concerns and that are still to be judged anew.'),
    intuneCalls: counter('intune_calls_total', 'Calls to Microsoft services by kind and outcome.', ['kind', 'outcome']),
    syncWaiting: gauge('sync_waiting_devices', 'Phones whose state Intune does not have yet.'),
    syncLagSeconds: gauge('sync_lag_seconds', 'How long the longest-waiting of them waits.'),
    stateChangesWaiting: gauge('state_changes_waiting', 'Changes of phones\' states that have no position in the feed yet.'),
    stateChangesLagSeconds: gauge('state_changes_lag_seconds', 'How long the longest-waiting of them waits.'),
    syncDeadLetters: gauge('sync_dead_letters', 'Phones whose state Intune went on refusing until it was given up.'),
    intunePaused: gauge('intune_paused_tenants', 'Tenants that Intune is not called for now, after failures or because it asked to wait.'),
    intuneHosts: gauge('intune_host_circuit', 'Circuit of a host of Intune as this process sees it: 0 closed, 1 asking whether it is back, 2 open.', ['host']),
    heartbeatsLate: gauge('intune_heartbeats_late', 'Connectors without a heartbeat for more than half of the time after which Intune ignores us.'),
    heartbeatAgeSeconds: gauge('intune_heartbeat_age_seconds', 'Time since the connector that is longest without a heartbeat had one.'),
    reconciliations: counter('reconciliation_rounds_total', 'Comparisons with Intune and Entra; incomplete: a part could not be read.', ['outcome']),
    reconciledDevices: counter('reconciled_devices_total', 'Phones found new, vanished, enrolled anew at Intune, sent again (healed), or left to people (stuck).', ['change']),
    reconciledDrift: counter('reconciliation_drift_total', 'Phones about which Intune held another state than it had acknowledged.', ['kind']),
    reconciliationAgeSeconds: gauge('reconciliation_age_seconds', 'Time since the tenant that was longest not compared as a whole with Intune was.'),
    signalOutcomes: counter('signal_attempts_total', 'Attempts to tell webhooks, streams and SIEMs by what became of them; `dead`: given up.', ['kind', 'outcome']),
    signalsWaiting: gauge('signals_waiting', 'Changes and signals that destinations were not told of yet, by kind; those of paused ones count.', ['kind']),
    signalsOldestSeconds: gauge('signals_oldest_waiting_seconds', 'Age of the oldest signal that was made and not told, by kind.', ['kind']),
    signalsDead: gauge('signals_dead', 'Dead letters by kind.', ['kind']),
    signalDestinations: gauge('signal_destinations', 'Destinations of signals by kind and status; `failing`: enabled, and the last attempt failed.', ['kind', 'status']),
    upkeepAgeSeconds: gauge('upkeep_last_success_age_seconds', 'Time since a task of upkeep last succeeded; before that, since it was first tried.', ['task']),
    upkeepSeconds: gauge('upkeep_last_duration_seconds', 'How long the last run of a task of upkeep took.', ['task']),
    upkeepFailed: gauge('upkeep_last_failed', '1 when the last run of a task of upkeep failed.', ['task']),
    upkeepLate: gauge('upkeep_late', '1 when a task of upkeep has not succeeded for three of its intervals and a minute.', ['task']),
    connectors: gauge('intune_connectors', 'Tenants by state of their connector.', ['state'])
  }
}
