import type { Logger } from 'pino'
import type { Database } from '../../platform/database.js'
import type { IntelView } from '../intel-view.js'
import { IntelIndex } from './intel-index.js'
import { loadHostGuard } from '../indicators/change-guarded-hosts.js'
import { streamIndicators } from '../indicators/indicator-repository.js'
import { readIntelVersion } from '../intel-version.js'
import { readVulnerabilityRows } from '../vulnerabilities/vulnerability-repository.js'

export interface IntelCache {
  current (): IntelView
  /** Looks now whether the store has changed, and answers what is then current. */
  refresh (): Promise<IntelView>
  /** Looks no more; resolves once nothing of it uses the database. */
  close (): Promise<void>
}

const POLL_MS = 1_000

/** Keeps this process's index equal to the store; the old one serves until the new one is whole. */
export async function createIntelCache ({ db, log, pollMs = POLL_MS }: { readonly db: Database, readonly log: Logger, readonly pollMs?: number }): Promise<IntelCache> {
  let current = await load(db)
  let running: Promise<IntelView> | undefined

  const look = async (): Promise<IntelView> => {
    if (await readIntelVersion(db) !== current.version) {
      current = await load(db)
      log.info({ intelVersion: current.version }, 'threat intelligence loaded')
    }
    return current
  }
  const start = async (): Promise<IntelView> => await (running = look().finally(() => { running = undefined }))
  const timer = setInterval(() => {
    if (running !== undefined) return
    start().catch((err: unknown) => log.warn({ err }, 'threat intelligence could not be reloaded; the old one serves on'))
  }, pollMs).unref()
  // Who asked meanwhile begins a look of his own when this one ends.
  const idle = async (): Promise<void> => {
    if (running === undefined) return
    await running.catch(() => {})
    await idle()
  }

  return {
    current: () => current,
    // Not the look that is under way, which may have read the version before the caller's change, but one begun since.
    refresh: async () => {
      if (running !== undefined) await running.catch(() => {})
      return await (running ?? start())
    },
    close: async () => {
      clearInterval(timer)
      await idle()
    }
  }
}

/** One consistent picture of the store. */
async function load (db: Database): Promise<IntelView> {
  return await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(async (tx) => {
    const index = new IntelIndex(await readIntelVersion(tx), await readVulnerabilityRows(tx), await loadHostGuard(tx))
    for await (const entries of streamIndicators(tx)) for (const entry of entries) index.add(entry)
    return index
  })
}
