import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { Logger } from 'pino'

const run = promisify(execFile)

/** Who PostgreSQL runs as: ourselves, or another user when we are root, which PostgreSQL refuses to be. */
export interface PostgresAccount {
  readonly uid?: number
  readonly gid?: number
}

const USER = 'postgres'

/**
 * Finds the account, and as root makes the system user `postgres` when there is none.
 * @throws with what to do when it cannot.
 */
export async function findPostgresAccount (log: Logger): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) return {}
  const found = await lookUp()
  if (found !== undefined) return found

  log.warn(`running as root, which PostgreSQL refuses; adding the system user "${USER}" to run it as`)
  const attempts: Array<[string, string[]]> = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER]],
    ['adduser', ['-S', '-D', '-H', USER]] // BusyBox, as in Alpine
  ]
  const failures: string[] = []
  for (const [command, args] of attempts) {
    try {
      await run(command, args)
      const account = await lookUp()
      if (account !== undefined) return account
    } catch (error) {
      failures.push(`${command}: ${(error as Error).message.trim()}`)
    }
  }
  throw new Error(`PostgreSQL refuses to run as root, and the system user "${USER}" could not be added (${failures.join('; ')}). ` +
    `Add it yourself (useradd --system ${USER}), start Sallyport as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours.`)
}

async function lookUp (): Promise<{ uid: number, gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, USER])).stdout)))
    return { uid: uid!, gid: gid! }
  } catch {
    // `id` fails for a user that does not exist; that is the answer.
    return undefined
  }
}

/** Whether the account can run this program; asked of the system itself, because permissions have many sources. */
export function canRun (account: PostgresAccount, program: string): boolean {
  return spawnSync(program, ['--version'], { ...account, cwd: '/', stdio: 'ignore' }).status === 0
}

/** Whether the account can enter and write this folder. */
export function canUse (account: PostgresAccount, folder: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd -- "$1" && test -w .', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' }).status === 0
}
