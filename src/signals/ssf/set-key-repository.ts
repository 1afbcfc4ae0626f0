import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { SecretKind } from '../../platform/reseal-secrets.js'

/** A key that security event tokens are signed with; the private half sealed. */
export interface StoredSetKey {
  readonly id: string
  readonly publicJwk: Readonly<Record<string, unknown>>
  readonly privateKey: Buffer
  readonly createdAt: Date
  readonly signsFrom: Date
  /** It signs from now on until a newer one does. */
  readonly signs: boolean
}

/** All keys that are published, the newest first. The one that signs is the newest whose time has come. */
export async function listSetKeys (db: Database): Promise<StoredSetKey[]> {
  const rows = await db.selectFrom('set_signing_key').selectAll()
    .select(sql<boolean>`id = (select id from set_signing_key order by signs_from <= now() desc, case when signs_from <= now() then signs_from end desc, signs_from, id limit 1)`.as('signs'))
    .orderBy('created_at', 'desc').orderBy('id').execute()
  return rows.map((row) => ({
    id: row.id, publicJwk: row.public_jwk as StoredSetKey['publicJwk'], privateKey: row.private_key, createdAt: row.created_at, signsFrom: row.signs_from, signs: row.signs
  }))
}

/** What a private key is sealed for. */
export const setKeyContext = (id: string): string => `set-signing-key:${id}`

/** Private halves of the keys. */
export const setKeySecrets: SecretKind = {
  name: 'keys of security event tokens',
  async list (db, { after, limit }) {
    let query = db.selectFrom('set_signing_key').select(['id', 'private_key']).orderBy('id').limit(limit)
    if (after !== undefined) query = query.where('id', '>', after)
    return (await query.execute()).map(({ id, private_key: sealed }) => ({ key: id, sealed, context: setKeyContext(id) }))
  },
  async replace (db, { key, sealed }, instead) {
    const { numUpdatedRows } = await db.updateTable('set_signing_key').set({ private_key: instead }).where('id', '=', key).where('private_key', '=', sealed).executeTakeFirst()
    return numUpdatedRows > 0n
  }
}

/** One process at a time makes keys. */
export async function lockSetKeys (tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('sallyport set signing key', 0))`.execute(tx)
}

export async function insertSetKey (tx: Tx, key: { readonly id: string, readonly publicJwk: object, readonly privateKey: Buffer, readonly aheadSeconds: number }): Promise<void> {
  await tx.insertInto('set_signing_key').values({
    id: key.id,
    public_jwk: JSON.stringify(key.publicJwk),
    private_key: key.privateKey,
    // Not the beginning of the transaction, which may have waited for the lock.
    created_at: sql<Date>`clock_timestamp()`,
    signs_from: sql<Date>`clock_timestamp() + make_interval(secs => ${key.aheadSeconds}::double precision)`
  }).execute()
}

/** Whether the newest key is older than this. */
export async function isSetKeyDue (tx: Tx, days: number): Promise<boolean> {
  const { rows } = await sql<{ due: boolean }>`select coalesce(max(created_at) < now() - make_interval(days => ${days}), false) as due from set_signing_key`.execute(tx)
  return rows[0]!.due
}

/** Removes keys that have not signed for so many days. @returns how many */
export async function deleteDoneSetKeys (tx: Tx, days: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from set_signing_key k where exists (
      select from set_signing_key newer where newer.signs_from > k.signs_from and newer.signs_from < now() - make_interval(days => ${days})
    )`.execute(tx)
  return Number(numAffectedRows ?? 0)
}
