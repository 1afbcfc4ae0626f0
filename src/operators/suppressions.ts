import { decodeCursor, limitOf, type Page, type PageInput, TIME_PART, toPage, UUID_PART } from '../devices/cursor.js'
import { resolveDeviceId } from '../devices/get-device.js'
import { handOnRescorings, rescoreConcerned } from '../devices/retro/rescorings.js'
import { readPolicyDocumentOf } from '../devices/rules/policy-repository.js'
import { findSuppressionById, insertSuppression, listSuppressions, type NewSuppression, revokeSuppression, type StoredSuppression } from '../devices/rules/suppression-repository.js'
import { ConflictError, type FieldFault, InvalidInputError, NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { recordAudit } from '../platform/record-audit.js'
import { DETECTIONS } from '../risk/detections/index.js'

export interface SuppressionDeps {
  readonly db: Database
  readonly score: Producer<'score'>
}

export interface SuppressInput extends Omit<NewSuppression, 'deviceId'> {
  readonly tenantId: string
  /** Device id, or `entra:` and the Entra device id. */
  readonly deviceId: string | null
  readonly actor: string
}

/** An exception that nobody looks at again is a hole. */
const MAX_DAYS = 366
const DAY_MS = 24 * 60 * 60 * 1000
const IDS = new Set(DETECTIONS.map(({ id }) => id))

/** Takes findings out of the level for a while; the phones that have them are judged anew at once. @throws InvalidInputError, NotFoundError */
export async function suppressFindings ({ db, score }: SuppressionDeps, { tenantId, actor, ...input }: SuppressInput): Promise<StoredSuppression> {
  const deviceId = input.deviceId === null ? null : await resolveDeviceId({ db }, { tenantId, deviceId: input.deviceId })
  const tenant = await db.selectFrom('tenant').select('policy_version').where('id', '=', tenantId).executeTakeFirst()
  if (tenant === undefined) throw new NotFoundError('There is no such tenant.')
  const document = await readPolicyDocumentOf(db, tenantId, tenant.policy_version)
  const faults = faultsIn(input, { locked: document?.locked ?? [], groups: (document?.groups ?? []).map(({ name }) => name) })
  if (faults.length > 0) throw new InvalidInputError(faults, 'The suppression')
  const id = await db.transaction().execute(async (tx) => {
    const id = await insertSuppression(tx, tenantId, actor, { ...input, deviceId })
    await rescoreConcerned(tx, { tenantId, detection: input.detection, subject: input.subject, deviceId })
    const { subject, comment, ...settings } = input
    // What is said of one phone (an app, a host) leaves with the phone, and the audit is never erased.
    await recordAudit(tx, { tenantId, actor, action: 'suppression.created', subject: id, detail: { ...settings, ...(deviceId === null ? { subject, comment } : {}), deviceId, expiresAt: input.expiresAt.toISOString() } })
    return id
  })
  await handOnRescorings({ db, score })
  return (await findSuppressionById(db, tenantId, id))!
}

/** Ends a suppression before its time. @throws NotFoundError, ConflictError when it is over already */
export async function endSuppression ({ db, score }: SuppressionDeps, { tenantId, id, actor }: { readonly tenantId: string, readonly id: string, readonly actor: string }): Promise<void> {
  const ended = await db.transaction().execute(async (tx) => {
    const one = await revokeSuppression(tx, tenantId, id, actor)
    if (one === undefined) return false
    await rescoreConcerned(tx, { tenantId, detection: one.detection, subject: one.subject, deviceId: one.deviceId })
    await recordAudit(tx, { tenantId, actor, action: 'suppression.revoked', subject: id })
    return true
  })
  if (!ended) {
    if (await findSuppressionById(db, tenantId, id) === undefined) throw new NotFoundError('There is no such suppression.')
    throw new ConflictError('The suppression is over already.')
  }
  await handOnRescorings({ db, score })
}

/** One page of suppressions, the newest first; those that are over only when asked for. */
export async function pageSuppressions ({ db }: { readonly db: Database }, input: PageInput & { readonly tenantId: string, readonly all?: boolean | undefined }): Promise<Page<StoredSuppression>> {
  const limit = limitOf(input)
  const before = decodeCursor(input, TIME_PART, UUID_PART)
  const rows = await listSuppressions(db, input.tenantId, { limit: limit + 1, all: input.all === true, before: before === undefined ? undefined : [before[0]!, before[1]!] })
  return toPage(rows, limit, (row) => row, ({ createdAt, id }) => [createdAt, id])
}

function faultsIn ({ detection, subject, group, deviceId, expiresAt }: Omit<NewSuppression, 'tenantId'>, { locked, groups }: { readonly locked: readonly string[], readonly groups: readonly string[] }): FieldFault[] {
  const faults: FieldFault[] = []
  const add = (path: string, message: string): void => { faults.push({ path, message }) }
  if (detection === null && subject === null) add('', 'must name a detection, a subject, or both')
  if (detection !== null && !IDS.has(detection)) add('/detection', 'is no detection of the catalogue')
  if (detection !== null && subject === null && locked.includes(detection)) add('/subject', `must be named: the policy locks ${detection}, which cannot be taken out as a whole`)
  if (subject === '*') add('/subject', 'must begin with something')
  if (deviceId !== null && group !== null) add('/group', 'must not be named together with a device')
  if (group !== null && !groups.includes(group)) add('/group', 'is no group of the policy')
  const days = (expiresAt.getTime() - Date.now()) / DAY_MS
  // NaN fails both.
  if (!(days > 0)) add('/expiresAt', 'must be a time to come')
  else if (!(days <= MAX_DAYS)) add('/expiresAt', `must be within ${MAX_DAYS} days`)
  return faults
}
