import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { type Config, loadConfig } from '../config.js'
import { type FieldFault, InvalidInputError } from '../errors.js'
import { importFeed, type ImportResult } from '../intel/import-feed.js'
import { openDatabase } from '../platform/database.js'
import { startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import { FolderInUseError } from '../platform/folder-lock.js'
import { createLifecycle, type Lifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { openQueues } from '../platform/queues.js'
import { reassessFleet } from '../devices/reassess-fleet.js'
import { readRunning } from './running-file.js'

interface Options { feed?: string, format: string, dataDir?: string, json?: boolean }
type Import = (feed: string, body: Buffer) => Promise<ImportResult>

/**
 * `sallyport intel import FILE…`: into the database that the environment names, else into
 * the embedded installation of the data folder – through its API while it runs. A file that
 * cannot be imported does not keep the others out.
 * @throws naming every fault of every file
 */
export async function runImportIntel (files: readonly string[], options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(env)
  const feeds = feedsOf(files, options.feed)
  const log = createLogger({ level: env.LOG_LEVEL === undefined || env.LOG_LEVEL === '' ? 'warn' : config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  const faults: string[] = []
  try {
    const importOne = await openImport(config, options, log, lifecycle)
    for (const [feed, file] of feeds) {
      try {
        const result = await importOne(feed, await readFile(file))
        process.stdout.write(options.json === true ? JSON.stringify(result) + '\n' : describe(result))
      } catch (error) {
        faults.push(`${file}: ${describeError(error)}`)
      }
    }
  } finally {
    await lifecycle.stop()
  }
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

async function openImport (config: Config, { format, dataDir: folder = 'data' }: Options, log: Logger, lifecycle: Lifecycle): Promise<Import> {
  if (config.DATABASE_URL !== undefined) return await importIntoDatabase(config.DATABASE_URL)
  const dataDir = resolve(folder)
  const running = await readRunning(dataDir)
  if (running !== undefined) return importThroughApi(running)
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), log })
    lifecycle.onStop('postgres', async () => await postgres.stop())
    return await importIntoDatabase(postgres.url)
  } catch (error) {
    if (error instanceof FolderInUseError) throw new Error(`the data folder is in use by process ${error.pid}, which is just starting or stopping; try again`)
    throw error
  }

  async function importIntoDatabase (databaseUrl: string): Promise<Import> {
    await migrate({ databaseUrl, log })
    const db = openDatabase({ connectionString: databaseUrl, maxConnections: 3, applicationName: 'sallyport command' })
    lifecycle.onStop('database', async () => await db.destroy())
    const queues = await openQueues({ databaseUrl, redisUrl: config.REDIS_URL, log })
    lifecycle.onStop('queues', async () => await queues.close())
    const onChanged = async (): Promise<void> => await reassessFleet({ db, score: queues.producer('score') })
    return async (feed, body) => await importFeed({ db, onChanged }, { feed, format, body, now: new Date() })
  }

  function importThroughApi ({ api, operatorToken }: { api: string, operatorToken: string }): Import {
    return async (feed, body) => {
      const answer = await fetch(`${api}/v1/intel/feeds/${encodeURIComponent(feed)}/import?${String(new URLSearchParams({ format }))}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/octet-stream' },
        body: new Uint8Array(body)
      })
      const result = await answer.json() as ImportResult & { detail?: string, errors?: FieldFault[] }
      if (!answer.ok) throw new Error(listFaults(result.detail ?? `the API answered ${answer.status}`, result.errors))
      return result
    }
  }
}

/** Each file under the name of its feed, in their order. Two of one name would replace each other. */
function feedsOf (files: readonly string[], feed: string | undefined): Map<string, string> {
  if (feed !== undefined && files.length > 1) throw new Error('--feed names one feed, but there are several files')
  const feeds = new Map<string, string>()
  for (const file of files) {
    const name = feed ?? feedNameOf(file)
    const other = feeds.get(name)
    if (other !== undefined) throw new Error(`${other} and ${file} would both be the feed ${name}; import them one by one and name them with --feed`)
    feeds.set(name, file)
  }
  return feeds
}

function describeError (error: unknown): string {
  if (error instanceof InvalidInputError) return listFaults(error.message, error.faults)
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'there is no such file'
  return error instanceof Error ? error.message : String(error)
}

const listFaults = (summary: string, faults: readonly FieldFault[] = []): string =>
  [summary, ...faults.map(({ path, message }) => `  ${path === '' ? '' : `${path} `}${message}`)].join('\n')

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
    ...(types === '' ? [] : [`  ${types}`]),
    ...skipped.map(({ reason, count, examples }) => `  skipped ${count}: ${reason} (${examples.slice(0, 2).join('; ')})`)
  ].join('\n') + '\n'
}
