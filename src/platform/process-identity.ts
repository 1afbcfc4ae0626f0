import { spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'

/**
 * Whether a process with this number runs, ours or not. One that has ended and was never
 * waited for does not: many a container has nobody who reaps orphans, and they keep their numbers.
 */
export function isAlive (pid: number): boolean {
  // Other numbers mean whole groups of processes.
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return statusOf(pid)?.[0] !== 'Z'
}

/**
 * What tells a process from a later one with the same number: when it started. `undefined`
 * when it does not run or the system does not say.
 */
export function startTimeOf (pid: number): string | undefined {
  return process.platform === 'linux' ? statusOf(pid)?.[19] : askPs(pid, 'lstart=')
}

/** The name of the program that a process runs. */
export function programOf (pid: number): string | undefined {
  return process.platform === 'linux' ? readProc(pid, 'comm')?.trim() : askPs(pid, 'comm=')
}

/** The arguments a process was started with, each followed by a NUL where the system tells them apart. */
export function argumentsOf (pid: number): string | undefined {
  return process.platform === 'linux' ? readProc(pid, 'cmdline') : askPs(pid, 'args=')
}

/** The folder a process works in; `undefined` when it is not for us to know. */
export function workingFolderOf (pid: number): string | undefined {
  try {
    return process.platform === 'linux' ? readlinkSync(`/proc/${pid}/cwd`) : undefined
  } catch {
    return undefined
  }
}

/** proc(5): the fields of `stat` from the third on, which is the state; the second may hold spaces and brackets. */
function statusOf (pid: number): string[] | undefined {
  return readProc(pid, 'stat')?.replace(/^.*\) /s, '').split(' ')
}

function readProc (pid: number, file: 'comm' | 'cmdline' | 'stat'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}

function askPs (pid: number, field: string): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', field, '-p', String(pid)], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
