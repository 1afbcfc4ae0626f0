import type { AppVulnerability } from '../../intel/vulnerabilities/vulnerability.js'
import type { App } from '../../telemetry/report.js'
import type { Evidence, Match } from '../detection.js'
import { factsOfInventory } from './app-facts.js'
import { keyed } from './intel-entries.js'
import { oncePerApp, oncePerContext } from './memo.js'

/** An installed app and the holes that its version has, the gravest first. */
export interface VulnerableApp {
  readonly app: App
  readonly holes: readonly AppVulnerability[]
}

/** CVEs that a title names; all are in the evidence. */
const MAX_NAMED = 3
const MAX_EVIDENCE = 18
/** Where a feed has words and no scores (FIRST's scale for CVSS: high begins at 7). */
const SCORES = { critical: 9, high: 7, medium: 4, low: 0.1 } as const

export function scoreOf ({ cvss, severity }: AppVulnerability): number {
  return cvss ?? (severity === null ? 0 : SCORES[severity])
}

const NO_APPS: readonly VulnerableApp[] = []
const NO_HOLES: readonly AppVulnerability[] = []

/** The gravest first. A disabled app does not run, so its holes are not open. */
const holesOf = oncePerApp((intel, app): readonly AppVulnerability[] => {
  const open = app.enabled === false ? NO_HOLES : intel.appVulnerabilities(app)
  return open.length === 0 ? NO_HOLES : [...open].sort((a, b) => scoreOf(b) - scoreOf(a))
})

/** Apps with known holes. */
export const vulnerableApps = oncePerContext(({ state, intel }): readonly VulnerableApp[] => {
  if (state.apps === undefined) return NO_APPS
  let found: VulnerableApp[] | undefined
  for (const facts of factsOfInventory(state.apps).apps) {
    const holes = holesOf(intel, facts)
    if (holes.length > 0) (found ??= []).push({ app: facts.app, holes })
  }
  return found ?? NO_APPS
})

/** One match an app: its update closes all its holes. `what` goes on with the CVEs. */
export function matchOf (app: App, holes: readonly AppVulnerability[], what: string): Match {
  const place = keyed('apps.items', app.appId)
  const named = holes.slice(0, MAX_NAMED).map(({ cve, cvss }) => cvss === undefined ? cve : `${cve} (CVSS ${cvss})`).join(', ')
  const more = holes.length > MAX_NAMED ? ` and ${holes.length - MAX_NAMED} more` : ''
  const fixes = [...new Set(holes.flatMap(({ fixedIn }) => fixedIn ?? []))]
  const version = app.version ?? app.versionCode
  const evidence: Evidence[] = [
    ...(app.version === undefined ? [] : [{ path: `${place}.version`, value: app.version }]),
    ...(app.versionCode === undefined ? [] : [{ path: `${place}.versionCode`, value: app.versionCode }]),
    ...holes.slice(0, MAX_EVIDENCE).map(({ cve, feed, fixedIn }) => ({ path: `intel.vulnerabilities["${cve}"].fixedIn`, value: fixedIn ?? `no fix is known (${feed})` }))
  ]
  return {
    subject: app.appId,
    title: `The app ${app.appId}${version === undefined ? '' : ` ${version}`} has ${what}: ${named}${more}; ${fixes.length === 0 ? 'no fix is known' : `fixed in ${fixes.slice(0, MAX_NAMED).join(', ')}`}.`,
    evidence
  }
}
