import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Database, Tx } from '../platform/database.js'
import { canonicalApp } from '../telemetry/app-digest.js'
import type { AppInventory } from '../telemetry/device-state.js'
import type { App } from '../telemetry/report.js'
import { insertBuilds, listBuilds, listDeviceApps, type StoredApps, upsertDeviceApps } from './app-build-repository.js'

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
}

const MAX_BUILDS = 50_000
const MAX_LISTS = 2_000

/** Members that are a phone's own and would make a build of every installation. */
const OWN_MEMBERS = ['firstInstalledAt', 'updatedAt'] as const

interface Build { readonly id: number, readonly app: App }

export function createAppInventories ({ db, maxBuilds = MAX_BUILDS, maxLists = MAX_LISTS }: AppInventoriesOptions): AppInventories {
  const byId = new LRUCache<number, App>({ max: maxBuilds })
  const byHash = new LRUCache<string, Build>({ max: maxBuilds })
  const lists = new LRUCache<string, AppInventory>({ max: maxLists })
  // Apps we handed out, so that a list that comes back with one app changed costs one look-up.
  const idOf = new WeakMap<App, number>()

  function remember (build: Build): App {
    const known = byId.get(build.id)
    if (known !== undefined) return known
    byId.set(build.id, build.app)
    idOf.set(build.app, build.id)
    return build.app
  }

  async function readBuilds (wanted: ReadonlySet<number>): Promise<Map<number, App>> {
    const found = new Map<number, App>()
    const missing: number[] = []
    for (const id of wanted) {
      const app = byId.get(id)
      if (app === undefined) missing.push(id)
      else found.set(id, app)
    }
    if (missing.length > 0) for (const build of await listBuilds(db, missing)) found.set(build.id, remember(build))
    return found
  }

  /** Ids of builds by the app that was given, new builds stored. */
  async function resolve (apps: Iterable<App>): Promise<Map<App, Build>> {
    const resolved = new Map<App, Build>()
    const unknown = new Map<string, App[]>()
    for (const app of apps) {
      const id = idOf.get(app)
      if (id !== undefined) {
        resolved.set(app, { id, app })
        continue
      }
      const hash = createHash('sha256').update(canonicalApp(app)).digest('hex')
      const build = byHash.get(hash)
      if (build !== undefined) resolved.set(app, build)
      else unknown.set(hash, [...unknown.get(hash) ?? [], app])
    }
    if (unknown.size === 0) return resolved
    const ids = await insertBuilds(db, [...unknown].map(([hash, [app]]) => ({ hash, app: app! })))
    for (const [hash, same] of unknown) {
      const id = ids.get(hash)!
      const build = { id, app: remember({ id, app: same[0]! }) }
      byHash.set(hash, build)
      for (const app of same) resolved.set(app, build)
    }
    return resolved
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
      const builds = await readBuilds(new Set(stored.flatMap(({ builds }) => builds)))
      for (const one of stored) {
        const inventory = toInventory(one, builds)
        lists.set(inventory.digest, inventory)
        found.set(one.deviceId, inventory)
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
      await upsertDeviceApps(tx, rows)
      // The same list with the builds we hold already: what came with the report can go. Should
      // the transaction fail, it is still the list of that digest.
      const builds = new Map([...resolved.values()].map(({ id, app }) => [id, app]))
      for (const row of rows) lists.set(row.digest, toInventory(row, builds))
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

function ownOf (parts: readonly SplitApp[]): StoredApps['own'] {
  const entries = parts.flatMap(({ appId, own }) => own === undefined ? [] : [[appId, own] as const])
  return entries.length === 0 ? null : Object.fromEntries(entries)
}

function toInventory ({ digest, builds, own }: StoredApps, apps: ReadonlyMap<number, App>): AppInventory {
  const items = builds.map((id) => {
    const app = apps.get(id)
    // The rows of a list and its builds are never parted; if they are, scoring must not go on without an app.
    if (app === undefined) throw new Error(`app build ${id} is missing`)
    const extra = own !== null && Object.hasOwn(own, app.appId) ? own[app.appId] : undefined
    return [app.appId, extra === undefined ? app : { ...app, ...extra }] as const
  })
  return { digest, items: Object.fromEntries(items) }
}
