import { FolderInUseError, lockFolder } from '../../../src/platform/folder-lock.js'

// A process that takes and releases folders when its parent says so.
let release: (() => Promise<void>) | undefined

process.on('message', (folder: string | null) => {
  void (folder === null ? giveBack() : take(folder)).then((answer) => process.send!(answer))
})
process.on('disconnect', () => process.exit())
process.send!('ready')

async function take (folder: string): Promise<object> {
  try {
    release = await lockFolder(folder)
    return { held: process.pid }
  } catch (error) {
    return error instanceof FolderInUseError ? { inUseBy: error.pid } : { failed: String(error) }
  }
}

async function giveBack (): Promise<object> {
  await release?.()
  release = undefined
  return { released: process.pid }
}
