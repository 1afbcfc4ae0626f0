import { QUEUE_NAMES } from './queue-names.js'

/** Values that a label has: these alone, or the first so many that come up. Any other becomes `other`. */
export type LabelBound = readonly string[] | { readonly atMost: number }

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** Without the prefix `sallyport_`. */
  readonly name: string
  readonly help: string
  readonly labels: Readonly<Record<string, LabelBound>>
  readonly buckets?: readonly number[]
}

const LATENCY_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]
const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500]

/** More than twice as many as there are. */
const DETECTIONS = { atMost: 400 } as const
const ROUTES = { atMost: 180 } as const
/** Feeds and hosts are the operator's and Microsoft's to name. */
const FEEDS = { atMost: 100 } as const
const HOSTS = { atMost: 50 } as const
const TASKS = { atMost: 50 } as const

const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const
const JOB_STATES = ['waiting', 'active', 'delayed', 'failed', 'prioritized'] as const
const SIGNAL_KINDS = ['ssf', 'webhook', 'ocsf-https', 'ocsf-syslog'] as const
const INTUNE_CALLS = ['graph', 'provision', 'deprovision', 'heartbeat', 'upload', 'upload-status', 'app-sync', 'app-sync-answer'] as const

type Labels = Readonly<Record<string, LabelBound>>
interface Defined<T extends MetricDefinition['type'], L extends Labels> extends MetricDefinition { readonly type: T, readonly labels: L }

const counter = <L extends Labels>(name: string, help: string, labels: L): Defined<'counter', L> => ({ type: 'counter', name, help, labels })
const gauge = <L extends Labels>(name: string, help: string, labels: L): Defined<'gauge', L> => ({ type: 'gauge', name, help, labels })
const histogram = (name: string, help: string, buckets: readonly number[]): Defined<'histogram', Record<never, never>> => ({ type: 'histogram', name, help, labels: {}, buckets })

/** Everything Sallyport counts about itself. Never a label that grows with the fleet: a tenant, a phone, a subject, an address. */
export const METRICS = {
  buildInfo: gauge('build_info', 'Always 1; which Sallyport and which Node this process is.', { version: { atMost: 1 }, node: { atMost: 1 } }),
  httpRequests: counter('http_requests_total', 'Requests to the API by route and class of answer; `none`: there is no such route.', { route: ROUTES, status: STATUS_CLASSES }),

  reports: counter('reports_total', 'Telemetry reports by what became of them.', { status: ['accepted', 'duplicate', 'stale', 'rejected'] }),
  acceptSeconds: histogram('accept_seconds', 'From receiving a report to its acknowledgement.', LATENCY_BUCKETS),
  journalBatchSize: histogram('journal_batch_reports', 'Reports committed together.', BATCH_BUCKETS),
  journalWaiting: gauge('journal_waiting_reports', 'Reports in memory that wait for a commit.', {}),
  unscoredReports: gauge('unscored_reports', 'Reports that are committed and not judged yet, whether they have a job or not.', {}),
  unscoredOldestSeconds: gauge('unscored_oldest_seconds', 'Age of the oldest of them.', {}),
  reportsScored: counter('reports_scored_total', 'Reports merged and judged.', {}),
  reportsQuarantined: gauge('reports_quarantined', 'Reports set aside because they could not be scored.', {}),
  detectionFailures: counter('detection_failures_total', 'Judgements in which a detection threw; the phone was judged by the others.', { detection: DETECTIONS }),
  scoreSeconds: histogram('score_seconds', 'From receiving a report to its judgement.', LATENCY_BUCKETS),
  endToEndSeconds: histogram('report_to_intune_seconds', 'From a change of a phone\'s level to Intune acknowledging it.', LATENCY_BUCKETS),

  findings: gauge('findings_open', 'Open findings by detection.', { detection: DETECTIONS }),
  devices: gauge('devices', 'Phones by level and reporting state.', {
    level: ['none', 'secured', 'low', 'medium', 'high'], state: ['pending', 'activated', 'unresponsive', 'misconfigured', 'deactivated']
  }),

  queueJobs: gauge('queue_jobs', 'Jobs by queue and state.', { queue: QUEUE_NAMES, state: JOB_STATES }),
  queueOldestSeconds: gauge('queue_oldest_waiting_seconds', 'Age of the oldest job that waits. Jobs that are to wait behind the others (phones judged anew without news of their own) do not count.', { queue: QUEUE_NAMES }),
  queueFailures: counter('queue_failures_total', 'Jobs that failed for good.', { queue: QUEUE_NAMES }),
  queueWorkers: gauge('queue_workers', '1 where this process works off a queue: 0 while it should and cannot.', { queue: QUEUE_NAMES }),

  intelEntries: gauge('intel_entries', 'Indicators and vulnerabilities by feed.', { feed: FEEDS }),
  intelAgeSeconds: gauge('intel_feed_age_seconds', 'Time since a feed was imported.', { feed: FEEDS }),
  intelSubscriptionFailures: counter('intel_subscription_failures_total', 'Runs of a subscription that failed.', { feed: FEEDS }),
  intelSubscriptionAgeSeconds: gauge('intel_subscription_last_success_age_seconds', 'Time since a subscription last succeeded; before that, since it was made.', { feed: FEEDS }),
  intelSubscriptionStale: gauge('intel_subscription_stale', '1 when a subscription has not succeeded for three of its intervals.', { feed: FEEDS }),
  rescoringWaiting: gauge('rescoring_waiting_devices', 'Phones that a change of intelligence or policy concerns and that are still to be judged anew.', {}),

  intuneCalls: counter('intune_calls_total', 'Calls to Microsoft services by kind and outcome.', { kind: INTUNE_CALLS, outcome: [...STATUS_CLASSES, 'no-answer'] }),
  syncWaiting: gauge('sync_waiting_devices', 'Phones whose state Intune does not have yet.', {}),
  syncLagSeconds: gauge('sync_lag_seconds', 'How long the longest-waiting of them waits.', {}),
  stateChangesWaiting: gauge('state_changes_waiting', 'Changes of phones\' states that have no position in the feed yet.', {}),
  stateChangesLagSeconds: gauge('state_changes_lag_seconds', 'How long the longest-waiting of them waits.', {}),
  syncDeadLetters: gauge('sync_dead_letters', 'Phones whose state Intune went on refusing until it was given up.', {}),
  intunePaused: gauge('intune_paused_tenants', 'Tenants that Intune is not called for now, after failures or because it asked to wait.', {}),
  intuneHosts: gauge('intune_host_circuit', 'Circuit of a host of Intune as this process sees it: 0 closed, 1 asking whether it is back, 2 open.', { host: HOSTS }),
  heartbeatsLate: gauge('intune_heartbeats_late', 'Connectors without a heartbeat for more than half of the time after which Intune ignores us.', {}),
  heartbeatAgeSeconds: gauge('intune_heartbeat_age_seconds', 'Time since the connector that is longest without a heartbeat had one.', {}),
  connectors: gauge('intune_connectors', 'Tenants by state of their connector.', { state: ['not-provisioned', 'provisioned', 'deprovisioned', 'failed'] }),
  credentialSeconds: gauge('intune_credential_expires_seconds', 'Time until the certificate with which an app of ours signs in at Entra expires. Secrets do not tell.', { app: ['partner', 'setup'] }),
  reconciliations: counter('reconciliation_rounds_total', 'Comparisons with Intune and Entra; incomplete: a part could not be read.', { outcome: ['complete', 'incomplete'] }),
  reconciledDevices: counter('reconciled_devices_total', 'Phones found new, vanished, enrolled anew at Intune, sent again (healed), or left to people (stuck).', { change: ['new', 'vanished', 'reenrolled', 'healed', 'stuck'] }),
  reconciledDrift: counter('reconciliation_drift_total', 'Phones about which Intune held another state than it had acknowledged.', { kind: ['lost', 'milder', 'harsher', 'other'] }),
  reconciliationAgeSeconds: gauge('reconciliation_age_seconds', 'Time since the tenant that was longest not compared as a whole with Intune was.', {}),

  signalOutcomes: counter('signal_attempts_total', 'Attempts to tell webhooks, streams and SIEMs by what became of them; `dead`: given up.', { kind: SIGNAL_KINDS, outcome: ['delivered', 'refused', 'failed', 'gone', 'dead'] }),
  signalsWaiting: gauge('signals_waiting', 'Changes and signals that destinations were not told of yet, by kind; those of paused ones count.', { kind: SIGNAL_KINDS }),
  signalsOldestSeconds: gauge('signals_oldest_waiting_seconds', 'Age of the oldest signal that was made and not told, by kind.', { kind: SIGNAL_KINDS }),
  signalsDead: gauge('signals_dead', 'Dead letters by kind.', { kind: SIGNAL_KINDS }),
  signalDestinations: gauge('signal_destinations', 'Destinations of signals by kind and status; `failing`: enabled, and the last attempt failed.', { kind: SIGNAL_KINDS, status: ['enabled', 'paused', 'disabled', 'failing'] }),

  upkeepAgeSeconds: gauge('upkeep_last_success_age_seconds', 'Time since a task of upkeep last succeeded; before that, since it was first tried.', { task: TASKS }),
  upkeepSeconds: gauge('upkeep_last_duration_seconds', 'How long the last run of a task of upkeep took.', { task: TASKS }),
  upkeepFailed: gauge('upkeep_last_failed', '1 when the last run of a task of upkeep failed.', { task: TASKS }),
  upkeepLate: gauge('upkeep_late', '1 when a task of upkeep has not succeeded for three of its intervals and a minute.', { task: TASKS }),

  auditFaults: gauge('audit_faults', 'Entries of the audit that are known to be not what was written, at most 100 a chain; 0: none.', {}),
  auditVerifiedEntries: gauge('audit_verified_entries', 'Entries of the audit that the upkeep has read and compared with their chains.', {}),
  auditVerifiedAgeSeconds: gauge('audit_verified_age_seconds', 'Time since everything that was new in the audit had been verified.', {}),
  auditWholeAgeSeconds: gauge('audit_wholly_verified_age_seconds', 'Time since the chain of the audit that was longest not verified from its first entry on was; before that, since it was found.', {}),

  databaseUp: gauge('database_up', '1 when PostgreSQL answered this process for this page, 0 when it did not.', {}),
  queueEngineUp: gauge('queue_engine_up', 'The same for the engine of the queues.', {}),
  queueEngineEvicts: gauge('queue_engine_evicts', '1 where the Redis of the queues throws keys away when memory is short, and with them parts of queues: its maxmemory-policy is not noeviction. None where it does not tell, or the queues are in PostgreSQL.', {}),
  queueEnginePersistent: gauge('queue_engine_persistent', '1 where that Redis keeps something over a restart; 0: the queues begin empty after one, and the sweep fills them.', {}),
  queueEngineMemoryRatio: gauge('queue_engine_memory_ratio', 'Share of its memory (maxmemory) that Redis has in use, in a cluster on the fullest node; a full one takes no more jobs. None without a limit.', {}),
  databaseBytes: gauge('database_size_bytes', 'Size of the database.', {}),
  databaseConnections: gauge('database_connections', 'Connections to the PostgreSQL server, of everybody.', {}),
  databaseMaxConnections: gauge('database_max_connections', 'Connections that it takes.', {}),
  databaseOldestTransaction: gauge('database_oldest_transaction_seconds', 'Age of the oldest open transaction in the database; while it is open, nothing deleted since is cleaned up.', {}),
  databaseXidAge: gauge('database_xid_age', 'Transactions since the oldest row that is not frozen; PostgreSQL refuses to write at 2 147 483 648.', {}),
  diskFreeRatio: gauge('disk_free_ratio', 'Free share of the disk with the data of a PostgreSQL on this machine; none where it is elsewhere.', {}),
  credentialsEnding: gauge('credentials_ending', 'API keys and enrolment tokens that end within a week.', { kind: ['api-key', 'enrollment-token'] })
} as const satisfies Readonly<Record<string, MetricDefinition>>
