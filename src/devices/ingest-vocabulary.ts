import { ConflictError, NotFoundError, UnprocessableError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { PhoneNames, Skipped, Translation } from '../telemetry/adapters/translation.js'
import { readDocument, type Vocabulary, VOCABULARY_PLATFORMS } from '../telemetry/ingest-document.js'
import { toReport } from '../telemetry/ingest-report.js'
import type { Journal, Receipt } from '../telemetry/journal.js'
import { STATE_SECTIONS, type StateSection } from '../telemetry/report.js'
import { findDeviceRow } from './fleet-repository.js'
import { type IngestDevice, listDevicesNamed } from './ingest-repository.js'

export interface IngestDeps {
  readonly db: Database
  readonly journal: Pick<Journal, 'append'>
}

export interface IngestInput {
  readonly tenantId: string
  readonly vocabulary: Vocabulary
  readonly body: Buffer
  /** Which phone it is about: our id, or `entra:` and its Entra device id. Without it the content must say. */
  readonly device?: string | undefined
  /** When it was collected (ISO 8601), where the content does not say. */
  readonly collectedAt?: string | undefined
  /** The operator who sends it, for the audit. */
  readonly actor?: string | undefined
  readonly now: Date
}

/** One phone's answer: taken, or the error that kept it from being. */
export interface IngestOutcome {
  readonly deviceId: string | null
  readonly reportId: string | null
  readonly status: Receipt['status'] | 'rejected'
  /** Sections that the report has. */
  readonly sections: readonly StateSection[]
  readonly skipped: readonly Skipped[]
  readonly error?: unknown
}

/**
 * Puts what others say of phones into the journal, each phone on its own: the outcomes are in
 * the order of the content. What is about one phone only is taken or thrown for.
 * @throws InvalidInputError, NotFoundError, ConflictError, UnprocessableError; and what the journal throws
 */
export async function ingestVocabulary (deps: IngestDeps, input: IngestInput): Promise<IngestOutcome[]> {
  const { phones, isList } = await readDocument(input.vocabulary, input.body)
  if (input.device !== undefined && phones.length > 1) throw new UnprocessableError(`The content is about ${phones.length} phones, but the request names one.`)
  if (!isList) return [await ingestPhone(deps, input, phones[0]!)]
  return await Promise.all(phones.map(async (phone) => {
    let deviceId: string | null = null
    try {
      return await ingestPhone(deps, input, phone, (found) => { deviceId = found })
    } catch (error) {
      return { deviceId, reportId: null, status: 'rejected' as const, sections: [], skipped: phone.skipped, error }
    }
  }))
}

async function ingestPhone (deps: IngestDeps, input: IngestInput, translation: Translation, onFound?: (deviceId: string) => void): Promise<IngestOutcome> {
  if (translation.fault !== undefined) throw translation.fault
  const { tenantId, vocabulary, collectedAt, actor, now } = input
  const { deviceId } = await findPhone(deps.db, input, translation.phone)
  onFound?.(deviceId)
  const { report, skipped } = toReport(translation, { vocabulary, deviceId, receivedAt: now, collectedAt })
  const { reportId, status } = await deps.journal.append({ tenantId, deviceId, report, source: vocabulary, actor })
  return { deviceId, reportId, status, sections: STATE_SECTIONS.filter((section) => report[section] !== undefined), skipped }
}

async function findPhone (db: Database, { tenantId, vocabulary, device }: IngestInput, names: PhoneNames): Promise<IngestDevice> {
  const platforms = VOCABULARY_PLATFORMS[vocabulary]
  const found = device === undefined
    ? await findNamed(db, tenantId, names, platforms)
    : await findReferenced(db, tenantId, device)
  if (!platforms.includes(found.platform)) throw new UnprocessableError(`The phone is of platform ${found.platform}, of which ${vocabulary} cannot speak.`)
  // Nobody is told of such a phone's level any more.
  if (found.revoked || found.retired) throw new ConflictError(`The phone was ${found.revoked ? 'revoked' : 'retired, because it enrolled anew'}; reports of it are no longer taken.`)
  return found
}

async function findReferenced (db: Database, tenantId: string, reference: string): Promise<IngestDevice> {
  const row = await findDeviceRow(db, tenantId, reference)
  if (row === undefined) throw new NotFoundError('There is no such device.')
  return { deviceId: row.id, platform: row.platform as IngestDevice['platform'], revoked: row.revoked_at !== null, retired: row.retired_at !== null }
}

/** The surest name first; a name that leads nowhere is not made up for by a weaker one. */
const NAMES = [['entraDeviceId', 'Entra device id'], ['intuneDeviceId', 'Intune device id'], ['serialNumber', 'serial number']] as const

async function findNamed (db: Database, tenantId: string, names: PhoneNames, platforms: readonly IngestDevice['platform'][]): Promise<IngestDevice> {
  for (const [name, words] of NAMES) {
    const value = names[name]
    if (value === undefined || value.includes('\0')) continue
    const [found, another] = await listDevicesNamed(db, { tenantId, name, value, platforms })
    const shown = value.slice(0, 64)
    if (found === undefined) throw new NotFoundError(`No phone here has the ${words} ${shown}.`)
    if (another !== undefined) throw new UnprocessableError(`Several phones have the ${words} ${shown}: say which with ?device=.`)
    return found
  }
  throw new UnprocessableError('The content does not say which phone it is about: say it with ?device=.')
}
