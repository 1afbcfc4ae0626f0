import { connectionsOf } from '../../platform/connections.js'
import type { DatabaseHealth, DiskSpace } from '../../platform/database-health.js'
import type { DatabaseSettings } from '../../platform/database-settings.js'
import type { SchemaGap } from '../../platform/migrate.js'
import type { RedisHealth } from '../../platform/redis-health.js'
import { broken, type Check, ok, unknown, warning } from './check.js'
import type { Found, InstallationFacts } from './installation-facts.js'
import type { FeedAge, WaitingWork } from './installation-repository.js'

/** package.json, engines. */
const NODE_FLOOR = [20, 19] as const
/** The oldest PostgreSQL that has all we use (string_to_table: 14; security_invoker and `nulls not distinct`: 15), and the newest that was tried (docs/operations.md). */
const POSTGRES_FLOOR = 15
const POSTGRES_NEWEST = 18
/** BullMQ, “Going to production”: 6.2 at least. */
const REDIS_FLOOR = [6, 2] as const
const CLOCK_WARNING_MS = 2_000
/** Assertions of phones and tokens for Microsoft are good for minutes. */
const CLOCK_BROKEN_MS = 60_000
/** An answer tells seconds only, and takes its time. */
const ENTRA_WARNING_MS = 10_000
/** An import or a migration may take so long. */
const SHORTEST_TIMEOUT_MS = 60_000
const LONG_TRANSACTION_SECONDS = 3_600
const XID_BROKEN = 1_000_000_000
const NAMED_MIGRATIONS = 3
const STALE_INTERVALS = 3
const OLD_FEED_DAYS = 45
const LATE_SECONDS = 300
const HOUR = 3_600
const DAY = 24 * HOUR

/** What is wrong with the installation itself, in the order in which one thing stands on another. Pure. */
export function checkInstallation (facts: InstallationFacts): Check[] {
  const { node, settings, schema, health, feeds, work, redis, entraAheadMs } = facts
  return [
    checkNode(node),
    ...look('database', settings, 'See that PostgreSQL runs and that DATABASE_URL is right; its log says why it turned us away.', checkSettings),
    // Where the database answers, it is the schema itself that this version cannot work with.
    ...('found' in settings ? look('schema', schema, 'Start the version of Sallyport that the database is of, or a newer one.', checkSchema, broken) : look('schema', schema, 'Repair the database first.', checkSchema)),
    ...look('database-load', health, 'Repair the database first.', (found) => checkHealth(found, redis === null ? 'postgres' : 'redis')),
    ...(redis === null ? [ok('queue-engine', 'The queues are in PostgreSQL.')] : look('queue-engine', redis, 'error' in redis && /NOAUTH|WRONGPASS|invalid username-password/.test(redis.error) ? 'Redis wants a user and a password, or other ones: redis://user:password@host in REDIS_URL.' : 'See that Redis runs and that REDIS_URL is right.', checkRedis, broken)),
    ...(entraAheadMs === null ? [] : look('clock-entra', entraAheadMs, 'Let this machine reach Entra (proxy, firewall, INTUNE_CA_FILE), or there will be no tokens for Intune.', checkEntraClock, warning)),
    ...look('feeds', feeds, 'Repair the database first.', checkFeeds),
    ...look('work', work, 'Repair the database first.', checkWork)
  ]
}

function look<T> (check: string, looked: Found<T>, nextAction: string, judge: (found: T) => Check[], otherwise = check === 'database' ? broken : unknown): Check[] {
  return 'found' in looked ? judge(looked.found) : [otherwise(check, `It could not be looked at: ${looked.error}.`, nextAction)]
}

function checkNode (version: string): Check {
  return isBelow(version, NODE_FLOOR)
    ? broken('node', `Node.js ${version} is older than ${NODE_FLOOR.join('.')}.`, 'Install a newer Node.js.')
    : ok('node', `Node.js ${version}.`)
}

function checkSettings (found: DatabaseSettings): Check[] {
  const { version, clockAheadMs, isReadOnly, encoding, timeZone, fsync, fullPageWrites, synchronousCommit, autovacuum, isolation, isSchemaOpen } = found
  const major = Math.floor(version / 10_000)
  const lossy = [...(fsync ? [] : ['fsync']), ...(fullPageWrites ? [] : ['full_page_writes']), ...(synchronousCommit === 'off' ? ['synchronous_commit'] : [])]
  const limits = Object.entries({ statement_timeout: found.statementTimeoutMs, idle_in_transaction_session_timeout: found.idleInTransactionTimeoutMs, lock_timeout: found.lockTimeoutMs })
    .filter(([, ms]) => ms > 0 && ms < SHORTEST_TIMEOUT_MS).map(([name, ms]) => `${name} (${ms} ms)`)
  const name = `PostgreSQL ${major}.${version % 10_000}`
  return [
    isReadOnly
      ? broken('database', `${name} only lets us read: it is a standby, or its transactions are read-only by default.`, 'Point DATABASE_URL to the primary.')
      : major < POSTGRES_FLOOR
        ? broken('database', `${name} is older than ${POSTGRES_FLOOR}.`, 'Upgrade PostgreSQL.')
        : major > POSTGRES_NEWEST
          ? warning('database', `${name} answers; this Sallyport was tested with ${POSTGRES_FLOOR} to ${POSTGRES_NEWEST}.`, 'Look for a newer Sallyport, and try it on a copy first.')
          : ok('database', `${name} answers.`),
    checkClock('clock-database', 'PostgreSQL\'s clock', clockAheadMs, CLOCK_WARNING_MS),
    lossy.length > 0
      ? broken('database-durability', `What PostgreSQL has acknowledged can be lost: ${lossy.join(', ')} ${lossy.length === 1 ? 'is' : 'are'} off.`, 'Switch it on: a report that was acknowledged must not get lost.')
      : ok('database-durability', 'What PostgreSQL has acknowledged stays.'),
    autovacuum ? ok('database-autovacuum', 'Autovacuum is on.') : broken('database-autovacuum', 'Autovacuum is off: tables swell until everything is slow, and in the end PostgreSQL refuses to write.', 'Set autovacuum to on.'),
    limits.length > 0
      ? warning('database-limits', `Short limits for our role or database: ${limits.join(', ')}. Imports and upkeep take longer and would be cut off.`, 'Take them off with `alter role … reset`, or set a minute at least.')
      : ok('database-limits', 'No limit cuts off what takes long.'),
    encoding !== 'UTF8' || isolation !== 'read committed'
      ? broken('database-settings', `The database has the encoding ${encoding} and by default the isolation ${isolation}; UTF8 and read committed are needed.`, encoding !== 'UTF8' ? 'Make a database with encoding UTF8 and move the data.' : 'Reset default_transaction_isolation.')
      : ok('database-settings', `Encoding ${encoding}, read committed, time zone ${timeZone} (of no consequence).`),
    isSchemaOpen
      ? broken('database-schema', 'Everybody who may log in to the database may make functions in our schema, and through them do what its owner may.', 'Have the schema\'s owner, or a superuser, run: revoke create on schema public from public (with the name of your schema).')
      : ok('database-schema', 'Only its owner makes things in our schema.')
  ]
}

function checkClock (check: string, whose: string, aheadMs: number, warningMs: number): Check {
  const seconds = Math.abs(aheadMs) / 1000
  const text = `${whose} is ${seconds.toFixed(1)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine's.`
  const nextAction = 'Let both machines keep time (chrony, systemd-timesyncd): tokens and assertions are good for minutes only.'
  return Math.abs(aheadMs) >= CLOCK_BROKEN_MS ? broken(check, text, nextAction) : Math.abs(aheadMs) >= warningMs ? warning(check, text, nextAction) : ok(check, text)
}

const checkEntraClock = (aheadMs: number): Check[] => [checkClock('clock-entra', 'Entra\'s clock', aheadMs, ENTRA_WARNING_MS)]

function checkSchema ({ missing, newer }: SchemaGap): Check[] {
  if (missing.length > 0) return [broken('schema', missing.length > NAMED_MIGRATIONS ? `The database lacks ${missing.length} migrations, the first of them ${missing[0]!}.` : `The database lacks ${missing.join(', ')}.`, 'sallyport migrate')]
  if (newer.length > 0) return [warning('schema', `A newer Sallyport has applied ${newer.join(', ')}.`, 'Finish the upgrade: this version should soon be gone.')]
  return [ok('schema', 'All migrations of this version are applied.')]
}

function checkHealth (health: DatabaseHealth, queuesIn: 'postgres' | 'redis'): Check[] {
  const { databaseBytes, oldestTransactionSeconds, oldestTransactionApplication, xidAge, disk } = health
  const open = oldestTransactionSeconds ?? 0
  return [
    checkConnections(health, connectionsOf('api', queuesIn), connectionsOf('worker', queuesIn)),
    open > LONG_TRANSACTION_SECONDS
      ? warning('database-transactions', `A transaction of ${oldestTransactionApplication || 'an application without a name'} has been open for ${inWords(open)}; nothing deleted since is cleaned up.`, 'End it, unless it is a backup: select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and backend_type = \'client backend\' and xact_start < now() - interval \'1 hour\'.')
      : ok('database-transactions', 'No transaction has been open for long.'),
    xidAge > XID_BROKEN
      ? broken('database-wraparound', `Rows have not been frozen for ${xidAge} transactions; at 2147483648 PostgreSQL refuses to write.`, 'End what keeps old transactions (replication slots, prepared transactions), then vacuum (freeze).')
      : ok('database-wraparound', 'Old rows are frozen in time.'),
    checkDisk(disk, databaseBytes)
  ]
}

function checkConnections ({ connections, maxConnections, reservedConnections }: DatabaseHealth, ofApi: number, ofWorker: number): Check {
  const check = 'database-connections'
  const usable = maxConnections - reservedConnections
  const text = `${connections} of ${usable} connections are taken${reservedConnections === 0 ? '' : ` (max_connections ${maxConnections}, of which ${reservedConnections} are kept for superusers)`}; an API process takes up to ${ofApi}, a worker up to ${ofWorker}.`
  const nextAction = 'Raise max_connections, run fewer processes, or move the queues to Redis (REDIS_URL); docs/operations.md has the numbers.'
  if (connections > usable * 0.9) return broken(check, text, nextAction)
  if (usable < ofApi + ofWorker) return warning(check, `${text} One of each may take more than there are.`, nextAction)
  return usable - connections < Math.max(ofApi, ofWorker) ? warning(check, `${text} There is no room for another process, as an upgrade needs.`, nextAction) : ok(check, text)
}

function checkDisk (disk: DiskSpace | null, databaseBytes: number): Check {
  const size = `The database has ${inBytes(databaseBytes)}`
  if (disk === null) return unknown('disk', `${size}; its disk is on another machine, or we may not know where.`, 'Watch that disk by other means; for a look from here grant pg_read_all_settings to our role.')
  const share = disk.freeBytes / disk.totalBytes
  const text = `${size}; ${inBytes(disk.freeBytes)} (${Math.floor(share * 100)} %) of the disk are free.`
  const nextAction = 'Make room, or keep raw reports for fewer days (REPORT_RETENTION_DAYS).'
  return share < 0.1 ? broken('disk', text, nextAction) : share < 0.2 ? warning('disk', text, nextAction) : ok('disk', text)
}

function checkRedis ({ name, version, evictionPolicy, isPersistent, usedBytes, maxBytes }: RedisHealth): Check[] {
  const used = `${inBytes(usedBytes)}${maxBytes === 0 ? '' : ` of ${inBytes(maxBytes)}`} in use`
  return [
    name === 'Redis' && isBelow(version, REDIS_FLOOR)
      ? broken('queue-engine', `${name} ${version} is older than ${REDIS_FLOOR.join('.')}.`, 'Upgrade it.')
      : maxBytes > 0 && usedBytes > maxBytes * 0.9 ? warning('queue-engine', `${name} ${version} is nearly full: ${used}.`, 'Give it more memory (maxmemory): a full one takes no more jobs.') : ok('queue-engine', `${name} ${version}, ${used}.`),
    evictionPolicy === null || evictionPolicy === 'noeviction'
      ? ok('queue-eviction', evictionPolicy === null ? 'It does not tell what it does when memory is short.' : 'It throws nothing away when memory is short.')
      : broken('queue-eviction', `When memory is short it throws keys away (${evictionPolicy}), and with them parts of queues.`, 'Set maxmemory-policy to noeviction.'),
    isPersistent
      ? ok('queue-persistence', 'Queues survive a restart.')
      : warning('queue-persistence', 'Queues do not survive a restart. The sweep finds all work again, a few seconds later.', 'Set appendonly to yes.')
  ]
}

function checkFeeds (feeds: readonly FeedAge[]): Check[] {
  if (feeds.length === 0) return [broken('feeds', 'Nothing is known to be bad: no feed was ever imported.', 'Start an API once, which brings the starter feed; then sallyport intel subscribe.')]
  const stale = feeds.filter(({ everySeconds, successAgeSeconds }) => everySeconds !== null && (successAgeSeconds ?? 0) > everySeconds * STALE_INTERVALS)
  const old = feeds.filter(({ feed, everySeconds, ageSeconds }) => everySeconds === null && feed !== STARTER && (ageSeconds ?? 0) > OLD_FEED_DAYS * DAY)
  const subscribed = feeds.filter(({ everySeconds }) => everySeconds !== null).length
  return [
    ...stale.map(({ feed, successAgeSeconds, lastError }) => warning(`feed-${feed}`, `${feed} was last fetched ${inWords(successAgeSeconds ?? 0)} ago${lastError === null ? '' : `: ${lastError}`}.`, `sallyport intel refresh ${feed}, and look at what it says.`)),
    ...old.map(({ feed, ageSeconds }) => warning(`feed-${feed}`, `${feed} was imported ${inWords(ageSeconds ?? 0)} ago.`, 'Import it again, subscribe to it, or remove it.')),
    ...(subscribed === 0 ? [warning('feeds', `${feeds.length} feed${feeds.length === 1 ? '' : 's'}, and none is fetched by itself.`, 'sallyport intel subscribe (docs/intel.md names publishers).')] : stale.length + old.length === 0 ? [ok('feeds', `${feeds.length} feeds, ${subscribed} of them fetched by themselves, all fresh.`)] : [])
  ]
}

/** src/intel/install-bundled-feed.ts; it is as old as the version of Sallyport. */
const STARTER = 'sallyport-starter'

function checkWork ({ unscoredReports, unscoredSeconds, quarantinedReports, syncDevices, syncSeconds, deadLetters }: WaitingWork): Check[] {
  return [
    unscoredSeconds > LATE_SECONDS
      ? broken('work-reports', `${unscoredReports} reports are committed and not judged, the oldest for ${inWords(unscoredSeconds)}.`, 'Is a worker of the queue score running? Its log and its /readyz say more.')
      : ok('work-reports', 'Reports are judged as they come.'),
    quarantinedReports > 0
      ? warning('work-quarantine', `${quarantinedReports} reports were set aside because they could not be judged.`, 'GET /v1/tenants/{tenantId}/quarantine tells why.')
      : ok('work-quarantine', 'No report was set aside.'),
    syncSeconds > LATE_SECONDS
      ? broken('work-intune', `${syncDevices} phones' states wait for Intune, the oldest for ${inWords(syncSeconds)}.`, 'sallyport doctor --tenant for the tenants below; is a worker of the queue sync running?')
      : ok('work-intune', 'Intune is told as things change.'),
    deadLetters > 0
      ? warning('work-dead-letters', `${deadLetters} phones' states were given up because Intune went on refusing them.`, 'GET /v1/tenants/{tenantId}/connector/dead-letters tells why.')
      : ok('work-dead-letters', 'Nothing was given up.')
  ]
}

function isBelow (version: string, [major, minor]: readonly [number, number]): boolean {
  const [ours = 0, oursMinor = 0] = version.split('.').map(Number)
  return ours < major || (ours === major && oursMinor < minor)
}

function inWords (seconds: number): string {
  if (seconds < 2 * 60) return `${Math.round(seconds)} seconds`
  if (seconds < 2 * HOUR) return `${Math.round(seconds / 60)} minutes`
  return seconds < 2 * DAY ? `${Math.round(seconds / HOUR)} hours` : `${Math.round(seconds / DAY)} days`
}

const inBytes = (bytes: number): string => bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
