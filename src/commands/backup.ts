import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'
import { type Config, loadConfig } from '../config.js'
import { adjustAfterRestore, type Adjusted } from '../operators/adjust-after-restore.js'
import { BackupError } from '../platform/backup/backup-format.js'
import { loadBackup } from '../platform/backup/load-backup.js'
import { writeBackup } from '../platform/backup/write-backup.js'
import { openDatabase } from '../platform/database.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { requireSchema } from '../platform/migrate.js'
import { openEmbedded } from './open-database.js'
import type { Logger } from 'pino'

const ACTOR = 'command line'
/** A backup that goes on writes all the time; one that was killed does not any more. */
const ABANDONED_MS = 60 * 60 * 1000

export interface BackupOptions {
  readonly dataDir?: string
  readonly json?: boolean
}

interface Opened {
  readonly config: Config
  readonly databaseUrl: string
  readonly log: Logger
}

/** On the database that the environment names, else on that of the data folder. */
async function withDatabase (env: NodeJS.ProcessEnv, { dataDir }: BackupOptions, work: (opened: Opened) => Promise<void>): Promise<void> {
  const config = loadConfig(env)
  const log = createLogger({ level: env.LOG_LEVEL === undefined || env.LOG_LEVEL === '' ? 'warn' : config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  try {
    await work({ config, log, databaseUrl: config.DATABASE_URL ?? (await openEmbedded(resolve(dataDir ?? 'data'), log, lifecycle)).url })
  } finally {
    await lifecycle.stop()
  }
}

const print = (json: boolean | undefined, answer: object, words: string): void => { process.stdout.write(`${json === true ? JSON.stringify(answer) : words}\n`) }

/** `sallyport backup FILE`: everything stored, at one moment, while all goes on. A file that is there is replaced when the new one is whole. */
export async function runBackup (file: string, options: BackupOptions, env: NodeJS.ProcessEnv): Promise<void> {
  await withDatabase(env, options, async ({ databaseUrl }) => {
    await clearUnfinished(file)
    const unfinished = `${file}.${process.pid}.unfinished`
    const text = new PassThrough()
    // Hashes of keys, signing keys and what phones said: nobody else's to read.
    const stored = pipeline(text, createGzip({ level: 6 }), createWriteStream(unfinished, { mode: 0o600 }))
    try {
      const written = await Promise.race([writeBackup(databaseUrl, text, { actor: ACTOR }), stored.then(() => { throw new BackupError('the file ended early') })])
      text.end()
      await stored
      await rename(unfinished, file)
      print(options.json, { file, ...written }, `${written.rows} rows of ${written.tables} tables, as of ${written.madeAt}, are in ${file}`)
    } catch (error) {
      text.destroy()
      await finished(text).catch(() => {})
      await stored.catch(() => {})
      await rm(unfinished, { force: true })
      throw error
    }
  })
}

/** What backups into this folder left behind that were killed: rows of everybody, in a file that nobody knows of. */
async function clearUnfinished (file: string): Promise<void> {
  const folder = dirname(resolve(file))
  for (const name of await readdir(folder).catch(() => [])) {
    if (!/\.\d+\.unfinished$/.test(name)) continue
    const path = join(folder, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }))
    if (Date.now() - mtimeMs < ABANDONED_MS || !await isBackup(path)) continue
    await rm(path, { force: true })
    process.stderr.write(`${path} was left by a backup that was interrupted, and is deleted\n`)
  }
}

/** Begins as a backup does, as far as it was written. */
async function isBackup (path: string): Promise<boolean> {
  const start = createReadStream(path, { end: 65_535 }).pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }))
  try {
    const first = (await start[Symbol.asyncIterator]().next()).value as Buffer | undefined
    return first?.toString('utf8', 0, 20).startsWith('{"sallyportBackup"') === true
  } catch {
    return false
  } finally {
    start.destroy()
  }
}

/** `sallyport restore FILE`: into an empty database, everything or nothing, and made fit for a world that went on. */
export async function runRestore (file: string, options: BackupOptions, env: NodeJS.ProcessEnv): Promise<void> {
  await withDatabase(env, options, async ({ databaseUrl, config, log }) => {
    const { madeAt, rows } = await loadBackup(readBackup(file), { databaseUrl, rolePrefix: config.DATABASE_ROLE_PREFIX, log, actor: ACTOR })
    const adjusted = await adjust(databaseUrl, log, madeAt)
    print(options.json, { madeAt, rows, ...adjusted }, `${rows} rows as of ${madeAt} are restored. ${wordsOf(adjusted)}`)
  })
}

/** `sallyport after-restore`: what `restore` does at its end, where the database was put back by other means. */
export async function runAfterRestore (options: BackupOptions, env: NodeJS.ProcessEnv): Promise<void> {
  await withDatabase(env, options, async ({ databaseUrl, log }) => {
    const adjusted = await adjust(databaseUrl, log, null)
    print(options.json, adjusted, wordsOf(adjusted))
  })
}

async function adjust (databaseUrl: string, log: Logger, madeAt: string | null): Promise<Adjusted> {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1, applicationName: 'sallyport restore' })
  try {
    await requireSchema(db, log, { isRestoring: true })
    return await adjustAfterRestore(db, { actor: ACTOR, madeAt })
  } finally {
    await db.destroy()
  }
}

const wordsOf = ({ tenants, devices }: Adjusted): string => `Intune will be told the states of ${devices} phones of ${tenants} tenants once more when the workers start.`

function readBackup (file: string): Readable {
  return Readable.from(unpack(file), { objectMode: false })
}

async function * unpack (file: string): AsyncGenerator<Buffer> {
  const unpacked = createGunzip()
  // What fails there comes out of `unpacked` too.
  pipeline(createReadStream(file), unpacked).catch(() => {})
  try {
    yield * unpacked as AsyncIterable<Buffer>
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code === 'ENOENT' || code === 'EACCES' ? error : new BackupError(`the backup is damaged: ${message}`)
  }
}
