import { randomUUID } from 'node:crypto'
import { importJWK, type JWK, SignJWT } from 'jose'

/** What a phone is enrolled as. */
export interface PhoneDescription {
  readonly entraDeviceId: string
  readonly platform: 'android' | 'ios' | 'ipados'
  readonly osVersion?: string
  readonly manufacturer?: string
  readonly model?: string
  readonly serialNumber?: string
}

/** What is said by somebody between the phone and the API: a proxy, or the page of a Wi-Fi that wants a click first. */
export const FOREIGN = 'not-the-api'
const PASSING = [408, 425, 429]
const TOO_LARGE = 413

/** The API refused, could not be reached (status 0, `unreachable`), or somebody else answered (`not-the-api`); `code` is the problem's stable code. */
export class AgentError extends Error {
  constructor (readonly status: number, readonly code: string, detail: string, readonly retryAfter?: string, options?: ErrorOptions) {
    super(`${status} ${code}: ${detail}`, options)
  }

  /** The same again may work later: nothing is wrong with what was sent. */
  get isPassing (): boolean {
    // Whoever says that something is too large will say so again.
    if (this.status === TOO_LARGE) return false
    return this.code === FOREIGN || this.status === 0 || this.status >= 500 || PASSING.includes(this.status)
  }

  /** The server knows the phone no more. */
  get isUnknownPhone (): boolean {
    return this.status === 401 && this.code !== FOREIGN
  }
}

export interface ApiClientOptions {
  /** The phone's clock, which may be wrong by hours; ms since 1970. */
  readonly now?: () => number
  readonly fetch?: typeof fetch
  /** Ends what is under way. */
  readonly signal?: AbortSignal
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const ASSERTION_SECONDS = 120
/** A token is renewed this long before it ends, so that no call meets its end. */
const RENEW_BEFORE_MS = 60_000
const ANSWER_TIMEOUT_MS = 30_000

interface TokenReply { readonly accessToken: string, readonly expiresIn: number }

/** Calls the API as one phone: with an access token that is renewed by an assertion of its key (RFC 7523). */
export class ApiClient {
  readonly now: () => number
  readonly #fetch: typeof fetch
  readonly #signal: AbortSignal | undefined
  #device: { readonly deviceId: string, readonly key: JWK } | undefined
  #accessToken: string | undefined
  #tokenEndsAt = 0
  #renewal: Promise<string> | undefined
  /** How far the server's clock is ahead of the phone's, as its last answer said. */
  #serverAheadMs = 0

  constructor (readonly apiUrl: string, { now = Date.now, fetch: call = fetch, signal }: ApiClientOptions = {}) {
    this.now = now
    this.#fetch = call
    this.#signal = signal
  }

  /** The token it calls with now; undefined before the first. */
  get accessToken (): string | undefined {
    return this.#accessToken
  }

  /** The server's clock, as far as its last answer told it; ms since 1970. */
  get serverNow (): number {
    return this.now() + this.#serverAheadMs
  }

  /** Enrols the phone with this key. @throws AgentError */
  async enroll (enrollmentToken: string, phone: PhoneDescription, { privateJwk, publicJwk }: { readonly privateJwk: JWK, readonly publicJwk: JWK }): Promise<string> {
    const answer = await this.#send('/v1/enroll', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${enrollmentToken}` },
      body: JSON.stringify({ ...phone, publicKey: publicJwk })
    })
    const reply = await readAnswer<TokenReply & { deviceId: string }>(answer)
    this.use({ deviceId: reply.deviceId, key: privateJwk })
    this.#keep(reply)
    return reply.deviceId
  }

  /** Calls as this device from now on. */
  use (device: { readonly deviceId: string, readonly key: JWK }): void {
    this.#device = device
    this.#accessToken = undefined
  }

  /** A call with the access token. One that the server does not take any more is renewed, once. @throws AgentError */
  async call<T> (path: string, init: RequestInit): Promise<T> {
    const send = async (token: string): Promise<Response> => await this.#send(path, { ...init, headers: { ...init.headers as Record<string, string>, authorization: `Bearer ${token}` } })
    const isFresh = this.#accessToken !== undefined && this.now() < this.#tokenEndsAt - RENEW_BEFORE_MS
    const answer = await send(isFresh ? this.#accessToken! : await this.renew())
    if (answer.status !== 401 || !isFresh) return await readAnswer<T>(answer)
    await answer.arrayBuffer()
    return await readAnswer<T>(await send(await this.renew()))
  }

  /** A new access token; who asks meanwhile gets the same. @throws AgentError, with 401 when the device is revoked or has enrolled anew */
  async renew (): Promise<string> {
    return await (this.#renewal ??= this.#requestToken().finally(() => { this.#renewal = undefined }))
  }

  async #requestToken (): Promise<string> {
    if (this.#device === undefined) throw new Error('the phone is not enrolled')
    const { deviceId, key } = this.#device
    const serverSeconds = Math.floor(this.serverNow / 1000)
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(deviceId)
      .setSubject(deviceId)
      .setAudience(`${this.apiUrl}/v1/token`)
      .setIssuedAt(serverSeconds)
      .setExpirationTime(serverSeconds + ASSERTION_SECONDS)
      .setJti(randomUUID())
      .sign(await importJWK(key, 'EdDSA'))
    const reply = await readAnswer<TokenReply>(await this.#send('/v1/token', { method: 'POST', body: new URLSearchParams({ grant_type: JWT_BEARER, assertion }) }))
    return this.#keep(reply)
  }

  #keep ({ accessToken, expiresIn }: TokenReply): string {
    this.#accessToken = accessToken
    this.#tokenEndsAt = this.now() + expiresIn * 1000
    return accessToken
  }

  async #send (path: string, init: RequestInit): Promise<Response> {
    const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    try {
      const answer = await this.#fetch(this.apiUrl + path, { ...init, signal: this.#signal === undefined ? timeout : AbortSignal.any([timeout, this.#signal]) })
      // The `Date` of an answer (RFC 9110, section 6.6.1) is what assertions are dated by.
      const serverMs = Date.parse(answer.headers.get('date') ?? '')
      if (!Number.isNaN(serverMs)) this.#serverAheadMs = serverMs - this.now()
      return answer
    } catch (error) {
      throw unreachable(error)
    }
  }
}

/** `fetch failed` alone says nothing; its cause does. */
function unreachable (error: unknown): AgentError {
  const { cause, message } = error as Error
  const detail = cause instanceof Error ? `${message} (${cause.message === '' ? (cause as NodeJS.ErrnoException).code ?? cause.name : cause.message})` : message
  return new AgentError(0, 'unreachable', detail, undefined, { cause: error })
}

async function readAnswer<T> (answer: Response): Promise<T> {
  let text: string
  try {
    text = await answer.text()
  } catch (error) {
    // Cut in the middle: whether the server did what it was asked, nobody knows.
    throw unreachable(error)
  }
  const value = readJson(text)
  if (answer.ok && value !== undefined) return value as T
  // The API's own refusals are problems with a code (RFC 9457).
  const { code = FOREIGN, detail = text.slice(0, 200) } = (value ?? {}) as { code?: string, detail?: string }
  throw new AgentError(answer.status, code, detail, answer.headers.get('retry-after') ?? undefined)
}

/** An object; undefined when it is none. */
function readJson (text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
