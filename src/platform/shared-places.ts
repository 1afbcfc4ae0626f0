import { chmod, lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where root may keep what the system user `postgres` must reach, best first. */
export const SHARED_PLACES: readonly string[] = ['/var/lib/sallyport', '/var/tmp/sallyport']

/** Good enough for what can be made again. */
export const TEMPORARY_PLACE = join(tmpdir(), 'sallyport-postgres')

/**
 * Makes the folder, open for all to enter, when it is missing. False when it cannot be made,
 * or when others could write there: what lies in it is run, and it may lie in a folder where
 * anybody could have been first.
 */
export async function openSharedPlace (folder: string): Promise<boolean> {
  try {
    // Whatever umask we have; but only what we made is ours to change.
    if (await mkdir(folder, { recursive: true }) !== undefined) await chmod(folder, 0o755)
    const found = await lstat(folder)
    return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
  } catch {
    return false
  }
}
