/**
 * What went wrong between us and Microsoft:
 * - `throttled`: asked to slow down
 * - `unavailable`: no answer, or a server error
 * - `unauthorized`: no token, or not enough permissions
 * - `not-set-up`: the tenant does not have us as a partner (any more)
 * - `unfinished`: a message was taken and is not processed yet
 * - `rejected`: this message is at fault; another may pass
 */
export type IntuneFailure = 'throttled' | 'unavailable' | 'unauthorized' | 'not-set-up' | 'unfinished' | 'rejected'

const STATUS: Readonly<Record<IntuneFailure, number>> = {
  throttled: 503, unavailable: 503, unauthorized: 502, 'not-set-up': 502, unfinished: 503, rejected: 502
}

const MAX_MESSAGE_LENGTH = 500

export interface IntuneErrorDetails {
  /** What Microsoft asked us to wait. */
  readonly retryAfterMs?: number
  readonly clientRequestId?: string
  /** HTTP status of the answer. */
  readonly status?: number
  /** The host that was asked. */
  readonly host?: string
  /** The host does not answer anybody and is left alone so long: the tenant is not at fault. */
  readonly hostPausedMs?: number
  /** Phones that the refusal of a message names, in lower case. */
  readonly entraDeviceIds?: readonly string[]
  readonly cause?: unknown
}

/** A call to Entra, Graph or Intune that did not do what it should. The message is fit for an administrator. */
export class IntuneError extends Error {
  readonly code: string
  readonly statusCode: number

  constructor (
    readonly failure: IntuneFailure,
    message: string,
    readonly details: IntuneErrorDetails = {}
  ) {
    super(message.slice(0, MAX_MESSAGE_LENGTH), details.cause === undefined ? undefined : { cause: details.cause })
    this.code = `intune-${failure}`
    this.statusCode = STATUS[failure]
  }

  /** True when no other message of this tenant would fare better now. */
  get concernsTenant (): boolean {
    return this.failure !== 'rejected' && this.failure !== 'unfinished'
  }
}

/** The first line of any error, for a column that people read. */
export function describeError (error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return (text.split('\n', 1)[0] ?? '').slice(0, MAX_MESSAGE_LENGTH)
}
