import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import { type AuditHead, type ChainEntry, PLATFORM_CHAIN } from './audit-chain.js'

/** All chains there are, or should be because events belong to them. */
export async function listChains (db: Database): Promise<string[]> {
  // From chain to chain along the indexes: there are few of them and many entries.
  const { rows } = await sql<{ chain: string }>`
    with recursive linked as (
      (select chain from audit_link order by chain limit 1)
      union all
      select (select l.chain from audit_link l where l.chain > linked.chain order by l.chain limit 1) from linked where linked.chain is not null
    ), written as (
      (select tenant_id from audit_event where tenant_id is not null order by tenant_id limit 1)
      union all
      select (select e.tenant_id from audit_event e where e.tenant_id > written.tenant_id order by e.tenant_id limit 1) from written where written.tenant_id is not null
    )
    select chain from linked where chain is not null
    union select tenant_id from written where tenant_id is not null
    union select ${PLATFORM_CHAIN}::uuid where exists (select from audit_event where tenant_id is null)
    order by chain`.execute(db)
  return rows.map(({ chain }) => chain)
}

/** The last entry of each chain. */
export async function listHeads (db: Database): Promise<AuditHead[]> {
  const chains = await listChains(db)
  const { rows } = await sql<AuditHead>`
    select l.chain, l.number, encode(l.hash, 'hex') as hash
    from unnest(${chains}::uuid[]) c (chain), lateral (select * from audit_link l where l.chain = c.chain order by number desc limit 1) l
    order by l.chain`.execute(db)
  return rows
}

interface EntryRow {
  readonly number: number
  readonly event_id: number
  readonly hash: Buffer
  readonly id: number | null
  readonly tenant_id: string | null
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly subject: string | null
  readonly detail: string
}

/** Entries of a chain after a number, in order. */
export async function listEntries (db: Database, { chain, after, limit }: { readonly chain: string, readonly after: number, readonly limit: number }): Promise<ChainEntry[]> {
  const { rows } = await sql<EntryRow>`
    select l.number, l.event_id, l.hash, e.id, e.tenant_id, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
      e.actor, e.action, e.subject, e.detail::text as detail
    from audit_link l left join audit_event e on e.id = l.event_id
    where l.chain = ${chain} and l.number > ${after} order by l.number limit ${limit}`.execute(db)
  return rows.map((row) => ({ number: row.number, eventId: row.event_id, hash: row.hash, event: row.id === null ? undefined : { ...row, id: row.id, tenantId: row.tenant_id } }))
}

/** Events that are in no chain: nothing that was written as usual is. */
export async function listUnchained (db: Database, { chain, limit }: { readonly chain: string, readonly limit: number }): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from audit_event e where ${chain === PLATFORM_CHAIN ? sql`tenant_id is null` : sql`tenant_id = ${chain}`}
      and not exists (select from audit_link l where l.event_id = e.id)
    order by id limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}
