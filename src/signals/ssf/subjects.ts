import { InvalidInputError, NotFoundError } from '../../errors.js'
import type { Database } from '../../platform/database.js'
import { entraIssuer } from '../derive/set-events.js'
import { findDeviceByEntraId, findEntraTenantId, setExcluded } from '../fact-repository.js'
import { deleteWaiting } from '../signal-repository.js'
import { lockOwn, type Receiver } from './manage-streams.js'

export interface SubjectsDeps {
  readonly db: Database
  readonly authorityHost: string
}

/** A subject identifier (RFC 9493), as far as we look into it. */
export interface Subject {
  readonly format: string
  readonly [member: string]: unknown
}

/**
 * Takes a phone out of a stream (`excluded`), or in again: at first all of the tenant's phones are in.
 * A phone is named by its Entra device id: `iss_sub`, alone or as the `device` of a complex subject.
 * @throws InvalidInputError, NotFoundError for a stream or phone that is not there
 */
export async function setSubject ({ db, authorityHost }: SubjectsDeps, receiver: Receiver, streamId: string, subject: Subject, excluded: boolean): Promise<void> {
  const entraTenantId = await findEntraTenantId(db, receiver.tenantId) ?? ''
  const entraDeviceId = readSubject(subject, { issuer: entraIssuer(authorityHost, entraTenantId), entraTenantId })
  await db.transaction().execute(async (tx) => {
    await lockOwn(tx, receiver, streamId)
    const deviceId = await findDeviceByEntraId(tx, receiver.tenantId, entraDeviceId)
    if (deviceId === undefined) throw noSubject()
    await setExcluded(tx, streamId, deviceId, excluded)
    if (excluded) await deleteWaiting(tx, streamId, deviceId)
  })
}

const noSubject = (): Error => new NotFoundError('There is no such subject.')
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function readSubject (subject: Subject, { issuer, entraTenantId }: { readonly issuer: string, readonly entraTenantId: string }): string {
  if (subject.format === 'iss_sub') return readIssSub(subject, issuer, '/subject')
  if (subject.format !== 'complex') throw new InvalidInputError([{ path: '/subject/format', message: 'must be iss_sub, or complex with a device' }])
  const { device, tenant } = subject as { device?: unknown, tenant?: unknown }
  if (!isSubject(device) || device.format !== 'iss_sub') throw new InvalidInputError([{ path: '/subject/device', message: 'must be an iss_sub subject' }])
  if (tenant !== undefined) {
    if (!isSubject(tenant) || tenant.format !== 'opaque' || typeof tenant.id !== 'string') throw new InvalidInputError([{ path: '/subject/tenant', message: 'must be an opaque subject' }])
    if (tenant.id.toLowerCase() !== entraTenantId) throw noSubject()
  }
  return readIssSub(device, issuer, '/subject/device')
}

function readIssSub ({ iss, sub }: Subject, issuer: string, path: string): string {
  const faults = [
    ...(typeof iss === 'string' ? [] : [{ path: `${path}/iss`, message: 'must be a string' }]),
    ...(typeof sub === 'string' && GUID.test(sub) ? [] : [{ path: `${path}/sub`, message: 'must be an Entra device id' }])
  ]
  if (faults.length > 0) throw new InvalidInputError(faults)
  if (iss !== issuer) throw noSubject()
  return (sub as string).toLowerCase()
}

const isSubject = (value: unknown): value is Subject => value !== null && typeof value === 'object' && typeof (value as Subject).format === 'string'
