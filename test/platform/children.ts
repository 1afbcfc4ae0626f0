import { type ChildProcess, fork, type ForkOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { threadFile } from '../../src/platform/thread.js'

/** A script of the folder `children` as a process of its own, killed after the test at the latest. */
export function startScript (t: Test, name: string, args: readonly string[] = [], options: ForkOptions = {}): ChildProcess {
  const child = fork(fileURLToPath(threadFile(`children/${name}`, import.meta.url)), [...args], options)
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
