import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Redis } from 'ioredis'

export interface StartedRedis { readonly url: string, readonly pid: number, stop (): Promise<void> }

/** Starts a Redis or Valkey of the machine on a free loopback port, as safe as queues need it. @throws when there is none */
export async function startRedis (): Promise<StartedRedis> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')

  for (const program of ['redis-server', 'valkey-server']) {
    const child = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' })
    if (!await hasStarted(child)) continue
    const url = `redis://127.0.0.1:${port}`
    // It listens a moment after it has started; the client tries until it does.
    const client = new Redis(url)
    client.on('error', () => {})
    await client.ping()
    client.disconnect()
    return { url, pid: child.pid!, stop: async () => { await end(child) } }
  }
  throw new Error('neither redis-server nor valkey-server is installed')
}

const hasStarted = async (child: ChildProcess): Promise<boolean> =>
  await Promise.race([once(child, 'spawn').then(() => true), once(child, 'error').then(() => false)])

async function end (child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
