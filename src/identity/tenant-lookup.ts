import { LRUCache } from 'lru-cache'
import type { Database } from '../platform/database.js'
import { findTenantByEntraId } from './tenant-repository.js'

/** A new customer waits no longer than this after a first try that came too early. */
const UNKNOWN_FOR_MS = 10_000
const KNOWN_FOR_MS = 60_000
const MAX_TENANTS = 10_000

/** Finds tenants by their Entra ids, and remembers for a while also that there is none: tokens of strangers must not become questions to the database. */
export function createTenantLookup ({ db }: { readonly db: Database }): (entraTenantId: string) => Promise<string | undefined> {
  const known = new LRUCache<string, { readonly tenantId: string | undefined }>({ max: MAX_TENANTS })
  return async (entraTenantId) => {
    const found = known.get(entraTenantId)
    if (found !== undefined) return found.tenantId
    const tenantId = await findTenantByEntraId(db, entraTenantId)
    known.set(entraTenantId, { tenantId }, { ttl: tenantId === undefined ? UNKNOWN_FOR_MS : KNOWN_FOR_MS })
    return tenantId
  }
}
