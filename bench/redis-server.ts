import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findFreePort } from '../src/platform/free-port.js'
import { stopWhenInterrupted } from './interruption.js'

export interface StartedRedis {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** At once: nothing in it is worth keeping. */
  stop (): Promise<void>
}

/** `redis` and `valkey` speak the same protocol and take the same options. */
export const REDIS_PROGRAMS = ['redis-server', 'valkey-server'] as const
export type RedisProgram = (typeof REDIS_PROGRAMS)[number]

export interface StartRedisOptions {
  /** Added to those that make a server without files. */
  readonly args?: readonly string[]
  /** A configuration file, as a Sentinel must have one; comes before all options. */
  readonly file?: string
  readonly program?: RedisProgram
  /** By default a free one. */
  readonly port?: number
}

/**
 * Starts a Redis or Valkey of this machine on a loopback port; undefined when there is none. Where REDIS_PROGRAM names one
 * (`/opt/valkey/src/valkey-server`), it and no other. @throws when that cannot be started
 */
export async function startRedis ({ args = [], file, program, port: wanted }: StartRedisOptions = {}): Promise<StartedRedis | undefined> {
  const asked = process.env.REDIS_PROGRAM === '' ? undefined : process.env.REDIS_PROGRAM
  for (const name of program !== undefined ? [program] : asked !== undefined ? [asked] : REDIS_PROGRAMS) {
    const port = wanted ?? await findFreePort()
    // Of its own: a replica writes what it gets from its master into a file, and another version could not read that at its start.
    const folder = mkdtempSync(join(tmpdir(), 'sallyport redis '))
    const child = spawn(name, [
      ...(file === undefined ? [] : [file]), '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', ...args
    ], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    if (!await hasStarted(child)) {
      rmSync(folder, { recursive: true })
      continue
    }
    const ended = once(child, 'exit').finally(() => rmSync(folder, { recursive: true, force: true }))
    let isReady = false
    // A Sentinel says nothing of connections, and all listen by the time their id is told.
    for await (const line of createInterface({ input: child.stdout })) {
      isReady = /eady to accept connections|Sentinel ID is/.test(line)
      if (isReady) break
    }
    child.stdout.resume()
    if (!isReady) {
      await ended
      throw new Error(`${name} ended with ${child.exitCode}`)
    }
    return {
      url: `redis://127.0.0.1:${port}`,
      port,
      pid: child.pid!,
      stop: stopWhenInterrupted(async () => {
        child.kill('SIGKILL')
        await ended
      })
    }
  }
  if (program === undefined && asked !== undefined) throw new Error(`REDIS_PROGRAM: ${asked} cannot be started`)
  return undefined
}

// Not `once` of node:events, which would throw the error.
const hasStarted = async (child: ChildProcess): Promise<boolean> => await new Promise((resolve) => {
  child.once('spawn', () => resolve(true))
  child.once('error', () => resolve(false))
})
