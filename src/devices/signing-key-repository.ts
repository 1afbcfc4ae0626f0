import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { ConflictError, NotFoundError } from '../errors.js'
import type { Database, Tx } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import type { SecretKind } from '../platform/reseal-secrets.js'
import type { SecretBox } from '../platform/secret-box.js'
import { LONGEST_TOKEN_SECONDS } from './access-tokens.js'

/** HS256 wants a key of at least the hash's size (RFC 7518, section 3.2). */
const SECRET_BYTES = 32
/** Beyond the life of its last token: processes learn of a newer key a little later, and clocks differ. */
const SLACK_SECONDS = 3_600
const DONE_AFTER_SECONDS = LONGEST_TOKEN_SECONDS + SLACK_SECONDS

/** What keys are sealed with. Without it they are stored as they are, and whoever reads the database can make tokens. */
export interface KeyStore {
  readonly db: Database
  readonly secrets?: SecretBox | undefined
}

/** What is told of a key; its secret stays where it is. */
export interface SigningKeyView {
  readonly id: string
  /** `signing`: new tokens; `verifying`: those it signed before still count; `retired`: none counts. */
  readonly state: 'signing' | 'verifying' | 'retired'
  readonly createdAt: Date
  readonly retiredAt: Date | null
  /** When no token signed with it can be alive; null while it signs. */
  readonly doneAt: Date | null
}

/** The keys that verify, the one that signs first. @throws Error when a key is sealed and SECRETS_KEY does not open it */
export async function listLiveKeys ({ db, secrets }: KeyStore): Promise<Array<{ readonly id: string, readonly secret: Buffer }>> {
  const rows = await db.selectFrom('signing_key').select(['id', 'secret'])
    .where('retired_at', 'is', null)
    .orderBy('created_at', 'desc').orderBy('id')
    .execute()
  return rows.map(({ id, secret }) => ({ id, secret: isClear(secret) ? secret : unseal(secrets, id, secret) }))
}

/** A sealed one is longer by its nonce and tag. */
const isClear = (stored: Buffer): boolean => stored.length === SECRET_BYTES
const keyContext = (id: string): string => `signing-key:${id}`

function unseal (secrets: SecretBox | undefined, id: string, sealed: Buffer): Buffer {
  if (secrets === undefined) throw new Error('The keys that access tokens are signed with are sealed, and SECRETS_KEY is not set.')
  return Buffer.from(secrets.open(sealed, keyContext(id)), 'base64')
}

/** What access tokens of phones are signed with. */
export const signingKeySecrets: SecretKind = {
  name: 'keys of access tokens',
  async list (db, { after, limit }) {
    let query = db.selectFrom('signing_key').select(['id', 'secret']).orderBy('id').limit(limit)
    if (after !== undefined) query = query.where('id', '>', after)
    return (await query.execute()).map(({ id, secret }) => ({ key: id, sealed: secret, context: keyContext(id) }))
  },
  async replace (db, { key, sealed }, instead) {
    const { numUpdatedRows } = await db.updateTable('signing_key').set({ secret: instead }).where('id', '=', key).where('secret', '=', sealed).executeTakeFirst()
    return numUpdatedRows > 0n
  },
  readClear: (stored) => isClear(stored) ? stored.toString('base64') : undefined
}

/** All keys that are still stored, the newest first. */
export async function listSigningKeys (db: Database): Promise<SigningKeyView[]> {
  const { rows } = await sql<SigningKeyView>`
    select id, created_at as "createdAt", retired_at as "retiredAt", done_at as "doneAt",
      case when retired_at is not null then 'retired' when successor_at is null then 'signing' else 'verifying' end as state
    from (${KEYS}) keys order by created_at desc, id`.execute(db)
  return rows
}

/** A key signs until the next one is made or it is retired; its last token lives a day from then at most. */
const KEYS = sql`
  select id, created_at, retired_at, successor_at,
    coalesce(retired_at, successor_at + make_interval(secs => ${DONE_AFTER_SECONDS})) as done_at
  from (
    select id, created_at, retired_at,
      lag(created_at) over (partition by retired_at is null order by created_at desc, id) as successor_at
    from signing_key
  ) with_successor`

/**
 * Makes a key that signs from now on; older ones go on verifying what they signed, so nobody is
 * logged out. Answers its id, or undefined when `onlyIfNone` and there is one.
 */
export async function rotateSigningKey ({ db, secrets }: KeyStore, { actor, onlyIfNone = false }: { readonly actor: string, readonly onlyIfNone?: boolean }): Promise<string | undefined> {
  return await db.transaction().execute(async (tx) => {
    await lockKeys(tx)
    if (onlyIfNone && await hasLiveKey(tx)) return undefined
    return await insertSigningKey(tx, actor, secrets)
  })
}

/**
 * Ends a key: tokens signed with it stop counting within seconds, and phones fetch new ones by
 * themselves. Refused while such tokens can be alive, unless `now` (the key has leaked). The key
 * that signs gets a successor. Again: no change. @throws NotFoundError, ConflictError
 */
export async function retireSigningKey ({ db, secrets }: KeyStore, { id, now, actor }: { readonly id: string, readonly now: boolean, readonly actor: string }): Promise<{ readonly id: string, readonly successor: string | null }> {
  return await db.transaction().execute(async (tx) => {
    await lockKeys(tx)
    const key = (await listSigningKeys(tx as unknown as Database)).find((one) => one.id === id)
    if (key === undefined) throw new NotFoundError('There is no such signing key.')
    if (key.state === 'retired') return { id, successor: null }
    if (!now && (key.doneAt === null || key.doneAt.getTime() > Date.now())) {
      throw new ConflictError(key.doneAt === null
        ? 'New tokens are signed with this key. Rotate first, or retire it now: phones then fetch new tokens.'
        : `Tokens signed with this key may count until ${key.doneAt.toISOString()}. Wait, or retire it now: phones then fetch new tokens.`)
    }
    // Before the old one goes: no moment without a key.
    const successor = key.state === 'signing' ? await insertSigningKey(tx, actor, secrets) : null
    await tx.updateTable('signing_key').set({ retired_at: sql<Date>`clock_timestamp()` }).where('id', '=', id).execute()
    await recordAudit(tx, { tenantId: null, actor, action: 'signing-key.retired', subject: id, detail: { successor } })
    return { id, successor }
  })
}

/** Makes a new key when the one that signs is older than this, and removes those no token needs any more. */
export async function tendSigningKeys ({ db, secrets }: KeyStore, { rotateAfterDays }: { readonly rotateAfterDays: number }): Promise<{ readonly rotated: boolean, readonly removed: number }> {
  return await db.transaction().execute(async (tx) => {
    await lockKeys(tx)
    const { rows: [newest] } = await sql<{ due: boolean }>`
      select created_at < clock_timestamp() - make_interval(days => ${rotateAfterDays}) as due
      from signing_key where retired_at is null order by created_at desc, id limit 1`.execute(tx)
    const rotated = newest?.due === true
    if (rotated) await insertSigningKey(tx, 'upkeep', secrets)
    const { rows: removed } = await sql<{ id: string }>`
      delete from signing_key where id in (
        select id from (${KEYS}) keys where done_at < clock_timestamp() and coalesce(retired_at, '-infinity') < clock_timestamp() - make_interval(secs => ${DONE_AFTER_SECONDS})
      ) returning id`.execute(tx)
    return { rotated, removed: removed.length }
  })
}

/** One process at a time: two that start at once must not sign with different keys. */
async function lockKeys (tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('sallyport signing key', 0))`.execute(tx)
}

const hasLiveKey = async (tx: Tx): Promise<boolean> => await tx.selectFrom('signing_key').select('id').where('retired_at', 'is', null).limit(1).executeTakeFirst() !== undefined

async function insertSigningKey (tx: Tx, actor: string, secrets: SecretBox | undefined): Promise<string> {
  const id = randomUUID()
  const secret = randomBytes(SECRET_BYTES)
  // Not the beginning of the transaction, which may have waited for the lock: the newest key must be last.
  await tx.insertInto('signing_key').values({ id, secret: secrets === undefined ? secret : secrets.seal(secret.toString('base64'), keyContext(id)), created_at: sql<Date>`clock_timestamp()` }).execute()
  await recordAudit(tx, { tenantId: null, actor, action: 'signing-key.created', subject: id, detail: {} })
  return id
}
