import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { FolderInUseError, lockFolder } from './folder-lock.js'
import { canUse, chownTo, type PostgresAccount } from './postgres-account.js'
import { stopStaleServer } from './postgres-process.js'
import { openSharedPlace, SHARED_PLACES } from './shared-places.js'

/** Where a cluster is, and who must run it. */
export interface ClusterHome {
  /** Its real path. */
  readonly folder: string
  readonly account: PostgresAccount
  /** Gives the folder back; a throw-away one is removed. */
  release (): Promise<void>
}

type Place = Omit<ClusterHome, 'release'>

const ANOTHER_WAY = 'choose another --data-dir, or set DATABASE_URL'

/**
 * Takes the folder that really holds the cluster of this data folder: an existing cluster, or
 * a new empty folder of the account's. Where the account cannot enter the wanted folder, a
 * link takes its place. Nothing that exists is ever removed or opened to others.
 * @throws FolderInUseError, or with what to do when it cannot be used.
 */
export async function openClusterHome (wanted: string, account: PostgresAccount, log: Logger): Promise<ClusterHome> {
  const name = resolve(wanted)
  const parent = await makeParent(name)
  const folder = join(parent, basename(name))
  // First of all: two starts at once must not both make the folder.
  const release = await lock(folder)
  try {
    const place = await findPlace(folder, account, log)
    if (place.folder === folder) return { ...place, release }
    const home = { ...place, release: await lock(place.folder) }
    await release()
    return home
  } catch (error) {
    await release()
    throw error
  }
}

async function makeParent (name: string): Promise<string> {
  try {
    await mkdir(dirname(name), { recursive: true })
    return await realpath(dirname(name))
  } catch (error) {
    throw new Error(`the folder of ${name} cannot be made (${(error as NodeJS.ErrnoException).code}); ${ANOTHER_WAY}`)
  }
}

async function lock (folder: string): Promise<() => Promise<void>> {
  return await lockFolder(folder).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof FolderInUseError) throw error
    throw new Error(`${folder} cannot be used (${error.code}: its lock cannot be written beside it); start Sallyport as the user it belongs to, or ${ANOTHER_WAY}`)
  })
}

async function findPlace (folder: string, account: PostgresAccount, log: Logger): Promise<Place> {
  if (!await isEmptied(folder) && await lstat(folder).catch(() => undefined) !== undefined) return await takeUp(folder, account, log)
  if (await makeFolderFor(account, folder)) return { folder, account }
  return { folder: await makeElsewhere(folder, account, log), account }
}

/** A throw-away folder that the account can use. */
export async function makeThrowAwayHome (account: PostgresAccount): Promise<ClusterHome> {
  for (const place of [tmpdir(), '/tmp', '/var/tmp']) {
    const folder = await mkdtemp(join(place, 'sallyport-postgres-')).then(async (made) => await realpath(made)).catch(() => undefined)
    if (folder === undefined) continue
    await chownTo(account, folder)
    if (canUse(account, folder)) return { folder, account, release: async () => await removeHome(folder) }
    await rmdir(folder)
  }
  throw new Error(`no temporary folder that PostgreSQL can use in ${tmpdir()}, /tmp, /var/tmp; set TMPDIR`)
}

/** An existing folder or link. */
async function takeUp (name: string, account: PostgresAccount, log: Logger): Promise<Place> {
  const folder = await realpath(name).catch(() => {
    throw new Error(`${name} is a link to a folder that is not there; bring that back, or remove the link to begin with an empty database`)
  })
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${name} cannot be read (${error.code}); start Sallyport as the user it belongs to, or ${ANOTHER_WAY}`)
  })
  const isCluster = names.includes('PG_VERSION')
  if (!isCluster && names.length > 0) throw new Error(`${name} holds something that is not a PostgreSQL cluster (${names.slice(0, 3).join(', ')}); ${ANOTHER_WAY}`)

  const owner = await findOwner(folder, account, log)
  if (canUse(owner, folder)) return { folder, account: owner }
  if (!isCluster && owner.uid !== undefined && await isEmptied(folder)) return { folder: await makeElsewhere(folder, owner, log), account: owner }
  throw new Error(`the user that PostgreSQL runs as (uid ${owner.uid ?? process.getuid?.()}) cannot reach the cluster in ${folder}. ` +
    `Let others enter the folders above it (chmod o+x), move it, or ${ANOTHER_WAY}.`)
}

/** PostgreSQL runs a cluster only as its owner. As root we can be whoever that is. */
async function findOwner (folder: string, account: PostgresAccount, log: Logger): Promise<PostgresAccount> {
  const { uid, gid } = await stat(folder)
  if (account.uid === undefined || account.gid === undefined) {
    if (uid === process.getuid?.()) return account
    throw new Error(`${folder} belongs to another user (uid ${uid}); start Sallyport as that user, or ${ANOTHER_WAY}`)
  }
  if (uid !== 0) return { uid, gid }
  // A cluster is never root's, unless root copied it here or brought it back from a backup.
  log.warn({ folder }, 'the data folder belongs to root, which PostgreSQL refuses; handing it to the user "postgres"')
  await promisify(execFile)('chown', ['-hR', `${account.uid}:${account.gid}`, folder])
  return account
}

/** Removes the folder if it is empty, and says so. */
const isEmptied = async (folder: string): Promise<boolean> => await rmdir(folder).then(() => true, () => false)

/** Makes a folder that the account can use; where that fails, nothing is left. */
async function makeFolderFor (account: PostgresAccount, folder: string): Promise<boolean> {
  await mkdir(folder, { mode: 0o700 })
  // A network file system may refuse to hand anything over.
  const handedOver = await chownTo(account, folder).then(() => true, () => false)
  if (handedOver && canUse(account, folder)) return true
  await rmdir(folder)
  return false
}

async function makeElsewhere (wanted: string, account: PostgresAccount, log: Logger): Promise<string> {
  for (const place of SHARED_PLACES) {
    const clusters = join(place, 'clusters')
    if (!await openSharedPlace(place) || !await openSharedPlace(clusters)) continue
    const instead = join(clusters, createHash('sha256').update(wanted).digest('hex').slice(0, 16))
    await keepForsakenCluster(instead, log)
    if (!await makeFolderFor(account, instead)) continue
    await symlink(instead, wanted)
    await writeFile(`${wanted}.where.txt`, `The PostgreSQL cluster of this folder is kept in ${instead}:\nthe user "postgres", as whom PostgreSQL runs when Sallyport is started by root, cannot enter this folder.\n`)
    log.warn({ wanted, instead }, 'the user "postgres" cannot reach this data folder; the cluster is kept elsewhere and linked')
    return instead
  }
  throw new Error(`the user "postgres" cannot reach ${wanted}, and nothing else could be used (${SHARED_PLACES.join(', ')}). ` +
    `Start Sallyport as an ordinary user, ${ANOTHER_WAY}.`)
}

/** A cluster whose data folder was removed must not come back in a new one; nor is it ours to remove. */
async function keepForsakenCluster (folder: string, log: Logger): Promise<void> {
  if (await stat(folder).catch(() => undefined) === undefined) return
  const unlock = await lockFolder(folder)
  try {
    await stopStaleServer(folder, log)
    if (await isEmptied(folder)) return
    const kept = `${folder}.${new Date().toISOString().replaceAll(':', '-')}`
    await rename(folder, kept)
    await rename(`${folder}.password`, `${kept}.password`).catch(() => {})
    log.warn({ kept }, 'the data folder of this cluster was removed; the cluster is kept under another name')
  } finally {
    await unlock()
  }
}

/** Removes a throw-away cluster. Its processes may take a moment to let go of their files. */
async function removeHome (folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  await rm(`${folder}.password`, { force: true })
}
