import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
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
  return async () => {
    if (held.delete(file)) await rm(file, { force: true })
  }
}

async function writeLock (folder: string, file: string): Promise<void> {
  const startedAt = startTimeOf(process.pid)
  const mine: Owner = { pid: process.pid, ...(startedAt === undefined ? {} : { startedAt }) }
  const draft = `${file}.${process.pid}`
  await writeFile(draft, JSON.stringify(mine))
  try {
    // A link appears whole or not at all, and only where nothing is yet.
    while (!await link(draft, file).then(() => true, isTaken)) {
      const text = await readFile(file, 'utf8').catch(() => undefined)
      if (text === undefined) continue
      const owner = parseOwner(text)
      if (owner !== undefined && isRunning(owner)) throw new FolderInUseError(folder, owner.pid)
      await setAside(file, text)
    }
  } finally {
    await rm(draft, { force: true })
  }
}

function isTaken (error: NodeJS.ErrnoException): false {
  if (error.code === 'EEXIST') return false
  throw error
}

const isRunning = ({ pid, startedAt }: Owner): boolean => pid !== process.pid && isAlive(pid) && startTimeOf(pid) === startedAt

/** Removes a dead lock, unless another process has replaced it by its own since we read it. */
async function setAside (file: string, seen: string): Promise<void> {
  const aside = `${file}.${process.pid}.dead`
  await rename(file, aside).catch(() => {})
  const text = await readFile(aside, 'utf8').catch(() => undefined)
  if (text !== undefined && text !== seen) await link(aside, file).catch(isTaken)
  await rm(aside, { force: true })
}

function parseOwner (text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner
  } catch {
    // A disk that was full, a power cut: nobody's.
    return undefined
  }
}
