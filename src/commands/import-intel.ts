import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { loadConfig } from '../config.js'
import { importFeed, type ImportResult } from '../intel/import-feed.js'
import { openDatabase } from '../platform/database.js'
import { startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import { FolderInUseError } from '../platform/folder-lock.js'
import { createLifecycle, type Lifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { openQueues } from '../platform/queues.js'
import { reassessFleet } from './reassess-fleet.js'
import { readRunning } from './running-file.js'

interface Options { feed?: string, format: string, dataDir?: string, json?: boolean }
type Import = (feed: string, body: Buffer) => Promise<ImportResult>

/**
 * `sallyport intel import FILE…`: into the database that the environment names, else into
 * the embedded installation of the data folder – through its API while it runs.
 */
export async function runImportIntel (files: readonly string[], options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  if (options.feed !== undefined && files.length > 1) throw new Error('--feed names one feed, but there are several files')
  const log = createLogger({ level: env.LOG_LEVEL ?? 'warn' })
  const lifecycle = createLifecycle(log)
  try {
    const importOne = await openImport(options, env, lifecycle)
    for (const file of files) {
      const result = await importOne(options.feed ?? feedNameOf(file), await readFile(file))
      process.stdout.write(options.json === true ? JSON.stringify(result) + '\n' : describe(result))
    }
  } finally {
    await lifecycle.stop()
  }

  async function openImport ({ format }: Options, env: NodeJS.ProcessEnv, lifecycle: Lifecycle): Promise<Import> {
    const config = loadConfig(env)
    if (config.DATABASE_URL !== undefined) return await importIntoDatabase(config.DATABASE_URL, config.REDIS_URL)
    const dataDir = resolve(options.dataDir ?? 'data')
    const running = await readRunning(dataDir)
    if (running !== undefined) return importThroughApi(running)
    try {
      const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), log })
      lifecycle.onStop('postgres', async () => await postgres.stop())
      return await importIntoDatabase(postgres.url, config.REDIS_URL)
    } catch (error) {
      if (error instanceof FolderInUseError) throw new Error(`the data folder is in use by process ${error.pid}, which is just starting or stopping; try again`)
      throw error
    }

    async function importIntoDatabase (databaseUrl: string, redisUrl: string | undefined): Promise<Import> {
      await migrate({ databaseUrl, log })
      const db = openDatabase({ connectionString: databaseUrl, maxConnections: 3, applicationName: 'sallyport command' })
      lifecycle.onStop('database', async () => await db.destroy())
      const queues = await openQueues({ databaseUrl, redisUrl, log })
      lifecycle.onStop('queues', async () => await queues.close())
      const onChanged = async (): Promise<void> => await reassessFleet({ db, score: queues.producer('score') })
      return async (feed, body) => await importFeed({ db, onChanged }, { feed, format, body, now: new Date() })
    }

    function importThroughApi ({ api, operatorToken }: { api: string, operatorToken: string }): Import {
      return async (feed, body) => {
        const answer = await fetch(`${api}/v1/intel/feeds/${feed}/import?format=${format}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/octet-stream' },
          body: new Uint8Array(body)
        })
        const result = await answer.json() as ImportResult & { detail?: string, errors?: Array<{ path: string, message: string }> }
        if (!answer.ok) throw new Error([result.detail, ...(result.errors ?? []).map(({ path, message }) => `  ${path} ${message}`)].join('\n'))
        return result
      }
    }
  }
}

/** `dir/Cytrox List.stix2` → `cytrox-list`. */
function feedNameOf (file: string): string {
  const name = basename(file).replace(/\.[^.]+$/, '').toLowerCase().replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+/, '').slice(0, 100)
  if (name === '') throw new Error(`name the feed of ${file} with --feed`)
  return name
}

function describe ({ feed, format, added, updated, unchanged, withdrawn, skipped, byType }: ImportResult): string {
  const types = Object.entries(byType).filter(([, count]) => count > 0).map(([type, count]) => `${count} ${type}`).join(', ')
  return [
    `${feed} (${format}): ${added} added, ${updated} updated, ${unchanged} unchanged, ${withdrawn} withdrawn`,
    `  ${types}`,
    ...skipped.map(({ reason, count, examples }) => `  skipped ${count}: ${reason} (${examples.slice(0, 2).join('; ')})`)
  ].join('\n') + '\n'
}
