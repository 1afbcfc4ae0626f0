import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import type { Report } from '../telemetry/report.js'

/** What a phone is enrolled as. */
export interface PhoneDescription {
  readonly entraDeviceId: string
  readonly platform: 'android' | 'ios' | 'ipados'
  readonly osVersion?: string
  readonly manufacturer?: string
  readonly model?: string
  readonly serialNumber?: string
}

export interface AgentReceipt {
  readonly reportId: string
  readonly status: 'accepted' | 'duplicate' | 'stale'
  readonly resend: readonly string[]
}

export interface AgentStatus {
  readonly level: string | null
  readonly findings: ReadonlyArray<{ readonly detection: string, readonly title: string, readonly steps: readonly string[] }>
}

/** The API refused; `code` is the problem's stable code. */
export class AgentError extends Error {
  constructor (readonly status: number, readonly code: string, detail: string) {
    super(`${status} ${code}: ${detail}`)
  }
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const ASSERTION_SECONDS = 120

/**
 * The reference of the agent protocol: a key that never leaves the phone, an access token
 * that is renewed with an assertion signed by it (RFC 7523), reports in rising sequence.
 */
export class Agent {
  #accessToken: string
  #sequence = 0
  /** How far the server's clock is ahead of the phone's, as its last answer said. */
  #serverAheadMs = 0

  private constructor (
    private readonly apiUrl: string,
    private readonly privateKey: CryptoKey,
    readonly deviceId: string,
    accessToken: string,
    private readonly now: () => number
  ) {
    this.#accessToken = accessToken
  }

  /** Makes a key and enrols with it. `now` is the phone's clock, which may be wrong by hours. @throws AgentError */
  static async enroll (apiUrl: string, enrollmentToken: string, phone: PhoneDescription, { now = Date.now }: { readonly now?: () => number } = {}): Promise<Agent> {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' })
    const jwk: JWK = await exportJWK(publicKey)
    const answer = await fetch(`${apiUrl}/v1/enroll`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${enrollmentToken}` },
      body: JSON.stringify({ ...phone, publicKey: jwk })
    })
    const { deviceId, accessToken } = await readAnswer<{ deviceId: string, accessToken: string }>(answer)
    const agent = new Agent(apiUrl, privateKey, deviceId, accessToken, now)
    agent.#readClock(answer)
    return agent
  }

  /** The token it calls with now. */
  get accessToken (): string {
    return this.#accessToken
  }

  /** Sends the sections under the next sequence number. @throws AgentError */
  async report (sections: Omit<Report, 'reportId' | 'sequence' | 'collectedAt'>, collectedAt = new Date().toISOString()): Promise<AgentReceipt> {
    const report: Report = { ...sections, reportId: randomUUID(), sequence: ++this.#sequence, collectedAt }
    return await this.#call<AgentReceipt>('/v1/telemetry', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(report) })
  }

  /** What the user is told. @throws AgentError */
  async status (language = 'en'): Promise<AgentStatus> {
    return await this.#call<AgentStatus>('/v1/device/status', { headers: { 'accept-language': language } })
  }

  /** An access token that has run out is renewed once. */
  async #call<T> (path: string, init: RequestInit): Promise<T> {
    const send = async (): Promise<Response> => await fetch(this.apiUrl + path, { ...init, headers: { ...init.headers, authorization: `Bearer ${this.#accessToken}` } }).then((answer) => this.#readClock(answer))
    let answer = await send()
    if (answer.status === 401) {
      await answer.arrayBuffer()
      this.#accessToken = await this.#renew()
      answer = await send()
    }
    return await readAnswer<T>(answer)
  }

  /** The `Date` of an answer (RFC 9110, section 6.6.1) is what assertions are dated by. */
  #readClock (answer: Response): Response {
    const serverMs = Date.parse(answer.headers.get('date') ?? '')
    if (!Number.isNaN(serverMs)) this.#serverAheadMs = serverMs - this.now()
    return answer
  }

  async #renew (): Promise<string> {
    const serverSeconds = Math.floor((this.now() + this.#serverAheadMs) / 1000)
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(this.deviceId)
      .setSubject(this.deviceId)
      .setAudience(`${this.apiUrl}/v1/token`)
      .setIssuedAt(serverSeconds)
      .setExpirationTime(serverSeconds + ASSERTION_SECONDS)
      .setJti(randomUUID())
      .sign(this.privateKey)
    const answer = await fetch(`${this.apiUrl}/v1/token`, { method: 'POST', body: new URLSearchParams({ grant_type: JWT_BEARER, assertion }) })
    return (await readAnswer<{ accessToken: string }>(answer)).accessToken
  }
}

async function readAnswer<T> (answer: Response): Promise<T> {
  const body = await answer.json() as unknown
  if (answer.ok) return body as T
  const { code = 'unknown', detail = '' } = body as { code?: string, detail?: string }
  throw new AgentError(answer.status, code, detail)
}
