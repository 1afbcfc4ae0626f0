import { readdirSync, readFileSync } from 'node:fs'

/** What a process has used, with the processes it has started. */
export interface Usage {
  readonly cpuSeconds: number
  /** Resident; pages that several share are counted by share. */
  readonly bytes: number
  /** Of these what is no file and not shared: heaps and stacks. Does not change when another process comes that has the same program. */
  readonly ownBytes: number
}

// Linux counts processor time in these everywhere Node runs (USER_HZ, proc(5)).
const TICKS_PER_SECOND = 100

/** Reads /proc, without the children named; undefined where there is none, or no such process. */
export function readUsage (pid: number, without: ReadonlySet<number>): Usage | undefined {
  try {
    const own = readOne(pid)
    const children = childrenOf(pid).flatMap((child) => without.has(child) ? [] : readUsage(child, without) ?? [])
    return {
      // Children that have ended and been waited for are in the parent's numbers.
      cpuSeconds: own.cpuSeconds + children.reduce((sum, one) => sum + one.cpuSeconds, 0),
      bytes: own.bytes + children.reduce((sum, one) => sum + one.bytes, 0),
      ownBytes: own.ownBytes + children.reduce((sum, one) => sum + one.ownBytes, 0)
    }
  } catch {
    return undefined
  }
}

/** Processor seconds that no process used, of all cores together, since the machine started; undefined where there is no /proc. */
export function readIdleSeconds (): number | undefined {
  try {
    // user nice system idle iowait … (proc(5), /proc/stat); a core that waits for the disk is idle.
    const [, , , idle = 0, iowait = 0] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.trim().split(/\s+/).slice(1).map(Number)
    return (idle + iowait) / TICKS_PER_SECOND
  } catch {
    return undefined
  }
}

function readOne (pid: number): Usage {
  // The name in brackets may hold anything, so count from its end (proc(5), /proc/pid/stat).
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number)
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15)
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const bytesOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) * 1024
  return { cpuSeconds: (utime + stime + cutime + cstime) / TICKS_PER_SECOND, bytes: bytesOf('Pss'), ownBytes: bytesOf('Anonymous') }
}

const childrenOf = (pid: number): number[] => readdirSync(`/proc/${pid}/task`).flatMap((task) =>
  readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter((one) => one !== '').map(Number))
