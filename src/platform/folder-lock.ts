import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isAlive, startTimeOf } from './process-identity.js'

interface Owner { readonly pid: number, readonly startedAt?: string }

/** The folder belongs to another Sallyport that runs. */
export class FolderInUseError extends Error {
  constructor (folder: string, readonly pid: number) {
    super(`the data folder ${folder} is in use by another Sallyport (process ${pid}); stop that one, or choose another --data-dir`)
  }
}

/**
 * Takes a folder for this process; the answer releases it. A lock that a crash left behind is
 * taken over.
 * @throws FolderInUseError
 */
export async function lockFolder (folder: string): Promise<() => Promise<void>> {
  const file = `${folder}.lock`
  await mkdir(dirname(folder), { recursive: true })
  const owner = await readOwner(file)
  if (owner !== undefined && owner.pid !== process.pid && isAlive(owner.pid) && startTimeOf(owner.pid) === owner.startedAt) {
    throw new FolderInUseError(folder, owner.pid)
  }
  const mine: Owner = { pid: process.pid, ...(startTimeOf(process.pid) === undefined ? {} : { startedAt: startTimeOf(process.pid)! }) }
  await writeFile(`${file}.${process.pid}`, JSON.stringify(mine))
  await rename(`${file}.${process.pid}`, file)
  return async () => await rm(file, { force: true })
}

async function readOwner (file: string): Promise<Owner | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Owner
  } catch {
    // Half written before a crash: nobody's.
    return undefined
  }
}
