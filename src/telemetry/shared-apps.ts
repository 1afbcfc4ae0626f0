import { LRUCache } from 'lru-cache'
import type { App } from './report.js'

/** About a kilobyte each. */
const MAX_APPS = 20_000
const apps = new LRUCache<string, App>({ max: MAX_APPS })

/**
 * The same app, as the object that was met before where there is one: thousands of phones
 * report the same version of an app, and what was worked out for it (its canonical form, its
 * number, what intel says of it) is kept by object. Seen from outside nothing changes.
 */
export function sharedApp (app: App): App {
  // Only one phone has it like this.
  if (app.firstInstalledAt !== undefined || app.updatedAt !== undefined) return app
  const text = JSON.stringify(app)
  const known = apps.get(text)
  if (known === undefined) apps.set(text, app)
  return known ?? app
}
