import { Agent, AgentError, type PhoneDescription } from '../../agent/agent.js'
import type { Random } from './random.js'
import { sleep } from './phone-spool.js'

export interface Patience {
  readonly random: Random
  readonly signal: AbortSignal
  /** How long to try when nobody answers or the server asks to come again; none: until the signal. */
  readonly patienceMs?: number
}

export interface EnrolmentTarget extends Patience {
  readonly apiUrl: string
  readonly enrollmentToken: string
}

const LONGEST_PAUSE_MS = 5_000

/** The phone's agent, enrolled with a key of its own. @throws naming the refusal, or what was in the way to the end */
export async function enrollPhone (phone: PhoneDescription, { apiUrl, enrollmentToken, ...patience }: EnrolmentTarget): Promise<Agent> {
  try {
    return await insist(async () => await Agent.enroll(apiUrl, enrollmentToken, phone), patience)
  } catch (error) {
    throw new Error(`a phone could not enrol at ${apiUrl}: ${(error as Error).message}`, { cause: error })
  }
}

/** Does it again while the server is away or busy. @throws the refusal, or what was in the way to the end */
export async function insist<T> (work: () => Promise<T>, { random, signal, patienceMs = Infinity }: Patience): Promise<T> {
  const endsAt = performance.now() + patienceMs
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      const pauseMs = (0.2 + 0.8 * random.next()) * Math.min(LONGEST_PAUSE_MS, 250 * 2 ** Math.min(failures, 10))
      if (signal.aborted || !(error instanceof AgentError && error.isPassing) || performance.now() + pauseMs > endsAt) throw error
      await sleep(pauseMs, signal)
    }
  }
}
