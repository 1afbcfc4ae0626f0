import { MALFORMED, type Reader } from './field-map.js'

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/
const HEX = /^(?:[0-9a-f]{2}:?)+$/i

/**
 * A digest as vendors write it, in lower-case hex: two digits a byte, with colons or without,
 * or base64 of the bytes. Undefined when it is none of `bytes` bytes.
 */
export function readDigest (value: string, bytes: readonly number[]): string | undefined {
  if (HEX.test(value)) {
    const hex = value.replaceAll(':', '').toLowerCase()
    if (bytes.includes(hex.length / 2)) return hex
  }
  if (!BASE64.test(value)) return undefined
  const decoded = Buffer.from(value, 'base64')
  return bytes.includes(decoded.length) ? decoded.toString('hex') : undefined
}

const SHA1_BYTES = 20
const SHA256_BYTES = 32

/** SHA-256 in hex or base64. */
export const sha256: Reader = {
  says: 'hex or base64',
  wants: 'a SHA-256 in hex or base64',
  read: (value) => typeof value !== 'string' ? MALFORMED : value === '' ? undefined : readDigest(value, [SHA256_BYTES]) ?? MALFORMED
}

/** Those of a list of fingerprints that are of this kind; a fingerprint's length tells which it is. */
export function fingerprints (kind: 'SHA-1' | 'SHA-256'): Reader {
  const bytes = kind === 'SHA-1' ? SHA1_BYTES : SHA256_BYTES
  return {
    says: `those of ${bytes} bytes, hex or base64`,
    wants: 'a list of SHA-1 or SHA-256 fingerprints in hex or base64',
    read: (value) => {
      if (!Array.isArray(value)) return MALFORMED
      const all = value.map((one) => typeof one === 'string' ? readDigest(one, [SHA1_BYTES, SHA256_BYTES]) : undefined)
      if (all.includes(undefined)) return MALFORMED
      const ours = [...new Set(all)].filter((one) => one!.length === bytes * 2)
      return ours.length === 0 ? undefined : ours
    }
  }
}
