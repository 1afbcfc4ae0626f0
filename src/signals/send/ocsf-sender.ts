import type { OcsfSettings } from '../destination.js'
import type { WaitingSignal } from '../signal-repository.js'
import type { Outcome, Outcomes, Sender } from './outcome.js'
import { describeAnswer, isAnswer, isGood, type Poster } from './poster.js'
import { isAboutSignal } from './webhook-sender.js'

export interface OcsfSenderOptions {
  readonly url: string
  readonly authorization: string | undefined
  readonly format: OcsfSettings['format']
  readonly poster: Poster
}

const MEDIA_TYPES: Readonly<Record<OcsfSettings['format'], string>> = { array: 'application/json', ndjson: 'application/x-ndjson' }

/** A batch a POST, in order; a batch that is refused is split until the event that is at fault stands alone. */
export function createOcsfSender ({ url, authorization, format, poster }: OcsfSenderOptions): Sender {
  const send = async (signals: readonly WaitingSignal[], stop: AbortSignal, outcomes: Outcomes): Promise<boolean> => {
    const events = signals.map(({ body }) => JSON.stringify(body))
    const answer = await poster.post({
      url,
      stop,
      body: format === 'array' ? `[${events.join(',')}]` : events.join('\n') + '\n',
      headers: { 'content-type': MEDIA_TYPES[format], ...(authorization === undefined ? {} : { authorization }) }
    })
    const all = (outcome: Outcome): void => { for (const { id } of signals) outcomes.set(id, outcome) }
    if (!isAnswer(answer)) {
      all(answer)
      return false
    }
    if (isGood(answer)) {
      all({ status: 'delivered' })
      return true
    }
    const error = describeAnswer(answer)
    if (!isAboutSignal(answer.status)) {
      all({ status: 'failed', error, retryAfterMs: answer.retryAfterMs })
      return false
    }
    if (signals.length === 1) {
      // Not at once for good: a SIEM that is being set up refuses everything.
      all({ status: 'failed', error, aboutSignal: true })
      return true
    }
    const middle = Math.ceil(signals.length / 2)
    if (!await send(signals.slice(0, middle), stop, outcomes)) return false
    // What follows the event at fault waits with it, as far as it is about the same phone.
    const waits = new Set(signals.slice(0, middle).filter(({ id }) => outcomes.get(id)?.status !== 'delivered').map(({ deviceId }) => deviceId))
    const rest = signals.slice(middle).filter(({ deviceId }) => deviceId === null || !waits.has(deviceId))
    return rest.length === 0 || await send(rest, stop, outcomes)
  }
  return {
    async send (signals, stop) {
      const outcomes: Outcomes = new Map()
      await send(signals, stop, outcomes)
      return outcomes
    },
    close: async () => await poster.close()
  }
}
