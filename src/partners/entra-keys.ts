import { createLocalJWKSet, type CryptoKey, type JSONWebKeySet, type JWK } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import { Ajv } from 'ajv'
import { Type, type Static, type TSchema } from 'typebox'
import { fetch, type Dispatcher } from 'undici'
import { EntraKeysUnavailableError } from '../errors.js'

/** Of the token, not of the endpoint that it was asked of: it follows what our app registration wants. */
export type TokenVersion = '1.0' | '2.0'

export interface EntraKeysOptions {
  /** https, without a path. */
  readonly authorityHost: string
  /** Trusts the authority's certificate. */
  readonly agent: Dispatcher
  readonly log: Logger
  readonly now?: () => number
}

export interface FoundKey {
  /** Who must have issued (`iss`) a token of this tenant and version. */
  readonly issuer: string
  /** Undefined: Entra has no such key, or it is not for tokens of this issuer. */
  readonly key: CryptoKey | undefined
}

/** The keys that Entra signs tokens of a tenant with. */
export interface EntraKeys {
  /**
   * The key with this id. An unknown id makes us ask Entra again, once a minute at most.
   * @throws EntraKeysUnavailableError when Entra cannot be asked and nothing is known
   */
  find (wanted: { readonly entraTenantId: string, readonly version: TokenVersion, readonly keyId: string }): Promise<FoundKey>
}

/** Microsoft: keys are to be asked for at least every 24 hours. */
const REFRESH_AFTER_MS = 24 * 60 * 60 * 1000
/** Between two questions about the same tenant, whatever comes of them. */
const PAUSE_MS = 60 * 1000
/** Between two tries while nothing is known. */
const FIRST_PAUSE_MS = 5 * 1000
/** What was known is used for so long while Entra cannot be asked. */
const TRUST_FOR_MS = 3 * 24 * 60 * 60 * 1000
const ANSWER_LIMIT_MS = 5_000
const MAX_TENANTS = 5_000
const MAX_KEYS = 100

const MetadataSchema = Type.Object({ issuer: Type.String({ pattern: '^https://' }), jwks_uri: Type.String({ pattern: '^https://' }) })
const KeysSchema = Type.Object({ keys: Type.Array(Type.Object({ kty: Type.String() }), { maxItems: MAX_KEYS }) })
const ajv = new Ajv({ strict: false })
const isMetadata = ajv.compile<Static<typeof MetadataSchema>>(MetadataSchema)
const isKeys = ajv.compile<Static<typeof KeysSchema> & JSONWebKeySet>(KeysSchema as TSchema)

/** What is known of a tenant's tokens of one version. */
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
 * Keys by tenant and version, as the tenant's metadata names them: kept for a day, asked for anew
 * when an unknown one turns up, and kept on, for days, while Entra does not answer.
 */
export function createEntraKeys ({ authorityHost, agent, log, now = Date.now }: EntraKeysOptions): EntraKeys {
  const authority = new URL(authorityHost)
  const entries = new LRUCache<string, Entry>({ max: MAX_TENANTS })

  async function getJson (url: string): Promise<unknown> {
    const answer = await fetch(url, { dispatcher: agent, redirect: 'error', signal: AbortSignal.timeout(ANSWER_LIMIT_MS), headers: { accept: 'application/json' } })
    const body: unknown = await answer.json()
    if (!answer.ok) throw new Error(`Entra answered ${answer.status} at ${url}`)
    return body
  }

  async function load (entraTenantId: string, version: TokenVersion): Promise<KnownKeys> {
    const place = version === '2.0' ? `${entraTenantId}/v2.0` : entraTenantId
    const metadata = await getJson(`${authority.origin}/${place}/.well-known/openid-configuration`)
    if (!isMetadata(metadata)) throw new Error('Entra\'s metadata is not what it should be')
    const issuer = forTenant(metadata.issuer, entraTenantId)
    if (!issuer.includes(entraTenantId)) throw new Error('Entra\'s metadata is of another tenant')
    // We asked this host because an administrator named it; nobody named another.
    if (new URL(metadata.jwks_uri).host !== authority.host) throw new Error('Entra\'s metadata names a foreign host for its keys')
    const keys = await getJson(metadata.jwks_uri)
    if (!isKeys(keys)) throw new Error('Entra\'s keys are not what they should be')
    return { issuer, keys: keys.keys as KnownKeys['keys'], importKey: createLocalJWKSet(keys), fetchedAt: now() }
  }

  /** Asks again unless that was done just now; whoever comes meanwhile waits for the same answer. */
  async function refresh (entry: Entry, entraTenantId: string, version: TokenVersion): Promise<void> {
    if (entry.underway === undefined) {
      if (now() - entry.askedAt < (entry.known === undefined ? FIRST_PAUSE_MS : PAUSE_MS)) return
      entry.askedAt = now()
      entry.underway = load(entraTenantId, version)
        .then((known) => { entry.known = known })
        .catch((err: unknown) => { log.warn({ err, entraTenantId, version }, 'Entra\'s signing keys could not be fetched') })
        .finally(() => { delete entry.underway })
    }
    await entry.underway
  }

  return {
    async find ({ entraTenantId, version, keyId }) {
      const name = `${entraTenantId} ${version}`
      let entry = entries.get(name)
      if (entry === undefined) {
        entry = { askedAt: -Infinity }
        entries.set(name, entry)
      }
      const isOld = entry.known === undefined || now() - entry.known.fetchedAt >= REFRESH_AFTER_MS
      if (isOld || !entry.known!.keys.some(({ kid }) => kid === keyId)) await refresh(entry, entraTenantId, version)
      const { known } = entry
      if (known === undefined || now() - known.fetchedAt >= TRUST_FOR_MS) throw new EntraKeysUnavailableError()
      return { issuer: known.issuer, key: await keyOf(known, keyId, entraTenantId) }
    }
  }
}

async function keyOf ({ keys, importKey, issuer }: KnownKeys, keyId: string, entraTenantId: string): Promise<CryptoKey | undefined> {
  const key = keys.find(({ kid }) => kid === keyId)
  if (key === undefined || key.kty !== 'RSA') return undefined
  // A key says whose tokens it is for: those of work accounts may not be signed with that of private ones.
  if (key.issuer !== undefined && (typeof key.issuer !== 'string' || forTenant(key.issuer, entraTenantId) !== issuer)) return undefined
  return await importKey({ alg: 'RS256', kid: keyId }).catch(() => undefined)
}

/** Issuers that stand for any tenant have a place for its id. */
const forTenant = (issuer: string, entraTenantId: string): string => issuer.replace('{tenantid}', entraTenantId)
