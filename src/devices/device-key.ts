import { calculateJwkThumbprint, importJWK, type CryptoKey, type JWK } from 'jose'
import { InvalidKeyError } from '../errors.js'

/** A phone's public key, with nothing but what makes the key. */
export type DeviceKey =
  { readonly kty: 'OKP', readonly crv: 'Ed25519', readonly x: string } |
  { readonly kty: 'EC', readonly crv: 'P-256', readonly x: string, readonly y: string }

// RFC 7518, section 6: members that only private and symmetric keys have.
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Takes Ed25519 and P-256 public keys. @throws InvalidKeyError for anything else, and for a private half */
export async function readDeviceKey (jwk: Readonly<Record<string, unknown>>): Promise<DeviceKey> {
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) {
    throw new InvalidKeyError('The key holds a private half, which must never leave the phone. Make a new key and send its public half.')
  }
  const key = pick(jwk)
  try {
    await importDeviceKey(key)
  } catch {
    throw new InvalidKeyError(`The key is not a valid ${key.crv} public key.`)
  }
  return key
}

/** The algorithms (RFC 8037, RFC 9864, RFC 7518) a key signs assertions with. */
export function algorithmsOf (key: DeviceKey): string[] {
  return key.kty === 'OKP' ? ['EdDSA', 'Ed25519'] : ['ES256']
}

export async function importDeviceKey (key: DeviceKey): Promise<CryptoKey> {
  return await importJWK({ ...key } as JWK, algorithmsOf(key)[0]!) as CryptoKey
}

/** True when both are the same key (RFC 7638 thumbprint). */
export async function isSameKey (a: DeviceKey, b: DeviceKey): Promise<boolean> {
  return await calculateJwkThumbprint({ ...a } as JWK) === await calculateJwkThumbprint({ ...b } as JWK)
}

function pick ({ kty, crv, x, y }: Readonly<Record<string, unknown>>): DeviceKey {
  if (kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string') return { kty, crv, x: canonical(x) }
  if (kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string') return { kty, crv, x: canonical(x), y: canonical(y) }
  throw new InvalidKeyError('The key must be an Ed25519 (OKP) or P-256 (EC) public key.')
}

/** Of Ed25519 (RFC 8037, section 2) and P-256 (RFC 7518, section 6.2.1) alike. */
const COORDINATE_BYTES = 32

/** A coordinate in its one base64url form: decoders pass over what is none, and the same key must look the same. */
function canonical (coordinate: string): string {
  const bytes = Buffer.from(coordinate, 'base64url')
  if (!/^[\w-]+$/.test(coordinate) || bytes.length !== COORDINATE_BYTES) throw new InvalidKeyError(`The key's coordinates must be ${COORDINATE_BYTES} bytes in base64url.`)
  return bytes.toString('base64url')
}
