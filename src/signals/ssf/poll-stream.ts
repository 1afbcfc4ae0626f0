import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { UUID_PART } from '../../devices/cursor.js'
import { readFeedBounds, sequenceStateChanges } from '../../devices/state-change-repository.js'
import { ConflictError } from '../../errors.js'
import type { SetClaims } from '../derive/set-events.js'
import type { Stream } from '../destination.js'
import { listStreams, noteReceived } from '../destination-repository.js'
import { fanOut, type FanOutDeps } from '../fan-out.js'
import { deleteSignals, listWaiting, saveFailedAttempts, type WaitingSignal } from '../signal-repository.js'
import { audienceOf, issuerOf } from './addresses.js'
import { noStream, type Receiver } from './manage-streams.js'
import type { SetSigner } from './set-keys.js'

export interface PollStreamDeps extends FanOutDeps {
  readonly log: Logger
  readonly signer: SetSigner
  readonly publicUrl: () => string
  /** How long an answer may be held back until there is something; 20 seconds. */
  readonly longPollMs?: number
}

/** A poll (RFC 8936, section 2.4). */
export interface PollInput {
  readonly maxEvents?: number | undefined
  readonly returnImmediately?: boolean | undefined
  readonly ack?: readonly string[] | undefined
  readonly setErrs?: Readonly<Record<string, { readonly err: string, readonly description?: string | undefined }>> | undefined
}

export interface PollAnswer {
  /** Tokens by their `jti`. */
  readonly sets: Readonly<Record<string, string>>
  readonly moreAvailable: boolean
}

export const MAX_EVENTS = 100
const LONG_POLL_MS = 20_000
const LOOK_EVERY_MS = 500
const MAX_ERROR_LENGTH = 500
/** Polls that wait in this process, and those of one receiver among them; beyond them a poll is answered at once. Each asks the database twice a second. */
const MAX_LONG_POLLS = 500
const MAX_OF_RECEIVER = 16
let longPolls = 0
const longPollsOf = new Map<string, number>()

/**
 * Takes what was acknowledged or refused out of a stream, and answers the next tokens: the same
 * until they are acknowledged. Waits for some, unless told not to, or `stop` ends it.
 * @throws NotFoundError, ConflictError for a stream that is pushed
 */
export async function pollStream (deps: PollStreamDeps, receiver: Receiver, id: string, input: PollInput, stop: AbortSignal): Promise<PollAnswer> {
  const stream = await findPolled(deps, receiver, id)
  await settle(deps, stream, input)
  const maxEvents = Math.min(input.maxEvents ?? MAX_EVENTS, MAX_EVENTS)
  if (maxEvents === 0) return { sets: {}, moreAvailable: false }

  const untilMs = performance.now() + (deps.longPollMs ?? LONG_POLL_MS)
  let found = await next(deps, stream, maxEvents)
  const caller = `${receiver.tenantId} ${receiver.name}`
  const ofCaller = longPollsOf.get(caller) ?? 0
  const mayWait = input.returnImmediately !== true && longPolls < MAX_LONG_POLLS && ofCaller < MAX_OF_RECEIVER
  if (found.length === 0 && mayWait) {
    longPolls++
    longPollsOf.set(caller, ofCaller + 1)
    try {
      while (found.length === 0 && performance.now() < untilMs && !stop.aborted) {
        await sleep(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => {})
        found = await next(deps, await findPolled(deps, receiver, id), maxEvents)
      }
    } finally {
      longPolls--
      const left = longPollsOf.get(caller)! - 1
      if (left === 0) longPollsOf.delete(caller)
      else longPollsOf.set(caller, left)
    }
  }
  const sets: Record<string, string> = {}
  const about = { issuer: issuerOf(deps.publicUrl(), stream.tenantId), audience: audienceOf(deps.publicUrl(), stream) }
  for (const signal of found.slice(0, maxEvents)) sets[signal.id] = await deps.signer.sign(signal.body as SetClaims, { id: signal.id, ...about })
  return { sets, moreAvailable: found.length > maxEvents }
}

async function findPolled ({ db }: PollStreamDeps, { tenantId, name }: Receiver, id: string): Promise<Stream> {
  const [stream] = await listStreams(db, tenantId, name, id)
  if (stream === undefined) throw noStream()
  if (stream.settings.method !== 'poll') throw new ConflictError('This stream is pushed to its receiver; it cannot be polled.')
  return stream
}

async function settle ({ db, log }: PollStreamDeps, { id, tenantId }: Stream, { ack = [], setErrs = {} }: PollInput): Promise<void> {
  await noteReceived(db, id, await deleteSignals(db, id, ack.filter(isId)))
  const refused = Object.entries(setErrs).filter(([jti]) => isId(jti)).map(([jti, { err, description }]) =>
    ({ id: jti.toLowerCase(), error: `${err}${description === undefined ? '' : `: ${description}`}`.slice(0, MAX_ERROR_LENGTH), retryInMs: undefined }))
  const known = await saveFailedAttempts(db, id, refused)
  for (const { id: signalId, error } of refused) {
    if (known.has(signalId)) log.warn({ destinationId: id, tenantId, signalId, error }, 'a receiver refused a security event token')
  }
}

/** Tokens that others made up are not ours to find. */
const isId = (jti: string): boolean => UUID_PART.test(jti.toLowerCase())

/** What comes next, one more than asked for if there is more; nothing while the stream is not enabled. */
async function next (deps: PollStreamDeps, stream: Stream, maxEvents: number): Promise<WaitingSignal[]> {
  const { db } = deps
  if (stream.status !== 'enabled') return []
  await sequenceStateChanges(db)
  for (let waiting = await listWaiting(db, stream.id, maxEvents + 1); ; waiting = await listWaiting(db, stream.id, maxEvents + 1)) {
    if (waiting.length > maxEvents) return waiting
    const { latest } = await readFeedBounds(db, stream.tenantId)
    if (latest <= stream.position && waiting.length > 0) return waiting
    const { changes, missed } = await fanOut(deps, stream)
    if (missed > 0) deps.log.warn({ destinationId: stream.id, tenantId: stream.tenantId, missed }, 'changes were deleted before a destination of signals was told of them')
    if (changes === 0) return await listWaiting(db, stream.id, maxEvents + 1)
  }
}
