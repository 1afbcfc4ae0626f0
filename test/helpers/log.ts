import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createLogger } from '../../src/platform/log.js'
import { logFolderOf, RUN_PID } from './cluster.js'

/** A file of this process in the run's folder, made when something is written. */
function openFile (name: string): (text: string) => void {
  let file: number | undefined
  process.once('exit', () => { if (file !== undefined) closeSync(file) })
  return (text) => {
    if (file === undefined) {
      mkdirSync(logFolderOf(RUN_PID), { recursive: true })
      file = openSync(join(logFolderOf(RUN_PID), `${process.pid}.${name}`), 'a', 0o600)
    }
    writeSync(file, text)
  }
}

const keepLines = openFile('log')
const keepSecrets = openFile('secrets')

/** For what needs a log and whose lines nobody reads: all that can be logged goes where teardown.ts looks for secrets. */
export const silentLog = createLogger({ level: 'trace', destination: { write: keepLines } })

/** Puts what a process of its own has logged with what the run logs. */
export const keepLog = (text: string): void => keepLines(text)

/** From now on no log of the run may hold this. */
export function rememberSecret<T extends string> (secret: T): T {
  keepSecrets(`${secret}\n`)
  return secret
}
