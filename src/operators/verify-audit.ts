import type { Database, Tx } from '../platform/database.js'
import { type AuditHead, type ChainFault, walkChain } from './audit-chain.js'
import { listChains, listEntries, listUnchained } from './audit-repository.js'

export interface VerifiedChain {
  /** The tenant's id, or PLATFORM_CHAIN. */
  readonly chain: string
  readonly entries: number
  /** The last entry; null when there is none. */
  readonly head: AuditHead | null
  readonly faults: readonly ChainFault[]
}

export interface AuditVerdict {
  readonly intact: boolean
  readonly chains: readonly VerifiedChain[]
}

const ENTRIES_AT_ONCE = 5_000
/** A chain with more events in none is told by the first of them. */
const MOST_UNCHAINED = 1_000

/**
 * Compares the audit with its chains, all of them or one, as they are at one moment.
 * @param noted heads noted before: what was cut off since at the end is found by them alone
 */
export async function verifyAudit ({ db }: { readonly db: Database }, { chain, noted = [] }: { readonly chain?: string | undefined, readonly noted?: readonly AuditHead[] }): Promise<AuditVerdict> {
  return await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(async (tx) => {
    const wanted = chain === undefined ? [...new Set([...await listChains(tx), ...noted.map((head) => head.chain)])].sort() : [chain]
    const chains: VerifiedChain[] = []
    for (const one of wanted) chains.push(await verifyChain(tx, one, noted.filter((head) => head.chain === one)))
    return { intact: chains.every(({ faults }) => faults.length === 0), chains }
  })
}

async function verifyChain (tx: Tx, chain: string, noted: readonly AuditHead[]): Promise<VerifiedChain> {
  const walk = walkChain(chain, noted)
  let after = 0
  for (;;) {
    const entries = await listEntries(tx, { chain, after, limit: ENTRIES_AT_ONCE })
    for (const entry of entries) walk.add(entry)
    if (entries.length < ENTRIES_AT_ONCE) break
    after = entries.at(-1)!.number
  }
  const { entries, head, faults } = walk.finish()
  const unchained = (await listUnchained(tx, { chain, limit: MOST_UNCHAINED })).map((eventId): ChainFault => (
    { kind: 'unchained', number: null, eventId, message: `event ${eventId} is in no chain` }
  ))
  return { chain, entries, head: head ?? null, faults: [...faults, ...unchained] }
}
