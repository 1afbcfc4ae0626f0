import { createHash } from 'node:crypto'
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import { EntraError } from './entra-errors.js'
import type { Credentials, FederatedCredential } from './application.js'

export interface AssertionRules {
  readonly clientId: string
  readonly credentials: Credentials
  /** Addresses under which the token endpoint may be named in a self-signed assertion. */
  readonly audiences: readonly string[]
  /** Entra's time. */
  readonly nowMs: number
}

/**
 * Checks a `client_assertion` (RFC 7523): one that the client signed with a registered
 * certificate's key, or a token of somebody the application trusts to speak for it.
 * Entra does not forbid the same `jti` twice while the assertion lives, and MSAL counts on it.
 * @throws EntraError
 */
export async function checkClientAssertion (assertion: string, { clientId, credentials, audiences, nowMs }: AssertionRules): Promise<void> {
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
  if (claims.iss !== clientId && credentials.federated.length > 0) return await checkFederated(assertion, claims, credentials.federated, nowMs)
  if (claims.iss !== clientId || claims.sub !== clientId) {
    throw new EntraError(401, 'invalid_client', 700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
  }
  const audience = typeof claims.aud === 'string' ? claims.aud : ''
  if (!audiences.includes(audience)) {
    throw new EntraError(401, 'invalid_client', 700023, `Client assertion audience claim does not match Realm issuer. Presented audience: '${audience}'.`)
  }
  if (claims.jti === undefined) throw new EntraError(401, 'invalid_client', 50027, "JWT token is invalid or malformed: claim 'jti' is missing.")

  const thumbprints = [header.x5t, header['x5t#S256'], header.kid]
  const certificate = credentials.certificates.find(({ raw }) => ['sha1', 'sha256'].some((algorithm) => {
    const digest = createHash(algorithm).update(raw).digest()
    return [digest.toString('base64url'), digest.toString('hex'), digest.toString('hex').toUpperCase()].some((text) => thumbprints.includes(text))
  }))
  if (certificate === undefined) {
    throw new EntraError(401, 'invalid_client', 700027, 'The certificate with identifier used to sign the client assertion is not registered on application.')
  }
  try {
    await jwtVerify(assertion, certificate.publicKey, { algorithms: [header.alg], clockTolerance: TOLERANCE_SECONDS, currentDate: new Date(nowMs), requiredClaims: ['exp'] })
  } catch (error) {
    if (isOutOfTime(error)) throw notInTime()
    throw new EntraError(401, 'invalid_client', 700027, 'Client assertion failed signature validation.')
  }
}

const TOLERANCE_SECONDS = 300

const isOutOfTime = (error: unknown): boolean =>
  error instanceof errors.JWTExpired || (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf')

const notInTime = (): EntraError => new EntraError(401, 'invalid_client', 700024, 'Client assertion is not within its valid time range.')

/** Issuer, subject and audience must be those of one federated credential, and its issuer must have signed. @throws EntraError */
async function checkFederated (assertion: string, claims: JWTPayload, federated: readonly FederatedCredential[], nowMs: number): Promise<void> {
  const audience = typeof claims.aud === 'string' ? claims.aud : claims.aud?.[0] ?? ''
  const noMatch = (aadsts: number, what: string, value: string): EntraError =>
    new EntraError(401, 'invalid_client', aadsts, `No matching federated identity record found for presented assertion ${what} '${value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.`)
  const ofIssuer = federated.filter(({ issuer }) => issuer === claims.iss)
  if (ofIssuer.length === 0) throw noMatch(700211, 'issuer', String(claims.iss))
  const ofSubject = ofIssuer.filter(({ subject }) => subject === claims.sub)
  if (ofSubject.length === 0) throw noMatch(700213, 'subject', String(claims.sub))
  const credential = ofSubject.find(({ audiences }) => audiences.includes(audience))
  if (credential === undefined) throw noMatch(700212, 'audience', audience)
  const { keys } = credential
  try {
    const options = { algorithms: ['RS256'], clockTolerance: TOLERANCE_SECONDS, currentDate: new Date(nowMs), requiredClaims: ['exp'] }
    await (keys instanceof URL ? jwtVerify(assertion, createRemoteJWKSet(keys), options) : jwtVerify(assertion, createLocalJWKSet(keys), options))
  } catch (error) {
    if (isOutOfTime(error)) throw notInTime()
    throw new EntraError(401, 'invalid_client', 700027, 'Client assertion failed signature validation: the issuer of the federated credential did not sign it.')
  }
}
