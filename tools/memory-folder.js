// Where the temporary files of a test run lie: most of them are databases, made by the hundred, and nothing in them is kept.
import { accessSync, constants, readFileSync, statfsSync } from 'node:fs'
import { freemem } from 'node:os'

const FOLDER = '/dev/shm'
/** A run has some hundred megabytes at a time. */
const MIN_FREE_BYTES = 3 * 1024 ** 3

/** A folder in memory, where there is one, enough of both, and programs may be run from it. @returns {string | undefined} */
export function memoryFolder () {
  try {
    accessSync(FOLDER, constants.W_OK | constants.X_OK)
    const options = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')).findLast(([, place]) => place === FOLDER)?.[3]
    if (options === undefined || options.split(',').includes('noexec')) return undefined
    const { bavail, bsize } = statfsSync(FOLDER)
    return bavail * bsize >= MIN_FREE_BYTES && freemem() >= MIN_FREE_BYTES ? FOLDER : undefined
  } catch {
    // Not Linux, or a container without it.
    return undefined
  }
}
