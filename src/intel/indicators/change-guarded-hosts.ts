import { InvalidInputError, NotFoundError, UnprocessableError } from '../../errors.js'
import type { Database } from '../../platform/database.js'
import { recordAudit } from '../../platform/record-audit.js'
import { openChanges, publishChanges } from '../intel-change-repository.js'
import { raiseIntelVersion } from '../intel-version.js'
import { addIndicatorsOfHost, deleteGuardChange, listGuardChanges, lockGuardedHosts, upsertGuardChange, type GuardedHostChange } from './guarded-host-repository.js'
import { GUARD_CATEGORIES, GUARDED_HOSTS, type GuardCategory } from './guarded-hosts.js'
import { normalizeNetworkValue } from './normalize.js'
import { createHostGuard, findGuarding, type HostGuard, isPublicSuffix, isRegistrySuffix } from './shared-hosts.js'

/** A host as the list shows it. */
export interface GuardedHostItem {
  readonly host: string
  readonly state: 'built-in' | 'added' | 'lifted'
  /** Null: an operator's own. */
  readonly category: GuardCategory | null
  readonly reason: string
  /** All below it too. */
  readonly withAllBelow: boolean
  readonly changedBy: string | null
  readonly changedAt: string | null
}

export interface ChangeGuardedHostsDeps {
  readonly db: Database
  /** Told after the commit when something changed, so that phones are judged again. */
  readonly onChanged?: () => Promise<void>
}

export interface ChangeGuardedHostInput {
  readonly host: string
  readonly reason: string
  readonly changedBy: string
}

const BUILT_IN = new Map(GUARDED_HOSTS.map((one) => [one.host, one]))
/** More than this is a feed of its own. */
const MAX_CHANGES = 10_000

/** The guard as it is now, with what operators changed. */
export async function loadHostGuard (db: Database): Promise<HostGuard> {
  return createHostGuard(await listGuardChanges(db))
}

/** The whole list: what ships with Sallyport, what operators added and what they lifted. */
export async function listGuardedHosts ({ db }: { readonly db: Database }): Promise<GuardedHostItem[]> {
  const changes = new Map((await listGuardChanges(db)).map((change) => [change.host, change]))
  return [...new Set([...BUILT_IN.keys(), ...changes.keys()])].sort().map((host) => toItem(host, changes.get(host)))
}

/** Guards a host, or takes back that it was lifted. @throws InvalidInputError, UnprocessableError */
export async function guardHost ({ db, onChanged }: ChangeGuardedHostsDeps, { host: written, reason, changedBy }: ChangeGuardedHostInput): Promise<GuardedHostItem> {
  const host = hostOf(written)
  const result = await db.transaction().execute(async (tx) => {
    await lockGuardedHosts(tx)
    const changes = await listGuardChanges(tx)
    const change = changes.find((one) => one.host === host)
    if (isGuarded(changes, host)) return { item: toItem(host, change), changed: false }
    if (changes.length >= MAX_CHANGES) throw new UnprocessableError(`At most ${MAX_CHANGES} hosts can be added or lifted.`)
    if (change !== undefined) await deleteGuardChange(tx, host)
    // What was guarded before it was lifted is so by itself again.
    if (!isGuarded(changes.filter((one) => one.host !== host), host)) {
      await upsertGuardChange(tx, { host, guarded: true, reason, changedBy })
    }
    await openChanges(tx)
    await addIndicatorsOfHost(tx, host, 'withdrawn')
    await publishChanges(tx, await raiseIntelVersion(tx))
    await recordAudit(tx, { tenantId: null, actor: changedBy, action: 'guarded-host.added', subject: host, detail: { reason } })
    return { item: toItem(host, (await listGuardChanges(tx)).find((one) => one.host === host)), changed: true }
  })
  if (result.changed) await onChanged?.()
  return result.item
}

/**
 * Lifts a host: feeds may condemn it, with all below it, from their next import on. One that an
 * operator added is off the list again.
 * @throws InvalidInputError, NotFoundError when it is not guarded, UnprocessableError for a registry's suffix
 */
export async function liftHost ({ db, onChanged }: ChangeGuardedHostsDeps, { host: written, reason, changedBy }: ChangeGuardedHostInput): Promise<void> {
  const host = hostOf(written)
  if (isRegistrySuffix(host)) throw new UnprocessableError(`${host} is a suffix under which a registry gives names to everybody; it stays guarded.`)
  await db.transaction().execute(async (tx) => {
    await lockGuardedHosts(tx)
    const changes = await listGuardChanges(tx)
    if (!isGuarded(changes, host)) throw new NotFoundError('The host is not guarded.')
    if (changes.length >= MAX_CHANGES) throw new UnprocessableError(`At most ${MAX_CHANGES} hosts can be added or lifted.`)
    await deleteGuardChange(tx, host)
    if (isGuarded(changes.filter((one) => one.host !== host), host)) await upsertGuardChange(tx, { host, guarded: false, reason, changedBy })
    await openChanges(tx)
    await addIndicatorsOfHost(tx, host, 'added')
    await publishChanges(tx, await raiseIntelVersion(tx))
    await recordAudit(tx, { tenantId: null, actor: changedBy, action: 'guarded-host.lifted', subject: host, detail: { reason } })
  })
  await onChanged?.()
}

/** Whether no feed can condemn the host, by whatever reason. */
function isGuarded (changes: readonly GuardedHostChange[], host: string): boolean {
  const guard = createHostGuard(changes)
  return findGuarding(guard, host) !== undefined || (isPublicSuffix(host) && !guard.lifted.has(host))
}

/** @throws InvalidInputError */
function hostOf (written: string): string {
  const normal = normalizeNetworkValue(written)
  if (normal === undefined || normal.port !== undefined || !['domain', 'ipv4', 'ipv6'].includes(normal.type)) {
    throw new InvalidInputError([{ path: '/host', message: 'must be a host name or an address' }])
  }
  return normal.value
}

function toItem (host: string, change: GuardedHostChange | undefined): GuardedHostItem {
  const builtIn = BUILT_IN.get(host)
  const category = builtIn?.category ?? null
  return {
    host,
    state: change === undefined ? 'built-in' : change.guarded ? 'added' : 'lifted',
    category,
    reason: change?.reason ?? (category === null ? 'a public suffix: strangers have the names below it' : GUARD_CATEGORIES[category]),
    withAllBelow: builtIn?.withAllBelow ?? false,
    changedBy: change?.changedBy ?? null,
    changedAt: change?.changedAt ?? null
  }
}
