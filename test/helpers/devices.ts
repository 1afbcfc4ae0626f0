import { randomUUID } from 'node:crypto'
import type { Database } from '../../src/platform/database.js'
import type { Producer, QueueName, QueuePayloads } from '../../src/platform/queue-names.js'
import type { Platform } from '../../src/telemetry/device-state.js'
import type { Report } from '../../src/telemetry/report.js'

export async function seedTenant (db: Database): Promise<string> {
  const { id } = await db.insertInto('tenant').values({ name: 'A tenant', entra_tenant_id: randomUUID() }).returning('id').executeTakeFirstOrThrow()
  return id
}

export interface SeededDevice {
  readonly tenantId: string
  readonly deviceId: string
}

/** A device with a key nobody has. */
export async function seedDevice (db: Database, tenantId: string, platform: Platform = 'android'): Promise<SeededDevice> {
  const { id } = await db.insertInto('device')
    .values({ tenant_id: tenantId, entra_device_id: randomUUID(), platform, public_key: JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: '' }) })
    .returning('id').executeTakeFirstOrThrow()
  return { tenantId, deviceId: id }
}

export function makeReport (sequence: number, sections: Omit<Report, 'reportId' | 'sequence' | 'collectedAt'> = {}): Report {
  return { reportId: randomUUID(), sequence, collectedAt: '2026-11-23T08:00:00Z', ...sections }
}

/** A producer that only remembers; `fail` makes it throw. */
export function rememberingProducer<N extends QueueName> (): Producer<N> & { readonly payloads: Array<QueuePayloads[N]>, readonly priorities: Array<number | undefined>, fail: boolean } {
  const payloads: Array<QueuePayloads[N]> = []
  const priorities: Array<number | undefined> = []
  return {
    payloads,
    priorities,
    fail: false,
    async add (more, { priority } = {}) {
      if (this.fail) throw new Error('the queue is away')
      payloads.push(...more)
      priorities.push(...more.map(() => priority))
    }
  }
}
