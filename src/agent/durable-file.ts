import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Readable by its owner alone: device keys and what a phone says are nobody else's. */
const PRIVATE = 0o600

/** Writes a file wholly or not at all, also when the power goes: beside it, to the disk, then in its place. */
export async function writeDurably (path: string, content: string): Promise<void> {
  const beside = `${path}.new`
  const file = await open(beside, 'w', PRIVATE)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
  await syncFolder(dirname(path))
}

/** The name of a file is the folder's to keep. */
async function syncFolder (path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
