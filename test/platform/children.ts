import { type ChildProcess, fork, type ForkOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { threadFile } from '../../src/platform/thread.js'

/** A script of the folder `children` as a process of its own, killed after the test at the latest; `through`: a command that runs it. */
export function startScript (t: Test, name: string, args: readonly string[] = [], { through = [], ...options }: ForkOptions & { readonly through?: readonly string[] } = {}): ChildProcess {
  const file = fileURLToPath(threadFile(`children/${name}`, import.meta.url))
  const [program, ...rest] = through
  const child = program === undefined ? fork(file, [...args], options) : spawn(program, [...rest, process.execPath, file, ...args], { ...options, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] } as never) as ChildProcess
  child.on('error', () => {}) // Also an exit.
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })
  return child
}

/** The next message of a child. @throws when it ends instead. */
export async function nextMessage<T> (child: ChildProcess): Promise<T> {
  const stop = new AbortController()
  try {
    return await Promise.race([
      once(child, 'message', stop).then(([message]) => message as T),
      once(child, 'exit', stop).then(([code, signal]) => { throw new Error(`the child ended (${code ?? signal})`) })
    ])
  } finally {
    stop.abort()
  }
}
