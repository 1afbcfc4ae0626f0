import { X509Certificate, randomBytes, randomUUID } from 'node:crypto'
import type { Page, PageInput } from '../devices/cursor.js'
import { readFeedBounds, sequenceStateChanges } from '../devices/state-change-repository.js'
import { ConflictError, type FieldFault, InvalidInputError, NotFoundError, UnprocessableError } from '../errors.js'
import type { AddressGuard } from '../platform/address-guard.js'
import type { Database, Tx } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import type { SecretBox } from '../platform/secret-box.js'
import type { Limit } from './derive/compliance.js'
import { ocsfTest } from './derive/ocsf-events.js'
import { WEBHOOK_EVENTS, WEBHOOK_TEST } from './derive/webhook-events.js'
import { type Destination, type DestinationKind, type DestinationSecret, type DestinationStatus, type NewSignal, type OcsfSettings, secretContext, type SettingsOf, type WebhookSettings } from './destination.js'
import { countDestinations, deleteDestination, insertDestination, listDestinations, lockDestination, lockDestinations, type StoredDestination, updateDestination } from './destination-repository.js'
import { openSecret } from './run-destination.js'
import { faultInUrl } from './send/address.js'
import { SYSLOG_PROTOCOLS } from './send/syslog-sender.js'
import { SECRET_PREFIX } from './send/webhook-sender.js'
import { type DeadLetter, insertSignals, pageDeadLetters, reviveDeadLetters } from './signal-repository.js'
import { changeStatus, placeOf } from './ssf/manage-streams.js'

export interface DestinationsDeps {
  readonly db: Database
  readonly secrets: SecretBox | undefined
  readonly guard: AddressGuard
  readonly version: string
}

/** The kinds that operators make; streams are made by their receivers. */
export const MADE_KINDS = ['webhook', 'ocsf-https', 'ocsf-syslog'] as const
export type MadeKind = (typeof MADE_KINDS)[number]

/** What can be said of a destination; which of it a kind knows is checked. */
export interface DestinationInput {
  readonly name?: string | undefined
  readonly url?: string | undefined
  readonly eventTypes?: readonly string[] | null | undefined
  readonly authorization?: string | undefined
  readonly caCertificate?: string | null | undefined
  readonly format?: OcsfSettings['format'] | undefined
  readonly notCompliantFrom?: Limit | undefined
  readonly status?: DestinationStatus | undefined
  readonly statusReason?: string | undefined
}

/** A destination as operators see it: without what is secret. Times in ISO 8601. */
export interface DestinationView {
  readonly id: string
  readonly kind: DestinationKind
  readonly name: string
  readonly receiver: string | null
  readonly url: string | null
  readonly eventTypes: readonly string[] | null
  readonly format: string | null
  readonly notCompliantFrom: string | null
  readonly caCertificate: boolean
  /** Whether something is sent to prove who we are. */
  readonly authorization: boolean
  readonly status: DestinationStatus
  readonly statusReason: string | null
  readonly createdAt: string
  readonly delivered: number
  readonly waiting: number
  readonly oldestWaitingSince: string | null
  readonly dead: number
  readonly missed: number
  readonly failures: number
  readonly failingSince: string | null
  readonly retryAt: string
  readonly lastSuccessAt: string | null
  readonly lastError: string | null
  readonly lastErrorAt: string | null
}

export const MAX_DESTINATIONS = 100
/** Standard Webhooks: between 24 and 64 bytes. */
const SECRET_BYTES = 32
/** So long a webhook is signed with its old secret as well. */
export const ROTATION_OVERLAP_MS = 24 * 3_600_000
const DEFAULT_LIMIT: Limit = 'medium'
const KNOWN: Readonly<Record<DestinationKind, ReadonlyArray<keyof DestinationInput>>> = {
  ssf: ['notCompliantFrom', 'status', 'statusReason'],
  webhook: ['name', 'url', 'eventTypes', 'status', 'statusReason'],
  'ocsf-https': ['name', 'url', 'authorization', 'caCertificate', 'format', 'notCompliantFrom', 'status', 'statusReason'],
  'ocsf-syslog': ['name', 'url', 'caCertificate', 'notCompliantFrom', 'status', 'statusReason']
}

/** All of a tenant's, also the streams of its receivers. */
export async function listAllDestinations ({ db }: Pick<DestinationsDeps, 'db'>, tenantId: string): Promise<DestinationView[]> {
  return (await listDestinations(db, tenantId)).map(toView)
}

/** @throws NotFoundError */
export async function getDestination ({ db }: Pick<DestinationsDeps, 'db'>, { tenantId, id }: { readonly tenantId: string, readonly id: string }): Promise<DestinationView> {
  const [found] = await listDestinations(db, tenantId, id)
  if (found === undefined) throw noDestination()
  return toView(found)
}

export interface CreateInput extends DestinationInput {
  readonly tenantId: string
  readonly kind: MadeKind
  readonly name: string
  readonly url: string
  readonly actor: string
}

/**
 * Makes a destination, which is told of what happens from now on. A webhook's `secret` is answered this once.
 * @throws InvalidInputError naming every fault, ConflictError, UnprocessableError when a secret cannot be kept
 */
export async function createDestination (deps: DestinationsDeps, { tenantId, kind, actor, ...input }: CreateInput): Promise<DestinationView & { readonly secret?: string }> {
  checkInput(deps, kind, input)
  const id = randomUUID()
  const signing = kind === 'webhook' ? newSecret() : undefined
  const secret: DestinationSecret | undefined = signing === undefined
    ? input.authorization === undefined ? undefined : { authorization: input.authorization }
    : { signing: [{ secret: signing, untilMs: null }] }
  await sequenceStateChanges(deps.db)
  await deps.db.transaction().execute(async (tx) => {
    await lockDestinations(tx, tenantId)
    if (await countDestinations(tx, tenantId) >= MAX_DESTINATIONS) throw new ConflictError(`There are ${MAX_DESTINATIONS} destinations already.`)
    await insertDestination<DestinationKind>(tx, {
      id, tenantId, kind, name: input.name, receiver: null, url: input.url,
      settings: settingsOf(kind, input, undefined),
      secret: seal(deps, { id, kind, url: input.url }, secret),
      position: (await readFeedBounds(tx, tenantId)).latest
    })
    await audit(tx, tenantId, actor, 'created', id, { kind, name: input.name, url: placeOf(input.url) })
  })
  return { ...await getDestination(deps, { tenantId, id }), ...(signing === undefined ? {} : { secret: signing }) }
}

export interface ChangeInput extends DestinationInput {
  readonly tenantId: string
  readonly id: string
  readonly actor: string
}

/**
 * Changes what is named. An address with another host needs its authorization anew: what was meant for one must not be sent to another.
 * @throws InvalidInputError, NotFoundError, UnprocessableError
 */
export async function changeDestination (deps: DestinationsDeps, { tenantId, id, actor, ...input }: ChangeInput): Promise<DestinationView> {
  await sequenceStateChanges(deps.db)
  await deps.db.transaction().execute(async (tx) => {
    const found = await lockDestination(tx, tenantId, id)
    if (found === undefined) throw noDestination()
    checkInput(deps, found.kind, input)
    const url = input.url ?? found.url
    const isMoved = secretContext({ ...found, url }) !== secretContext(found)
    if (isMoved && found.secret !== null && input.authorization === undefined) {
      throw new InvalidInputError([{ path: '/authorization', message: 'must be given again, because the address leads elsewhere' }], 'The destination')
    }
    const { status, statusReason, ...rest } = input
    if (Object.values(rest).some((value) => value !== undefined)) {
      await updateDestination(tx, id, {
        url,
        ...(input.name === undefined ? {} : { name: input.name }),
        settings: settingsOf(found.kind, input, found.settings),
        ...(input.authorization === undefined ? {} : { secret: seal(deps, { id, kind: found.kind, url }, { authorization: input.authorization }) })
      })
    }
    if (status !== undefined) await changeStatus(tx, found, status, statusReason ?? null)
    await audit(tx, tenantId, actor, 'changed', id, {
      fields: Object.keys(input).filter((name) => input[name as keyof DestinationInput] !== undefined),
      ...(status === undefined ? {} : { status }),
      ...(input.url === undefined ? {} : { url: placeOf(input.url) })
    })
  })
  return await getDestination(deps, { tenantId, id })
}

interface Which {
  readonly tenantId: string
  readonly id: string
  readonly actor: string
}

/** Ends a destination; what it was not told yet goes with it. @throws NotFoundError */
export async function removeDestination ({ db }: Pick<DestinationsDeps, 'db'>, { tenantId, id, actor }: Which): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const gone = await deleteDestination(tx, tenantId, id)
    if (gone === undefined) throw noDestination()
    await audit(tx, tenantId, actor, 'deleted', id, { kind: gone.kind, name: gone.name })
  })
}

/**
 * Gives a webhook a new secret, answered this once. For a day it is signed with the old one as well.
 * @throws NotFoundError, UnprocessableError when it has none
 */
export async function rotateSecret (deps: DestinationsDeps, { tenantId, id, actor }: Which): Promise<{ readonly secret: string, readonly previousUntil: string }> {
  const untilMs = Date.now() + ROTATION_OVERLAP_MS
  const secret = newSecret()
  await deps.db.transaction().execute(async (tx) => {
    const found = await lockDestination(tx, tenantId, id)
    if (found === undefined) throw noDestination()
    if (found.kind !== 'webhook') throw new UnprocessableError('Only a webhook has a secret of its own.')
    const [current] = openSecret(deps.secrets, found).signing ?? []
    await updateDestination(tx, id, { secret: seal(deps, found, { signing: [{ secret, untilMs: null }, ...(current === undefined ? [] : [{ secret: current.secret, untilMs }])] }) })
    await audit(tx, tenantId, actor, 'secret-rotated', id, {})
  })
  return { secret, previousUntil: new Date(untilMs).toISOString() }
}

/** Puts something in line that tells nothing of any phone. @throws NotFoundError, UnprocessableError for a stream, ConflictError unless it is enabled */
export async function testDestination ({ db, version }: DestinationsDeps, { tenantId, id, actor }: Which): Promise<{ readonly signalId: string }> {
  const signalId = randomUUID()
  await db.transaction().execute(async (tx) => {
    const found = await lockDestination(tx, tenantId, id)
    if (found === undefined) throw noDestination()
    if (found.kind === 'ssf') throw new UnprocessableError('A stream is tried by its receiver, which asks for verification.')
    if (found.status !== 'enabled') throw new ConflictError(`It is ${found.status}.`)
    await insertSignals(tx, id, [testSignal(found, signalId, version, new Date())])
    await audit(tx, tenantId, actor, 'tested', id, {})
  })
  return { signalId }
}

function testSignal ({ kind, tenantId }: Destination, id: string, version: string, now: Date): NewSignal {
  return kind === 'webhook'
    ? { id, deviceId: null, type: WEBHOOK_TEST, at: now, body: { type: WEBHOOK_TEST, timestamp: now.toISOString(), data: { tenantId } } }
    : ocsfTest(id, tenantId, version, now)
}

/** What could not be told, the last first. @throws NotFoundError, InvalidInputError */
export async function listDeadLetters (deps: Pick<DestinationsDeps, 'db'>, { tenantId, id, ...page }: PageInput & { readonly tenantId: string, readonly id: string }): Promise<Page<DeadLetter>> {
  await getDestination(deps, { tenantId, id })
  return await pageDeadLetters(deps.db, id, page)
}

/** Puts dead letters back in line, all or these. @throws NotFoundError, ConflictError while it is disabled */
export async function resendDeadLetters ({ db }: Pick<DestinationsDeps, 'db'>, { tenantId, id, actor, ids }: Which & { readonly ids: readonly string[] | undefined }): Promise<{ readonly resent: number }> {
  return await db.transaction().execute(async (tx) => {
    const found = await lockDestination(tx, tenantId, id)
    if (found === undefined) throw noDestination()
    if (found.status === 'disabled') throw new ConflictError('It is disabled; enable it first.')
    const resent = await reviveDeadLetters(tx, id, ids)
    await audit(tx, tenantId, actor, 'dead-letters-resent', id, { resent })
    return { resent }
  })
}

const noDestination = (): Error => new NotFoundError('There is no such destination.')
const newSecret = (): string => SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64')

/** @throws InvalidInputError naming every fault */
function checkInput ({ guard }: DestinationsDeps, kind: DestinationKind, input: DestinationInput): void {
  const faults: FieldFault[] = Object.entries(input)
    .filter(([name, value]) => value !== undefined && !KNOWN[kind].includes(name as keyof DestinationInput))
    .map(([name]) => ({ path: `/${name}`, message: kind === 'ssf' ? 'is its receiver\'s to say' : `is nothing that ${kind} knows` }))
  if (input.url !== undefined && KNOWN[kind].includes('url')) {
    const fault = faultInUrl(input.url, guard, kind === 'ocsf-syslog' ? SYSLOG_PROTOCOLS : {})
    if (fault !== undefined) faults.push({ path: '/url', message: fault })
  }
  for (const [at, type] of (input.eventTypes ?? []).entries()) {
    if (!WEBHOOK_EVENTS.includes(type)) faults.push({ path: `/eventTypes/${at}`, message: `must be one of ${WEBHOOK_EVENTS.join(', ')}` })
  }
  if (input.caCertificate != null && !isCertificate(input.caCertificate)) faults.push({ path: '/caCertificate', message: 'must be certificates in PEM' })
  if (faults.length > 0) throw new InvalidInputError(faults, 'The destination')
}

function isCertificate (pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

/** What is not named stays as it was. */
function settingsOf (kind: DestinationKind, input: DestinationInput, before: Destination['settings'] | undefined): SettingsOf[DestinationKind] {
  if (kind === 'ssf') return { ...before as SettingsOf['ssf'], ...(input.notCompliantFrom === undefined ? {} : { notCompliantFrom: input.notCompliantFrom }) }
  if (kind === 'webhook') return { eventTypes: input.eventTypes === undefined ? (before as WebhookSettings | undefined)?.eventTypes ?? null : input.eventTypes }
  const ocsf = before as OcsfSettings | undefined
  return {
    notCompliantFrom: input.notCompliantFrom ?? ocsf?.notCompliantFrom ?? DEFAULT_LIMIT,
    caCertificate: input.caCertificate === undefined ? ocsf?.caCertificate ?? null : input.caCertificate,
    format: input.format ?? ocsf?.format ?? 'array'
  }
}

function seal ({ secrets }: DestinationsDeps, where: Pick<Destination, 'id' | 'kind' | 'url'>, secret: DestinationSecret | undefined): Buffer | null {
  if (secret === undefined) return null
  if (secrets === undefined) throw new UnprocessableError('A secret can only be kept with SECRETS_KEY set; see the configuration.')
  return secrets.seal(JSON.stringify(secret), secretContext(where))
}

function toView ({ destination, ...stored }: StoredDestination): DestinationView {
  const { kind, settings } = destination
  return {
    id: destination.id,
    kind,
    name: destination.name,
    receiver: destination.receiver,
    url: destination.url,
    eventTypes: kind === 'webhook' ? settings.eventTypes : null,
    format: kind === 'ocsf-https' ? settings.format : null,
    notCompliantFrom: kind === 'webhook' ? null : settings.notCompliantFrom,
    caCertificate: (kind === 'ocsf-https' || kind === 'ocsf-syslog') && settings.caCertificate !== null,
    authorization: kind !== 'webhook' && destination.secret !== null,
    status: destination.status,
    statusReason: destination.statusReason,
    createdAt: stored.createdAt.toISOString(),
    delivered: stored.delivered,
    waiting: stored.waiting,
    oldestWaitingSince: stored.oldestWaitingSince?.toISOString() ?? null,
    dead: stored.dead,
    missed: stored.missed,
    failures: destination.failures,
    failingSince: destination.failingSince?.toISOString() ?? null,
    retryAt: stored.retryAt.toISOString(),
    lastSuccessAt: stored.lastSuccessAt?.toISOString() ?? null,
    lastError: stored.lastError,
    lastErrorAt: stored.lastErrorAt?.toISOString() ?? null
  }
}

async function audit (tx: Tx, tenantId: string, actor: string, what: string, subject: string, detail: Readonly<Record<string, unknown>>): Promise<void> {
  await recordAudit(tx, { tenantId, actor, action: `signal-destination.${what}`, subject, detail })
}
