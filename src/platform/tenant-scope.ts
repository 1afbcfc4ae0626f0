import { AsyncLocalStorage } from 'node:async_hooks'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type { PreparingClient, PreparingPool } from './prepared-statements.js'
import { TENANT_SETTING } from './tenant-query.js'

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
 * connection was asked for. A statement outside of a transaction is one of its own, so what is
 * set ends with it, and nothing of it is left to whoever gets the connection next.
 */
export function tenantPool (pool: PreparingPool): PostgresPool {
  return {
    async connect () {
      const tenantId = currentTenantId()
      return scoped(await pool.connect(), tenantId)
    },
    end: async () => await pool.end()
  } as PostgresPool
}

function scoped (client: PreparingClient, tenantId: string): PostgresPoolClient {
  let inTransaction = false
  const query = async (statement: unknown, parameters: readonly unknown[] = []): Promise<unknown> => {
    if (typeof statement !== 'string') throw new TypeError('only statements that are text can be kept to a tenant')
    if (BEGIN.test(statement)) {
      // Whatever comes of it: a connection that may be in a transaction is ended with it, or not used again.
      inTransaction = true
      // One message for both. As an object, so that it is not prepared: two statements cannot be.
      return await (client.query as unknown as (config: object) => Promise<unknown>)({ text: `${statement}; set local ${TENANT_SETTING} = '${tenantId}'` })
    }
    if (!inTransaction) return await client.queryInTenant(tenantId, statement, parameters)
    const answer = await client.query(statement, parameters)
    if (END.test(statement)) inTransaction = false
    return answer
  }
  return {
    query,
    release () {
      if (inTransaction) client.discard()
      else client.release()
    }
  } as PostgresPoolClient
}
