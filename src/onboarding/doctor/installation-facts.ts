import { isDatabaseAway } from '../../platform/database-errors.js'
import { type DatabaseHealth, readDatabaseHealth } from '../../platform/database-health.js'
import { type DatabaseSettings, readDatabaseSettings } from '../../platform/database-settings.js'
import type { Database } from '../../platform/database.js'
import { readSchemaGap, type SchemaGap } from '../../platform/migrate.js'
import { type RedisHealth, readRedisHealth } from '../../platform/redis-health.js'
import { type FeedAge, listFeedAges, readWaitingWork, type WaitingWork } from './installation-repository.js'

/** What was found, or why it could not be looked at. */
export type Found<T> = { readonly found: T } | { readonly error: string }

/** What the doctor looks at besides Microsoft's side. */
export interface InstallationFacts {
  readonly node: string
  readonly settings: Found<DatabaseSettings>
  readonly schema: Found<SchemaGap>
  readonly health: Found<DatabaseHealth>
  readonly feeds: Found<readonly FeedAge[]>
  readonly work: Found<WaitingWork>
  /** Null: the queues are in PostgreSQL. */
  readonly redis: Found<RedisHealth> | null
  /** Entra's clock minus ours, in ms, by the Date header of an answer: right to a second or so. Null: not asked. */
  readonly entraAheadMs: Found<number> | null
}

export interface FactsDeps {
  readonly db: Database
  readonly redisUrl?: string | undefined
  /** What Entra's answer says the time is. @throws when it does not answer */
  readonly askEntraTime?: (() => Promise<Date>) | undefined
}

export async function readInstallationFacts ({ db, redisUrl, askEntraTime }: FactsDeps): Promise<InstallationFacts> {
  const [settings, schema, health, feeds, work, redis, entraAheadMs] = await Promise.all([
    find(readDatabaseSettings(db)), find(readSchemaGap(db)), find(readDatabaseHealth(db)), find(listFeedAges(db)), find(readWaitingWork(db)),
    redisUrl === undefined ? null : find(readRedisHealth(redisUrl)),
    askEntraTime === undefined ? null : find(askEntraTime().then((time) => time.getTime() - Date.now()))
  ])
  return { node: process.versions.node, settings, schema, health, feeds, work, redis, entraAheadMs }
}

async function find<T> (answer: Promise<T>): Promise<Found<T>> {
  try {
    return { found: await answer }
  } catch (error) {
    return { error: describeFailure(error) }
  }
}

/** Why somebody could not be asked, in words without a full stop. */
export function describeFailure (error: unknown): string {
  const { message, code, errors } = error as { message?: string, code?: string, errors?: ReadonlyArray<{ message: string }> }
  // Where several addresses were tried in vain, each has its own message.
  const text = (message || errors?.map((one) => one.message).join('; ') || code || String(error)).replace(/\.$/, '')
  return isDatabaseAway(error) ? `it does not answer: ${text}` : text
}
