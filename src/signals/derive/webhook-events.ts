import type { StateChange } from '../../devices/state-change-repository.js'
import type { Destination, NewSignal } from '../destination.js'
import { isErasure } from './compliance.js'
import type { DeviceFacts } from './device-facts.js'
import { idOf } from './signal-id.js'

export const DEVICE_LEVEL_CHANGED = 'device.level.changed'
export const DEVICE_STATE_CHANGED = 'device.state.changed'
export const DEVICE_ERASED = 'device.erased'
export const WEBHOOK_TEST = 'webhook.test'
/** What a webhook can ask for; `webhook.test` comes when an operator asks for it. */
export const WEBHOOK_EVENTS: readonly string[] = [DEVICE_LEVEL_CHANGED, DEVICE_STATE_CHANGED, DEVICE_ERASED]

/** What a webhook is told of a change: `{ type, timestamp, data }`. */
export function deriveWebhooks (webhook: Extract<Destination, { readonly kind: 'webhook' }>, change: StateChange, device: DeviceFacts | undefined): NewSignal[] {
  const { eventTypes } = webhook.settings
  return typesOf(change)
    .filter((type) => eventTypes === null || eventTypes.includes(type))
    .map((type) => ({
      id: idOf(webhook.id, change.position, type),
      deviceId: change.deviceId,
      type,
      at: change.at,
      body: { type, timestamp: change.at.toISOString(), data: dataOf(type, change, device) }
    }))
}

function typesOf (change: StateChange): string[] {
  if (isErasure(change)) return [DEVICE_ERASED]
  return [
    ...(change.level !== null && change.level !== change.previousLevel ? [DEVICE_LEVEL_CHANGED] : []),
    ...(change.reportingState !== change.previousReportingState ? [DEVICE_STATE_CHANGED] : [])
  ]
}

function dataOf (type: string, change: StateChange, device: DeviceFacts | undefined): object {
  const { deviceId, entraDeviceId, tenantId, position } = change
  const who = { tenantId, deviceId, entraDeviceId, position }
  if (type === DEVICE_ERASED) return who
  return {
    ...who,
    intuneDeviceId: device?.intuneDeviceId ?? null,
    platform: device?.platform ?? null,
    level: change.level,
    previousLevel: change.previousLevel,
    state: change.reportingState,
    previousState: change.previousReportingState,
    // What was told before a restore is not known: null and `pending` mean no more than that.
    ...(change.retold === true ? { retold: true } : {}),
    score: change.score,
    reasons: change.reasons
  }
}
