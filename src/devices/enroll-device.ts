import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { DeviceRevokedError, InvalidEnrollmentTokenError } from '../errors.js'
import type { Database, Tx } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { recordAudit } from '../platform/record-audit.js'
import type { Platform } from '../telemetry/device-state.js'
import type { AccessToken, AccessTokens, TokenBearer } from './access-tokens.js'
import { isSameKey, readDeviceKey } from './device-key.js'
import {
  deactivateDevices, insertDevice, isRevoked, listPredecessors, lockByEntraDeviceId, lockEnrollment, lockStates, updateDevice, useEnrollmentToken, type DeviceDescription
} from './device-repository.js'
import { takeExpected, type Expected } from './directory-repository.js'
import { known, tellingSerial } from './serial-number.js'
import { requireSupportedOs } from './supported-os.js'
import type { TokenCutoffs } from './token-cutoffs.js'

export interface EnrollDeviceDeps {
  readonly db: Database
  readonly accessTokens: AccessTokens
  readonly cutoffs: Pick<TokenCutoffs, 'advance'>
  readonly sync: Producer<'sync'>
  readonly log: Logger
  /** Told after the commit, before the phone gets its answer. */
  readonly onEnrolled?: (device: EnrolledDevice) => Promise<void> | void
}

export interface EnrollDeviceInput {
  readonly enrollmentToken: string
  readonly entraDeviceId: string
  readonly intuneDeviceId?: string
  readonly platform: Platform
  readonly osVersion?: string
  readonly manufacturer?: string
  readonly model?: string
  readonly serialNumber?: string
  readonly publicKey: Readonly<Record<string, unknown>>
}

export interface EnrolledDevice {
  readonly deviceId: string
  readonly tenantId: string
  readonly entraDeviceId: string
  readonly platform: Platform
  readonly osVersion: string | null
  readonly manufacturer: string | null
  readonly model: string | null
}

type Outcome = TokenBearer & { readonly retired: readonly string[] }

/** How an enrolment token is stored and looked up: SHA-256 of its text. */
export function hashEnrollmentToken (token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/**
 * Takes a phone in and gives it its first access token. The same Entra id again with another
 * key replaces the key; another Entra id with a known serial number retires the old record.
 * @throws UnsupportedOsError, InvalidKeyError, InvalidEnrollmentTokenError, DeviceRevokedError
 */
export async function enrollDevice (deps: EnrollDeviceDeps, input: EnrollDeviceInput): Promise<AccessToken & { readonly deviceId: string }> {
  requireSupportedOs(input.platform, input.osVersion)
  const description: DeviceDescription = {
    entraDeviceId: input.entraDeviceId.toLowerCase(),
    intuneDeviceId: input.intuneDeviceId,
    platform: input.platform,
    osVersion: known(input.osVersion),
    manufacturer: known(input.manufacturer),
    model: known(input.model),
    serialNumber: tellingSerial(input.serialNumber),
    publicKey: await readDeviceKey(input.publicKey)
  }
  const now = new Date()
  const outcome = await deps.db.transaction().execute(async (tx) => await storeDevice(tx, hashEnrollmentToken(input.enrollmentToken), description, now))
  const { deviceId, tenantId } = outcome
  if (outcome.credentialsVersion > 0) deps.cutoffs.advance(deviceId, outcome.credentialsVersion)
  for (const id of outcome.retired) deps.cutoffs.advance(id, Infinity)
  if (outcome.retired.length > 0) {
    await deps.sync.add([{ tenantId }]).catch((err: unknown) => deps.log.warn({ err, tenantId }, 'a sync job could not be added; the sweep will'))
  }
  await deps.onEnrolled?.({
    deviceId,
    tenantId,
    entraDeviceId: description.entraDeviceId,
    platform: description.platform,
    osVersion: description.osVersion ?? null,
    manufacturer: description.manufacturer ?? null,
    model: description.model ?? null
  })
  return { deviceId, ...await deps.accessTokens.issue(outcome, Date.now()) }
}

async function storeDevice (tx: Tx, tokenHash: Buffer, description: DeviceDescription, now: Date): Promise<Outcome> {
  const token = await useEnrollmentToken(tx, tokenHash, description.platform, now)
  if (token === undefined) throw new InvalidEnrollmentTokenError()
  const { tenantId, tokenId } = token
  await lockEnrollment(tx, tenantId, description)
  const expected = await takeExpected(tx, tenantId, description.entraDeviceId)
  const whole: DeviceDescription = {
    ...description,
    // Intune knows its own id better than an agent that was told; of a serial number the phone's word counts more.
    intuneDeviceId: expected?.intuneDeviceId ?? description.intuneDeviceId,
    serialNumber: description.serialNumber ?? expected?.serialNumber ?? undefined
  }

  const { deviceId, credentialsVersion } = await insertOrReplace(tx, tenantId, tokenId, whole, expected)
  const predecessors = await listPredecessors(tx, tenantId, deviceId, whole)
  // Whoever revokes one of them in this moment holds its state until it is done; who was revoked then stays so.
  if (predecessors.length > 0) await lockStates(tx, predecessors)
  const retired = predecessors.length === 0 ? [] : await listPredecessors(tx, tenantId, deviceId, whole)
  if (retired.length > 0) {
    await deactivateDevices(tx, retired, 'retired_at', now)
    for (const id of retired) {
      await recordAudit(tx, { tenantId, actor: `device:${deviceId}`, action: 'device.retired', subject: id, detail: { reason: 'same serial number under a new Entra device id', successor: deviceId } })
    }
  }
  return { deviceId, tenantId, credentialsVersion, retired }
}

async function insertOrReplace (tx: Tx, tenantId: string, tokenId: string, description: DeviceDescription, expected: Expected | undefined): Promise<Pick<TokenBearer, 'deviceId' | 'credentialsVersion'>> {
  const present = await lockByEntraDeviceId(tx, tenantId, description.entraDeviceId)
  const actor = `enrollment-token:${tokenId}`
  // Whoever revoked it did not mean "until it enrols again": erase it to let it come back.
  if (present?.gone === true || (present === undefined && await isRevoked(tx, tenantId, description.entraDeviceId))) throw new DeviceRevokedError()
  if (present === undefined) {
    const deviceId = await insertDevice(tx, tenantId, description, expected)
    await recordAudit(tx, { tenantId, actor, action: 'device.enrolled', subject: deviceId, detail: { entraDeviceId: description.entraDeviceId, platform: description.platform } })
    return { deviceId, credentialsVersion: 0 }
  }

  const { deviceId } = present
  const isNewKey = !await isSameKey(present.publicKey, description.publicKey)
  const credentialsVersion = await updateDevice(tx, deviceId, description, { isNewKey })
  // Also without a new key: somebody was given a token of this phone's.
  await recordAudit(tx, { tenantId, actor, action: isNewKey ? 'device.key-replaced' : 'device.enrolled-again', subject: deviceId, detail: { entraDeviceId: description.entraDeviceId } })
  return { deviceId, credentialsVersion }
}
