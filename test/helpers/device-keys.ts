import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { rememberSecret } from './log.js'

export interface TestKey {
  readonly algorithm: 'EdDSA' | 'ES256'
  readonly privateKey: CryptoKey
  readonly publicJwk: Record<string, unknown>
}

export async function makeKey (algorithm: TestKey['algorithm'] = 'EdDSA'): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  rememberSecret((await exportJWK(privateKey)).d!)
  return { algorithm, privateKey, publicJwk: { ...await exportJWK(publicKey) } }
}

export interface AssertionClaims {
  readonly iss?: string
  readonly sub?: string
  readonly aud?: string
  readonly jti?: string | undefined
  /** Seconds from now. */
  readonly iat?: number | undefined
  readonly exp?: number | undefined
}

/** What an agent signs to get an access token; claims given replace the right ones, undefined leaves one out. */
export async function makeAssertion (key: TestKey, deviceId: string, aud: string, claims: AssertionClaims = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const { iat = undefined, exp = undefined, ...rest } = { iat: 0, exp: 300, ...claims }
  return await new SignJWT({
    iss: deviceId,
    sub: deviceId,
    aud,
    jti: randomUUID(),
    ...rest,
    ...(iat === undefined ? {} : { iat: now + iat }),
    ...(exp === undefined ? {} : { exp: now + exp })
  }).setProtectedHeader({ alg: key.algorithm }).sign(key.privateKey)
}
