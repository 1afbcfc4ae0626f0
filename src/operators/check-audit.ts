import type { Logger } from 'pino'
import type { Database } from '../platform/database.js'
import { CHAIN_START, type ChainFault, type ChainPlace, walkChain } from './audit-chain.js'
import {
  type AuditCheck, findLinkHash, finishWholeWalk, insertAuditChecks, listAuditChecks, saveAuditChecked, saveAuditSeen, saveWholeWalk
} from './audit-check-repository.js'
import { listChains, listEntries, listHeads, listUnchained } from './audit-repository.js'

export interface CheckAuditDeps {
  readonly db: Database
  readonly log: Logger
}

export interface CheckAuditOptions {
  /** Its reason is thrown between two pages; the next run goes on there. */
  readonly signal?: AbortSignal
  /** For what is new, and once more for walks from the first entry. */
  readonly budgetMs?: number
  /** Between two whole walks of a chain. */
  readonly wholeEveryMs?: number
  readonly pageSize?: number
}

export interface CheckedAudit {
  readonly chains: number
  /** Entries read in this run, whether they were new or not. */
  readonly entries: number
  /** Chains walked from the first entry to the last. */
  readonly wholeChains: number
  /** Known now, of all chains. */
  readonly faults: number
  /** Everything new was read. */
  readonly isDone: boolean
}

const BUDGET_MS = 20_000
const WHOLE_EVERY_MS = 24 * 60 * 60 * 1000
const PAGE = 5_000
/** Of one chain; more of them say nothing new. */
const MAX_FAULTS = 100

/**
 * Verifies the audit bit by bit: what was written since the last run, that what was seen last is still there, and in turn each chain from its first
 * entry. What it finds stays known until a whole walk finds it no more; that an end was cut off stays known for ever.
 */
export async function checkAudit ({ db, log }: CheckAuditDeps, options: CheckAuditOptions = {}): Promise<CheckedAudit> {
  const { signal, budgetMs = BUDGET_MS, wholeEveryMs = WHOLE_EVERY_MS, pageSize = PAGE } = options
  await insertAuditChecks(db, await listChains(db))
  const heads = new Map((await listHeads(db)).map(({ chain, number, hash }) => [chain, { number, hash }]))
  const known = new Map<string, number>()
  let entries = 0
  let wholeChains = 0
  let isDone = true

  const tell = (chain: string, before: readonly ChainFault[], after: readonly ChainFault[]): void => {
    known.set(chain, after.length)
    const found = after.filter((fault) => !before.some((one) => isSame(one, fault)))
    if (found.length > 0) log.error({ chain, faults: found }, 'the audit is not what was written')
  }
  /** A page after a place; undefined: there was nothing. */
  const walkPage = async (chain: string, from: ChainPlace): Promise<{ readonly to: ChainPlace, readonly faults: readonly ChainFault[], readonly isLast: boolean } | undefined> => {
    signal?.throwIfAborted()
    const page = await listEntries(db, { chain, after: from.number, limit: pageSize })
    if (page.length === 0) return undefined
    const walk = walkChain(chain, [], from)
    for (const entry of page) walk.add(entry)
    entries += page.length
    const last = page.at(-1)!
    return { to: { number: last.number, hash: last.hash }, faults: walk.finish().faults, isLast: page.length < pageSize }
  }

  const checks = await listAuditChecks(db)
  const newUntil = performance.now() + budgetMs
  for (const check of checks) {
    const { chain, faults: before } = check
    let { seen, faults } = check
    const head = heads.get(chain)
    const lost = await checkSeen(db, check)
    faults = merge(faults, lost)
    // From an end that was cut off nobody moves on, or it would be forgotten; what others put in its place is for the whole walks.
    while (lost.length === 0 && (head?.number ?? 0) > seen.number && performance.now() < newUntil) {
      const page = await walkPage(chain, seen)
      if (page === undefined) break
      seen = page.to
      faults = merge(faults, page.faults)
      await saveAuditSeen(db, chain, { seen, faults })
    }
    if (lost.length === 0 && (head?.number ?? 0) > seen.number) isDone = false
    if (faults.length > before.length) await saveAuditSeen(db, chain, { seen, faults })
    tell(chain, before, faults)
  }
  if (isDone) await saveAuditChecked(db)

  const wholeUntil = performance.now() + budgetMs
  for (const check of await listAuditChecks(db)) {
    const isDue = check.whole !== null || check.wholeAt === null || Date.now() - check.wholeAt.getTime() >= wholeEveryMs
    if (!isDue || performance.now() >= wholeUntil) continue
    let place: ChainPlace | undefined = check.whole ?? CHAIN_START
    let { wholeFaults } = check
    while (place !== undefined && performance.now() < wholeUntil) {
      const page = await walkPage(check.chain, place)
      wholeFaults = merge(wholeFaults, page?.faults ?? [])
      place = page?.isLast === false ? page.to : undefined
      if (place !== undefined) await saveWholeWalk(db, check.chain, { whole: place, wholeFaults })
    }
    if (place !== undefined) continue
    const faults = merge(merge(wholeFaults, await listStrays(db, check.chain)), await checkSeen(db, check))
    await finishWholeWalk(db, check.chain, faults)
    tell(check.chain, check.faults, faults)
    wholeChains++
  }
  return { chains: checks.length, entries, wholeChains, faults: [...known.values()].reduce((sum, count) => sum + count, 0), isDone }
}

/** The last entry that was seen is still there, and as it was. */
async function checkSeen (db: Database, { chain, seen: { number, hash } }: AuditCheck): Promise<ChainFault[]> {
  if (number === 0) return []
  const written = await findLinkHash(db, { chain, number })
  if (written === undefined) return [{ kind: 'head-missing', number, eventId: null, message: `entry ${number} was verified before and is gone` }]
  return written.equals(hash) ? [] : [{ kind: 'head-differs', number, eventId: null, message: `entry ${number} had another hash when it was verified` }]
}

async function listStrays (db: Database, chain: string): Promise<ChainFault[]> {
  return (await listUnchained(db, { chain, limit: MAX_FAULTS })).map((eventId) => ({ kind: 'unchained', number: null, eventId, message: `event ${eventId} is in no chain` }))
}

const isSame = (one: ChainFault, other: ChainFault): boolean => one.kind === other.kind && one.number === other.number && one.eventId === other.eventId

function merge (known: readonly ChainFault[], found: readonly ChainFault[]): readonly ChainFault[] {
  const added = found.filter((fault) => !known.some((one) => isSame(one, fault)))
  return added.length === 0 ? known : [...known, ...added].slice(0, MAX_FAULTS)
}
