import { Pool } from 'undici'

/** What became of a report that was sent. */
export type Answer =
  | { readonly kind: 'acknowledged', readonly status: 'accepted' | 'duplicate' | 'stale', readonly resend: readonly string[] }
  /** The same again may work; after so long, when the server says. `status`: of HTTP, or `none` without an answer. */
  | { readonly kind: 'later', readonly status: string, readonly retryAfterMs?: number }
  | { readonly kind: 'token', readonly status: '401' }
  /** The same again will be refused again. */
  | { readonly kind: 'refused', readonly status: string, readonly detail: string }

export interface ReportClient {
  /** Sends reports, as JSON texts; several go as a batch. One answer each, in their order. Never throws. */
  send (accessToken: string, reports: readonly string[]): Promise<Answer[]>
  /** Cuts what is under way. */
  close (): Promise<void>
}

/** Codes of a 401 that a new token helps against. */
const TOKEN_CODES = new Set(['expired-token', 'invalid-token'])
const PASSING = new Set([408, 425, 429])
const ANSWER_TIMEOUT_MS = 30_000

/** Sends as an agent does: over kept connections, at most so many. */
export function createReportClient (apiUrl: string, { connections }: { readonly connections: number }): ReportClient {
  const { origin, pathname } = new URL(apiUrl)
  const base = pathname.replace(/\/$/, '')
  const pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: ANSWER_TIMEOUT_MS, connect: { timeout: 5_000 } })

  return {
    async send (accessToken, reports) {
      const isBatch = reports.length > 1
      const all = (answer: Answer): Answer[] => reports.map(() => answer)
      try {
        const { statusCode, headers, body } = await pool.request({
          path: `${base}/v1/telemetry${isBatch ? '/batch' : ''}`,
          method: 'POST',
          body: isBatch ? `{"reports":[${reports.join(',')}]}` : reports[0]!,
          headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` }
        })
        const text = await body.text()
        if (statusCode !== 202 && !(isBatch && statusCode === 207)) return all(readRefusal(statusCode, text, headers['retry-after']))
        const receipts: unknown[] = isBatch ? (JSON.parse(text) as { results: unknown[] }).results : [JSON.parse(text)]
        return receipts.length === reports.length ? receipts.map(readReceipt) : all({ kind: 'later', status: 'none' })
      } catch {
        // A connection that broke, or an answer cut in the middle: whether the reports were taken, the next try tells.
        return all({ kind: 'later', status: 'none' })
      }
    },
    close: async () => await pool.destroy()
  }
}

interface Receipt {
  readonly status: 'accepted' | 'duplicate' | 'stale' | 'rejected'
  readonly resend: readonly string[]
  readonly error?: { readonly status: number, readonly detail: string }
}

function readReceipt (receipt: unknown): Answer {
  const { status, resend, error } = receipt as Receipt
  if (status === 'accepted' || status === 'duplicate' || status === 'stale') return { kind: 'acknowledged', status, resend }
  if (error === undefined) return { kind: 'later', status: 'none' }
  return isPassing(error.status) ? { kind: 'later', status: String(error.status) } : { kind: 'refused', status: String(error.status), detail: error.detail }
}

function readRefusal (status: number, text: string, retryAfter: string | string[] | undefined): Answer {
  if (isPassing(status)) {
    const retryAfterMs = parseRetryAfter(retryAfter)
    return { kind: 'later', status: String(status), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }
  const { code, detail } = readProblem(text)
  return status === 401 && TOKEN_CODES.has(code) ? { kind: 'token', status: '401' } : { kind: 'refused', status: String(status), detail }
}

const isPassing = (status: number): boolean => status >= 500 || PASSING.has(status)

/** RFC 9457; what stands in the way may answer something else. */
function readProblem (text: string): { code: string, detail: string } {
  try {
    const { code = '', detail = '' } = JSON.parse(text) as { code?: string, detail?: string }
    return { code, detail }
  } catch {
    return { code: '', detail: text.slice(0, 200) }
  }
}

/** Seconds or a date (RFC 9110, section 10.2.3), in milliseconds from now. */
export function parseRetryAfter (value: string | string[] | undefined, nowMs = Date.now()): number | undefined {
  if (typeof value !== 'string' || value.trim() === '') return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return seconds < 0 ? undefined : seconds * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
