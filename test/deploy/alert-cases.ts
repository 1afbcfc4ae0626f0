/** When an alert fires and when it does not, for `promtool test rules`: a sample a minute. */
export interface AlertCase {
  /** Series with their values in promtool's notation. */
  readonly fires: Readonly<Record<string, string>>
  /** Labels of the alert beside its severity. */
  readonly labels?: Readonly<Record<string, string>>
  /** The same just below the threshold, or just before its time. */
  readonly quiet: Readonly<Record<string, string>>
  /** By when; the same for both. */
  readonly at: string
}

const WHERE = { job: 'sallyport-api', instance: 'a' }
const at = (labels: Readonly<Record<string, string>>): string => Object.entries(labels).map(([label, value]) => `${label}="${value}"`).join(',')
const of = (name: string, labels: Readonly<Record<string, string>> = {}): string => `sallyport_${name}{${at({ ...labels, ...WHERE })}}`

/** A gauge that stays at a value beyond the threshold, and one that stays at it. */
function gauge (name: string, beyond: number, within: number, { labels = {}, told, at: time = '30m' }: { labels?: Record<string, string>, told?: Record<string, string>, at?: string } = {}): AlertCase {
  return { fires: { [of(name, labels)]: `${beyond}x720` }, quiet: { [of(name, labels)]: `${within}x720` }, at: time, labels: told ?? labels }
}

/** A counter that rises by so much a minute. */
const rising = (perMinute: number): string => `0+${perMinute}x720`

export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  SallyportDown: { fires: { [`up{${at(WHERE)}}`]: '1 1 0x10' }, quiet: { [`up{${at(WHERE)}}`]: '1 1 0 0 1x10' }, at: '5m', labels: WHERE },
  SallyportRestarts: { fires: { [of('process_start_time_seconds')]: '1x5 2x5 3x5 4x15' }, quiet: { [of('process_start_time_seconds')]: '1x5 2x5 3x20' }, at: '25m', labels: WHERE },
  SallyportEventLoopLags: gauge('nodejs_eventloop_lag_p99_seconds', 1.1, 1, { told: WHERE }),
  SallyportMemoryHigh: gauge('process_resident_memory_bytes', 1.6e9, 1.5e9, { told: WHERE, at: '40m' }),

  SallyportRequestsFail: {
    fires: { [of('http_requests_total', { route: '/v1/token', status: '2xx' })]: rising(980), [of('http_requests_total', { route: '/v1/token', status: '5xx' })]: rising(20) },
    quiet: { [of('http_requests_total', { route: '/v1/token', status: '2xx' })]: rising(991), [of('http_requests_total', { route: '/v1/token', status: '5xx' })]: rising(9) },
    at: '20m'
  },
  SallyportReportsRefused: {
    fires: { [of('http_requests_total', { route: '/v1/telemetry/batch', status: '2xx' })]: rising(94), [of('http_requests_total', { route: '/v1/telemetry', status: '4xx' })]: rising(6) },
    quiet: { [of('http_requests_total', { route: '/v1/telemetry', status: '2xx' })]: rising(96), [of('http_requests_total', { route: '/v1/telemetry', status: '4xx' })]: rising(4), [of('http_requests_total', { route: '/v1/enroll', status: '4xx' })]: rising(50) },
    at: '40m'
  },
  SallyportReportsSlow: {
    fires: { [of('accept_seconds_bucket', { le: '0.5' })]: rising(98), [of('accept_seconds_bucket', { le: '1' })]: rising(100), [of('accept_seconds_bucket', { le: '+Inf' })]: rising(100) },
    quiet: { [of('accept_seconds_bucket', { le: '0.2' })]: rising(98), [of('accept_seconds_bucket', { le: '0.5' })]: rising(100), [of('accept_seconds_bucket', { le: '+Inf' })]: rising(100) },
    at: '30m'
  },
  SallyportNoReports: {
    fires: { [of('reports_total', { status: 'accepted' })]: '7x720', [of('devices', { level: 'low', state: 'activated' })]: '5x720' },
    quiet: { [of('reports_total', { status: 'accepted' })]: '7x720', [of('devices', { level: 'low', state: 'deactivated' })]: '5x720' },
    at: '60m'
  },
  SallyportReportsSetAside: gauge('reports_quarantined', 1, 0),

  SallyportReportsWait: gauge('unscored_oldest_seconds', 61, 60),
  SallyportQueueWaits: gauge('queue_oldest_waiting_seconds', 61, 60, { labels: { queue: 'sync' } }),
  SallyportSlowQueueWaits: gauge('queue_oldest_waiting_seconds', 1_801, 1_800, { labels: { queue: 'preview' }, at: '60m' }),
  SallyportWorkStuck: gauge('unscored_oldest_seconds', 301, 300),
  SallyportWorkerStands: gauge('queue_workers', 0, 1, { labels: { queue: 'sync' }, told: { queue: 'sync', ...WHERE } }),
  SallyportJobsFail: { fires: { [of('queue_failures_total', { queue: 'score' })]: '0x5 1x10' }, quiet: { [of('queue_failures_total', { queue: 'score' })]: '1x20' }, at: '10m', labels: { queue: 'score' } },
  SallyportDetectionThrows: { fires: { [of('detection_failures_total', { detection: 'app-fake' })]: '_x65 1x10' }, quiet: { [of('detection_failures_total', { detection: 'app-fake' })]: '1x720' }, at: '70m', labels: { detection: 'app-fake' } },
  SallyportRescoringLate: { fires: { [of('rescoring_waiting_devices')]: '1x720' }, quiet: { [of('rescoring_waiting_devices')]: '1x300 0 1x400' }, at: '370m' },
  SallyportChangesLate: gauge('state_changes_lag_seconds', 301, 300),

  SallyportUpkeepLate: gauge('upkeep_late', 1, 0, { labels: { task: 'retention' } }),
  SallyportUpkeepFails: gauge('upkeep_last_failed', 1, 0, { labels: { task: 'retention' }, at: '40m' }),

  SallyportAuditChanged: gauge('audit_faults', 1, 0, { at: '1m' }),
  SallyportAuditUnverified: gauge('audit_wholly_verified_age_seconds', 259_201, 259_200),

  SallyportIntuneBehind: gauge('sync_lag_seconds', 301, 300),
  SallyportIntuneCallsFail: {
    fires: { [of('intune_calls_total', { kind: 'upload', outcome: '2xx' })]: rising(78), [of('intune_calls_total', { kind: 'upload', outcome: '5xx' })]: rising(11), [of('intune_calls_total', { kind: 'upload', outcome: 'no-answer' })]: rising(11) },
    quiet: { [of('intune_calls_total', { kind: 'upload', outcome: '2xx' })]: rising(81), [of('intune_calls_total', { kind: 'upload', outcome: '4xx' })]: rising(19) },
    at: '40m',
    labels: { kind: 'upload' }
  },
  SallyportIntuneCircuitOpen: gauge('intune_host_circuit', 2, 1, { labels: { host: 'fef.msub05.manage.microsoft.com' } }),
  SallyportIntuneDeadLetters: gauge('sync_dead_letters', 1, 0),
  SallyportIntunePaused: gauge('intune_paused_tenants', 1, 0, { at: '40m' }),
  SallyportHeartbeatLate: gauge('intune_heartbeats_late', 1, 0),
  SallyportConnectorFailed: gauge('intune_connectors', 1, 0, { labels: { state: 'failed' }, told: {} }),
  SallyportDrift: { fires: { [of('reconciliation_drift_total', { kind: 'milder' })]: rising(1) }, quiet: { [of('reconciliation_drift_total', { kind: 'milder' })]: '0x30 9x720' }, at: '70m', labels: { kind: 'milder' } },
  SallyportDriftStays: { fires: { [of('reconciled_devices_total', { change: 'stuck' })]: '0x30 1x60' }, quiet: { [of('reconciled_devices_total', { change: 'healed' })]: '0x30 9x60' }, at: '70m' },
  SallyportReconciliationLate: gauge('reconciliation_age_seconds', 14_401, 14_400),
  SallyportCredentialExpires: gauge('intune_credential_expires_seconds', 1_814_399, 1_814_400, { labels: { app: 'partner' }, at: '90m' }),
  SallyportKeysEnd: gauge('credentials_ending', 1, 0, { labels: { kind: 'api-key' }, at: '90m' }),

  SallyportFeedStale: gauge('intel_subscription_stale', 1, 0, { labels: { feed: 'kev' } }),
  SallyportFeedFails: {
    fires: { [of('intel_subscription_failures_total', { feed: 'kev' })]: '1x60 2x60 3x60 4x60 5x200' },
    quiet: { [of('intel_subscription_failures_total', { feed: 'kev' })]: '1x60 2x60 3x300' },
    at: '300m',
    labels: { feed: 'kev' }
  },
  SallyportFeedOld: {
    fires: { [of('intel_feed_age_seconds', { feed: 'kev' })]: '3888001x720' },
    quiet: { [of('intel_feed_age_seconds', { feed: 'kev' })]: '3888000x720', [of('intel_feed_age_seconds', { feed: 'sallyport-starter' })]: '9888000x720' },
    at: '90m',
    labels: { feed: 'kev' }
  },
  SallyportSignalsLate: gauge('signals_oldest_waiting_seconds', 901, 900, { labels: { kind: 'webhook' } }),
  SallyportSignalsDead: gauge('signals_dead', 1, 0, { labels: { kind: 'ssf' } }),

  SallyportDatabaseDown: gauge('database_up', 0, 1),
  SallyportQueueEngineDown: gauge('queue_engine_up', 0, 1),
  SallyportQueuesEvicted: gauge('queue_engine_evicts', 1, 0),
  SallyportQueueEngineFull: gauge('queue_engine_memory_ratio', 0.91, 0.9),
  SallyportDiskFull: gauge('disk_free_ratio', 0.09, 0.1),
  SallyportConnectionsScarce: {
    fires: { [of('database_connections')]: '91x720', [of('database_max_connections')]: '100x720' },
    quiet: { [of('database_connections')]: '90x720', [of('database_max_connections')]: '100x720' },
    at: '30m'
  },
  SallyportTransactionOpen: gauge('database_oldest_transaction_seconds', 3_601, 3_600),
  SallyportXidAge: gauge('database_xid_age', 1_000_000_001, 1_000_000_000, { at: '90m' })
}
