import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { type Config, loadConfig } from '../config.js'
import { type FieldFault, InvalidInputError } from '../errors.js'
import type { Feed } from '../intel/feed-repository.js'
import { findIndicators, listFeeds } from '../intel/find-indicators.js'
import { importFeed, type ImportFeedInput, type ImportResult, removeFeed } from '../intel/import-feed.js'
import type { IndicatorClaim } from '../intel/indicators/indicator-repository.js'
import { type Database, openDatabase } from '../platform/database.js'
import { startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import { FolderInUseError } from '../platform/folder-lock.js'
import { createLifecycle, type Lifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { openQueues } from '../platform/queues.js'
import { readRunning, type RunningInstallation } from './running-file.js'

/** What the commands do with feeds, by the database or by the API of the installation that runs. */
export interface IntelAccess {
  import (input: Pick<ImportFeedInput, 'feed' | 'format' | 'threatClass' | 'allowOlder'> & { readonly body: Buffer }): Promise<ImportResult>
  list (): Promise<Feed[]>
  remove (feed: string): Promise<void>
  show (value: string): Promise<Array<Omit<IndicatorClaim, 'id'>>>
}

const ACTOR = 'command line'
/** Claims of one page. */
const PAGE = 500

/**
 * Does something with the feeds of the database that the environment names, else of the embedded
 * installation of the data folder – through its API while it runs.
 */
export async function withIntel (env: NodeJS.ProcessEnv, folder: string | undefined, work: (intel: IntelAccess) => Promise<void>): Promise<void> {
  const config = loadConfig(env)
  const log = createLogger({ level: env.LOG_LEVEL === undefined || env.LOG_LEVEL === '' ? 'warn' : config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  try {
    await work(await openIntel(config, folder ?? 'data', log, lifecycle))
  } finally {
    await lifecycle.stop()
  }
}

async function openIntel (config: Config, folder: string, log: Logger, lifecycle: Lifecycle): Promise<IntelAccess> {
  if (config.DATABASE_URL !== undefined) return await openByDatabase(config.DATABASE_URL)
  const dataDir = resolve(folder)
  const running = await readRunning(dataDir)
  if (running !== undefined) return byApi(running)
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), log })
    lifecycle.onStop('postgres', async () => await postgres.stop())
    return await openByDatabase(postgres.url)
  } catch (error) {
    if (error instanceof FolderInUseError) throw new Error(`the data folder is in use by process ${error.pid}, which is just starting or stopping; try again`)
    throw error
  }

  async function openByDatabase (databaseUrl: string): Promise<IntelAccess> {
    await migrate({ databaseUrl, rolePrefix: config.DATABASE_ROLE_PREFIX, log })
    const db = openDatabase({ connectionString: databaseUrl, maxConnections: 3, applicationName: 'sallyport command' })
    lifecycle.onStop('database', async () => await db.destroy())
    const queues = await openQueues({ databaseUrl, redisUrl: config.REDIS_URL, prefix: config.REDIS_PREFIX, log })
    lifecycle.onStop('queues', async () => await queues.close())
    return byDatabase(db, async () => await queues.producer('intel').add([{}]))
  }
}

function byDatabase (db: Database, onChanged: () => Promise<void>): IntelAccess {
  return {
    import: async (input) => await importFeed({ db, onChanged }, { ...input, importedBy: ACTOR, audited: true, now: new Date() }),
    list: async () => await listFeeds({ db }),
    remove: async (feed) => await removeFeed({ db, onChanged }, { feed, actor: ACTOR }),
    async show (value) {
      const claims: IndicatorClaim[] = []
      for (;;) {
        const some = await findIndicators({ db }, { value, after: claims.at(-1)?.id, limit: PAGE })
        claims.push(...some)
        if (some.length < PAGE) return claims.map(({ id, ...claim }) => claim)
      }
    }
  }
}

function byApi ({ api, operatorToken }: RunningInstallation): IntelAccess {
  async function ask<T> (method: string, path: string, query: Record<string, string> = {}, body?: Buffer): Promise<T> {
    const parameters = String(new URLSearchParams(query))
    const answer = await fetch(`${api}/v1/intel/${path}${parameters === '' ? '' : `?${parameters}`}`, {
      method,
      headers: { authorization: `Bearer ${operatorToken}`, ...(body === undefined ? {} : { 'content-type': 'application/octet-stream' }) },
      ...(body === undefined ? {} : { body: new Uint8Array(body) })
    })
    if (answer.status === 204) return undefined as T
    const result = await answer.json() as T & { detail?: string, errors?: FieldFault[] }
    if (!answer.ok) throw new Error(listFaults(result.detail ?? `the API answered ${answer.status}`, result.errors))
    return result
  }
  return {
    import: async ({ feed, format, threatClass, allowOlder, body }) => await ask<ImportResult>('POST', `feeds/${encodeURIComponent(feed)}/import`, {
      format, ...(threatClass === undefined ? {} : { class: threatClass }), ...(allowOlder === true ? { allowOlder: 'true' } : {})
    }, body),
    list: async () => (await ask<{ items: Feed[] }>('GET', 'feeds')).items,
    remove: async (feed) => await ask('DELETE', `feeds/${encodeURIComponent(feed)}`),
    async show (value) {
      const claims: Array<Omit<IndicatorClaim, 'id'>> = []
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: { items: typeof claims, nextCursor: string | null } = await ask('GET', 'indicators', { value, limit: String(PAGE), ...(cursor === '' ? {} : { cursor }) })
        claims.push(...page.items)
        cursor = page.nextCursor
      }
      return claims
    }
  }
}

export function describeError (error: unknown): string {
  if (error instanceof InvalidInputError) return listFaults(error.message, error.faults)
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'there is no such file'
  return error instanceof Error ? error.message : String(error)
}

const listFaults = (summary: string, faults: readonly FieldFault[] = []): string =>
  [summary, ...faults.map(({ path, message }) => `  ${path === '' ? '' : `${path} `}${message}`)].join('\n')
