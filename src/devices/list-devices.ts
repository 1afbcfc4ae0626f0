import { InvalidInputError } from '../errors.js'
import { normalizeHash } from '../intel/indicators/normalize.js'
import type { Database } from '../platform/database.js'
import type { Page } from './cursor.js'
import { pageDevices, type DeviceFilter, type DeviceSummary } from './fleet-repository.js'

/** One page of a tenant's devices. @throws InvalidInputError for a foreign cursor, a version of no app, or a signer that is no fingerprint */
export async function listDevices ({ db }: { readonly db: Database }, filter: DeviceFilter): Promise<Page<DeviceSummary>> {
  const faults: Array<{ path: string, message: string }> = []
  if (filter.appVersion !== undefined && filter.app === undefined) faults.push({ path: '/querystring/appVersion', message: 'is the version of an app: name the app' })
  const signer = filter.signer === undefined ? undefined : normalizeFingerprint(filter.signer)
  if (filter.signer !== undefined && signer === undefined) faults.push({ path: '/querystring/signer', message: 'must be the SHA-256, SHA-1 or MD5 fingerprint of a certificate in hex' })
  if (faults.length > 0) throw new InvalidInputError(faults)
  return await pageDevices(db, { ...filter, signer })
}

const normalizeFingerprint = (text: string): string | undefined =>
  normalizeHash('sha256', text) ?? normalizeHash('sha1', text) ?? normalizeHash('md5', text)
