import { digestSortedApps } from './app-digest.js'
import type { AppInventory, PendingDelta, SectionOrigin } from './device-state.js'
import type { App, AppsSection } from './report.js'
import { sharedApp } from './shared-apps.js'

/** What is known about the app list. */
export interface KnownApps {
  readonly apps?: AppInventory | undefined
  readonly origin?: SectionOrigin | undefined
  readonly pending: readonly PendingDelta[]
}

/** Deltas without a base kept at most, and apps in them: an agent whose list is lost is soon asked for it. */
const MAX_PENDING = 16
const MAX_PENDING_APPS = 500

/**
 * The app list after a report that is newer than it. A delta from a list that is not known
 * waits for it: reports may come in any order, and what a late one brings may be the base.
 */
export function mergeApps (known: KnownApps, reported: AppsSection, origin: SectionOrigin): KnownApps {
  if (reported.mode === 'snapshot') {
    return applyPending({ apps: inventoryOf(new Map(reported.items.map((app) => [app.appId, sharedApp(app)]))), origin, pending: known.pending })
  }
  const delta: PendingDelta = {
    sequence: origin.sequence,
    collectedAt: origin.collectedAt,
    baseDigest: reported.baseDigest.toLowerCase(),
    upsert: reported.upsert ?? [],
    remove: reported.remove ?? []
  }
  if (delta.baseDigest === known.apps?.digest) return applyPending({ ...known, apps: applyDelta(known.apps, delta), origin })
  return { ...known, pending: boundPending([...known.pending.filter(({ sequence }) => sequence !== delta.sequence), delta]) }
}

/** Deltas that waited for this list or for what they make of it; those older than it are over. */
function applyPending (known: KnownApps): KnownApps {
  if (known.pending.length === 0) return known
  const pending = known.pending.filter(({ sequence }) => sequence > known.origin!.sequence)
  const next = pending.find(({ baseDigest }) => baseDigest === known.apps!.digest)
  if (next === undefined) return { ...known, pending }
  return applyPending({ apps: applyDelta(known.apps!, next), origin: { sequence: next.sequence, collectedAt: next.collectedAt }, pending })
}

/** By sequence; when there are too many, the oldest go. */
function boundPending (pending: PendingDelta[]): PendingDelta[] {
  pending.sort((a, b) => a.sequence - b.sequence)
  let apps = 0
  let count = 0
  while (count < pending.length && count < MAX_PENDING) {
    apps += pending[pending.length - 1 - count]!.upsert.length
    // The newest stays whatever its size, or nobody would know that the list is owed.
    if (count > 0 && apps > MAX_PENDING_APPS) break
    count++
  }
  return pending.slice(pending.length - count)
}

function applyDelta (known: AppInventory, { upsert, remove }: PendingDelta): AppInventory {
  if (upsert.length === 0 && remove.length === 0) return known
  const items = new Map(Object.entries(known.items))
  for (const appId of remove) items.delete(appId)
  for (const app of upsert) items.set(app.appId, sharedApp(app))
  return inventoryOf(items)
}

function inventoryOf (byId: ReadonlyMap<string, App>): AppInventory {
  const apps = [...byId.keys()].sort().map((appId) => byId.get(appId)!)
  // fromEntries defines members, so an app called `__proto__` is only an app.
  return { digest: digestSortedApps(apps), items: Object.fromEntries(apps.map((app) => [app.appId, app])) }
}
