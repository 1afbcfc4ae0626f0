import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { threadFile } from '../../src/platform/thread.js'

export interface Command { readonly args: readonly string[], readonly env: Readonly<Record<string, string>>, readonly cwd: string }
export interface Ended { readonly code: number, readonly out: string, readonly errors: string }

/**
 * Runs `sallyport` commands one after the other in a process of their own. It takes a second and more to load the code, so that happens
 * once; what a shell sees of a single command is tested in config.test.ts and test/e2e.
 */
export function startCommands (t: Pick<Test, 'teardown'>): (args: readonly string[], options: { readonly env?: Readonly<Record<string, string>>, readonly cwd?: string }) => Promise<Ended> {
  let child: ChildProcess | undefined
  let last: Promise<unknown> = Promise.resolve()
  t.teardown(() => { child?.disconnect() })

  async function run (command: Command): Promise<Ended> {
    child ??= fork(fileURLToPath(threadFile('run-commands', import.meta.url)), [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    child.send(command)
    const stop = new AbortController()
    try {
      return await Promise.race([
        once(child, 'message', stop).then(([ended]) => ended as Ended),
        once(child, 'exit', stop).then(([code]) => { throw new Error(`the process of commands ended (${String(code)})`) })
      ])
    } finally {
      stop.abort()
    }
  }

  return async (args, { env = {}, cwd = process.cwd() }) => {
    const result = last.then(async () => await run({ args, cwd, env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env } }))
    last = result.catch(() => {})
    return await result
  }
}
