import { createHash } from 'node:crypto'
import { preciseNow } from './clock.js'
import type { PartnerRecord } from './partner-entity.js'
import { removeDevice } from './seed-device.js'
import type { TenantStore } from './tenant-store.js'
import type { Tenant } from './tenant.js'

/** A `DataUploadMessages` entry. `Completed` and `Failed` are the known values; `Processing` stands for any other. */
export interface PartnerMessage {
  readonly messageId: string
  readonly fingerprint: string
  status: 'Processing' | 'Completed' | 'Failed'
  errorCode: number
  errorDetail: string
  readonly devices: number
  readonly receivedAtMs: number
  /** Entra device ids whose apps were asked for, once processed; absent: the message asks for none. */
  readonly appSync?: string[]
}

/** How this message is to go wrong. */
export interface MessageMishap {
  readonly failWith?: string
  readonly lose?: boolean
  /** The first device of the message is deleted at Intune before it is processed. */
  readonly loseDevice?: boolean
  readonly extraDelayMs?: number
}

const MAX_KEPT = 50_000
const DEVICE_NOT_FOUND = 404
const INJECTED_FAILURE = 500

/** Takes messages in and processes them a moment later, in the order of their arrival. */
export class MessageProcessor {
  readonly #store: TenantStore
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor (store: TenantStore) {
    this.#store = store
  }

  /** @returns `conflict` when the id was used before with another content. */
  accept (tenant: Tenant, messageId: string, content: string, records: () => readonly PartnerRecord[], receivedAtMs: number, mishap: MessageMishap): PartnerMessage | 'conflict' {
    const fingerprint = createHash('sha1').update(content).digest('base64')
    const known = tenant.messages.get(messageId)
    if (known !== undefined) return known.fingerprint === fingerprint ? known : 'conflict'

    const parsed = records()
    const message: PartnerMessage = { messageId, fingerprint, status: 'Processing', errorCode: 0, errorDetail: '', devices: parsed.length, receivedAtMs, ...(parsed.some((record) => 'isAppSync' in record) ? { appSync: [] } : {}) }
    tenant.messages.set(messageId, message)
    tenant.messageCounts.received++
    if (tenant.messages.size > MAX_KEPT) tenant.messages.delete(tenant.messages.keys().next().value!)

    const delayMs = tenant.processingDelayMs + (mishap.extraDelayMs ?? 0)
    const run = (): void => this.#process(tenant, message, parsed, mishap)
    if (delayMs === 0) {
      run()
    } else {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        run()
      }, delayMs)
      this.#timers.add(timer)
    }
    return message
  }

  close (): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #process (tenant: Tenant, message: PartnerMessage, records: readonly PartnerRecord[], mishap: MessageMishap): void {
    if (mishap.failWith !== undefined) return fail(tenant, message, INJECTED_FAILURE, mishap.failWith)
    if (mishap.loseDevice === true && records[0] !== undefined) removeDevice(tenant, records[0].deviceId)
    const unknown: string[] = []
    if (mishap.lose !== true) {
      const stamp = { messageId: message.messageId, receivedAtMs: message.receivedAtMs, appliedAtMs: preciseNow() }
      for (const record of records) {
        const known = 'isAppSync' in record ? askForApps(tenant, message, record.deviceId) : this.#store.applyReport(tenant, record, stamp) !== 'unknown-device'
        if (!known) unknown.push(record.deviceId)
      }
      for (const waiter of [...tenant.waiters]) waiter()
    }
    // Devices that are known keep what the message said about them (inferred).
    if (unknown.length > 0) return fail(tenant, message, DEVICE_NOT_FOUND, `Device not found: ${unknown.join(', ')}`)
    message.status = 'Completed'
    tenant.messageCounts.completed++
  }
}

function askForApps (tenant: Tenant, message: PartnerMessage, deviceId: string): boolean {
  if (tenant.devices.get(deviceId)?.mdmEnrolled !== true) return false
  message.appSync?.push(deviceId)
  return true
}

function fail (tenant: Tenant, message: PartnerMessage, errorCode: number, errorDetail: string): void {
  message.status = 'Failed'
  message.errorCode = errorCode
  message.errorDetail = errorDetail
  tenant.messageCounts.failed++
}
