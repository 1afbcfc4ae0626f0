import { NotFoundError, UnprocessableError } from '../../errors.js'
import type { Database } from '../../platform/database.js'
import { recordAudit } from '../../platform/record-audit.js'
import type { SecretBox } from '../../platform/secret-box.js'
import { placeOf } from './fetcher.js'
import { readSubscription, secretContext, type SubscriptionInput } from './subscription.js'
import { deleteSubscription, listSubscriptions, makeDue, replaceSubscription, type StoredSubscription } from './subscription-repository.js'

export interface ManageSubscriptionsDeps {
  readonly db: Database
  /** Undefined without SECRETS_KEY: no subscription can have a password or token. */
  readonly secrets: SecretBox | undefined
}

/** A subscription as operators see it: without what is secret. Times in ISO 8601. */
export interface SubscriptionView {
  readonly feed: string
  readonly kind: string
  readonly url: string
  readonly format: string
  readonly class: string | null
  readonly everySeconds: number
  readonly checksumUrl: string | null
  readonly signatureUrl: string | null
  readonly signatureKey: string | null
  readonly taxiiCollection: string | null
  readonly allowHttp: boolean
  readonly allowPrivate: boolean
  /** How it proves itself. */
  readonly credentials: 'basic' | 'bearer' | 'header' | null
  readonly createdAt: string
  readonly nextRunAt: string
  readonly running: boolean
  readonly lastAttemptAt: string | null
  readonly lastSuccessAt: string | null
  readonly lastChangeAt: string | null
  readonly lastError: string | null
  readonly lastErrorAt: string | null
  /** In a row. */
  readonly failures: number
  /** Since the last success. */
  readonly ageSeconds: number | null
  /** Three intervals without a success. */
  readonly stale: boolean
  readonly etag: string | null
  readonly lastModified: string | null
  /** The last import's counts. */
  readonly lastResult: Readonly<Record<string, unknown>> | null
}

/**
 * Subscribes a feed, in place of any other subscription of it; it is fetched at once.
 * @throws InvalidInputError naming every fault; UnprocessableError when its secret cannot be kept
 */
export async function subscribe ({ db, secrets }: ManageSubscriptionsDeps, input: SubscriptionInput, actor: string): Promise<{ readonly created: boolean, readonly subscription: SubscriptionView }> {
  const { definition, secret } = readSubscription(input)
  if (secret !== undefined && secrets === undefined) throw new UnprocessableError('A password or token can only be kept with SECRETS_KEY set; see the configuration.')
  const credentials = secret && { kind: secret.kind, sealed: secrets!.seal(JSON.stringify(secret), secretContext(definition)) }
  const created = await db.transaction().execute(async (tx) => {
    const created = await replaceSubscription(tx, definition, credentials)
    const { kind, everySeconds, allowHttp, allowPrivate } = definition
    await recordAudit(tx, {
      tenantId: null,
      actor,
      action: created ? 'subscription.created' : 'subscription.replaced',
      subject: definition.feed,
      // Addresses may hold a key after the question mark.
      detail: { url: placeOf(new URL(definition.url)), kind, everySeconds, allowHttp, allowPrivate, credentials: secret?.kind ?? null }
    })
    return created
  })
  return { created, subscription: await findView(db, definition.feed) }
}

/** All subscriptions, by feed. */
export async function listAllSubscriptions ({ db }: Pick<ManageSubscriptionsDeps, 'db'>): Promise<SubscriptionView[]> {
  return (await listSubscriptions(db)).map(toView)
}

/** Ends a subscription; what its feed holds stays until the feed is removed. @throws NotFoundError */
export async function unsubscribe ({ db }: Pick<ManageSubscriptionsDeps, 'db'>, feed: string, actor: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (!await deleteSubscription(tx, feed)) throw new NotFoundError('There is no such subscription.')
    await recordAudit(tx, { tenantId: null, actor, action: 'subscription.removed', subject: feed, detail: {} })
  })
}

/**
 * Makes a subscription due now; the next worker fetches it within seconds.
 * @param full everything anew, also what the publisher says is as it was
 * @throws NotFoundError
 */
export async function requestRefresh ({ db }: Pick<ManageSubscriptionsDeps, 'db'>, { feed, full }: { readonly feed: string, readonly full: boolean }, actor: string): Promise<SubscriptionView> {
  await db.transaction().execute(async (tx) => {
    if (!await makeDue(tx, feed, { full })) throw new NotFoundError('There is no such subscription.')
    await recordAudit(tx, { tenantId: null, actor, action: 'subscription.refreshed', subject: feed, detail: { full } })
  })
  return await findView(db, feed)
}

async function findView (db: Database, feed: string): Promise<SubscriptionView> {
  const [found] = await listSubscriptions(db, feed)
  if (found === undefined) throw new NotFoundError('There is no such subscription.')
  return toView(found)
}

function toView (stored: StoredSubscription): SubscriptionView {
  const { threatClass, credentialsKind, contentSha256: _content, importedSha256: _imported, addedAfter: _after, fullSyncAt: _full, ...rest } = stored
  return {
    ...rest,
    class: threatClass,
    credentials: credentialsKind as SubscriptionView['credentials'],
    createdAt: stored.createdAt.toISOString(),
    nextRunAt: stored.nextRunAt.toISOString(),
    lastAttemptAt: stored.lastAttemptAt?.toISOString() ?? null,
    lastSuccessAt: stored.lastSuccessAt?.toISOString() ?? null,
    lastChangeAt: stored.lastChangeAt?.toISOString() ?? null,
    lastErrorAt: stored.lastErrorAt?.toISOString() ?? null,
    lastResult: stored.lastResult as SubscriptionView['lastResult']
  }
}
