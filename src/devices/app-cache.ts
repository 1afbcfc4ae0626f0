import type { AppInventory } from '../telemetry/device-state.js'

/** App lists that were seen lately, by digest: what is equal is kept once, whoever's phone it is on. */
export interface AppCache {
  get (digest: string): AppInventory | undefined
  set (inventory: AppInventory): void
}

/** About half a kilobyte each. */
const MAX_APPS = 100_000

/**
 * Spares the worker from reading and parsing a list of 150 apps for every heartbeat. Bounded
 * by the apps in it; the list that was not asked for longest goes first.
 */
export function createAppCache (maxApps = MAX_APPS): AppCache {
  const inventories = new Map<string, { readonly inventory: AppInventory, readonly size: number }>()
  let apps = 0

  function remove (digest: string): void {
    apps -= inventories.get(digest)?.size ?? 0
    inventories.delete(digest)
  }

  return {
    get (digest) {
      const entry = inventories.get(digest)
      if (entry === undefined) return undefined
      // A Map remembers the order in which keys came in.
      inventories.delete(digest)
      inventories.set(digest, entry)
      return entry.inventory
    },
    set (inventory) {
      const size = Object.keys(inventory.items).length + 1
      remove(inventory.digest)
      inventories.set(inventory.digest, { inventory, size })
      apps += size
      for (const digest of inventories.keys()) {
        if (apps <= maxApps) break
        remove(digest)
      }
    }
  }
}
