import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import type { ClientSecretCredentialOptions, TokenCredential } from '@azure/identity'
import { describeError, IntuneError } from './intune-error.js'
import { contextTrusting, HostNotAllowedError, isAllowedHost } from './https-agent.js'

export interface EntraCredentialOptions extends EntraApp {
  /** https, without a path. */
  readonly authorityHost: string
  readonly extraCaPem?: string
  /** How long Entra may take over one exchange; 15 s by default. */
  readonly answerLimitMs?: number
}

/** An Entra app and its way to prove itself: exactly one of the three. */
export interface EntraApp {
  readonly clientId: string
  readonly clientSecret?: string
  /** PEM file with certificate and private key. */
  readonly clientCertificatePath?: string
  /** File with a token that the app trusts (federated credential); whoever wrote it renews it. */
  readonly federatedTokenPath?: string
}

/** Tokens of our app in customers' tenants. */
export interface EntraTokens {
  /** A token that is good for minutes yet. @throws IntuneError `unauthorized` or `unavailable` */
  getToken (entraTenantId: string, scope: string): Promise<string>
  /** Forgets a tenant's tokens: the next one comes fresh from Entra. */
  dropTokens (entraTenantId: string): void
}

type PipelinePolicy = NonNullable<ClientSecretCredentialOptions['additionalPolicies']>[number]['policy']
interface CachedToken { readonly token: string, readonly refreshAt: number }

const ANSWER_LIMIT_MS = 15_000
const RENEW_BEFORE_MS = 5 * 60 * 1000
const MICROSOFT_AUTHORITIES = /(^|\.)(microsoftonline\.com|microsoftonline\.us|chinacloudapi\.cn|partner\.microsoftonline\.cn|windows\.net|microsoft\.com)$/

/** Where the library asks whether it knows an authority of Microsoft's. */
const INSTANCE_DISCOVERY_HOSTS = ['login.microsoftonline.com', 'login.microsoft.com']

/** Client credentials by @azure/identity, one credential a tenant, tokens kept until five minutes before they end. */
export function createEntraTokens (options: EntraCredentialOptions, newCredential = credentialFactory(options)): EntraTokens {
  const credentials = new Map<string, TokenCredential>()
  const tokens = new Map<string, CachedToken>()
  const underway = new Map<string, Promise<string>>()

  function credentialOf (tenant: string): TokenCredential {
    let credential = credentials.get(tenant)
    if (credential === undefined) {
      credential = newCredential(tenant)
      credentials.set(tenant, credential)
    }
    return credential
  }

  async function acquire (tenant: string, scope: string, key: string): Promise<string> {
    const credential = credentialOf(tenant)
    const before = Date.now()
    const answer = await credential.getToken(scope, { tenantId: tenant }).catch((error: unknown) => {
      // The library keeps a refusal and repeats it for a minute; a new credential asks again.
      if (credentials.get(tenant) === credential) credentials.delete(tenant)
      throw toIntuneError(error)
    })
    if (answer === null) throw new IntuneError('unauthorized', 'Entra gave no token.')
    // Dropped meanwhile: good for who asked, not for keeping.
    if (credentials.get(tenant) === credential) {
      const lifetimeMs = answer.expiresOnTimestamp - before
      tokens.set(key, { token: answer.token, refreshAt: answer.expiresOnTimestamp - Math.min(RENEW_BEFORE_MS, lifetimeMs / 2) })
    }
    return answer.token
  }

  return {
    async getToken (tenant, scope) {
      const key = `${tenant} ${scope}`
      const cached = tokens.get(key)
      if (cached !== undefined && cached.refreshAt > Date.now()) return cached.token
      let pending = underway.get(key)
      if (pending === undefined) {
        pending = acquire(tenant, scope, key).finally(() => { if (underway.get(key) === pending) underway.delete(key) })
        underway.set(key, pending)
      }
      return await pending
    },

    dropTokens (tenant) {
      credentials.delete(tenant)
      for (const known of [tokens, underway]) {
        for (const key of known.keys()) if (key.startsWith(`${tenant} `)) known.delete(key)
      }
    }
  }
}

function credentialFactory (options: EntraCredentialOptions): (entraTenantId: string) => TokenCredential {
  const authority = new URL(options.authorityHost).hostname
  const isMicrosofts = MICROSOFT_AUTHORITIES.test(authority)
  const common = {
    authorityHost: options.authorityHost,
    // Discovery asks Microsoft whether it knows the authority, which only makes sense for its own.
    disableInstanceDiscovery: !isMicrosofts,
    additionallyAllowedTenants: ['*'],
    // The library waits for ever by itself, and with it everybody who waits for this token.
    additionalPolicies: [
      limitedTime(options.answerLimitMs ?? ANSWER_LIMIT_MS),
      onlyTo(isMicrosofts ? [authority, ...INSTANCE_DISCOVERY_HOSTS] : [authority]),
      ...(options.extraCaPem === undefined ? [] : [by(new Agent({ keepAlive: true, secureContext: contextTrusting(options.extraCaPem) }))])
    ]
      .map((policy) => ({ policy, position: 'perRetry' as const })),
    retryOptions: { maxRetries: 1, retryDelayInMs: 200, maxRetryDelayInMs: 2_000 }
  }
  return (tenant) => {
    // The library is a third of all our code to load; a process that never asks Entra does without.
    const loading = import('@azure/identity').then(({ ClientAssertionCredential, ClientCertificateCredential, ClientSecretCredential }) => {
      const { clientId, clientSecret, clientCertificatePath = '', federatedTokenPath } = options
      if (clientSecret !== undefined) return new ClientSecretCredential(tenant, clientId, clientSecret, common)
      if (federatedTokenPath !== undefined) return new ClientAssertionCredential(tenant, clientId, async () => await readFederatedToken(federatedTokenPath), common)
      return new ClientCertificateCredential(tenant, clientId, { certificatePath: clientCertificatePath }, common)
    })
    return { getToken: async (...request) => await (await loading).getToken(...request) }
  }
}

/** Gives every exchange of the library's HTTP client a time limit. */
function limitedTime (ms: number): PipelinePolicy {
  return {
    name: 'limitedTime',
    async sendRequest (request, next) {
      request.timeout = ms
      return await next(request)
    }
  }
}

/** Requests go by this pool, but for those that a proxy takes. */
function by (agent: Agent): PipelinePolicy {
  return {
    name: 'by',
    async sendRequest (request, next) {
      request.agent ??= agent
      return await next(request)
    }
  }
}

/** Ends requests to any other host, to which metadata or a redirect may have led: they would carry our secret or what proves us. */
function onlyTo (allowedHosts: readonly string[]): PipelinePolicy {
  return {
    name: 'onlyTo',
    async sendRequest (request, next) {
      const { protocol, host, hostname } = new URL(request.url)
      if (protocol !== 'https:' || !isAllowedHost(hostname, allowedHosts)) throw new HostNotAllowedError(`${protocol}//${host}`)
      return await next(request)
    }
  }
}

/** Read for every sign-in: such tokens live for minutes to hours and are replaced in the file. @throws IntuneError */
async function readFederatedToken (path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new IntuneError('unauthorized', `The federated token cannot be read: ${describeError(error)}`, { cause: error })
  })
  const token = text.trim()
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw new IntuneError('unauthorized', `The file ${path} holds no federated token.`)
  return token
}

// Entra's refusals carry a number (AADSTS7000215 wrong secret, AADSTS700016 app unknown in the
// tenant, AADSTS65001 no consent); these are the numbers of passing troubles.
const PASSING = /AADSTS(90033|90014|50196|9002313|90055)\b/
const REFUSED = /AADSTS\d+|invalid_client|unauthorized_client|invalid_grant/

function toIntuneError (error: unknown): IntuneError {
  if (error instanceof IntuneError) return error
  const text = error instanceof Error ? error.message : String(error)
  // What a person needs, without the ids around it.
  const message = /AADSTS\d+:.*?(?=\s*(Trace ID|Correlation ID|Timestamp|$))/s.exec(text)?.[0] ?? describeError(error)
  // MSAL passes on what our own reading of a token file said.
  if (/federated token/.test(text)) return new IntuneError('unauthorized', describeError(error), { cause: error })
  if (REFUSED.test(text) && !PASSING.test(text)) return new IntuneError('unauthorized', `Entra refuses our app: ${message}`, { cause: error })
  if (text.includes('endpoints_resolution_error')) return new IntuneError('unavailable', 'Entra does not answer for this tenant: either it has no such tenant, or it cannot be reached.', { cause: error })
  return new IntuneError('unavailable', `Entra could not be asked for a token: ${message}`, { cause: error })
}
