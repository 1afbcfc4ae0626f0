import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Database, Tx } from '../../platform/database.js'
import { recordAudit } from '../../platform/record-audit.js'
import type { Operator } from '../operator.js'

/** Somebody who was let in, with a token or key, into a tenant or none. */
export interface Sighting {
  /** One token, or one API key. */
  readonly session: string
  /** A UUID: the operator's, or the object id of a relying party's app. */
  readonly id: string
  /** What the audit log calls them. */
  readonly name: string
  readonly action: 'operator.signed-in' | 'partner.signed-in'
  readonly isApiKey: boolean
  /** Null: not in a tenant. */
  readonly tenantId: string | null
  /** For the audit log: how they came, and where the request came from. */
  readonly detail: Readonly<Record<string, unknown>>
}

/** An operator who was let in. */
export function sightingOf ({ id, kind, name, session, grants, account }: Operator, tenantId: string | null, address: string): Sighting {
  const roles = grants.filter((grant) => tenantId === null || grant.tenantId === null || grant.tenantId === tenantId).slice(0, MAX_ROLES_TOLD)
  return { session, id, name, action: 'operator.signed-in', isApiKey: kind === 'api-key', tenantId, detail: { kind, address, roles, ...(account ?? {}) } }
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
      const place = `${sighting.session} ${sighting.tenantId ?? ''}`
      if ((seen.get(place) ?? -Infinity) + WRITE_EVERY_MS > now()) return
      await recordSighting(db, sighting)
      seen.set(place, now())
    }
  }
}

/** The first sight of a session in a place over all processes is an event of the audit log; later ones only move its time. */
export async function recordSighting (db: Database, sighting: Sighting): Promise<void> {
  const { session, id, isApiKey, tenantId } = sighting
  await db.transaction().execute(async (tx) => {
    const { rows: [row] } = await sql<{ is_new: boolean }>`
      insert into operator_session (session, operator_id, tenant_id) values (${session}, ${id}, ${tenantId})
      on conflict (session, (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'))) do update set last_seen_at = now()
      returning first_seen_at = now() as is_new`.execute(tx)
    if (isApiKey) await tx.updateTable('api_key').set({ last_used_at: sql<Date>`now()` }).where('id', '=', id).execute()
    if (row!.is_new) await auditSignIn(tx, sighting)
  })
}

async function auditSignIn (tx: Tx, { id, name, action, tenantId, detail }: Sighting): Promise<void> {
  const { rows: [row] } = await sql<{ lately: number }>`
    select count(*) as lately from operator_session where operator_id = ${id} and first_seen_at > now() - interval '1 hour'`.execute(tx)
  if (row!.lately > MAX_SIGN_INS_AN_HOUR) return
  const more = row!.lately === MAX_SIGN_INS_AN_HOUR ? { more: 'This hour\'s further sign-ins are not written down.' } : {}
  await recordAudit(tx, { tenantId, actor: name, action, subject: id, detail: { ...detail, ...more } })
}

const MAX_ROLES_TOLD = 20

/** Deletes what has been silent for a day. */
export async function expireSessions (db: Database): Promise<number> {
  const { numDeletedRows } = await db.deleteFrom('operator_session').where('last_seen_at', '<', sql<Date>`now() - make_interval(hours => ${KEEP_HOURS})`).executeTakeFirst()
  return Number(numDeletedRows)
}
