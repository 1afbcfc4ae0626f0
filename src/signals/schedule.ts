import type { DestinationKind } from './destination.js'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Standard Webhooks' own: ten attempts over three days. */
const WEBHOOK_DELAYS_MS = [5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 14 * HOUR_MS, 20 * HOUR_MS, 24 * HOUR_MS]
/** Others are tried as long as it takes, for a stream has an order; but one that is refused again and again is set aside. */
const MAX_REFUSALS = 10
const MAX_SIGNAL_RETRY_MS = 10 * MINUTE_MS
const MAX_DESTINATION_RETRY_MS = 5 * MINUTE_MS
/** A receiver may ask for patience, but not for ever. */
const MAX_RETRY_AFTER_MS = 24 * HOUR_MS

/**
 * When a signal is tried again after so many failed attempts; undefined: no more. Full jitter: anything up to twice
 * the schedule's delay, which is that delay on average.
 * @param aboutSignal the receiver takes others, but not this one
 */
export function signalRetryMs (kind: DestinationKind, attempts: number, aboutSignal: boolean, retryAfterMs = 0, random: () => number = Math.random): number | undefined {
  const delayMs = kind === 'webhook'
    ? WEBHOOK_DELAYS_MS[attempts - 1]
    : aboutSignal && attempts >= MAX_REFUSALS ? undefined : Math.min(MAX_SIGNAL_RETRY_MS, SECOND_MS * 2 ** Math.min(attempts - 1, 20))
  return delayMs === undefined ? undefined : Math.max(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS), Math.round(random() * 2 * delayMs))
}

/** How long a receiver that failed so often in a row is left alone, with full jitter. */
export function destinationRetryMs (failures: number, retryAfterMs = 0, random: () => number = Math.random): number {
  const delayMs = Math.min(MAX_DESTINATION_RETRY_MS, SECOND_MS * 2 ** Math.min(failures - 1, 20))
  return Math.max(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS), Math.round(random() * delayMs))
}
