import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { loadConfig } from '../config.js'
import { applyRevocations, noteRevocations, readRevocationNote } from '../operators/revocations.js'
import { withStore } from './open-database.js'
import { secretsOf } from './subscription-parts.js'

const ACTOR = 'command line'
const DAY_MS = 24 * 60 * 60 * 1000

interface Options { readonly dataDir?: string, readonly json?: boolean }

/** `sallyport revocations note FILE`: what ended lately, to be kept beside the backups. The file is replaced when the new one is whole. */
export async function runNoteRevocations (file: string, options: Options & { readonly days: number }, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, options.dataDir, async ({ db }) => {
    const note = await noteRevocations(db, new Date(Date.now() - options.days * DAY_MS))
    const unfinished = `${file}.unfinished`
    try {
      await writeFile(unfinished, `${JSON.stringify(note, null, 2)}\n`, { mode: 0o600 })
      await rename(unfinished, file)
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    }
    const { notedAt, since, ended } = note
    process.stdout.write(options.json === true ? `${JSON.stringify({ file, notedAt, since, ended: ended.length })}\n` : `${ended.length} revocations and erasures since ${since} are in ${file}\n`)
  })
}

/** `sallyport revocations apply FILE`: after a restore, before anything starts. */
export async function runApplyRevocations (file: string, options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const note = readRevocationNote(await readFile(file, 'utf8'))
  await withStore(env, options.dataDir, async ({ db, log }) => {
    const done = await applyRevocations({ db, secrets: secretsOf(loadConfig(env)), log }, { note, actor: ACTOR })
    const applied = Object.entries(done.applied).map(([action, count]) => `${action} ${count}`).join(', ') || 'nothing'
    process.stdout.write(options.json === true ? `${JSON.stringify(done)}\n` : `Done again: ${applied}. Known already: ${done.known}. Not there, since it was made after the backup: ${done.absent}.\n`)
  })
}
