import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { FetchError } from './fetch-error.js'

/** A minisign public key: algorithm, key id, Ed25519 key. */
export interface MinisignKey {
  readonly keyId: Buffer
  readonly key: Buffer
}

const KEY_ID_BYTES = 8
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64
/** Some three milliseconds of hashing. */
const SLICE_BYTES = 1024 * 1024
const BASE64_LINE = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * The digest that a checksum file gives for a file: `sha256sum` and BSD style, `sha256:…` as NVD
 * writes it, or the bare digest; SHA-256 or SHA-512.
 * @throws FetchError when it gives none, or several and none by that name
 */
export function readChecksum (text: string, fileName: string): { readonly algorithm: 'sha256' | 'sha512', readonly hex: string } {
  const found: Array<{ hex: string, name: string | undefined }> = []
  for (const line of text.split(/\r?\n/, 10_000)) {
    const [, hex, name] = /^\\?([0-9a-f]{64}|[0-9a-f]{128})(?:[ \t]+\*?(\S.*))?\s*$/i.exec(line) ?? []
    const [, bsdName, bsdHex] = /^SHA-?(?:256|512) ?\((.+)\) ?= ?([0-9a-f]{64}|[0-9a-f]{128})\s*$/i.exec(line) ?? []
    const [, namedHex] = /^\s*"?sha-?(?:256|512)"?\s*[:=]\s*"?([0-9a-f]{64}|[0-9a-f]{128})"?,?\s*$/i.exec(line) ?? []
    const digest = hex ?? bsdHex ?? namedHex
    if (digest !== undefined) found.push({ hex: digest.toLowerCase(), name: (name ?? bsdName)?.trim().split('/').at(-1) })
  }
  const matching = found.filter(({ name }) => name === fileName)
  const chosen = matching.length > 0 ? matching : found
  if (new Set(chosen.map(({ hex }) => hex)).size !== 1) {
    throw new FetchError('not-valid', found.length === 0 ? 'the checksum file holds no SHA-256 or SHA-512' : `the checksum file holds several checksums and ${matching.length === 0 ? 'none' : 'more than one'} for ${fileName.slice(0, 100)}`)
  }
  const { hex } = chosen[0]!
  return { algorithm: hex.length === 64 ? 'sha256' : 'sha512', hex }
}

/** Some publishers give the digest of the file, some that of what is packed in it: either proves it whole. @throws FetchError */
export async function requireChecksum (text: string, fileName: string, bodies: readonly Buffer[]): Promise<void> {
  const { algorithm, hex } = readChecksum(text, fileName)
  for (const body of bodies) if ((await digestOf(algorithm, body)).toString('hex') === hex) return
  throw new FetchError('not-valid', `the file is not what its checksum says (${algorithm} ${hex}); it may just be changing`)
}

/** A digest that lets others have their turn meanwhile. */
export async function digestOf (algorithm: 'sha256' | 'sha512' | 'blake2b512', body: Buffer): Promise<Buffer> {
  const hash = createHash(algorithm)
  for (let at = 0; at < body.length; at += SLICE_BYTES) {
    if (at > 0) await turn()
    hash.update(body.subarray(at, at + SLICE_BYTES))
  }
  return hash.digest()
}

/** A minisign public key, as its file or as the line in it. Undefined: it is none. */
export function readMinisignKey (text: string): MinisignKey | undefined {
  const bytes = base64Of(linesOf(text).at(-1), 2 + KEY_ID_BYTES + PUBLIC_KEY_BYTES)
  if (bytes === undefined || bytes.toString('latin1', 0, 2) !== 'Ed') return undefined
  return { keyId: bytes.subarray(2, 2 + KEY_ID_BYTES), key: bytes.subarray(2 + KEY_ID_BYTES) }
}

/**
 * Checks a minisign signature: of the whole file (`Ed`) or of its BLAKE2b-512 digest (`ED`), and
 * of the trusted comment. Source: minisign's "Signature format".
 * @throws FetchError when the file is not what the key's holder signed
 */
export async function requireSignature (signatureFile: string, { keyId, key }: MinisignKey, body: Buffer): Promise<void> {
  const [untrusted, first, trusted, second] = linesOf(signatureFile)
  const box = base64Of(first, 2 + KEY_ID_BYTES + SIGNATURE_BYTES)
  const overComment = base64Of(second, SIGNATURE_BYTES)
  const algorithm = box?.toString('latin1', 0, 2)
  if (untrusted?.startsWith('untrusted comment:') !== true || trusted?.startsWith('trusted comment: ') !== true || box === undefined || overComment === undefined ||
    (algorithm !== 'Ed' && algorithm !== 'ED')) throw new FetchError('not-valid', 'the signature is not one of minisign')
  if (!box.subarray(2, 2 + KEY_ID_BYTES).equals(keyId)) {
    throw new FetchError('not-valid', `the signature is by key ${nameOf(box.subarray(2, 2 + KEY_ID_BYTES))}, not by ${nameOf(keyId)}`)
  }
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') }, format: 'jwk' })
  const signature = box.subarray(2 + KEY_ID_BYTES)
  const signed = algorithm === 'ED' ? await digestOf('blake2b512', body) : body
  if (!await isSigned(signed, publicKey, signature)) throw new FetchError('not-valid', 'the file is not what its signature says')
  const comment = Buffer.from(trusted.slice('trusted comment: '.length))
  if (!await isSigned(Buffer.concat([signature, comment]), publicKey, overComment)) throw new FetchError('not-valid', 'the signature\'s comment was changed')
}

/** Off the event loop: Ed25519 takes the whole message at once. */
async function isSigned (data: Buffer, key: KeyObject, signature: Buffer): Promise<boolean> {
  return await new Promise((resolve, reject) => verify(null, data, key, signature, (error, isRight) => error === null ? resolve(isRight) : reject(error)))
}

/** Minisign shows key ids as a little-endian number. */
const nameOf = (keyId: Buffer): string => Buffer.from(keyId).reverse().toString('hex').toUpperCase()

const linesOf = (text: string): string[] => text.split(/\r?\n/, 20).filter((line) => line !== '')

function base64Of (line: string | undefined, bytes: number): Buffer | undefined {
  if (line === undefined || !BASE64_LINE.test(line.trim())) return undefined
  const read = Buffer.from(line.trim(), 'base64')
  return read.length === bytes ? read : undefined
}
