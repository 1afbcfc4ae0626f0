import { fork } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../platform/package-root.js'

/** A part of Sallyport that runs as a process of its own, started by `up`. */
export interface Child<Ready> {
  readonly name: string
  readonly pid: number
  readonly ready: Ready
  stop (): Promise<void>
}

interface ChildOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** It ended although nobody asked it to. */
  readonly onExit: (reason: string) => void
}

const READY_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 15_000

/** Starts `sallyport <args>` and waits until it says that it is ready. @throws when it ends or stays silent. */
export async function startChild<Ready> (name: string, args: readonly string[], options: ChildOptions): Promise<Child<Ready>> {
  // Its standard output goes to our standard error: ours belongs to the ready line.
  const child = fork(join(packageRoot, 'bin/sallyport.js'), [...args], { env: options.env, stdio: ['ignore', 2, 2, 'ipc'] })
  let stopping = false
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })

  const ready = await new Promise<Ready>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} was not ready after ${READY_TIMEOUT_MS} ms`)), READY_TIMEOUT_MS)
    child.once('message', (message) => {
      clearTimeout(timer)
      resolve(message as Ready)
    })
    void ended.then((reason) => {
      clearTimeout(timer)
      reject(new Error(`${name} ended before it was ready (${reason})`))
    })
  }).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })

  void ended.then((reason) => {
    if (!stopping) options.onExit(reason)
  })

  return {
    name,
    pid: child.pid!,
    ready,
    async stop () {
      stopping = true
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await ended
      clearTimeout(timer)
    }
  }
}

/** In the child: tells the parent that all is up. Without a parent nothing happens. */
export function announceReady (ready: object): void {
  process.send?.(ready)
}

/** True in a process started by startChild. */
export const isChild = (): boolean => process.send !== undefined
