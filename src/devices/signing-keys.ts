import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '../platform/database.js'

/** HS256 wants a key of at least the hash's size (RFC 7518, section 3.2). */
const SECRET_BYTES = 32
const POLL_MS = 60_000
/** A token with an unknown kid makes us look again, but not more often than this. */
const LOOK_AGAIN_MS = 1_000

export interface SigningKey {
  readonly id: string
  readonly secret: Buffer
}

/** The keys of access tokens, the same in every process. */
export interface SigningKeys {
  /** The newest key: new tokens are signed with it. */
  current (): SigningKey
  /** The key with this id, unless it is retired. Looks into the table when it is not known yet. */
  find (id: string): Promise<SigningKey | undefined>
  refresh (): Promise<void>
  close (): void
}

/** Loads the signing keys; the first process ever makes one. */
export async function createSigningKeys ({ db, log, pollMs = POLL_MS }: { db: Database, log: Logger, pollMs?: number }): Promise<SigningKeys> {
  let keys = await loadKeys(db)
  if (keys.length === 0) keys = await createFirstKey(db)
  let lookedAtMs = Date.now()

  const refresh = async (): Promise<void> => {
    lookedAtMs = Date.now()
    const loaded = await loadKeys(db)
    if (loaded.length > 0) keys = loaded
  }
  const timer = setInterval(() => {
    refresh().catch((err: unknown) => log.warn({ err }, 'signing keys could not be reloaded'))
  }, pollMs).unref()

  return {
    current: () => keys[0]!,
    async find (id) {
      const known = keys.find((key) => key.id === id)
      if (known !== undefined || Date.now() - lookedAtMs < LOOK_AGAIN_MS) return known
      await refresh()
      return keys.find((key) => key.id === id)
    },
    refresh,
    close: () => clearInterval(timer)
  }
}

/** Adds a key that signs from now on; older ones go on verifying. */
export async function insertSigningKey (db: Database): Promise<SigningKey> {
  const key = { id: randomUUID(), secret: randomBytes(SECRET_BYTES) }
  await db.insertInto('signing_key').values(key).execute()
  return key
}

async function loadKeys (db: Database): Promise<SigningKey[]> {
  return await db.selectFrom('signing_key').select(['id', 'secret'])
    .where('retired_at', 'is', null)
    .orderBy('created_at', 'desc').orderBy('id')
    .execute()
}

async function createFirstKey (db: Database): Promise<SigningKey[]> {
  return await db.transaction().execute(async (tx) => {
    // Two processes starting at once must not sign with different keys.
    await sql`select pg_advisory_xact_lock(hashtextextended('sallyport signing key', 0))`.execute(tx)
    const present = await loadKeys(tx)
    return present.length > 0 ? present : [await insertSigningKey(tx)]
  })
}
