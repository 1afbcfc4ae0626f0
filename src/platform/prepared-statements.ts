import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { isOutdatedStatement } from './database-errors.js'
import { queryInTenant } from './tenant-query.js'

/** How often a statement comes before it is worth a place, and how many places there are. */
const SEEN_BEFORE = 3
const MAX_PREPARED = 256
const MAX_COUNTED = 2_000

/**
 * Names statements that come again, so that a connection sends, parses and plans each of them
 * once: for short queries that is as much work as running them. Statements whose text differs
 * from call to call never get a name.
 */
export function createStatementNames (): (text: string) => string | undefined {
  const names = new Map<string, string>()
  const seen = new Map<string, number>()
  return (text) => {
    const name = names.get(text)
    if (name !== undefined || names.size >= MAX_PREPARED) return name
    const count = (seen.get(text) ?? 0) + 1
    if (count <= SEEN_BEFORE) {
      // The oldest goes: what comes often comes again soon.
      if (seen.size >= MAX_COUNTED) seen.delete(seen.keys().next().value!)
      seen.set(text, count)
      return undefined
    }
    seen.delete(text)
    names.set(text, `s${names.size + 1}`)
    return names.get(text)
  }
}

/** `COPY … FROM STDIN`: its parameter is what is copied (copy-rows.ts). */
async function copyInto (client: pg.PoolClient, statement: string, lines: Readable): Promise<{ command: string, rowCount: number, rows: never[] }> {
  const copy = client.query(copyFrom(statement))
  await pipeline(lines, copy)
  return { command: 'COPY', rowCount: copy.rowCount, rows: [] }
}

export interface PreparingClient extends PostgresPoolClient {
  /** One statement that is a transaction of its own and sees this tenant's rows alone. */
  queryInTenant (tenantId: string, statement: string, parameters: readonly unknown[]): Promise<pg.QueryResult>
  /** Instead of `release`: what state the connection is in is not known. */
  discard (): void
}

export interface PreparingPool extends PostgresPool {
  connect (): Promise<PreparingClient>
}

/** The pool as kysely sees it, with statements prepared; without names none is kept. */
export function preparing (pool: pg.Pool, { names = true }: { readonly names?: boolean } = {}): PreparingPool {
  const nameOf = names ? createStatementNames() : () => undefined
  const wrapped = new WeakMap<pg.PoolClient, PreparingClient>()

  function wrap (client: pg.PoolClient): PreparingClient {
    let isOutdated = false
    const toConfig = (text: string, parameters: readonly unknown[] = []): pg.QueryConfig => {
      const name = nameOf(text)
      return { text, values: [...parameters], ...(name === undefined ? {} : { name }) }
    }
    const noticing = async (answer: Promise<pg.QueryResult>): Promise<pg.QueryResult> => await answer.catch((error: unknown) => {
      isOutdated ||= isOutdatedStatement(error)
      throw error
    })
    const query = (statement: unknown, parameters?: readonly unknown[]): unknown => {
      if (typeof statement !== 'string') return client.query(statement as pg.Submittable)
      if (parameters?.[0] instanceof Readable) return copyInto(client, statement, parameters[0])
      return noticing(client.query(toConfig(statement, parameters)))
    }
    return {
      query: query as PostgresPoolClient['query'],
      queryInTenant: async (tenantId, statement, parameters) => await noticing(queryInTenant(client, tenantId, toConfig(statement, parameters))),
      // A connection whose statements know a table as it was before a migration never forgets; the pool opens another.
      release: () => client.release(isOutdated),
      discard: () => client.release(true)
    }
  }

  return {
    async connect () {
      const client = await pool.connect()
      let one = wrapped.get(client)
      if (one === undefined) wrapped.set(client, one = wrap(client))
      return one
    },
    end: async () => await pool.end()
  } as PreparingPool
}
