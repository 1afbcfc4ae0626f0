import { createLocalJWKSet, type CryptoKey, type JSONWebKeySet, type JWK } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import { Ajv } from 'ajv'
import { Type, type Static, type TSchema } from 'typebox'
import { fetch, type Dispatcher } from 'undici'
import { settles } from '../platform/settles.js'

/** Where an issuer of tokens describes itself, and what of that is believed. */
export interface IssuerPlace {
  /** https: the provider's metadata (OpenID Connect Discovery 1.0, section 4). */
  readonly metadataUrl: string
  /** An issuer as metadata or a key name it, with what stands for any tenant filled in. */
  issuerOf (named: string): string
  /** Whether these metadata are of whom we asked about (Discovery, section 4.3). */
  isOurs (issuer: string): boolean
  /** The only host that keys may come from; undefined: any that the metadata name. */
  readonly keysHost: string | undefined
}

export interface IssuerKeysOptions {
  /** Trusts the providers' certificates. */
  readonly agent: Dispatcher
  readonly log: Logger
  /** Thrown while a provider cannot be asked and nothing is known. */
  unavailable (): Error
  readonly now?: () => number
  /** How long somebody whose key is known waits for the keys to be asked for anew; 1 s. */
  readonly patienceMs?: number
}

export interface FoundKey {
  /** Who must have issued (`iss`) the token. */
  readonly issuer: string
  /** Undefined: the provider has no such key, or it is not for this issuer's tokens or this algorithm. */
  readonly key: CryptoKey | undefined
}

/** The keys that providers sign tokens with. */
export interface IssuerKeys {
  /**
   * The key with this id. An unknown id makes us ask the provider again, once a minute at most.
   * @throws what `unavailable` makes, when it cannot be asked and nothing is known
   */
  find (wanted: { readonly place: IssuerPlace, readonly keyId: string, readonly algorithm: string }): Promise<FoundKey>
}

/** Microsoft: keys are to be asked for at least every 24 hours. */
const REFRESH_AFTER_MS = 24 * 60 * 60 * 1000
/** Between two questions about the same issuer, whatever comes of them. */
const PAUSE_MS = 60 * 1000
/** Between two tries while nothing is known. */
const FIRST_PAUSE_MS = 5 * 1000
/** What was known is used for so long while the provider cannot be asked. */
const TRUST_FOR_MS = 3 * 24 * 60 * 60 * 1000
const ANSWER_LIMIT_MS = 5_000
/** A provider that is slow must not hold up everybody whose key is known; one that answers is heard first, for the key may have been withdrawn. */
const PATIENCE_MS = 1_000
const MAX_ISSUERS = 5_000
const MAX_KEYS = 100

const MetadataSchema = Type.Object({ issuer: Type.String({ pattern: '^https://' }), jwks_uri: Type.String({ pattern: '^https://' }) })
const KeysSchema = Type.Object({ keys: Type.Array(Type.Object({ kty: Type.String() }), { minItems: 1, maxItems: MAX_KEYS }) })
const ajv = new Ajv({ strict: false })
const isMetadata = ajv.compile<Static<typeof MetadataSchema>>(MetadataSchema)
const isKeys = ajv.compile<Static<typeof KeysSchema> & JSONWebKeySet>(KeysSchema as TSchema)

/** What is known of an issuer. */
interface KnownKeys {
  readonly issuer: string
  readonly keys: ReadonlyArray<JWK & { readonly issuer?: unknown }>
  readonly importKey: ReturnType<typeof createLocalJWKSet>
  readonly fetchedAt: number
}

interface Entry {
  known?: KnownKeys
  underway?: Promise<void>
  askedAt: number
}

/**
 * Keys by issuer, as its metadata name them: kept for a day, asked for anew when an unknown one
 * turns up, and kept on, for days, while the provider does not answer.
 */
export function createIssuerKeys ({ agent, log, unavailable, now = Date.now, patienceMs = PATIENCE_MS }: IssuerKeysOptions): IssuerKeys {
  const entries = new LRUCache<string, Entry>({ max: MAX_ISSUERS })

  /** Asks again unless that was done just now; whoever comes meanwhile waits for the same answer. */
  async function refresh (entry: Entry, place: IssuerPlace): Promise<void> {
    if (entry.underway === undefined) {
      if (now() - entry.askedAt < (entry.known === undefined ? FIRST_PAUSE_MS : PAUSE_MS)) return
      entry.askedAt = now()
      entry.underway = fetchIssuerKeys(agent, place)
        .then(({ issuer, keys }) => { entry.known = { issuer, keys: keys.keys as KnownKeys['keys'], importKey: createLocalJWKSet(keys), fetchedAt: now() } })
        .catch((err: unknown) => { log.warn({ err, metadataUrl: place.metadataUrl }, 'the signing keys of a token issuer could not be fetched') })
        .finally(() => { delete entry.underway })
    }
    await entry.underway
  }

  return {
    async find ({ place, keyId, algorithm }) {
      let entry = entries.get(place.metadataUrl)
      if (entry === undefined) {
        entry = { askedAt: -Infinity }
        entries.set(place.metadataUrl, entry)
      }
      const age = entry.known === undefined ? Infinity : now() - entry.known.fetchedAt
      const isKnown = entry.known?.keys.some(({ kid }) => kid === keyId) === true
      if (!isKnown || age >= TRUST_FOR_MS) await refresh(entry, place)
      else if (age >= REFRESH_AFTER_MS) await settles(refresh(entry, place), patienceMs)
      const { known } = entry
      if (known === undefined || now() - known.fetchedAt >= TRUST_FOR_MS) throw unavailable()
      return { issuer: known.issuer, key: await keyOf(known, place, keyId, algorithm) }
    }
  }
}

/** Asks a provider for its metadata, then for its keys. @throws saying what is wrong with them */
export async function fetchIssuerKeys (agent: Dispatcher, place: IssuerPlace): Promise<{ readonly issuer: string, readonly keys: JSONWebKeySet }> {
  const metadata = await getJson(agent, place.metadataUrl)
  if (!isMetadata(metadata)) throw new Error('the provider\'s metadata are not what they should be')
  const issuer = place.issuerOf(metadata.issuer)
  if (!place.isOurs(issuer)) throw new Error(`the provider's metadata are of another issuer: ${issuer}`)
  if (place.keysHost !== undefined && new URL(metadata.jwks_uri).host !== place.keysHost) throw new Error('the provider\'s metadata name a foreign host for its keys')
  const keys = await getJson(agent, metadata.jwks_uri)
  if (!isKeys(keys)) throw new Error('the provider\'s keys are not what they should be')
  return { issuer, keys }
}

async function getJson (agent: Dispatcher, url: string): Promise<unknown> {
  const answer = await fetch(url, { dispatcher: agent, redirect: 'error', signal: AbortSignal.timeout(ANSWER_LIMIT_MS), headers: { accept: 'application/json' } })
  const body: unknown = await answer.json()
  if (!answer.ok) throw new Error(`the provider answered ${answer.status} at ${url}`)
  return body
}

async function keyOf ({ keys, importKey, issuer }: KnownKeys, place: IssuerPlace, keyId: string, algorithm: string): Promise<CryptoKey | undefined> {
  const named = keys.filter(({ kid }) => kid === keyId)
  // A secret between two is no key that a provider publishes.
  if (named.length === 0 || named.some(({ kty }) => kty === 'oct')) return undefined
  // Entra's keys say whose tokens they are for: those of work accounts may not be signed with that of private ones.
  if (named.some((key) => key.issuer !== undefined && (typeof key.issuer !== 'string' || place.issuerOf(key.issuer) !== issuer))) return undefined
  return await importKey({ alg: algorithm, kid: keyId }).catch(() => undefined)
}
