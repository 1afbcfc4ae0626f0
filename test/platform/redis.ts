import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

export interface TestRedis {
  readonly url: string
  /** Of the server that the test started; none: it was there already. */
  readonly pid?: number
}

/** The Redis of REDIS_URL, or a server of the test's own; undefined when there is neither. */
export async function startRedis (t: Test): Promise<TestRedis | undefined> {
  if (process.env.REDIS_URL !== undefined && process.env.REDIS_URL !== '') return { url: process.env.REDIS_URL }
  for (const program of ['redis-server', 'valkey-server']) {
    const redis = await startServer(t, program)
    if (redis !== undefined) return redis
  }
  return undefined
}

async function startServer (t: Test, program: string): Promise<TestRedis | undefined> {
  const port = await findFreePort()
  const child = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] })
  const [missing] = await Promise.race([once(child, 'spawn').then(() => [false]), once(child, 'error').then(() => [true])]).catch(() => [true])
  if (missing === true) return undefined

  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('eady to accept connections')) break
  }
  child.stdout.resume()
  if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
  return { url: `redis://127.0.0.1:${port}`, pid: child.pid! }
}

async function findFreePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
