export type FetchErrorKind =
  /** Where it leads or what it asks for is not allowed. */
  | 'refused'
  /** No answer, or one that broke off. */
  | 'failed'
  /** An answer that is a no. */
  | 'status'
  | 'too-large'
  /** An answer that is not what the publisher should send. */
  | 'not-valid'

interface FetchErrorDetail {
  readonly status?: number
  /** What the server said about it, 64 KiB at most. */
  readonly problem?: Buffer
  readonly contentType?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** Why a publisher's copy could not be had. The message is for operators and holds no secret. */
export class FetchError extends Error {
  readonly code = 'fetch-failed'
  readonly status: number | undefined
  readonly problem: Buffer | undefined
  readonly contentType: string | undefined
  readonly retryAfterMs: number | undefined

  constructor (readonly kind: FetchErrorKind, message: string, { status, problem, contentType, retryAfterMs, cause }: FetchErrorDetail = {}) {
    super(message, cause === undefined ? {} : { cause })
    this.status = status
    this.problem = problem
    this.contentType = contentType
    this.retryAfterMs = retryAfterMs
  }
}
