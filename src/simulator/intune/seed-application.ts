import { X509Certificate } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'
import { type Application, type Credentials, FEDERATION_AUDIENCE, type FederatedCredential, type Roles } from './application.js'
import type { ApplicationSeed, CredentialsSeed, RolesSeed } from './control-schemas.js'

/** A seed that is well-formed and still makes no sense. */
export class SeedError extends Error {}

/** @throws SeedError */
export function toApplication (clientId: string, seed: ApplicationSeed): Application {
  return {
    clientId: clientId.toLowerCase(),
    displayName: seed.displayName ?? 'Partner application',
    credentials: toCredentials(clientId, seed),
    requiredRoles: toRoles(seed.requiredRoles ?? {}),
    redirectUris: seed.redirectUris ?? [],
    enabled: seed.enabled ?? true,
    ...(seed.api === undefined
      ? {}
      : { api: { identifierUris: seed.api.identifierUris ?? [], tokenVersion: seed.api.tokenVersion ?? 1, roles: seed.api.roles ?? [], idtyp: seed.api.idtyp ?? true } })
  }
}

/** @throws SeedError */
export function toCredentials (clientId: string, seed: CredentialsSeed): Credentials {
  return {
    secrets: seed.secret === undefined ? [] : [{ value: seed.secret, expiresAtMs: seed.secretExpiresAt === undefined ? Infinity : Date.parse(seed.secretExpiresAt) }],
    certificates: seed.certificatePem === undefined ? [] : [parseCertificate(seed.certificatePem, clientId)],
    federated: (seed.federatedCredentials ?? []).map((credential): FederatedCredential => {
      const { issuer, subject, audiences, jwks, jwksUri } = credential
      if ((jwks === undefined) === (jwksUri === undefined)) throw new SeedError(`federatedCredentials of ${clientId} need one of jwks and jwksUri`)
      return { issuer, subject, audiences: audiences ?? [FEDERATION_AUDIENCE], keys: jwks === undefined ? new URL(jwksUri!) : jwks as unknown as JSONWebKeySet }
    })
  }
}

export const toRoles = ({ graph, intune, apis }: RolesSeed): Roles =>
  ({ graph: graph ?? [], intune: intune ?? [], apis: Object.fromEntries(Object.entries(apis ?? {}).map(([clientId, roles]) => [clientId.toLowerCase(), roles])) })

function parseCertificate (pem: string, clientId: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new SeedError(`certificatePem of client ${clientId} is not a certificate`)
  }
}
