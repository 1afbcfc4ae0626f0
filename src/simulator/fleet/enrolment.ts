import { Agent, type PhoneDescription } from '../../agent/agent.js'
import type { Random } from './random.js'
import { type SpoolSession, sleep } from './phone-spool.js'

export interface EnrolmentTarget {
  readonly apiUrl: string
  readonly enrollmentToken: string
  readonly random: Random
  readonly signal: AbortSignal
  /** How long to try when nobody answers or the server asks to come again; none: until the signal. */
  readonly patienceMs?: number
}

const LONGEST_PAUSE_MS = 5_000

/** Makes a key and enrols with it; comes again while the server is away or busy. @throws naming the refusal, or what was in the way to the end */
export async function enrollPhone (phone: PhoneDescription, { apiUrl, enrollmentToken, random, signal, patienceMs = Infinity }: EnrolmentTarget): Promise<SpoolSession> {
  const endsAt = performance.now() + patienceMs
  for (let failures = 0; ; failures++) {
    try {
      const { deviceId, accessToken } = await Agent.enroll(apiUrl, enrollmentToken, phone)
      return { deviceId, accessToken }
    } catch (error) {
      const pauseMs = (0.2 + 0.8 * random.next()) * Math.min(LONGEST_PAUSE_MS, 250 * 2 ** Math.min(failures, 10))
      if (signal.aborted || isRefusal(error) || performance.now() + pauseMs > endsAt) throw new Error(`a phone could not enrol at ${apiUrl}: ${describe(error)}`, { cause: error })
      await sleep(pauseMs, signal)
    }
  }
}

/** The server answered, and will answer the same again. */
function isRefusal (error: unknown): boolean {
  const { status } = error as { status?: unknown }
  return typeof status === 'number' && status >= 400 && status < 500 && ![408, 425, 429].includes(status)
}

/** `fetch failed` alone says nothing; its cause does. */
function describe (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error ? `${error.message} (${cause.message === '' ? (cause as NodeJS.ErrnoException).code ?? cause.name : cause.message})` : error.message
}
