import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { findFreePort } from '../src/platform/free-port.js'

export interface StartedRedis {
  readonly url: string
  readonly pid: number
  /** At once: nothing in it is worth keeping. */
  stop (): Promise<void>
}

/** Starts a Redis or Valkey of this machine on this loopback port, else on a free one; undefined when there is none. */
export async function startRedis (wanted?: number): Promise<StartedRedis | undefined> {
  for (const program of ['redis-server', 'valkey-server']) {
    const port = wanted ?? await findFreePort()
    const child = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'], { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] })
    if (!await hasStarted(child)) continue
    const ended = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes('eady to accept connections')) break
    }
    child.stdout.resume()
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
    return {
      url: `redis://127.0.0.1:${port}`,
      pid: child.pid!,
      async stop () {
        child.kill('SIGKILL')
        await ended
      }
    }
  }
  return undefined
}

const hasStarted = async (child: ChildProcess): Promise<boolean> =>
  await Promise.race([once(child, 'spawn').then(() => true), once(child, 'error').then(() => false)])
