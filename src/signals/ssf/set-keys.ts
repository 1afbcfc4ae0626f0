import { generateKeyPair as generate, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { exportJWK, importPKCS8, SignJWT } from 'jose'
import { UnprocessableError } from '../../errors.js'
import type { Database } from '../../platform/database.js'
import { recordAudit } from '../../platform/record-audit.js'
import type { SecretBox } from '../../platform/secret-box.js'
import type { SetClaims } from '../derive/set-events.js'
import { deleteDoneSetKeys, insertSetKey, isSetKeyDue, listSetKeys, lockSetKeys, setKeyContext, type StoredSetKey } from './set-key-repository.js'

export interface SetKeysDeps {
  readonly db: Database
  /** Undefined without SECRETS_KEY: there is nothing to sign with. */
  readonly secrets: SecretBox | undefined
}

type SigningKey = Awaited<ReturnType<typeof importPKCS8>>

const generateKeyPair = promisify(generate)

/** The interoperability profile asks for RS256 with at least 2048 bits. */
const ALGORITHM = 'RS256'
const MODULUS_BITS = 2_048
/** A newer key is published so long before it signs: receivers remember a key set for a while. */
const AHEAD_SECONDS = 24 * 3_600
/** And an older one stays published so long, for tokens that were signed with it and not verified yet. */
const STAYS_DAYS = 7
const ROTATE_AFTER_DAYS = 90
const REMEMBER_MS = 10_000
/** Who makes the first key, which nobody asked for. */
const ACTOR = 'sallyport'

/** What a receiver verifies tokens by (RFC 7517): also the key that will sign next, and those that signed lately. */
export interface KeySet {
  readonly keys: ReadonlyArray<Readonly<Record<string, unknown>>>
}

export interface SetSigner {
  /** A signed security event token (RFC 8417). */
  sign (claims: SetClaims, about: { readonly id: string, readonly issuer: string, readonly audience: string }): Promise<string>
  keySet (): Promise<KeySet>
  /** Makes the first key when there is none. @throws UnprocessableError without SECRETS_KEY */
  makeReady (): Promise<void>
}

/** Signs with the key whose turn it is, and makes the first. */
export function createSetSigner (deps: SetKeysDeps): SetSigner {
  let known: { readonly kid: string, readonly key: SigningKey, readonly untilMs: number } | undefined

  const current = async (): Promise<{ readonly kid: string, readonly key: SigningKey }> => {
    if (known !== undefined && known.untilMs > performance.now()) return known
    const stored = await ensureKey(deps)
    const key = known?.kid === stored.id ? known.key : await importPKCS8(secretsOf(deps).open(stored.privateKey, setKeyContext(stored.id)), ALGORITHM)
    known = { kid: stored.id, key, untilMs: performance.now() + REMEMBER_MS }
    return known
  }

  return {
    async sign ({ iat, txn, sub_id: subject, events }, { id, issuer, audience }) {
      const { kid, key } = await current()
      return await new SignJWT({ iss: issuer, jti: id, iat, aud: audience, ...(txn === undefined ? {} : { txn }), sub_id: subject, events })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'secevent+jwt', kid })
        .sign(key)
    },
    async keySet () {
      await ensureKey(deps)
      return { keys: (await listSetKeys(deps.db)).map(({ publicJwk }) => publicJwk) }
    },
    async makeReady () { await ensureKey(deps) }
  }
}

/** The key that signs; made when there is none. @throws UnprocessableError without SECRETS_KEY */
async function ensureKey (deps: SetKeysDeps): Promise<StoredSetKey> {
  const found = (await listSetKeys(deps.db)).find(({ signs }) => signs)
  if (found !== undefined) return found
  await makeKey(deps, { actor: ACTOR, aheadSeconds: 0, onlyIf: async (existing) => existing.length === 0 })
  return (await listSetKeys(deps.db)).find(({ signs }) => signs)!
}

/** Makes a key that signs after a day, or `now` (the one that signs has leaked). @returns its id */
export async function rotateSetKey (deps: SetKeysDeps, { now = false, actor }: { readonly now?: boolean, readonly actor: string }): Promise<string> {
  return (await makeKey(deps, { actor, aheadSeconds: now ? 0 : AHEAD_SECONDS, onlyIf: async () => true }))!
}

/** Makes a new key when the newest is three months old, and removes those that no token needs. */
export async function tendSetKeys (deps: SetKeysDeps, { rotateAfterDays = ROTATE_AFTER_DAYS } = {}): Promise<{ readonly rotated: boolean, readonly removed: number }> {
  const rotated = deps.secrets !== undefined && await deps.db.transaction().execute(async (tx) => await isSetKeyDue(tx, rotateAfterDays)) &&
    await makeKey(deps, { actor: 'upkeep', aheadSeconds: AHEAD_SECONDS, onlyIf: async (_existing, isDue) => await isDue(rotateAfterDays) }) !== undefined
  const removed = await deps.db.transaction().execute(async (tx) => {
    await lockSetKeys(tx)
    return await deleteDoneSetKeys(tx, STAYS_DAYS)
  })
  return { rotated, removed }
}

interface MakeKeyOptions {
  /** Who makes it, for the audit. */
  readonly actor: string
  readonly aheadSeconds: number
  /** Asked under the lock. */
  readonly onlyIf: (existing: readonly StoredSetKey[], isDue: (days: number) => Promise<boolean>) => Promise<boolean>
}

async function makeKey (deps: SetKeysDeps, { actor, aheadSeconds, onlyIf }: MakeKeyOptions): Promise<string | undefined> {
  const secrets = secretsOf(deps)
  // Before the transaction: it takes a moment.
  const { publicKey, privateKey } = await generateKeyPair('rsa', { modulusLength: MODULUS_BITS })
  const id = randomUUID()
  const publicJwk = { ...await exportJWK(publicKey), kid: id, alg: ALGORITHM, use: 'sig' }
  return await deps.db.transaction().execute(async (tx) => {
    await lockSetKeys(tx)
    if (!await onlyIf(await listSetKeys(tx), async (days) => await isSetKeyDue(tx, days))) return undefined
    await insertSetKey(tx, { id, publicJwk, privateKey: secrets.seal(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, setKeyContext(id)), aheadSeconds })
    await recordAudit(tx, { tenantId: null, actor, action: 'set-key.created', subject: id, detail: { aheadSeconds } })
    return id
  })
}

function secretsOf ({ secrets }: SetKeysDeps): SecretBox {
  if (secrets === undefined) throw new UnprocessableError('Signed events need SECRETS_KEY to be set; see the configuration.')
  return secrets
}
