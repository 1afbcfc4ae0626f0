import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { ROLE_KINDS, roleName } from '../../src/platform/access/database-roles.js'
import { findFreePort } from '../../src/platform/free-port.js'
import { findProgram } from '../deploy/find-program.js'
import { temporaryFolder } from '../e2e/sallyport.js'
import { keepLog } from './log.js'

export interface TestPooler {
  /** For DATABASE_POOLER_URL. */
  readonly url: string
  /** Of its database that is not any role's. */
  readonly plainUrl: string
}

/** A PgBouncer in transaction mode in front of a database, as docs/operations.md sets it up: the one that PGBOUNCER_PROGRAM names, else the one installed; undefined where there is none. */
export async function startPgBouncer (t: Test, databaseUrl: string, { without }: { readonly without?: string } = {}): Promise<TestPooler | undefined> {
  const program = process.env.PGBOUNCER_PROGRAM ?? findProgram('pgbouncer') ?? findProgram('../sbin/pgbouncer')
  if (program === undefined) return undefined
  const { hostname, port: serverPort, username, password, pathname } = new URL(databaseUrl)
  const folder = temporaryFolder(t, 'pgbouncer')
  chmodSync(folder, 0o755)
  const port = await findFreePort()
  const server = `host=${hostname} port=${serverPort} dbname=${pathname.slice(1)}`
  const users = join(folder, 'users.txt')
  writeFileSync(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`)
  const config = join(folder, 'pgbouncer.ini')
  writeFileSync(config, [
    '[databases]',
    ...ROLE_KINDS.map((kind) => `${roleName(kind)} = ${server}${kind === without ? '' : ` connect_query='set role ${roleName(kind)}'`}`),
    `plain = ${server}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir =',
    // The path has spaces, which take no quotes.
    'auth_type = plain', `auth_file = ${users}`,
    'pool_mode = transaction', 'max_client_conn = 200',
    // Fewer than clients have, so that connections do change hands.
    'default_pool_size = 4', 'query_wait_timeout = 5'
  ].join('\n'))
  // It refuses to be root.
  const child = spawn(program, [...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []), config], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => keepLog(chunk.toString()))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const at = (name: string): string => `postgres://${username}:${password}@127.0.0.1:${port}/${name}`
  for (const deadline = Date.now() + 30_000; ; await wait(50)) {
    const client = new pg.Client({ connectionString: at('plain') })
    try {
      await client.connect()
      await client.end()
      break
    } catch (error) {
      if (Date.now() > deadline || child.exitCode !== null) throw error
    }
  }
  return { url: at('{role}'), plainUrl: at('plain') }
}
