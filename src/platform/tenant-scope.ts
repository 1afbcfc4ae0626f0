import { AsyncLocalStorage } from 'node:async_hooks'
import type { PostgresPool, PostgresPoolClient } from 'kysely'

/** Something asked for a tenant's rows without saying whose: a fault of ours, never the caller's. */
export class TenantNotSetError extends Error {
  constructor () {
    super('No tenant is set for this work; it asks the database for one tenant\'s rows.')
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const scope = new AsyncLocalStorage<{ readonly tenantId: string }>()

/** Does something about one tenant: databases opened for one tenant at a time show its rows, to all that `work` starts as well. */
export function inTenant<T> (tenantId: string, work: () => T): T {
  // It goes into the text of a statement.
  if (!UUID.test(tenantId)) throw new TypeError('a tenant\'s id must be a UUID')
  return scope.run({ tenantId }, work)
}

/** The tenant that is being worked for. @throws TenantNotSetError */
export function currentTenantId (): string {
  const current = scope.getStore()
  if (current === undefined) throw new TenantNotSetError()
  return current.tenantId
}

const BEGIN = /^(?:begin|start transaction\b.*)$/i
const END = /^(?:commit|rollback)$/i

/**
 * A pool whose every transaction is about one tenant: the one set by `inTenant` when the
 * connection was asked for. A statement outside of a transaction gets one of its own, so what is
 * set ends with it, and nothing of it is left to whoever gets the connection next.
 */
export function tenantPool (pool: PostgresPool): PostgresPool {
  return {
    async connect () {
      const tenantId = currentTenantId()
      return scoped(await pool.connect(), tenantId)
    },
    end: async () => await pool.end()
  } as PostgresPool
}

function scoped (client: PostgresPoolClient, tenantId: string): PostgresPoolClient {
  let inTransaction = false
  // One message for both. As an object, so that it is not prepared: two statements cannot be.
  const begin = async (statement: string): Promise<unknown> => await (client.query as unknown as (config: object) => Promise<unknown>)({ text: `${statement}; set local sallyport.tenant_id = '${tenantId}'` })
  const query = async (statement: unknown, parameters: readonly unknown[] = []): Promise<unknown> => {
    if (typeof statement !== 'string') throw new TypeError('only statements that are text can be kept to a tenant')
    if (BEGIN.test(statement)) {
      const answer = await begin(statement)
      inTransaction = true
      return answer
    }
    if (inTransaction) {
      if (END.test(statement)) inTransaction = false
      return await client.query(statement, parameters)
    }
    await begin('begin')
    try {
      const answer = await client.query(statement, parameters)
      await client.query('commit', [])
      return answer
    } catch (error) {
      // A connection that broke is no longer in a transaction.
      await client.query('rollback', []).catch(() => {})
      throw error
    }
  }
  return { query, release: () => client.release() } as PostgresPoolClient
}
