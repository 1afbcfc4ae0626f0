import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Database, Tx } from '../../platform/database.js'
import { recordAudit } from '../audit.js'
import type { Operator } from '../operator.js'

export interface Sighting {
  readonly operator: Operator
  /** Null: not in a tenant. */
  readonly tenantId: string | null
  /** Where the request came from. */
  readonly address: string
}

/** Who signed in, for the audit log, and when keys were last used. */
export interface Sessions {
  /** Writes a sign-in down when this token or key is new in this place; else nothing, most of the time. */
  saw (sighting: Sighting): Promise<void>
}

/** A token or key that is in use is written down so often by each process. */
const WRITE_EVERY_MS = 60_000
const REMEMBER_AT_MOST = 20_000
/** Whoever fetches a new token for each request signs in without end; from here on, an hour's sign-ins are one event. */
export const MAX_SIGN_INS_AN_HOUR = 60
/** Longer than a token lives. A key that comes after so long signs in again. */
const KEEP_HOURS = 24

export function createSessions ({ db, now = Date.now }: { readonly db: Database, readonly now?: () => number }): Sessions {
  const seen = new LRUCache<string, number>({ max: REMEMBER_AT_MOST })
  return {
    async saw (sighting) {
      const place = `${sighting.operator.session} ${sighting.tenantId ?? ''}`
      if ((seen.get(place) ?? -Infinity) + WRITE_EVERY_MS > now()) return
      await recordSighting(db, sighting)
      seen.set(place, now())
    }
  }
}

/** The first sight of a session in a place over all processes is an event of the audit log; later ones only move its time. */
export async function recordSighting (db: Database, { operator, tenantId, address }: Sighting): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows: [row] } = await sql<{ is_new: boolean }>`
      insert into operator_session (session, operator_id, tenant_id) values (${operator.session}, ${operator.id}, ${tenantId})
      on conflict (session, (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'))) do update set last_seen_at = now()
      returning first_seen_at = now() as is_new`.execute(tx)
    if (operator.kind === 'api-key') await tx.updateTable('api_key').set({ last_used_at: sql<Date>`now()` }).where('id', '=', operator.id).execute()
    if (row!.is_new) await auditSignIn(tx, { operator, tenantId, address })
  })
}

async function auditSignIn (tx: Tx, { operator, tenantId, address }: Sighting): Promise<void> {
  const { rows: [row] } = await sql<{ lately: number }>`
    select count(*) as lately from operator_session where operator_id = ${operator.id} and first_seen_at > now() - interval '1 hour'`.execute(tx)
  if (row!.lately > MAX_SIGN_INS_AN_HOUR) return
  await recordAudit(tx, {
    tenantId,
    actor: operator.name,
    action: 'operator.signed-in',
    subject: operator.id,
    detail: {
      kind: operator.kind,
      address,
      roles: operator.grants.filter((grant) => tenantId === null || grant.tenantId === null || grant.tenantId === tenantId).slice(0, MAX_ROLES_TOLD),
      ...(operator.account ?? {}),
      ...(row!.lately === MAX_SIGN_INS_AN_HOUR ? { more: 'This hour\'s further sign-ins are not written down.' } : {})
    }
  })
}

const MAX_ROLES_TOLD = 20

/** Deletes what has been silent for a day. */
export async function expireSessions (db: Database): Promise<number> {
  const { numDeletedRows } = await db.deleteFrom('operator_session').where('last_seen_at', '<', sql<Date>`now() - make_interval(hours => ${KEEP_HOURS})`).executeTakeFirst()
  return Number(numDeletedRows)
}
