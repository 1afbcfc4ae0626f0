import type { AppInventory, DeviceState } from '../../telemetry/device-state.js'
import type { App } from '../../telemetry/report.js'
import { countDangerous, isUserApp, TRAIT, traitsOf, type Trait } from './app-traits.js'
import type { RememberedApp } from './memo.js'

/** What is worked out once for an app: thousands of phones have the same object, and it never changes. */
export interface AppFacts extends RememberedApp {
  /** Bits of `TRAIT`. */
  readonly traits: number
  /** Bits of the fields that it tells (`FIELD_BITS`). */
  readonly told: number
  /** Of 20; 0 for apps that no person installed. */
  readonly dangerous: number
}

/** What is worked out once for a list of apps. */
export interface InventoryFacts {
  readonly apps: readonly AppFacts[]
  /** Traits that at least one has. */
  readonly traits: number
  readonly told: number
  /** Extremes among apps that a person installed, so that one comparison tells that there is nothing to find. */
  readonly mostDangerous: number
  readonly leastTargetSdk: number
  readonly leastReputation: number
}

/** Complete by type: a field that is added to an app gets a bit here. */
const FIELDS: Readonly<Record<Exclude<keyof App, 'appId'>, true>> = {
  name: true, version: true, versionCode: true, sha256: true, sha1: true, md5: true,
  signingCertSha256: true, signingCertSha1: true, signingCertMd5: true, signingCertSubjects: true,
  installer: true, installInitiator: true, system: true, enabled: true, debuggable: true, targetSdk: true, launcherIcon: true, permissions: true,
  firstInstalledAt: true, updatedAt: true, adHocSigned: true, fromAppStore: true, beta: true, validated: true, managed: true, distributor: true,
  updateAvailable: true, updateAvailableSince: true, removedFromStore: true, reputation: true
}
const FIELD_BITS: ReadonlyMap<string, number> = new Map(Object.keys(FIELDS).map((field, number) => [field, 1 << number]))

const factsOfApps = new WeakMap<App, AppFacts>()
const factsOfLists = new WeakMap<AppInventory, InventoryFacts>()
const NONE: readonly App[] = []

export function factsOf (app: App): AppFacts {
  let facts = factsOfApps.get(app)
  if (facts === undefined) {
    let told = 0
    for (const field in app) told |= FIELD_BITS.get(field) ?? 0
    factsOfApps.set(app, facts = { app, traits: traitsOf(app), told, dangerous: app.system === false && isUserApp(app) ? countDangerous(app) : 0, intel: undefined, answers: undefined, unlistedIn: undefined, undeniedBy: undefined })
  }
  return facts
}

export function factsOfInventory (inventory: AppInventory): InventoryFacts {
  let facts = factsOfLists.get(inventory)
  if (facts === undefined) factsOfLists.set(inventory, facts = summarize(inventory))
  return facts
}

function summarize (inventory: AppInventory): InventoryFacts {
  const apps: AppFacts[] = []
  let [traits, told, mostDangerous, leastTargetSdk, leastReputation] = [0, 0, 0, Infinity, Infinity]
  for (const app of inventory.builds ?? Object.values(inventory.items)) {
    const facts = factsOf(app)
    apps.push(facts)
    traits |= facts.traits
    told |= facts.told
    if (facts.dangerous > mostDangerous) mostDangerous = facts.dangerous
    if (app.reputation !== undefined && app.reputation < leastReputation && isUserApp(app)) leastReputation = app.reputation
    if (app.targetSdk !== undefined && app.targetSdk < leastTargetSdk && (facts.traits & TRAIT.user) !== 0) leastTargetSdk = app.targetSdk
  }
  return { apps, traits, told, mostDangerous, leastTargetSdk, leastReputation }
}

/** The apps that have a trait, in the order of the list. */
export function appsWith ({ apps: inventory }: DeviceState, trait: Trait): readonly App[] {
  if (inventory === undefined) return NONE
  const { apps, traits } = factsOfInventory(inventory)
  const wanted = TRAIT[trait]
  if ((traits & wanted) === 0) return NONE
  const found: App[] = []
  for (const facts of apps) if ((facts.traits & wanted) !== 0) found.push(facts.app)
  return found
}

export const hasTrait = (app: App, trait: Trait): boolean => (factsOf(app).traits & TRAIT[trait]) !== 0

/** The app with an id; undefined when the phone has none, or tells of none. */
export function appOf ({ apps }: DeviceState, appId: string): App | undefined {
  return apps !== undefined && Object.hasOwn(apps.items, appId) ? apps.items[appId] : undefined
}

/** Whether some app tells a field. */
export function isFieldTold (inventory: AppInventory, field: string): boolean {
  return (factsOfInventory(inventory).told & (FIELD_BITS.get(field) ?? 0)) !== 0
}
