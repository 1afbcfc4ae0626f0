import { execFile, spawnSync } from 'node:child_process'
import { chown } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Logger } from 'pino'

const run = promisify(execFile)

/** Who PostgreSQL runs as: ourselves, or another user when we are root, which PostgreSQL refuses to be. */
export interface PostgresAccount {
  readonly uid?: number
  readonly gid?: number
}

const USER = 'postgres'

// `su` without `-` leaves root without the folders of these tools.
const SYSTEM_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

/** The first that works is enough. */
const WAYS_TO_ADD: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER]],
  // The group may be there without the user.
  ['useradd', ['--system', '--gid', USER, '--no-create-home', '--shell', '/usr/sbin/nologin', USER]],
  ['adduser', ['-S', '-D', '-H', USER]] // BusyBox, as in Alpine
]

/**
 * Finds the account, and as root makes the system user `postgres` when there is none.
 * @throws with what to do when it cannot.
 */
export async function findPostgresAccount (log: Logger): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) return {}
  const found = await lookUp()
  if (found !== undefined) return found

  log.warn({ user: USER }, 'running as root, which PostgreSQL refuses; adding a system user to run it as')
  const failures: string[] = []
  for (const [command, args] of WAYS_TO_ADD) {
    await run(command, args, { env: SYSTEM_ENVIRONMENT }).catch((error: Error) => failures.push(error.message.trim()))
    // Asked whatever the tool said: another Sallyport may have added the user meanwhile.
    const account = await lookUp()
    if (account !== undefined) return account
  }
  throw new Error(`PostgreSQL refuses to run as root, and the system user "${USER}" could not be added (${failures.join('; ')}). ` +
    `Add it yourself (useradd --system ${USER}), start Sallyport as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours.`)
}

async function lookUp (): Promise<{ uid: number, gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, USER], { env: SYSTEM_ENVIRONMENT })).stdout)))
    return { uid: uid!, gid: gid! }
  } catch {
    // `id` fails for a user that does not exist; that is the answer.
    return undefined
  }
}

/**
 * Why the account cannot run this program; undefined when it can. Asked of the system itself,
 * because permissions have many sources.
 */
export function whyNotRun (account: PostgresAccount, program: string): string | undefined {
  const { status, error, stderr } = spawnSync(program, ['--version'], { ...account, cwd: '/', env: SYSTEM_ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (status === 0) return undefined
  return error?.message ?? (stderr.trim() || `exit status ${status}`)
}

/** Whether the account can enter and write this folder. */
export function canUse (account: PostgresAccount, folder: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd -- "$1" && test -w .', 'sh', folder], { ...account, cwd: '/', env: SYSTEM_ENVIRONMENT, stdio: 'ignore' }).status === 0
}

/** Hands something that we made to the account. */
export async function chownTo ({ uid, gid }: PostgresAccount, path: string): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
}
