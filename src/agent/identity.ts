import { readFile } from 'node:fs/promises'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { writeDurably } from './durable-file.js'

/** What makes a phone itself to the server. The private key never leaves it. */
export interface Identity {
  readonly deviceId: string
  readonly apiUrl: string
  /** Private half included; Ed25519. */
  readonly key: JWK
  /** No sequence above this was ever used: those below may have been. */
  readonly sequencesBelow: number
}

/** Where the identity lives between starts. */
export interface IdentityStore {
  load (): Promise<Identity | undefined>
  /** For good once this resolves. */
  save (identity: Identity): Promise<void>
}

/** A file that only its owner can read. A real phone keeps the key in its keystore or Secure Enclave. */
export class FileIdentityStore implements IdentityStore {
  constructor (private readonly path: string) {}

  async load (): Promise<Identity | undefined> {
    try {
      return JSON.parse(await readFile(this.path, 'utf8')) as Identity
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  async save (identity: Identity): Promise<void> {
    await writeDurably(this.path, JSON.stringify(identity))
  }
}

/** Forgets with the process. */
export class MemoryIdentityStore implements IdentityStore {
  #identity: Identity | undefined

  async load (): Promise<Identity | undefined> {
    return this.#identity
  }

  async save (identity: Identity): Promise<void> {
    this.#identity = identity
  }
}

/** A device key of its own: Ed25519 (RFC 8037). */
export async function makeDeviceKey (): Promise<{ readonly privateJwk: JWK, readonly publicJwk: JWK }> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  return { privateJwk: await exportJWK(privateKey), publicJwk: await exportJWK(publicKey) }
}
