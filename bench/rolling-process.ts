import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { findFreePort } from '../src/platform/free-port.js'
import type { Build } from './old-build.js'

const READY_MS = 120_000
const POLL_MS = 50
const ERROR_LEVEL = 50

export type Kind = 'api' | 'worker'

/** A place for a process of an installation, in which one version follows another at the same address. */
export interface RollingProcess {
  readonly name: string
  /** Of an API. */
  readonly url: string
  readonly build: Build | undefined
  /** Stops what runs there, and starts this one. Resolves when it is ready. @throws with what it said when it is not */
  run (build: Build): Promise<void>
  /** Answers its exit code; undefined when nothing ran. */
  stop (): Promise<number | null | undefined>
  /** Lines of its log that ask for somebody to act, by version and message. */
  readonly errors: ReadonlyMap<string, number>
}

export async function makeRollingProcess (kind: Kind, number: number, env: NodeJS.ProcessEnv): Promise<RollingProcess> {
  const [port, opsPort] = [await findFreePort(), await findFreePort()]
  const errors = new Map<string, number>()
  let current: { readonly child: ChildProcess, readonly build: Build } | undefined

  async function stop (): Promise<number | null | undefined> {
    if (current === undefined) return undefined
    const { child } = current
    current = undefined
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const exited = once(child, 'exit') as Promise<[number | null]>
    child.kill('SIGTERM')
    return (await exited)[0]
  }

  return {
    name: `${kind}-${number}`,
    url: `http://127.0.0.1:${port}`,
    get build () { return current?.build },
    stop,
    errors,
    async run (build) {
      await stop()
      const child = spawn(process.execPath, [join(build.folder, 'bin/sallyport.js'), kind], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...env, PORT: String(port), OPS_PORT: String(opsPort) }
      })
      current = { child, build }
      const said: string[] = []
      createInterface({ input: child.stderr! }).on('line', (line) => {
        said.push(line)
        const message = errorOf(line)
        if (message !== undefined) errors.set(`${build.name}: ${message}`, (errors.get(`${build.name}: ${message}`) ?? 0) + 1)
      })
      for (const deadline = Date.now() + READY_MS; (await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => undefined))?.ok !== true; await wait(POLL_MS)) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`a ${kind} of ${build.name} ended with ${child.signalCode ?? child.exitCode}: ${said.join('\n')}`)
        if (Date.now() > deadline) throw new Error(`a ${kind} of ${build.name} was not ready in ${READY_MS / 1000} s: ${said.join('\n')}`)
      }
    }
  }
}

function errorOf (line: string): string | undefined {
  try {
    const { level, msg, err } = JSON.parse(line) as { level?: number, msg?: string, err?: { message?: string } }
    return (level ?? 0) >= ERROR_LEVEL ? `${msg ?? ''}${err?.message === undefined ? '' : ` (${err.message})`}` : undefined
  } catch {
    return line.trim() === '' ? undefined : line
  }
}
