import { randomUUID } from 'node:crypto'
import { readFeedBounds, sequenceStateChanges } from '../../devices/state-change-repository.js'
import { ConflictError, type FieldFault, InvalidInputError, NotFoundError, UnprocessableError } from '../../errors.js'
import type { AddressGuard } from '../../platform/address-guard.js'
import type { Database, Tx } from '../../platform/database.js'
import { recordAudit } from '../../platform/record-audit.js'
import type { SecretBox } from '../../platform/secret-box.js'
import type { Limit } from '../derive/compliance.js'
import { EVENTS_SUPPORTED, eventsDelivered, streamEvent, VERIFICATION } from '../derive/set-events.js'
import { type DestinationStatus, secretContext, type Stream, type StreamSettings } from '../destination.js'
import { countDestinations, deleteDestination, insertDestination, listStreams, lockDestination, lockDestinations, noteVerification, updateDestination, updateStatus } from '../destination-repository.js'
import { openSecret } from '../run-destination.js'
import { faultInUrl } from '../send/address.js'
import { deleteWaiting, insertSignals } from '../signal-repository.js'
import { audienceOf, issuerOf, pollUrlOf } from './addresses.js'
import { POLL, PUSH } from './metadata.js'
import type { SetSigner } from './set-keys.js'

export interface StreamsDeps {
  readonly db: Database
  readonly secrets: SecretBox | undefined
  readonly guard: AddressGuard
  readonly publicUrl: () => string
  readonly signer: SetSigner
}

/** Whose streams: a receiver sees its own. It is known by the name of its API keys, so that a key can be replaced by another. */
export interface Receiver {
  readonly tenantId: string
  readonly name: string
  /** What the audit log calls whoever came. */
  readonly actor: string
}

export interface Delivery {
  readonly method: string
  readonly endpoint_url?: string | undefined
  readonly authorization_header?: string | undefined
}

/** What receivers say of a stream, as the specification names it. */
export interface StreamInput {
  readonly delivery?: Delivery | undefined
  readonly events_requested?: readonly string[] | undefined
  readonly description?: string | undefined
  /** Ours: the least level at which a phone is not compliant. */
  readonly not_compliant_from?: Limit | undefined
}

/** What the transmitter says; a receiver may send it back, but not change it. */
export interface TransmitterSupplied {
  readonly iss?: unknown
  readonly aud?: unknown
  readonly events_supported?: unknown
  readonly events_delivered?: unknown
  readonly min_verification_interval?: unknown
  readonly inactivity_timeout?: unknown
}

export type StreamView = Awaited<ReturnType<typeof createStream>>

export const MIN_VERIFICATION_SECONDS = 60
export const MAX_STREAMS = 10
const DEFAULT_LIMIT: Limit = 'medium'

/** Makes a stream; it begins with what happens from now on. @throws InvalidInputError, ConflictError, UnprocessableError without SECRETS_KEY */
export async function createStream (deps: StreamsDeps, receiver: Receiver, input: StreamInput) {
  await deps.signer.makeReady()
  const delivery = readDelivery(deps, input.delivery)
  await sequenceStateChanges(deps.db)
  const id = randomUUID()
  await deps.db.transaction().execute(async (tx) => {
    await lockDestinations(tx, receiver.tenantId)
    if (await countDestinations(tx, receiver.tenantId, receiver.name) >= MAX_STREAMS) throw new ConflictError(`You have ${MAX_STREAMS} streams already.`)
    await insertDestination(tx, {
      id,
      tenantId: receiver.tenantId,
      kind: 'ssf',
      name: input.description ?? receiver.name,
      receiver: receiver.name,
      url: delivery.url,
      settings: settingsOf(input, delivery),
      secret: seal(deps, id, delivery),
      position: (await readFeedBounds(tx, receiver.tenantId)).latest
    })
    await audit(tx, receiver, 'stream.created', id, { method: delivery.method, url: placeOf(delivery.url) })
  })
  return await getStream(deps, receiver, id)
}

/** @throws NotFoundError */
export async function getStream (deps: StreamsDeps, receiver: Receiver, id: string) {
  const [stream] = await listStreams(deps.db, receiver.tenantId, receiver.name, id)
  if (stream === undefined) throw noStream()
  return toView(deps, stream)
}

export async function listOwnStreams (deps: StreamsDeps, { tenantId, name }: Receiver): Promise<StreamView[]> {
  return (await listStreams(deps.db, tenantId, name)).map((stream) => toView(deps, stream))
}

/**
 * Changes what is named (`replace`: all, and what is left out is as if it were never said).
 * @throws InvalidInputError, NotFoundError
 */
export async function updateStream (deps: StreamsDeps, receiver: Receiver, id: string, input: StreamInput & TransmitterSupplied, { replace }: { readonly replace: boolean }) {
  await deps.db.transaction().execute(async (tx) => {
    const stream = await lockOwn(tx, receiver, id)
    refuseForeignChanges(toView(deps, stream), input)
    const kept = replace ? undefined : stream.settings
    const delivery = input.delivery === undefined && !replace ? undefined : readDelivery(deps, input.delivery)
    const settings: StreamSettings = {
      method: delivery?.method ?? stream.settings.method,
      eventsRequested: input.events_requested ?? kept?.eventsRequested ?? null,
      description: input.description ?? kept?.description ?? null,
      notCompliantFrom: input.not_compliant_from ?? kept?.notCompliantFrom ?? DEFAULT_LIMIT
    }
    await updateDestination(tx, id, {
      name: settings.description ?? receiver.name,
      settings,
      ...(delivery === undefined ? {} : { url: delivery.url, secret: seal(deps, id, delivery) })
    })
    await audit(tx, receiver, 'stream.changed', id, { method: settings.method, ...(delivery === undefined ? {} : { url: placeOf(delivery.url) }) })
  })
  return await getStream(deps, receiver, id)
}

/** @throws NotFoundError */
export async function deleteStream ({ db }: Pick<StreamsDeps, 'db'>, receiver: Receiver, id: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await lockOwn(tx, receiver, id)
    await deleteDestination(tx, receiver.tenantId, id)
    await audit(tx, receiver, 'stream.deleted', id, {})
  })
}

export interface StreamStatus {
  readonly stream_id: string
  readonly status: DestinationStatus
  readonly reason?: string
}

/** @throws NotFoundError */
export async function getStreamStatus ({ db }: Pick<StreamsDeps, 'db'>, { tenantId, name }: Receiver, id: string): Promise<StreamStatus> {
  const [stream] = await listStreams(db, tenantId, name, id)
  if (stream === undefined) throw noStream()
  return toStatus(stream)
}

/** Sets the status by the receiver's wish. @throws NotFoundError */
export async function setStreamStatus ({ db }: Pick<StreamsDeps, 'db'>, receiver: Receiver, id: string, status: DestinationStatus, reason?: string): Promise<StreamStatus> {
  await sequenceStateChanges(db)
  await db.transaction().execute(async (tx) => {
    const stream = await lockOwn(tx, receiver, id)
    await changeStatus(tx, stream, status, reason ?? null)
    await audit(tx, receiver, 'stream.status-changed', id, { status, reason: reason ?? null })
  })
  return await getStreamStatus({ db }, receiver, id)
}

/** A disabled destination drops what waits, and once enabled goes on with what happens from then on; a paused one keeps its place. */
export async function changeStatus (tx: Tx, { id, tenantId, status: before }: Pick<Stream, 'id' | 'tenantId' | 'status'>, status: DestinationStatus, reason: string | null): Promise<void> {
  if (status === 'disabled') await deleteWaiting(tx, id)
  const restarts = before === 'disabled' && status !== 'disabled'
  await updateStatus(tx, id, { status, reason, ...(restarts ? { position: (await readFeedBounds(tx, tenantId)).latest } : {}) })
}

/**
 * Puts a verification event into a stream, behind what waits.
 * @returns 0, or the seconds to wait because the last one was asked for just now
 * @throws NotFoundError, InvalidInputError for a disabled stream
 */
export async function verifyStream ({ db }: Pick<StreamsDeps, 'db'>, receiver: Receiver, id: string, state: string | undefined): Promise<number> {
  return await db.transaction().execute(async (tx) => {
    const stream = await lockOwn(tx, receiver, id)
    if (stream.status === 'disabled') throw new InvalidInputError([{ path: '/stream_id', message: 'is disabled; nothing is sent over it' }])
    const waitSeconds = await noteVerification(tx, id, MIN_VERIFICATION_SECONDS)
    if (waitSeconds === 0) await insertSignals(tx, id, [streamEvent(id, randomUUID(), VERIFICATION, state === undefined ? {} : { state }, new Date())])
    return waitSeconds
  })
}

/** One of the receiver's streams, locked. @throws NotFoundError */
export async function lockOwn (tx: Tx, { tenantId, name }: Receiver, id: string): Promise<Stream> {
  const found = await lockDestination(tx, tenantId, id)
  if (found?.kind !== 'ssf' || found.receiver !== name) throw noStream()
  return found
}

export const noStream = (): Error => new NotFoundError('There is no such stream.')

interface ReadDelivery {
  readonly method: StreamSettings['method']
  readonly url: string | null
  readonly authorization: string | undefined
}

function readDelivery ({ guard, secrets }: StreamsDeps, delivery: Delivery | undefined): ReadDelivery {
  // Without a word, a receiver polls (SSF 1.0, section 8.1.1.1). Where it polls is ours to say.
  if (delivery === undefined || delivery.method === POLL) return { method: 'poll', url: null, authorization: undefined }
  const faults: FieldFault[] = []
  const { method, endpoint_url: url, authorization_header: authorization } = delivery
  if (method !== PUSH) faults.push({ path: '/delivery/method', message: `must be ${PUSH} or ${POLL}` })
  if (url === undefined) {
    faults.push({ path: '/delivery/endpoint_url', message: 'is required for delivery by push' })
  } else {
    const fault = faultInUrl(url, guard)
    if (fault !== undefined) faults.push({ path: '/delivery/endpoint_url', message: fault })
  }
  if (faults.length > 0) throw new InvalidInputError(faults, 'The stream')
  if (authorization !== undefined && secrets === undefined) throw new UnprocessableError('An authorization header can only be kept with SECRETS_KEY set; see the configuration.')
  return { method: 'push', url: url!, authorization }
}

const settingsOf = (input: StreamInput, { method }: ReadDelivery): StreamSettings => ({
  method,
  eventsRequested: input.events_requested ?? null,
  description: input.description ?? null,
  notCompliantFrom: input.not_compliant_from ?? DEFAULT_LIMIT
})

function seal ({ secrets }: StreamsDeps, id: string, { url, authorization }: ReadDelivery): Buffer | null {
  return authorization === undefined ? null : secrets!.seal(JSON.stringify({ authorization }), secretContext({ id, kind: 'ssf', url }))
}

/** @throws InvalidInputError when the receiver would change what is the transmitter's to say */
function refuseForeignChanges (view: StreamView, input: TransmitterSupplied): void {
  const names = ['iss', 'aud', 'events_supported', 'events_delivered', 'min_verification_interval', 'inactivity_timeout'] as const
  const faults = names.filter((name) => input[name] !== undefined && !isSame(input[name], (view as TransmitterSupplied)[name]))
    .map((name) => ({ path: `/${name}`, message: 'is the transmitter\'s to say, and not this' }))
  if (faults.length > 0) throw new InvalidInputError(faults, 'The stream')
}

/** Of lists the order does not count. */
function isSame (one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) return JSON.stringify([...one].map(String).sort()) === JSON.stringify([...other].map(String).sort())
  return one === other
}

function toView (deps: StreamsDeps, stream: Stream) {
  const { id, settings, url } = stream
  const publicUrl = deps.publicUrl()
  return {
    stream_id: id,
    iss: issuerOf(publicUrl, stream.tenantId),
    aud: audienceOf(publicUrl, stream),
    events_supported: [...EVENTS_SUPPORTED],
    ...(settings.eventsRequested === null ? {} : { events_requested: [...settings.eventsRequested] }),
    events_delivered: eventsDelivered(settings),
    delivery: settings.method === 'poll'
      ? { method: POLL, endpoint_url: pollUrlOf(publicUrl, stream) }
      // What it said itself, so that it may send back what it read; only it can read this.
      : { method: PUSH, endpoint_url: url!, ...openSecretOf(deps, stream) },
    min_verification_interval: MIN_VERIFICATION_SECONDS,
    ...(settings.description === null ? {} : { description: settings.description }),
    not_compliant_from: settings.notCompliantFrom
  }
}

function openSecretOf ({ secrets }: StreamsDeps, stream: Stream): { authorization_header?: string } {
  const { authorization } = openSecret(secrets, stream)
  return authorization === undefined ? {} : { authorization_header: authorization }
}

const toStatus = ({ id, status, statusReason }: Stream): StreamStatus => ({ stream_id: id, status, ...(statusReason === null ? {} : { reason: statusReason }) })

/** An address without what may be secret in it. */
export const placeOf = (url: string | null): string | null => url === null ? null : url.replace(/[?#].*$/s, '')

async function audit (tx: Tx, { tenantId, actor }: Receiver, action: string, subject: string, detail: Readonly<Record<string, unknown>>): Promise<void> {
  await recordAudit(tx, { tenantId, actor, action, subject, detail })
}
