import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The key that encrypts secrets on embedded defaults (SECRETS_KEY): made once for a data folder
 * and kept there, readable by the owner only. Without it what it sealed is lost.
 */
export async function loadEmbeddedSecretsKey (dataDir: string): Promise<string> {
  const file = join(dataDir, 'secrets-key')
  const read = async (): Promise<string | undefined> => await readFile(file, 'utf8').then((text) => text.trim(), (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  const key = await read()
  if (key !== undefined) return key
  // Whole or not at all, and never in place of one that another process has just made.
  const draft = `${file}.${process.pid}`
  await writeFile(draft, randomBytes(32).toString('base64') + '\n', { mode: 0o600 })
  await link(draft, file).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error })
  await rm(draft, { force: true })
  return (await read())!
}
