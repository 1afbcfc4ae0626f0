import { createHash } from 'node:crypto'

/** The chain of what is about the whole platform; a tenant's chain has the tenant's id. */
export const PLATFORM_CHAIN = '00000000-0000-0000-0000-000000000000'
/** What the first entry of a chain follows. */
export const BEGINNING: Buffer = Buffer.alloc(32)

/** An audit event as its hash sees it. */
export interface ChainedEvent {
  readonly id: number
  readonly tenantId: string | null
  /** UTC with six places: `2026-11-30T00:13:37.123456Z`. */
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly subject: string | null
  /** As PostgreSQL spells its jsonb. */
  readonly detail: string
}

/** A link of a chain, and the event it holds; undefined: that event is gone. */
export interface ChainEntry {
  readonly number: number
  readonly eventId: number
  readonly hash: Buffer
  readonly event: ChainedEvent | undefined
}

/** What must be true of a chain since somebody noted it. */
export interface AuditHead {
  readonly chain: string
  readonly number: number
  /** Of the entry of that number, SHA-256 in hex. */
  readonly hash: string
}

export interface ChainFault {
  readonly kind: 'changed' | 'deleted' | 'out-of-order' | 'moved' | 'unchained' | 'head-missing' | 'head-differs'
  /** The entry's place in its chain; null for an event that is in no chain. */
  readonly number: number | null
  /** The event's id; null where it is not known. */
  readonly eventId: number | null
  readonly message: string
}

const chainOf = ({ tenantId }: ChainedEvent): string => tenantId ?? PLATFORM_CHAIN

/**
 * The hash of an entry: over its fields, each with its length in bytes in front (`-`: null), separated by commas.
 * migrations/0021_audit_chain.sql writes the same.
 */
export function hashEntry (chain: string, number: number, previous: Buffer, event: ChainedEvent): Buffer {
  const fields = [chain, String(number), previous.toString('hex'), String(event.id), event.at, event.actor, event.action, event.subject, event.detail]
  return createHash('sha256').update(fields.map((field) => field === null ? '-' : `${Buffer.byteLength(field)}:${field}`).join(',')).digest()
}

/** Where a walk begins: after this entry. */
export interface ChainPlace {
  readonly number: number
  readonly hash: Buffer
}
export const CHAIN_START: ChainPlace = { number: 0, hash: BEGINNING }

export interface ChainWalk {
  /** The next entry, in the order of numbers. */
  add (entry: ChainEntry): void
  /** What ends the walk: the faults found, and the last entry. */
  finish (): { readonly entries: number, readonly head: AuditHead | undefined, readonly faults: readonly ChainFault[] }
}

/**
 * Walks along a chain and compares it with what it says of itself, and with what was noted of it before.
 * After a fault it goes on from the hash that is written, so that each fault is told once.
 */
export function walkChain (chain: string, noted: readonly AuditHead[] = [], start: ChainPlace = CHAIN_START): ChainWalk {
  const faults: ChainFault[] = []
  const unseen = new Map(noted.map((head) => [head.number, head]))
  let entries = 0
  let { number, hash: previous } = start

  const check = (entry: ChainEntry): ChainFault[] => {
    const { eventId, event } = entry
    const fault = (kind: ChainFault['kind'], message: string): ChainFault => ({ kind, number: entry.number, eventId, message })
    const found: ChainFault[] = []
    const gap = entry.number - number - 1
    if (gap === 1) found.push({ kind: 'deleted', number: number + 1, eventId: null, message: `entry ${number + 1} is gone` })
    if (gap > 1) found.push({ kind: 'deleted', number: number + 1, eventId: null, message: `entries ${number + 1} to ${entry.number - 1} are gone` })
    if (gap < 0) found.push(fault('out-of-order', `entry ${entry.number} stands after entry ${number}`))
    if (event === undefined) found.push(fault('deleted', `the event of entry ${entry.number} is gone`))
    else if (chainOf(event) !== chain) found.push(fault('moved', `the event of entry ${entry.number} belongs to another chain`))
    // With entries gone before it, there is nothing it could be seen to follow.
    else if (gap === 0 && !hashEntry(chain, entry.number, previous, event).equals(entry.hash)) found.push(fault('changed', `entry ${entry.number} is not what was written, or does not follow the entry before it`))
    return found
  }

  return {
    add (entry) {
      faults.push(...check(entry))
      const head = unseen.get(entry.number)
      if (head !== undefined) {
        unseen.delete(entry.number)
        if (head.hash !== entry.hash.toString('hex')) faults.push({ kind: 'head-differs', number: entry.number, eventId: entry.eventId, message: `entry ${entry.number} had another hash when it was noted` })
      }
      entries++
      number = entry.number
      previous = entry.hash
    },
    finish () {
      for (const head of unseen.values()) faults.push({ kind: 'head-missing', number: head.number, eventId: null, message: `entry ${head.number} was noted and is gone` })
      return { entries, head: entries === 0 ? undefined : { chain, number, hash: previous.toString('hex') }, faults }
    }
  }
}
