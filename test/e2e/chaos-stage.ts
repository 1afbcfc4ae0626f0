import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { type Database, openDatabase } from '../../src/platform/database.js'
import { findFreePort } from '../../src/platform/free-port.js'
import { nextMessage, startScript } from '../platform/children.js'
import { startCommand, type StartedCommand, temporaryFolder } from './sallyport.js'

/** The parts that may be killed. */
export const VICTIMS = ['api', 'worker', 'postgres'] as const
export type Victim = (typeof VICTIMS)[number]

export interface Stage {
  readonly db: Database
  readonly api: string
  readonly simulator: string
  readonly entraTenantId: string
  readonly enrollmentToken: string
  /** SIGKILL, then a new one in its place; resolves when that is ready. */
  replace (victim: Victim): Promise<void>
}

const READY_MS = 60_000
const ENTRA_TENANT_ID = '99999999-0000-4000-8000-000000000009'
const CLIENT = { INTUNE_CLIENT_ID: '99999999-0000-4000-8000-00000000000a', INTUNE_CLIENT_SECRET: 'not-a-secret-of-anybody' }

/** API, worker, Intune simulator and PostgreSQL, each a process of its own that can be killed. */
export async function setStage (t: Test): Promise<Stage> {
  const [http, https, api, apiOps, workerOps] = await Promise.all(Array.from({ length: 5 }, findFreePort))
  const folder = temporaryFolder(t)
  const postgres = await startPostgres(t, join(folder, 'data'))
  const db = openDatabase({ connectionString: postgres.url, maxConnections: 4, onError: () => {} })
  t.teardown(async () => await db.destroy())

  const caFile = join(folder, 'ca.pem')
  const env = {
    ...CLIENT,
    DATABASE_URL: postgres.url,
    HOST: '127.0.0.1',
    PUBLIC_URL: `http://127.0.0.1:${api}`,
    ENTRA_AUTHORITY_HOST: `https://localhost:${https}`,
    GRAPH_BASE_URL: `https://localhost:${https}`,
    INTUNE_ENDPOINT_HOSTS: 'localhost',
    INTUNE_CA_FILE: caFile,
    LOG_LEVEL: 'fatal'
  }
  const start: Readonly<Record<'api' | 'worker', () => Promise<StartedCommand>>> = {
    api: async () => await untilReady(startCommand(t, ['api'], { ...env, PORT: String(api), OPS_PORT: String(apiOps) }), apiOps!),
    worker: async () => await untilReady(startCommand(t, ['worker'], { ...env, OPS_PORT: String(workerOps) }), workerOps!)
  }

  await finish(startCommand(t, ['migrate'], env))
  startCommand(t, ['simulate', 'intune', '--port', String(http), '--https-port', String(https), '--name', 'localhost', '--ca-file', caFile, '--tenant', ENTRA_TENANT_ID], CLIENT)
  await until(async () => existsSync(caFile), 'the simulator has written its CA')
  const running = { api: await start.api(), worker: await start.worker() }
  const { tenantId } = await finish(startCommand(t, ['tenant', 'create', '--name', 'Chaos', '--entra-tenant-id', ENTRA_TENANT_ID], env))
  const { token } = await finish(startCommand(t, ['enrollment-token', 'create', '--tenant', tenantId!], env))

  return {
    db,
    api: env.PUBLIC_URL,
    simulator: `http://127.0.0.1:${http}`,
    entraTenantId: ENTRA_TENANT_ID,
    enrollmentToken: token!,
    async replace (victim) {
      if (victim === 'postgres') {
        await postgres.replace()
      } else {
        running[victim].child.kill('SIGKILL')
        await running[victim].exited
        running[victim] = await start[victim]()
      }
    }
  }
}

/** A PostgreSQL that is always at the same address: a new one has another port, so a relay stands in front. */
async function startPostgres (t: Test, dataDir: string): Promise<{ readonly url: string, replace (): Promise<void> }> {
  const begin = async (): Promise<{ child: ChildProcess, url: URL, pid: number }> => {
    const child = startScript(t, 'serve-postgres', [dataDir])
    const { url, pid, error } = await nextMessage<{ url: string, pid: number, error?: string }>(child)
    if (error !== undefined) throw new Error(error)
    return { child, url: new URL(url), pid }
  }
  let current = await begin()
  const sockets = new Set<Socket>()
  const relay = createServer((client) => {
    const server = connect(Number(current.url.port), '127.0.0.1')
    for (const [one, other] of [[client, server], [server, client]] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  t.teardown(() => {
    relay.close()
    for (const socket of sockets) socket.destroy()
  })
  const url = new URL(current.url)
  url.port = String((relay.address() as { port: number }).port)
  return {
    url: url.href,
    async replace () {
      const { child, pid } = current
      process.kill(pid, 'SIGKILL')
      child.kill('SIGKILL')
      await once(child, 'exit')
      current = await begin()
    }
  }
}

async function untilReady (command: StartedCommand, opsPort: number): Promise<StartedCommand> {
  await Promise.race([
    untilOk(`http://127.0.0.1:${opsPort}/readyz`),
    command.exited.then((code) => { throw new Error(`ended with ${code}: ${command.errors()}`) })
  ])
  return command
}

/** The JSON that a command prints. */
async function finish ({ lines, exited, errors }: StartedCommand): Promise<Record<string, string>> {
  let text = ''
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) text += line.value + '\n'
  if (await exited !== 0) throw new Error(errors())
  return JSON.parse(text) as Record<string, string>
}

async function untilOk (url: string): Promise<void> {
  await until(async () => (await fetch(url).catch(() => undefined))?.ok === true, `${url} is well`)
}

async function until (condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + READY_MS; !await condition(); await wait(50)) {
    if (Date.now() > deadline) throw new Error(`not in ${READY_MS / 1000} seconds: ${what}`)
  }
}
