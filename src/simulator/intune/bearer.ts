import type { FastifyRequest } from 'fastify'
import type { Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'
import type { AccessToken, Api, TokenAuthority } from './tokens.js'
import './caller.js'

export interface BearerDeps {
  readonly store: TenantStore
  readonly tokens: TokenAuthority
  readonly ownOrigins: () => readonly string[]
}

/** Why a bearer token was refused; each service words it its own way. */
export type BearerRefusal = 'missing' | 'invalid' | 'wrong-audience' | 'refused-once'

export interface BearerCaller {
  readonly token: AccessToken
  readonly tenant: Tenant
}

/** Checks the request's token for one API. Remembers which tokens were refused once by injection. */
export class BearerChecker {
  readonly #deps: BearerDeps
  #refusedOnce = new Set<string>()

  constructor (deps: BearerDeps) {
    this.#deps = deps
  }

  forgetRefusals (): void {
    this.#refusedOnce = new Set()
  }

  async check (request: FastifyRequest, api: Api): Promise<BearerCaller | BearerRefusal> {
    const text = /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (text === undefined) return 'missing'
    const token = await this.#deps.tokens.verify(text, this.#deps.ownOrigins())
    const tenant = token === undefined ? undefined : this.#deps.store.find(token.tenantId)
    if (token === undefined || tenant === undefined) return 'invalid'
    if (token.api !== api) return 'wrong-audience'
    request.caller = { tenantId: token.tenantId, clientId: token.clientId }
    // Fresh tokens are refused now and then in reality: the same token works a moment later.
    if (!this.#refusedOnce.has(token.tokenId) && request.takeFault('token-401-once') !== undefined) {
      this.#refusedOnce.add(token.tokenId)
      return 'refused-once'
    }
    return { token, tenant }
  }
}
