import type { Database } from '../platform/database.js'
import type { Page } from './cursor.js'
import { pageDevices, type DeviceFilter, type DeviceSummary } from './fleet-repository.js'

/** One page of a tenant's devices. @throws InvalidInputError for a foreign cursor */
export async function listDevices ({ db }: { readonly db: Database }, filter: DeviceFilter): Promise<Page<DeviceSummary>> {
  return await pageDevices(db, filter)
}
