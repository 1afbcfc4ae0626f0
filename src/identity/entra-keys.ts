import { EntraKeysUnavailableError } from '../errors.js'
import { createIssuerKeys, type FoundKey, type IssuerKeysOptions, type IssuerPlace } from './issuer-keys.js'

/** Of the token, not of the endpoint that it was asked of: it follows what our app registration wants. */
export type TokenVersion = '1.0' | '2.0'

/** The one algorithm of Entra's access tokens. */
export const ENTRA_ALGORITHM = 'RS256'

export interface EntraKeysOptions extends Omit<IssuerKeysOptions, 'unavailable'> {
  /** https, without a path. */
  readonly authorityHost: string
}

/** The keys that Entra signs tokens of a tenant with. */
export interface EntraKeys {
  /** As `IssuerKeys.find`. @throws EntraKeysUnavailableError when Entra cannot be asked and nothing is known */
  find (wanted: { readonly entraTenantId: string, readonly version: TokenVersion, readonly keyId: string }): Promise<FoundKey>
}

/** Keys by tenant and version, as the tenant's own metadata name them. */
export function createEntraKeys ({ authorityHost, ...options }: EntraKeysOptions): EntraKeys {
  const keys = createIssuerKeys({ ...options, unavailable: () => new EntraKeysUnavailableError() })
  return {
    find: async ({ entraTenantId, version, keyId }) => await keys.find({ place: entraPlace(authorityHost, entraTenantId, version), keyId, algorithm: ENTRA_ALGORITHM })
  }
}

/** Where Entra describes itself as the issuer of a tenant's tokens. */
export function entraPlace (authorityHost: string, entraTenantId: string, version: TokenVersion): IssuerPlace {
  const { origin, host } = new URL(authorityHost)
  return {
    metadataUrl: `${origin}/${entraTenantId}${version === '2.0' ? '/v2.0' : ''}/.well-known/openid-configuration`,
    // Issuers that stand for any tenant have a place for its id.
    issuerOf: (named) => named.replace('{tenantid}', entraTenantId),
    isOurs: (issuer) => issuer.includes(entraTenantId),
    // We asked this host because an administrator named it; nobody named another.
    keysHost: host
  }
}
