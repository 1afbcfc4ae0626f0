import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Whether a process with this number runs, ours or not. */
export function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * What tells a process from a later one with the same number: when it started. `undefined`
 * when it does not run or the system does not say.
 */
export function startTimeOf (pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      // proc(5): field 22; the second field may hold spaces and brackets.
      return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[19]
    } catch {
      return undefined
    }
  }
  return askPs(pid, 'lstart=')
}

/** The name of the program that a process runs. */
export function programOf (pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
    } catch {
      return undefined
    }
  }
  return askPs(pid, 'comm=')
}

function askPs (pid: number, field: string): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', field, '-p', String(pid)], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
