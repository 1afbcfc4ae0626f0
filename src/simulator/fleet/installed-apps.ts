import { createHash } from 'node:crypto'
import type { App, AppsSection } from '../../telemetry/report.js'
import type { AppBuild, AppCatalogue, CatalogueApp } from './app-catalogue.js'
import type { Random } from './random.js'

/** Of a phone, those of the store included. */
export const APPS_OF_A_PHONE = 150

export interface InstalledApp { readonly versions: CatalogueApp, at: number }

const idOf = ({ versions }: InstalledApp): string => versions[0]!.app.appId
const buildOf = ({ versions, at }: InstalledApp): AppBuild => versions[at]!

/** The apps of one phone: by app id, as digests want them. */
export class InstalledApps {
  readonly #apps: InstalledApp[]

  constructor (apps: Iterable<InstalledApp>) {
    this.#apps = [...apps].sort((a, b) => idOf(a) < idOf(b) ? -1 : 1)
  }

  /** All that came with a phone, and of the store what many or few have. */
  static of (random: Random, { system, store }: AppCatalogue, count = APPS_OF_A_PHONE): InstalledApps {
    const chosen = new Set<CatalogueApp>(system)
    while (chosen.size < count) chosen.add(pickOfStore(random, store))
    return new InstalledApps([...chosen].map((versions) => ({ versions, at: random.below(versions.length) })))
  }

  get size (): number {
    return this.#apps.length
  }

  snapshot (): AppsSection {
    return { mode: 'snapshot', items: this.#apps.map((one) => buildOf(one).app) }
  }

  /** As the API describes it. */
  digest (): string {
    return createHash('sha256').update(`[${this.#apps.map((one) => buildOf(one).json).join(',')}]`).digest('hex')
  }

  pick (random: Random): App {
    return buildOf(random.pick(this.#apps)).app
  }

  /** An app gets its next version; after the newest the oldest comes again. */
  update (random: Random): AppsSection {
    const baseDigest = this.digest()
    const installed = random.pick(this.#apps)
    installed.at = (installed.at + 1) % installed.versions.length
    return { mode: 'delta', baseDigest, upsert: [buildOf(installed).app] }
  }

  /** An app of the store that was not there yet. */
  install (random: Random, { store }: AppCatalogue): AppsSection {
    const there = new Set(this.#apps.map(({ versions }) => versions))
    if (store.every((versions) => there.has(versions))) return this.update(random)
    let versions = pickOfStore(random, store)
    while (there.has(versions)) versions = pickOfStore(random, store)
    return this.add({ versions, at: versions.length - 1 })
  }

  add (app: InstalledApp): AppsSection {
    const baseDigest = this.digest()
    const at = this.#apps.findIndex((one) => idOf(one) > idOf(app))
    this.#apps.splice(at === -1 ? this.#apps.length : at, 0, app)
    return { mode: 'delta', baseDigest, upsert: [buildOf(app).app] }
  }

  /** One that did not come with the phone goes. */
  uninstall (random: Random): AppsSection {
    const removable = this.#apps.filter((one) => buildOf(one).app.system !== true)
    if (removable.length === 0) return this.update(random)
    const baseDigest = this.digest()
    const gone = random.pick(removable)
    this.#apps.splice(this.#apps.indexOf(gone), 1)
    return { mode: 'delta', baseDigest, remove: [idOf(gone)] }
  }
}

/** Squared: popular apps are on many phones, others on few. */
const pickOfStore = (random: Random, store: readonly CatalogueApp[]): CatalogueApp => store[Math.floor(random.next() ** 2 * store.length)]!
