import { once } from 'node:events'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/platform/embedded-postgres.js'
import { isAlive } from '../../../src/platform/process-identity.js'
import { silentLog } from '../../helpers/log.js'

export type ToPostgres = 'replace' | 'restart' | 'fill' | 'free'
export interface FromPostgres { readonly url?: string, readonly port?: number, readonly error?: string }

// A process that keeps a PostgreSQL on the folder named: kills it, fills its disk, starts it again.
const folder = process.argv[2]!
const ballast = join(folder, 'ballast')
const begin = async (): Promise<EmbeddedPostgres> => await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: silentLog, settings: { max_wal_size: '64MB', min_wal_size: '32MB' } })

const todo: Record<ToPostgres, () => Promise<void>> = {
  async replace () {
    process.kill(postgres.pid, 'SIGKILL')
    while (isAlive(postgres.pid)) await wait(5)
    await beginAgain()
  },
  restart: async () => await beginAgain(),
  async fill () {
    const file = openSync(ballast, 'w')
    for (let size = 1024 * 1024; size >= 512; size >>= 1) {
      try {
        for (const block = Buffer.alloc(size); ;) writeSync(file, block)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
    closeSync(file)
  },
  async free () {
    rmSync(ballast)
    if (!isAlive(postgres.pid)) await beginAgain()
  }
}

/** It has ended; its lock on the folder is still ours. */
async function beginAgain (): Promise<void> {
  await postgres.stop()
  postgres = await begin()
}

process.on('disconnect', () => process.exit())
let postgres: EmbeddedPostgres
try {
  postgres = await begin()
  tell()
} catch (error) {
  process.send!({ error: (error as Error).message })
}
for (;;) {
  const [message] = await once(process, 'message') as [ToPostgres]
  try {
    await todo[message]()
    tell()
  } catch (error) {
    process.send!({ error: (error as Error).message })
  }
}

function tell (): void {
  process.send!({ url: postgres.url, port: Number(new URL(postgres.url).port) } satisfies FromPostgres)
}
