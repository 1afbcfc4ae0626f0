import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { EntraError } from './entra-errors.js'
import type { Client } from './tenant.js'

/**
 * Checks a `client_assertion` (RFC 7523) against the client's registered certificates.
 * Entra does not forbid the same `jti` twice while the assertion lives, and MSAL counts on it.
 * @throws EntraError
 */
export async function checkClientAssertion (assertion: string, client: Client, audiences: readonly string[]): Promise<void> {
  let header, claims
  try {
    header = decodeProtectedHeader(assertion)
    claims = decodeJwt(assertion)
  } catch {
    throw new EntraError(401, 'invalid_client', 50027, 'JWT token is invalid or malformed.')
  }
  if (header.alg !== 'RS256' && header.alg !== 'PS256') {
    throw new EntraError(401, 'invalid_client', 5002738, `Invalid JWT token. '${String(header.alg)}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256, PS256'.`)
  }
  if (claims.iss !== client.clientId || claims.sub !== client.clientId) {
    throw new EntraError(401, 'invalid_client', 700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
  }
  const audience = typeof claims.aud === 'string' ? claims.aud : ''
  if (!audiences.includes(audience)) {
    throw new EntraError(401, 'invalid_client', 700023, `Client assertion audience claim does not match Realm issuer. Presented audience: '${audience}'.`)
  }
  if (claims.jti === undefined) throw new EntraError(401, 'invalid_client', 50027, "JWT token is invalid or malformed: claim 'jti' is missing.")

  const thumbprints = [header.x5t, header['x5t#S256'], header.kid]
  const certificate = client.certificates.find(({ raw }) => ['sha1', 'sha256'].some((algorithm) => {
    const digest = createHash(algorithm).update(raw).digest()
    return [digest.toString('base64url'), digest.toString('hex'), digest.toString('hex').toUpperCase()].some((text) => thumbprints.includes(text))
  }))
  if (certificate === undefined) {
    throw new EntraError(401, 'invalid_client', 700027, 'The certificate with identifier used to sign the client assertion is not registered on application.')
  }
  try {
    await jwtVerify(assertion, certificate.publicKey, { algorithms: [header.alg], clockTolerance: 300, requiredClaims: ['exp'] })
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code === 'ERR_JWT_EXPIRED' || (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED' && (error as { claim?: string }).claim === 'nbf')) {
      throw new EntraError(401, 'invalid_client', 700024, 'Client assertion is not within its valid time range.')
    }
    throw new EntraError(401, 'invalid_client', 700027, 'Client assertion failed signature validation.')
  }
}
