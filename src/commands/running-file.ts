import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive } from '../platform/process-identity.js'

/** How other commands reach the installation that serves a data folder. */
export interface RunningInstallation {
  readonly pid: number
  readonly api: string
  readonly operatorToken: string
  /** Of the embedded PostgreSQL; absent where an older Sallyport wrote the file. */
  readonly databaseUrl?: string
}

const fileOf = (dataDir: string): string => join(dataDir, 'running.json')

/** Leaves word that this process serves the folder (for its owner's eyes); the answer takes it back. */
export async function writeRunning (dataDir: string, running: Omit<RunningInstallation, 'pid'>): Promise<() => Promise<void>> {
  await writeFile(fileOf(dataDir), JSON.stringify({ pid: process.pid, ...running }), { mode: 0o600 })
  return async () => await rm(fileOf(dataDir), { force: true })
}

/** Undefined when nothing serves the folder; what a crash left behind does not count. */
export async function readRunning (dataDir: string): Promise<RunningInstallation | undefined> {
  const text = await readFile(fileOf(dataDir), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const running = JSON.parse(text) as RunningInstallation
  return isAlive(running.pid) ? running : undefined
}
