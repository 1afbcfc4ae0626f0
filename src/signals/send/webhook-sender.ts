import { createHmac } from 'node:crypto'
import type { DestinationSecret } from '../destination.js'
import { attemptEach, type Sender } from './outcome.js'
import { describeAnswer, isAnswer, isGood, type Poster } from './poster.js'

export const SECRET_PREFIX = 'whsec_'

export interface WebhookSenderOptions {
  readonly url: string
  readonly signing: NonNullable<DestinationSecret['signing']>
  readonly poster: Poster
  readonly now?: () => number
}

/** One POST a signal, signed as Standard Webhooks 1.0 says. */
export function createWebhookSender ({ url, signing, poster, now = Date.now }: WebhookSenderOptions): Sender {
  return {
    async send (signals, stop) {
      return await attemptEach(signals, async ({ id, body: content }) => {
        const body = JSON.stringify(content)
        const messageId = messageIdOf(id)
        // Of the attempt: receivers refuse what is old, so that nobody plays it again.
        const timestamp = Math.floor(now() / 1000)
        const answer = await poster.post({
          url,
          body,
          stop,
          headers: {
            'content-type': 'application/json',
            'webhook-id': messageId,
            'webhook-timestamp': String(timestamp),
            'webhook-signature': signing.filter(({ untilMs }) => untilMs === null || untilMs > now()).map(({ secret }) => sign(secret, messageId, timestamp, body)).join(' ')
          }
        })
        if (!isAnswer(answer)) return answer
        if (isGood(answer)) return { status: 'delivered' }
        const error = describeAnswer(answer)
        return answer.status === 410 ? { status: 'gone', error } : { status: 'failed', error, retryAfterMs: answer.retryAfterMs, aboutSignal: isAboutSignal(answer.status) }
      })
    },
    // The poster is shared.
    close: async () => {}
  }
}

export const messageIdOf = (id: string): string => `msg_${id}`

function sign (secret: string, messageId: string, timestamp: number, body: string): string {
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')
  return `v1,${createHmac('sha256', key).update(`${messageId}.${timestamp}.${body}`).digest('base64')}`
}

/** Another signal may fare better. */
export const isAboutSignal = (status: number): boolean => [400, 413, 415, 422].includes(status)
