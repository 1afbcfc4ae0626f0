import type { Logger } from 'pino'
import type { AddressGuard } from '../platform/address-guard.js'
import type { SecretBox } from '../platform/secret-box.js'
import type { Destination, DestinationSecret } from './destination.js'
import { secretContext } from './destination.js'
import type { SetClaims } from './derive/set-events.js'
import { type ClaimedDestination, lockDestination, releaseDestination, updateStatus } from './destination-repository.js'
import { fanOut, type FanOutDeps } from './fan-out.js'
import { destinationRetryMs, signalRetryMs } from './schedule.js'
import { createOcsfSender } from './send/ocsf-sender.js'
import type { Outcomes, Sender } from './send/outcome.js'
import { createPoster, type Poster, type PostLimits } from './send/poster.js'
import { createPushSender } from './send/push-sender.js'
import { createSyslogSender } from './send/syslog-sender.js'
import { createWebhookSender } from './send/webhook-sender.js'
import { buryWaiting, deleteSignals, hurryWaiting, listDue, saveFailedAttempts, type WaitingSignal } from './signal-repository.js'
import { audienceOf, issuerOf } from './ssf/addresses.js'
import type { SetSigner } from './ssf/set-keys.js'

export interface RunDestinationDeps extends FanOutDeps {
  readonly log: Logger
  readonly guard: AddressGuard
  readonly secrets: SecretBox | undefined
  readonly signer: SetSigner
  readonly publicUrl: () => string
  /** Shared by all that need no authorities of their own. */
  readonly poster: Poster
  readonly userAgent: string
  readonly limits?: Partial<PostLimits>
  /** Told of every attempt. */
  readonly onOutcome?: (kind: Destination['kind'], outcome: 'delivered' | 'refused' | 'failed' | 'gone' | 'dead') => void
}

/** Then others have their turn. */
const RUN_MS = 10_000
const AT_ONCE = 100
/** A webhook that fails for so long is disabled, as Standard Webhooks recommends. */
export const DISABLE_AFTER_MS = 5 * 24 * 3_600_000
const MAX_ERROR_LENGTH = 500

/**
 * Tells one destination what it is to be told, in the order of the feed, until nothing is due,
 * it fails, or its time is up. What was told is forgotten only then: a process that dies in
 * between leaves it to be told again, with the same id.
 */
export async function runDestination (deps: RunDestinationDeps, claimed: ClaimedDestination, stop: AbortSignal): Promise<void> {
  const { destination } = claimed
  const end = performance.now() + RUN_MS
  let delivered = 0
  let failure: { readonly error: string, readonly retryInMs: number } | undefined
  let note: string | undefined
  let recovering = destination.failures > 0
  let sender: Sender | undefined
  try {
    sender = createSender(deps, destination)
    while (performance.now() < end && failure === undefined) {
      const { changes, missed } = await fanOut(deps, destination)
      if (missed > 0) deps.log.warn({ destinationId: destination.id, tenantId: destination.tenantId, missed }, 'changes were deleted before a destination of signals was told of them')
      const due = await listDue(deps.db, destination.id, AT_ONCE)
      if (due.length === 0) {
        if (changes === 0) break
        continue
      }
      const saved = await saveOutcomes(deps, destination, due, await sender.send(due, stop))
      delivered += saved.delivered
      failure = saved.failure
      note = saved.note ?? note
      if (saved.delivered > 0 && recovering) {
        // It is back: what waits for its next attempt need not wait any longer.
        await hurryWaiting(deps.db, destination.id)
        recovering = false
      }
    }
  } catch (error) {
    if (!stop.aborted) throw error
  } finally {
    await sender?.close()
    await releaseDestination(deps.db, claimed, { delivered, failure, ...(note === undefined ? {} : { note }) })
  }
}

interface Saved {
  readonly delivered: number
  readonly failure: { readonly error: string, readonly retryInMs: number } | undefined
  readonly note: string | undefined
}

async function saveOutcomes (deps: RunDestinationDeps, destination: Destination, due: readonly WaitingSignal[], outcomes: Outcomes): Promise<Saved> {
  const { db, log, onOutcome } = deps
  const { id, kind } = destination
  const of = (status: string): WaitingSignal[] => due.filter((signal) => outcomes.get(signal.id)?.status === status)
  const errorOf = (signalId: string): string => {
    const outcome = outcomes.get(signalId)
    return (outcome === undefined || outcome.status === 'delivered' ? '' : outcome.error).slice(0, MAX_ERROR_LENGTH)
  }
  for (const { status } of outcomes.values()) onOutcome?.(kind, status)

  const delivered = await deleteSignals(db, id, of('delivered').map((signal) => signal.id))
  const attempts = [
    ...of('refused').map(({ id }) => ({ id, error: errorOf(id), retryInMs: undefined })),
    ...of('failed').map(({ id, attempts }) => {
      const outcome = outcomes.get(id)!
      const aboutSignal = outcome.status === 'failed' && outcome.aboutSignal === true
      return { id, error: errorOf(id), retryInMs: signalRetryMs(kind, attempts + 1, aboutSignal, outcome.status === 'failed' ? outcome.retryAfterMs : undefined) }
    })
  ]
  await saveFailedAttempts(db, id, attempts)
  const dead = attempts.filter(({ retryInMs }) => retryInMs === undefined)
  for (const { id: signalId, error } of dead) {
    onOutcome?.(kind, 'dead')
    log.warn({ destinationId: id, tenantId: destination.tenantId, kind, signalId, error }, 'a signal could not be told and was set aside')
  }

  const [gone] = of('gone')
  if (gone !== undefined) {
    await disable(deps, destination, errorOf(gone.id))
    return { delivered, failure: { error: errorOf(gone.id), retryInMs: 0 }, note: undefined }
  }
  const failed = [...outcomes.values()].filter((outcome) => outcome.status === 'failed' && outcome.aboutSignal !== true)
  const [first] = failed
  if (first === undefined || first.status !== 'failed') return { delivered, failure: undefined, note: attempts.at(-1)?.error }
  const retryAfterMs = failed.reduce((most, one) => Math.max(most, one.status === 'failed' ? one.retryAfterMs ?? 0 : 0), 0)
  const error = first.error.slice(0, MAX_ERROR_LENGTH)
  if (kind === 'webhook' && delivered === 0 && destination.failingSince !== null && Date.now() - destination.failingSince.getTime() > DISABLE_AFTER_MS) {
    await disable(deps, destination, `it has failed since ${destination.failingSince.toISOString()}: ${error}`)
  }
  return { delivered, failure: { error, retryInMs: destinationRetryMs(destination.failures + 1, retryAfterMs) }, note: undefined }
}

/** What it has not been told is set aside for an operator to send again. */
async function disable ({ db, log }: RunDestinationDeps, { id, tenantId }: Destination, reason: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (await lockDestination(tx, tenantId, id) === undefined) return
    await updateStatus(tx, id, { status: 'disabled', reason })
    await buryWaiting(tx, id, reason)
  })
  log.warn({ destinationId: id, tenantId, reason }, 'a destination of signals was disabled')
}

function createSender (deps: RunDestinationDeps, destination: Destination): Sender {
  const { poster, publicUrl, signer } = deps
  const url = destination.url!
  const secret = openSecret(deps.secrets, destination)
  switch (destination.kind) {
    case 'ssf': {
      const issuer = issuerOf(publicUrl(), destination.tenantId)
      const audience = audienceOf(publicUrl(), destination)
      return createPushSender({ url, poster, authorization: secret.authorization, sign: async ({ id, body }) => await signer.sign(body as SetClaims, { id, issuer, audience }) })
    }
    case 'webhook':
      return createWebhookSender({ url, poster, signing: secret.signing ?? [] })
    case 'ocsf-https': {
      const { caCertificate: ca, format } = destination.settings
      return createOcsfSender({ url, authorization: secret.authorization, format, poster: createPoster({ ...deps, ca: ca ?? undefined }) })
    }
    case 'ocsf-syslog':
      return createSyslogSender({ url, guard: deps.guard, ca: destination.settings.caCertificate ?? undefined, ...(deps.limits === undefined ? {} : { limits: deps.limits }) })
  }
}

/** What a destination is signed or sent with. @throws when no key of SECRETS_KEY opens it */
export function openSecret (secrets: SecretBox | undefined, destination: Destination): DestinationSecret {
  if (destination.secret === null) return {}
  if (secrets === undefined) throw new Error('SECRETS_KEY is not set, so what the receiver asks for cannot be read')
  return JSON.parse(secrets.open(destination.secret, secretContext(destination))) as DestinationSecret
}
