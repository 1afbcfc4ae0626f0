import { digestApps } from '../telemetry/app-digest.js'
import type { App, Report } from '../telemetry/report.js'

type AppsSection = NonNullable<Report['apps']>

/**
 * Says of the installed apps what the server does not know yet: all of them at first and whenever it asks, else what
 * has changed since the list before (contract, "Report"). A list counts as said once it is in the spool: reports arrive in
 * order, and what the server cannot join it asks for.
 */
export class AppList {
  #said: ReadonlyMap<string, App> | undefined

  /** The section for a report; undefined when nothing has changed. */
  next (installed: readonly App[]): AppsSection | undefined {
    const current = new Map(installed.map((app) => [app.appId, app]))
    const said = this.#said
    this.#said = current
    if (said === undefined) return { mode: 'snapshot', items: [...current.values()] }
    const upsert = [...current.values()].filter((app) => JSON.stringify(said.get(app.appId)) !== JSON.stringify(app))
    const remove = [...said.keys()].filter((appId) => !current.has(appId))
    if (upsert.length === 0 && remove.length === 0) return undefined
    return { mode: 'delta', baseDigest: digestApps(said.values()), upsert, remove }
  }

  /** The whole list as it was said last, for a server that lacks it. */
  whole (): AppsSection | undefined {
    return this.#said === undefined ? undefined : { mode: 'snapshot', items: [...this.#said.values()] }
  }

  /** A report with the list was lost, or the server asks: the next says all. */
  forget (): void {
    this.#said = undefined
  }
}
