import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { normalizeHash } from '../intel/indicators/normalize.js'
import type { Database, Tx } from '../platform/database.js'
import { canonicalApp } from '../telemetry/app-digest.js'
import type { AppInventory } from '../telemetry/device-state.js'
import type { App } from '../telemetry/report.js'
import {
  deleteAppChanges, insertBuilds, listBuilds, listDeviceApps, listLastingBuilds, type BaseList, type ListChange, type OwnMembers, type StoredApps,
  upsertAppChanges, upsertDeviceApps
} from './app-build-repository.js'
import { groupBy } from './group-by.js'

/** The app lists of phones: each build stored once, each held in memory once, whoever's phone it is on. */
export interface AppInventories {
  /** The lists of locked devices, by device id. `digest` is that of the list the device has now. */
  read (tx: Tx, devices: ReadonlyArray<{ readonly deviceId: string, readonly digest: string | null }>): Promise<Map<string, AppInventory>>
  /** Stores the lists of locked devices. */
  write (tx: Tx, lists: ReadonlyArray<{ readonly deviceId: string, readonly tenantId: string, readonly apps: AppInventory }>): Promise<void>
}

export interface AppInventoriesOptions {
  /** Builds are stored outside the devices' transactions: they never change, and others may use them at once. */
  readonly db: Database
  /** Builds and lists kept in memory: about a kilobyte and ten kilobytes each. */
  readonly maxBuilds?: number
  readonly maxLists?: number
  /** Changes of a list, in either direction, after which it gets a new base. */
  readonly maxChanges?: number
  readonly now?: () => number
}

const MAX_BUILDS = 50_000
const MAX_LISTS = 2_000
/** A base costs twice what any other update costs; so many changes take 300 bytes (docs/decisions/0006-which-phones.md). */
const MAX_CHANGES = 16
/**
 * How long we may give phones a build without asking whether it still is there. Far below the time
 * that upkeep lets pass between finding no phone with a build and removing it (expire-app-builds.ts).
 */
export const BUILD_LEASE_MS = 60 * 60 * 1000

/** Members that are a phone's own and would make a build of every installation. */
const OWN_MEMBERS = ['firstInstalledAt', 'updatedAt'] as const

interface Build { readonly id: number, readonly app: App }

export function createAppInventories (options: AppInventoriesOptions): AppInventories {
  const { db, maxBuilds = MAX_BUILDS, maxLists = MAX_LISTS, maxChanges = MAX_CHANGES, now = Date.now } = options
  const byId = new LRUCache<number, App>({ max: maxBuilds })
  const byHash = new LRUCache<string, Build>({ max: maxBuilds })
  const lists = new LRUCache<string, AppInventory>({ max: maxLists })
  // Apps we handed out, so that a list that comes back with one app changed costs one look-up.
  const idOf = new WeakMap<App, number>()
  const leasedUntil = new LRUCache<number, number>({ max: maxBuilds })

  const isLeased = (id: number): boolean => (leasedUntil.get(id) ?? 0) > now()

  function lease (ids: Iterable<number>): void {
    for (const id of ids) leasedUntil.set(id, now() + BUILD_LEASE_MS)
  }

  function remember (build: Build): App {
    const known = byId.get(build.id)
    if (known !== undefined) return known
    byId.set(build.id, build.app)
    idOf.set(build.app, build.id)
    return build.app
  }

  /** The apps of lists of builds. Each id is looked up once: a page of phones has a hundred thousand of them. */
  async function appsOf (buildLists: ReadonlyArray<readonly number[]>): Promise<App[][]> {
    const missing = new Set<number>()
    const found = buildLists.map((ids) => ids.map((id) => {
      const app = byId.get(id)
      if (app === undefined) missing.add(id)
      return app
    }))
    if (missing.size === 0) return found as App[][]
    const read = new Map((await listBuilds(db, [...missing])).map((build) => [build.id, remember(build)]))
    return found.map((apps, at) => apps.map((app, index) => app ?? buildIn(read, buildLists[at]![index]!)))
  }

  /** Ids of builds by the app that was given, new builds stored. They stay for longer than a lease. */
  async function resolve (apps: Iterable<App>): Promise<Map<App, Build>> {
    const resolved = new Map<App, Build>()
    const unknown: App[] = []
    for (const app of apps) {
      const id = idOf.get(app)
      const build = id === undefined ? byHash.get(hashOf(app)) : { id, app }
      if (build === undefined) unknown.push(app)
      else resolved.set(app, build)
    }
    const doubtful = [...new Set([...resolved.values()].map(({ id }) => id).filter((id) => !isLeased(id)))]
    if (doubtful.length > 0) {
      lease(await listLastingBuilds(db, doubtful))
      for (const [app, { id }] of resolved) if (!isLeased(id)) unknown.push(app)
    }
    for (const [app, build] of await store(unknown)) resolved.set(app, build)
    return resolved
  }

  async function store (apps: readonly App[]): Promise<Map<App, Build>> {
    const stored = new Map<App, Build>()
    if (apps.length === 0) return stored
    const byText = groupBy(apps, hashOf)
    const ids = await insertBuilds(db, [...byText].map(([hash, [app]]) => ({ hash, app: app!, signers: signersOf(app!) })))
    lease(ids.values())
    for (const [hash, same] of byText) {
      const id = ids.get(hash)
      if (id === undefined) throw new Error(`app build ${hash} went away while it was stored`)
      const build = { id, app: remember({ id, app: same[0]! }) }
      byHash.set(hash, build)
      for (const app of same) {
        // It may have had another id, before it went and came back.
        if (idOf.has(app)) idOf.set(app, id)
        stored.set(app, build)
      }
    }
    return stored
  }

  /** As changes of the bases that are there, or as new bases. */
  async function save (tx: Tx, rows: readonly CurrentList[]): Promise<void> {
    const stored = new Map((await listDeviceApps(tx, rows.map(({ deviceId }) => deviceId))).map((one) => [one.deviceId, one]))
    const bases: BaseList[] = []
    const changes: ListChange[] = []
    const unchanged: string[] = []
    for (const { deviceId, tenantId, builds, own } of rows) {
      const known = stored.get(deviceId)
      let change = known === undefined ? undefined : changeOf(known.base, builds)
      if (change === undefined || Math.max(change.added.length, change.removed.length) > maxChanges) {
        bases.push({ deviceId, tenantId, builds })
        change = { added: [], removed: [] }
      }
      if (own !== null || change.added.length + change.removed.length > 0) changes.push({ deviceId, tenantId, ...change, own })
      else if (known !== undefined) unchanged.push(deviceId)
    }
    if (bases.length > 0) await upsertDeviceApps(tx, bases)
    if (changes.length > 0) await upsertAppChanges(tx, changes)
    if (unchanged.length > 0) await deleteAppChanges(tx, unchanged)
  }

  return {
    async read (tx, devices) {
      const found = new Map<string, AppInventory>()
      const missing: string[] = []
      for (const { deviceId, digest } of devices) {
        if (digest === null) continue
        const list = lists.get(digest)
        if (list === undefined) missing.push(deviceId)
        else found.set(deviceId, list)
      }
      if (missing.length === 0) return found

      const stored = await listDeviceApps(tx, missing)
      const apps = await appsOf(stored.map(currentBuilds))
      const digests = new Map(devices.map(({ deviceId, digest }) => [deviceId, digest]))
      for (const [index, { deviceId, own }] of stored.entries()) {
        const inventory = toInventory({ digest: digests.get(deviceId)!, apps: apps[index]!, own })
        lists.set(inventory.digest, inventory)
        found.set(deviceId, inventory)
      }
      return found
    },

    async write (tx, changed) {
      if (changed.length === 0) return
      const split = changed.map(({ deviceId, tenantId, apps }) => ({ deviceId, tenantId, digest: apps.digest, parts: Object.values(apps.items).map(splitApp) }))
      const resolved = await resolve(new Set(split.flatMap(({ parts }) => parts.map(({ shared }) => shared))))
      const rows = split.map(({ parts, ...rest }) => ({
        ...rest,
        builds: parts.map(({ shared }) => resolved.get(shared)!.id),
        own: ownOf(parts)
      }))
      await save(tx, rows)
      // The same list with the builds we hold already: what came with the report can go. Should
      // the transaction fail, it is still the list of that digest.
      const builds = new Map([...resolved.values()].map(({ id, app }) => [id, app]))
      for (const { digest, builds: ids, own } of rows) lists.set(digest, toInventory({ digest, apps: ids.map((id) => buildIn(builds, id)), own }))
    }
  }
}

interface SplitApp { readonly appId: string, readonly shared: App, readonly own: Partial<App> | undefined }

/** What all phones with this build say alike, and what only this one does. */
function splitApp (app: App): SplitApp {
  if (OWN_MEMBERS.every((member) => app[member] === undefined)) return { appId: app.appId, shared: app, own: undefined }
  const { firstInstalledAt, updatedAt, ...shared } = app
  return {
    appId: app.appId,
    shared,
    own: { ...(firstInstalledAt === undefined ? {} : { firstInstalledAt }), ...(updatedAt === undefined ? {} : { updatedAt }) }
  }
}

function ownOf (parts: readonly SplitApp[]): OwnMembers | null {
  const entries = parts.flatMap(({ appId, own }) => own === undefined ? [] : [[appId, own] as const])
  return entries.length === 0 ? null : Object.fromEntries(entries)
}

interface CurrentList { readonly deviceId: string, readonly tenantId: string, readonly builds: readonly number[], readonly own: OwnMembers | null }

function currentBuilds ({ base, added, removed }: StoredApps): readonly number[] {
  if (removed.length === 0) return added.length === 0 ? base : [...base, ...added]
  const gone = new Set(removed)
  return [...base.filter((id) => !gone.has(id)), ...added]
}

function changeOf (base: readonly number[], builds: readonly number[]): { added: number[], removed: number[] } {
  const [before, after] = [new Set(base), new Set(builds)]
  return { added: builds.filter((id) => !before.has(id)), removed: base.filter((id) => !after.has(id)) }
}

/** What a build is known by: SHA-256 of its canonical JSON, hex. */
export const hashOf = (app: App): string => createHash('sha256').update(canonicalApp(app)).digest('hex')

/** What the certificates of an app are found by; what is no fingerprint is left out. */
export function signersOf ({ signingCertSha256 = [], signingCertSha1 = [], signingCertMd5 = [] }: App): string[] {
  const hashes = [...signingCertSha256.map((text) => normalizeHash('sha256', text)), ...signingCertSha1.map((text) => normalizeHash('sha1', text)), ...signingCertMd5.map((text) => normalizeHash('md5', text))]
  return [...new Set(hashes.filter((hash) => hash !== undefined))]
}

function buildIn (apps: ReadonlyMap<number, App>, id: number): App {
  const app = apps.get(id)
  // The rows of a list and its builds are never parted; if they are, scoring must not go on without an app.
  if (app === undefined) throw new Error(`app build ${id} is missing`)
  return app
}

function toInventory ({ digest, apps, own }: { readonly digest: string, readonly apps: readonly App[], readonly own: OwnMembers | null }): AppInventory {
  let items: AppInventory['items'] | undefined
  // The table is made when somebody asks for it: most judgements look at the builds alone, and it costs more than all of the
  // judgement. Seen from outside the list is as any other: builds are no member of its own that is written anywhere.
  return Object.defineProperties({ digest } as AppInventory, {
    items: {
      enumerable: true,
      get: () => {
        items ??= Object.fromEntries(apps.map((app) => {
          const extra = own !== null && Object.hasOwn(own, app.appId) ? own[app.appId] : undefined
          return [app.appId, extra === undefined ? app : { ...app, ...extra }] as const
        }))
        return items
      }
    },
    builds: { value: apps }
  })
}
