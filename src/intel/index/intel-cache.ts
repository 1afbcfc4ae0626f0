import { setTimeout as wait, setImmediate as turn } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database, Tx } from '../../platform/database.js'
import { runInThread, threadFile } from '../../platform/thread.js'
import type { IntelView, VulnerabilityView } from '../intel-view.js'
import { readIntelVersion } from '../intel-version.js'
import { listGuardChanges } from '../indicators/guarded-host-repository.js'
import { streamIndicators } from '../indicators/indicator-repository.js'
import { createHostGuard } from '../indicators/shared-hosts.js'
import { readVulnerabilityRows } from '../vulnerabilities/vulnerability-repository.js'
import type { VulnerabilityRow } from '../vulnerabilities/vulnerability.js'
import { compileVulnerabilityView } from '../vulnerabilities/vulnerability-view.js'
import { IndexBuilder } from './index-builder.js'
import { createIntelView } from './intel-index.js'
import type { ReadIndex, ReadIndexInput } from './read-index.js'

export interface IntelCache {
  current (): IntelView
  /** Looks now whether the store has changed, and answers what is then current. */
  refresh (): Promise<IntelView>
  /** Looks no more; resolves once nothing of it uses the database. */
  close (): Promise<void>
}

export interface IntelCacheOptions {
  readonly db: Database
  readonly log: Logger
  /** For the thread that reads a big store; without it everything is read in place. */
  readonly databaseUrl?: string
  readonly pollMs?: number
  /** Entries of a store that is read in place: a thread costs more than they do. */
  readonly maxInPlace?: number
}

/** A change is seen after half of this on average; reading a million indicators takes most of the two seconds that there are. */
const POLL_MS = 250
/** Between attempts that fail. */
const MAX_PAUSE_MS = 15_000
const MAX_IN_PLACE = 5_000
/** The thread has 60 MB with a million indicators, buffers apart. */
const THREAD_HEAP_MB = 512
const THREAD_SECONDS = 120
const THREAD_FILE = threadFile('index-thread-entry', import.meta.url)

/** Keeps this process's index equal to the store; the old one serves until the new one is whole. */
export async function createIntelCache ({ db, log, databaseUrl, pollMs = POLL_MS, maxInPlace = MAX_IN_PLACE }: IntelCacheOptions): Promise<IntelCache> {
  const closing = new AbortController()
  const load = createLoader({ db, databaseUrl, maxInPlace, signal: closing.signal })
  let current = await load()
  let running: Promise<IntelView> | undefined

  const look = async (): Promise<IntelView> => {
    if (await readIntelVersion(db) !== current.version) {
      const startedAt = performance.now()
      current = await load()
      log.info({ intelVersion: current.version, loadMs: Math.round(performance.now() - startedAt) }, 'threat intelligence loaded')
    }
    return current
  }
  const start = async (): Promise<IntelView> => await (running = look().finally(() => { running = undefined }))

  // Who asked meanwhile begins a look of his own when this one ends.
  const idle = async (): Promise<void> => {
    if (running === undefined) return
    await running.catch(() => {})
    await idle()
  }
  const keepLooking = async (): Promise<void> => {
    let pauseMs = pollMs
    while (await pause(pauseMs, closing.signal)) {
      if (running !== undefined) continue
      try {
        await start()
        pauseMs = pollMs
      } catch (err) {
        if (closing.signal.aborted) return
        log.warn({ err }, 'threat intelligence could not be reloaded; the old one serves on')
        pauseMs = Math.max(pollMs, Math.min(pauseMs * 2, MAX_PAUSE_MS))
      }
    }
  }
  const looking = keepLooking()

  return {
    current: () => current,
    // Not the look that is under way, which may have read the version before the caller's change, but one begun since.
    refresh: async () => {
      if (running !== undefined) await running.catch(() => {})
      return await (running ?? start())
    },
    close: async () => {
      closing.abort(new Error('threat intelligence is no longer loaded: the process stops'))
      await looking
      await idle()
    }
  }
}

/** @returns false when it was interrupted */
async function pause (ms: number, signal: AbortSignal): Promise<boolean> {
  return await wait(ms, true, { signal, ref: false }).catch(() => false)
}

interface LoaderOptions extends Required<Pick<IntelCacheOptions, 'db' | 'maxInPlace'>> {
  readonly databaseUrl: string | undefined
  readonly signal: AbortSignal
}

function createLoader ({ db, databaseUrl, maxInPlace, signal }: LoaderOptions): () => Promise<IntelView> {
  // Most changes are of indicators alone.
  let known: { readonly digest: string, readonly view: VulnerabilityView } | undefined
  return async () => {
    if (databaseUrl === undefined || await isSmall(db, maxInPlace)) return await loadInPlace(db)
    const input: ReadIndexInput = { databaseUrl, knownVulnerabilities: known?.digest }
    const { version, parts, guardOverrides, vulnerabilities, vulnerabilityDigest } = await runInThread<ReadIndex>({
      file: THREAD_FILE, input, maxHeapMb: THREAD_HEAP_MB, maxSeconds: THREAD_SECONDS, signal
    })
    if (vulnerabilities !== undefined) known = { digest: vulnerabilityDigest, view: await compileVulnerabilityView(await parseRows(vulnerabilities)) }
    return createIntelView({ version, parts, guard: createHostGuard(guardOverrides), vulnerabilities: known!.view })
  }
}

async function isSmall (db: Database, most: number): Promise<boolean> {
  const { rows: [row] } = await sql<{ count: number }>`select count(*) as count from (
    (select from indicator limit ${most + 1}) union all (select from vulnerability limit ${most + 1})) as entries`.execute(db)
  return row!.count <= most
}

async function loadInPlace (db: Database): Promise<IntelView> {
  return await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(readIntelView)
}

/** The store as this transaction sees it, which must be one consistent picture (repeatable read). On the thread that asks. */
export async function readIntelView (tx: Tx): Promise<IntelView> {
  const version = await readIntelVersion(tx)
  const guard = createHostGuard(await listGuardChanges(tx))
  const vulnerabilities = await compileVulnerabilityView(await readVulnerabilityRows(tx))
  const builder = new IndexBuilder()
  for await (const entries of streamIndicators(tx)) for (const entry of entries) builder.add(entry)
  return createIntelView({ version, parts: builder.finish(), guard, vulnerabilities })
}

/** With room for others in between. */
async function parseRows (jsons: ReadonlyArray<Uint8Array>): Promise<VulnerabilityRow[]> {
  const rows: VulnerabilityRow[] = []
  for (const json of jsons) {
    rows.push(...JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString()) as VulnerabilityRow[])
    await turn()
  }
  return rows
}
