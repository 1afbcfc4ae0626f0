import type { WaitingSignal } from '../signal-repository.js'
import { attemptEach, type Outcome, type Sender } from './outcome.js'
import { type Answer, describeAnswer, isAnswer, isGood, type Poster } from './poster.js'
import { isAboutSignal } from './webhook-sender.js'

export interface PushSenderOptions {
  readonly url: string
  readonly authorization: string | undefined
  readonly poster: Poster
  /** The signed token of a signal. */
  readonly sign: (signal: WaitingSignal) => Promise<string>
}

/** What a receiver says of a token that it will never take (RFC 8935, section 2.4; SSF 1.0, section 8.1.4.1). */
const REFUSALS: readonly unknown[] = ['invalid_request', 'invalid_key', 'invalid_issuer', 'invalid_audience', 'invalid_state']

/** One POST a security event token (RFC 8935). */
export function createPushSender ({ url, authorization, poster, sign }: PushSenderOptions): Sender {
  return {
    async send (signals, stop) {
      return await attemptEach(signals, async (signal) => {
        const answer = await poster.post({
          url,
          stop,
          body: await sign(signal),
          headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) }
        })
        return isAnswer(answer) ? judge(answer) : answer
      })
    },
    close: async () => {}
  }
}

function judge (answer: Answer): Outcome {
  if (isGood(answer)) return { status: 'delivered' }
  const error = describeAnswer(answer)
  if (answer.status === 400 && REFUSALS.includes(errorCodeOf(answer.text))) return { status: 'refused', error }
  return { status: 'failed', error, retryAfterMs: answer.retryAfterMs, aboutSignal: isAboutSignal(answer.status) }
}

function errorCodeOf (text: string): unknown {
  try {
    return (JSON.parse(text) as { err?: unknown } | null)?.err
  } catch {
    return undefined
  }
}
