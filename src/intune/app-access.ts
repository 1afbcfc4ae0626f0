import { decodeJwt } from 'jose'
import type { EntraApp, EntraTokens } from './entra-credential.js'
import { IntuneError } from './intune-error.js'

/** What Entra lets our app do in a tenant, as its tokens say. */
export interface GrantedAccess {
  /** The tenant that the tokens are from; lower case. */
  readonly entraTenantId: string
  /** Application permissions on Microsoft Graph. */
  readonly graph: readonly string[]
  /** Application permissions on the Microsoft Intune API; empty for an app that does not speak to it. */
  readonly intune: readonly string[]
}

/** Our app's standing in tenants. */
export interface AppAccess {
  readonly clientId: string
  /**
   * Asks Entra afresh for tokens in this tenant and reads what they allow: the proof that an
   * administrator consented. Tokens are read here, not verified: they came from Entra over TLS.
   * @throws IntuneError
   */
  inspect (entraTenantId: string): Promise<GrantedAccess>
  /** Where an administrator consents. `entraTenantId` undefined: whoever signs in decides the tenant. */
  consentUrl (input: { readonly entraTenantId?: string | undefined, readonly redirectUri: string, readonly state: string }): string
}

export interface AppAccessOptions {
  readonly authorityHost: string
  readonly app: Pick<EntraApp, 'clientId'>
  readonly tokens: EntraTokens
  readonly scopes: { readonly graph: string, readonly intune?: string }
}

export function createAppAccess ({ authorityHost, app: { clientId }, tokens, scopes }: AppAccessOptions): AppAccess {
  return {
    clientId,

    async inspect (entraTenantId) {
      // A kept token may be older than the consent, or than its end.
      tokens.dropTokens(entraTenantId)
      const graph = readToken(await tokens.getToken(entraTenantId, scopes.graph))
      const intune = scopes.intune === undefined ? undefined : readToken(await tokens.getToken(entraTenantId, scopes.intune))
      if (intune !== undefined && intune.tenant !== graph.tenant) throw new IntuneError('unauthorized', 'Entra gave tokens of two tenants.')
      return { entraTenantId: graph.tenant, graph: graph.roles, intune: intune?.roles ?? [] }
    },

    consentUrl ({ entraTenantId = 'organizations', redirectUri, state }) {
      const url = new URL(`/${entraTenantId}/v2.0/adminconsent`, authorityHost)
      // Application permissions can only be asked for all together, as the app registration lists them.
      for (const [name, value] of Object.entries({ client_id: clientId, scope: scopes.graph, redirect_uri: redirectUri, state })) url.searchParams.set(name, value)
      return url.href
    }
  }
}

/** @throws IntuneError when it is no token as Entra makes them */
function readToken (token: string): { readonly tenant: string, readonly roles: readonly string[] } {
  let claims: Record<string, unknown>
  try {
    claims = decodeJwt(token)
  } catch (error) {
    throw new IntuneError('unauthorized', 'Entra\'s token cannot be read.', { cause: error })
  }
  if (typeof claims.tid !== 'string') throw new IntuneError('unauthorized', 'Entra\'s token does not say which tenant it is of.')
  return { tenant: claims.tid.toLowerCase(), roles: Array.isArray(claims.roles) ? claims.roles.map(String) : [] }
}
