import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { keepLog, rememberSecret } from '../helpers/log.js'

/** What `up --json` prints first, and the processes of the line after it. */
export interface UpLines {
  readonly ready: Readonly<Record<string, string>>
  readonly processes: ReadonlyArray<{ name: string, pid: number }>
}

export interface StartedCommand {
  readonly child: ChildProcess
  readonly lines: AsyncIterator<string>
  /** Everything written to standard error so far. */
  errors (): string
  readonly exited: Promise<number | null>
}

/** A folder that is gone after the test. */
export function temporaryFolder (t: Test, name = 'with a space'): string {
  const folder = mkdtempSync(join(tmpdir(), `sallyport test ${name} `))
  // As root, PostgreSQL is another user, who must get in; otherwise its cluster would be kept elsewhere and stay.
  chmodSync(folder, 0o711)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs the compiled command as a process of its own; whatever is left of it is killed after the test. */
export function startCommand (t: Test, args: readonly string[], env: Readonly<Record<string, string>> = {}): StartedCommand {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/sallyport.js'), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const errors: string[] = []
  child.stderr.on('data', (chunk: Buffer) => {
    errors.push(chunk.toString())
    keepLog(chunk.toString())
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await exited
    }
  })
  return {
    child,
    lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
    errors: () => errors.join(''),
    exited
  }
}

/** Starts `sallyport up --json` on free ports and waits until it says that it is ready. */
export async function startUp (t: Test, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<StartedCommand & UpLines> {
  const command = startCommand(t, ['up', '--json', '--port', '0', '--ops-port', '0', '--simulator-port', '0', ...args], env)
  const ready = await nextJson(command)
  const { processes } = await nextJson(command)
  for (const token of [ready.operatorToken, ready.enrollmentToken]) if (typeof token === 'string') rememberSecret(token)
  return { ...command, ready: ready as UpLines['ready'], processes: processes as UpLines['processes'] }
}

async function nextJson (command: StartedCommand): Promise<Record<string, unknown>> {
  const { done, value } = await command.lines.next()
  if (done === true) throw new Error(`ended before its next line: ${command.errors()}`)
  return JSON.parse(value)
}

export function isRunning (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is running, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
