import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isAlive, startTimeOf } from './process-identity.js'

interface Owner { readonly pid: number, readonly startedAt?: string }

/** The folder belongs to another Sallyport that runs. */
export class FolderInUseError extends Error {
  constructor (folder: string, readonly pid: number) {
    super(`the data folder ${folder} is in use by another Sallyport (process ${pid}); stop that one, or choose another --data-dir`)
  }
}

/** Locks of this process, which the number in the file cannot tell from one before a restart of the container. */
const held = new Set<string>()

/**
 * Takes a folder for this process; the answer releases it. A lock that a crash left behind is
 * taken over. Name the folder by its real path: two names would be two locks.
 * @throws FolderInUseError
 */
export async function lockFolder (folder: string): Promise<() => Promise<void>> {
  const file = `${folder}.lock`
  if (held.has(file)) throw new FolderInUseError(folder, process.pid)
  held.add(file)
  try {
    await mkdir(dirname(folder), { recursive: true })
    await writeLock(folder, file)
  } catch (error) {
    held.delete(file)
    throw error
  }
  let released = false
  return async () => {
    // A second call must not free what was taken again since.
    if (released) return
    released = true
    held.delete(file)
    await rm(file, { force: true })
  }
}

async function writeLock (folder: string, file: string): Promise<void> {
  const startedAt = startTimeOf(process.pid)
  const mine: Owner = { pid: process.pid, ...(startedAt === undefined ? {} : { startedAt }) }
  const draft = `${file}.${process.pid}`
  await writeFile(draft, JSON.stringify(mine))
  try {
    while (!await place(draft, file)) {
      const owner = await readOwner(file)
      if (owner === 'gone') continue
      if (owner !== 'nobody' && isRunning(owner)) throw new FolderInUseError(folder, owner.pid)
      await removeDead(file, draft)
    }
  } finally {
    await rm(draft, { force: true })
  }
}

/** A link appears whole or not at all, and only where nothing is yet: false when something is. */
async function place (draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Removes a dead lock; one process at a time, or a slow one would remove the lock of who was
 * faster. What is gone already is left alone for the same reason.
 */
async function removeDead (file: string, draft: string): Promise<void> {
  const claim = `${file}.claim`
  if (!await place(draft, claim)) {
    // Only a crash within these few lines leaves a claim.
    if (await isDead(claim)) await rm(claim, { force: true })
    else await wait(5)
    return
  }
  try {
    if (await isDead(file)) await rm(file, { force: true })
  } finally {
    await rm(claim, { force: true })
  }
}

async function isDead (file: string): Promise<boolean> {
  const owner = await readOwner(file)
  return owner === 'nobody' || (owner !== 'gone' && !isRunning(owner))
}

const isRunning = ({ pid, startedAt }: Owner): boolean => pid !== process.pid && isAlive(pid) && startTimeOf(pid) === startedAt

/** A lock torn by a full disk or a power cut is nobody's. */
async function readOwner (file: string): Promise<Owner | 'nobody' | 'gone'> {
  try {
    const found = JSON.parse(await readFile(file, 'utf8')) as Partial<Owner> | null
    return typeof found?.pid === 'number' ? found as Owner : 'nobody'
  } catch (error) {
    if (error instanceof SyntaxError) return 'nobody'
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone'
    throw error
  }
}
