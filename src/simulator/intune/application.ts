import type { X509Certificate } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'

/** A secret of an application, and until when it is good (ms since 1970). */
export interface ClientSecret {
  readonly value: string
  readonly expiresAtMs: number
}

/** Whose tokens stand in for a secret (workload identity federation). */
export interface FederatedCredential {
  readonly issuer: string
  readonly subject: string
  readonly audiences: readonly string[]
  /** The issuer's public keys, or where to fetch them. */
  readonly keys: JSONWebKeySet | URL
}

/** How an application proves who it is. */
export interface Credentials {
  readonly secrets: readonly ClientSecret[]
  readonly certificates: readonly X509Certificate[]
  readonly federated: readonly FederatedCredential[]
}

/** Application permissions by the resource they are for; other resources by their client id. */
export interface Roles {
  readonly graph: readonly string[]
  readonly intune: readonly string[]
  readonly apis: Readonly<Record<string, readonly string[]>>
}

/** What an application that is an API itself says about tokens for it. */
export interface ApiRegistration {
  readonly identifierUris: readonly string[]
  /** `accessTokenAcceptedVersion`: decides the token's form, whatever endpoint was asked. */
  readonly tokenVersion: 1 | 2
  readonly roles: readonly string[]
  /** Whether tokens carry the optional claim `idtyp`. */
  readonly idtyp: boolean
}

/** A multi-tenant application registration, as its publisher made it. */
export interface Application {
  readonly clientId: string
  readonly displayName: string
  readonly credentials: Credentials
  /** What administrators are asked to consent to. */
  readonly requiredRoles: Roles
  readonly redirectUris: readonly string[]
  readonly enabled: boolean
  readonly api?: ApiRegistration
}

export const NO_CREDENTIALS: Credentials = { secrets: [], certificates: [], federated: [] }
export const FEDERATION_AUDIENCE = 'api://AzureADTokenExchange'

/** An application's identifiers as a resource: its client id and its URIs. */
export const isResource = ({ clientId, api }: Application, identifier: string): boolean =>
  api !== undefined && (identifier === clientId || identifier === `api://${clientId}` || api.identifierUris.includes(identifier.replace(/\/$/, '')) || api.identifierUris.includes(identifier))
