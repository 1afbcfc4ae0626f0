import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { chownTo, type PostgresAccount } from './postgres-account.js'
import type { PostgresBinaries } from './postgres-binaries.js'
import type { ClusterHome } from './postgres-home.js'
import { SERVER_ENVIRONMENT } from './postgres-process.js'

const run = promisify(execFile)

export const SUPERUSER = 'postgres'

/**
 * Makes the cluster when its folder is empty, and answers the superuser's password.
 * @throws when the cluster is of another major version.
 */
export async function prepareCluster (home: ClusterHome, binaries: PostgresBinaries, options: { readonly throwAway: boolean, readonly log: Logger }): Promise<string> {
  const made = await readFile(join(home.folder, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (made === undefined) return await makeCluster(home, binaries.initdb, options.throwAway)

  const [ours] = binaries.version.split('.')
  if (made.trim() !== ours) {
    throw new Error(`the cluster in ${home.folder} was made by PostgreSQL ${made.trim()}, and this Sallyport brings ${ours}. ` +
      'Dump it with the Sallyport that made it (pg_dump) and restore it into a new --data-dir.')
  }
  const password = await readFile(passwordFileOf(home.folder), 'utf8').catch(() => undefined)
  // Empty after a power cut, for one.
  return password !== undefined && password !== '' ? password : await replacePassword(home, binaries.postgres, options.log)
}

/** Beside the cluster, which the server wants for itself. */
const passwordFileOf = (folder: string): string => `${folder}.password`

const makePassword = (): string => randomBytes(24).toString('base64url')

async function writePassword ({ folder, account }: ClusterHome, password: string): Promise<void> {
  await rm(passwordFileOf(folder), { force: true })
  // Only a new file: its folder may be open to others, who could have put a link there.
  await writeFile(passwordFileOf(folder), password, { mode: 0o600, flag: 'wx' })
  await chownTo(account, passwordFileOf(folder))
}

/** Makes a cluster beside the folder and moves it there when it is whole, so that a crash leaves nothing that looks like one. */
async function makeCluster (home: ClusterHome, initdb: string, throwAway: boolean): Promise<string> {
  const { folder, account } = home
  const unfinished = `${folder}.new`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  await chownTo(account, unfinished)
  const password = makePassword()
  await writePassword(home, password)
  try {
    await run(initdb, [
      '-D', unfinished, `--username=${SUPERUSER}`, '--auth=scram-sha-256', `--pwfile=${passwordFileOf(folder)}`,
      '--encoding=UTF8', '--locale=C', ...(throwAway ? ['--no-sync'] : [])
    ], { ...account, cwd: '/', env: SERVER_ENVIRONMENT })
    // Takes the place of the folder only while that is empty.
    await rename(unfinished, folder)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    throw explain(error as Error, account)
  }
  return password
}

function explain (error: Error, account: PostgresAccount): Error {
  if (!error.message.includes('could not look up effective user ID')) return error
  return new Error(`PostgreSQL cannot run as a user without a name (uid ${account.uid ?? process.getuid?.()}); add the user to /etc/passwd, or set DATABASE_URL`, { cause: error })
}

/** The file is lost, as after copying the cluster alone. Whoever owns the cluster may set another, in single-user mode. */
async function replacePassword (home: ClusterHome, postgres: string, log: Logger): Promise<string> {
  const { folder, account } = home
  log.warn({ folder }, 'the password of this cluster is lost; setting another')
  const password = makePassword()
  const running = run(postgres, ['--single', '-D', folder, 'postgres'], { ...account, cwd: '/', env: SERVER_ENVIRONMENT })
  running.child.stdin!.end(`alter role ${SUPERUSER} password '${password}'\n`)
  await running
  // Last, so that a crash leaves no password that the cluster does not know.
  await writePassword(home, password)
  return password
}
