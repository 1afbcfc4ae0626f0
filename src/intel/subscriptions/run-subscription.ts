import type { Logger } from 'pino'
import { InvalidInputError } from '../../errors.js'
import type { Database } from '../../platform/database.js'
import { backoffMs } from '../../platform/retry-delay.js'
import type { SecretBox } from '../../platform/secret-box.js'
import { findFeedChecksum } from '../feed-repository.js'
import type { ImportResult } from '../import-feed.js'
import type { ThreatClass } from '../indicators/indicator.js'
import { type AddressGuard, createAddressGuard } from '../../platform/address-guard.js'
import type { ProxyChoice } from './proxy-choice.js'
import { type Credentials, createFetcher, type FetchLimits } from './fetcher.js'
import { FetchError } from './fetch-error.js'
import { fetchFile } from './fetch-file.js'
import { type FetchDeps, LeaseLostError, type Offer } from './offer.js'
import { secretContext, type SecretHeader, type SubscriptionKind } from './subscription.js'
import { type ClaimedSubscription, releaseLease, renewLease, saveFailure, saveSuccess } from './subscription-repository.js'
import { syncCollection } from './sync-collection.js'
import { syncMispFolder } from './sync-misp-folder.js'

/** Makes a feed what this body says (src/intel/import-feed.ts). */
export type ImportSubscribed = (input: {
  readonly feed: string
  readonly format: string
  readonly body: readonly Buffer[]
  readonly threatClass?: ThreatClass | undefined
  readonly now: Date
  /** The body is put together by us from what is offered now: it is never an older copy. */
  readonly allowOlder: boolean
}) => Promise<ImportResult>

export interface RunSubscriptionDeps {
  readonly db: Database
  readonly importFeed: ImportSubscribed
  /** Judges addresses of subscriptions that may go inside; others go to public addresses only. */
  readonly guard: AddressGuard
  /** Outgoing proxies; without it, everything is spoken to directly. */
  readonly proxyFor?: ProxyChoice
  /** Undefined without SECRETS_KEY. */
  readonly secrets: SecretBox | undefined
  readonly userAgent: string
  readonly log: Logger
  /** How long nobody else may take a subscription; renewed while it is in hand. */
  readonly leaseMs: number
  readonly limits?: Partial<FetchLimits>
}

export type RunOutcome =
  | { readonly status: 'changed' | 'unchanged', readonly result: ImportResult | undefined }
  | { readonly status: 'failed', readonly error: string, readonly failures: number, readonly nextInMs: number }
  /** Ended from outside; it stays due. */
  | { readonly status: 'stopped' }

const SOURCES: Readonly<Record<SubscriptionKind, (deps: FetchDeps) => Promise<Offer>>> = { file: fetchFile, taxii: syncCollection, misp: syncMispFolder }

const FIRST_RETRY_MS = 60_000
const MAX_RETRY_MS = 6 * 3_600_000
/** A publisher may ask for patience, but not for ever. */
const MAX_RETRY_AFTER_MS = 24 * 3_600_000
/** Of the interval; so that all who subscribed at the same hour do not come at the same second. */
const JITTER = 0.1
const MAX_ERROR_LENGTH = 1_000
const PUBLIC_ONLY = createAddressGuard({ privateHosts: [] })

/**
 * One run of a claimed subscription: fetches, imports, writes down what became of it. A failure
 * leaves the feed as it is. Never throws for the publisher's faults.
 * @param signal ends it: with a FetchError it has failed, else it is given back undone
 * @throws LeaseLostError; what the database throws
 */
export async function runSubscription (deps: RunSubscriptionDeps, subscription: ClaimedSubscription, signal: AbortSignal): Promise<RunOutcome> {
  const { db, log } = deps
  const { feed } = subscription
  let credentials: Credentials | undefined
  try {
    credentials = openCredentials(deps, subscription)
    const { result, changed, progress } = await fetchAndImport(deps, subscription, credentials, signal)
    if (!await saveSuccess(db, subscription, { progress, result, changed, nextInMs: nextRunInMs(subscription.everySeconds) })) throw new LeaseLostError()
    if (changed && result !== undefined) log.info({ feed, added: result.added, updated: result.updated, withdrawn: result.withdrawn }, 'a subscribed feed has changed')
    return { status: changed ? 'changed' : 'unchanged', result }
  } catch (error) {
    if (error instanceof LeaseLostError) throw error
    if (signal.aborted) {
      if (signal.reason instanceof LeaseLostError) throw signal.reason
      if (signal.reason instanceof FetchError) return await fail(deps, subscription, signal.reason, credentials)
      await releaseLease(db, subscription)
      return { status: 'stopped' }
    }
    return await fail(deps, subscription, error, credentials)
  }
}

async function fetchAndImport (deps: RunSubscriptionDeps, subscription: ClaimedSubscription, credentials: Credentials | undefined, signal: AbortSignal) {
  const { db, importFeed, userAgent, limits = {} } = deps
  const { feed, kind, format, threatClass, allowHttp, allowPrivate, importedSha256 } = subscription
  const isHeld = importedSha256 !== null && await findFeedChecksum(db, feed) === importedSha256
  const fetcher = createFetcher({ guard: allowPrivate ? deps.guard : PUBLIC_ONLY, allowHttp, limits, userAgent, credentials, signal, proxyFor: deps.proxyFor })
  let offer: Offer
  try {
    offer = await SOURCES[kind]({ db, fetcher, subscription, isHeld, signal })
  } finally {
    await fetcher.close()
  }
  if (offer.body === undefined) return { result: undefined, changed: false, progress: offer.progress }

  signal.throwIfAborted()
  // The subscription may have been ended or changed meanwhile: then its copy is no longer wanted.
  if (!await renewLease(db, subscription, deps.leaseMs)) throw new LeaseLostError()
  const result = await importFeed({ feed, format, body: offer.body, threatClass: threatClass ?? undefined, now: new Date(), allowOlder: kind !== 'file' })
  const imported = await findFeedChecksum(db, feed)
  return { result, changed: result.added + result.updated + result.withdrawn > 0, progress: { ...offer.progress, importedSha256: imported ?? null } }
}

async function fail ({ db, log }: RunSubscriptionDeps, subscription: ClaimedSubscription, error: unknown, credentials: Credentials | undefined): Promise<RunOutcome> {
  const failures = subscription.failures + 1
  const retryAfterMs = error instanceof FetchError ? Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS) : 0
  const nextInMs = Math.max(retryAfterMs, backoffMs({ firstMs: FIRST_RETRY_MS, maxMs: Math.min(MAX_RETRY_MS, subscription.everySeconds * 1000) }, failures))
  const text = hideSecret(describeError(error), credentials)
  const isOurs = !(error instanceof FetchError) && !isRefusal(error)
  if (isOurs) log.error({ err: error, feed: subscription.feed }, 'a subscription failed by a fault of ours')
  if (!await saveFailure(db, subscription, { error: text, nextInMs })) throw new LeaseLostError()
  log.warn({ feed: subscription.feed, error: text, failures, nextInSeconds: Math.round(nextInMs / 1000) }, 'a subscribed feed could not be fetched; what is held stays')
  return { status: 'failed', error: text, failures, nextInMs }
}

/** @throws FetchError when the secret cannot be opened here */
function openCredentials ({ secrets }: RunSubscriptionDeps, { feed, url, credentials }: ClaimedSubscription): Credentials | undefined {
  if (credentials === null) return undefined
  if (secrets === undefined) throw new FetchError('refused', 'SECRETS_KEY is not set where the workers run, so the subscription\'s secret cannot be opened')
  try {
    const { header, value } = JSON.parse(secrets.open(credentials, secretContext({ feed, url }))) as SecretHeader
    return { header, value, origin: new URL(url).origin }
  } catch (cause) {
    throw new FetchError('refused', 'the subscription\'s secret cannot be opened: SECRETS_KEY is another one; subscribe again with the secret', { cause })
  }
}

const nextRunInMs = (everySeconds: number): number => Math.round(everySeconds * 1000 * (1 + JITTER * (2 * Math.random() - 1)))

/** An error of the import that says what is wrong with the file, or that too many wait. */
const isRefusal = (error: unknown): error is Error & { statusCode: number } =>
  error instanceof Error && typeof (error as { statusCode?: unknown }).statusCode === 'number' && ((error as { statusCode?: number }).statusCode! < 500 || (error as { statusCode?: number }).statusCode === 503)

function describeError (error: unknown): string {
  if (error instanceof InvalidInputError) {
    const faults = error.faults.slice(0, 5).map(({ path, message }) => `${path} ${message}`.trim())
    return `the file was not imported: ${error.message} ${faults.join('; ')}`
  }
  if (isRefusal(error)) return `the file was not imported: ${error.message}`
  return error instanceof FetchError ? error.message : 'a fault within Sallyport; its log says more'
}

/** A server may repeat in its answer what it was sent. */
function hideSecret (text: string, credentials: Credentials | undefined): string {
  const bare = credentials?.value.replace(/^(?:Basic|Bearer) /, '')
  const shown = bare === undefined || bare === '' ? text : text.replaceAll(bare, '[secret]')
  return shown.replace(/[\p{Cc}\p{Surrogate}]+/gu, ' ').slice(0, MAX_ERROR_LENGTH)
}
