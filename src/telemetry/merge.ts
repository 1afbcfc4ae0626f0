import { digestApps } from './app-digest.js'
import type { AppInventory, DeviceState, SectionOrigin } from './device-state.js'
import { mergeEvents } from './merge-events.js'
import { type App, type AppsSection, type Report, STATE_SECTIONS, type StateSection } from './report.js'

/** Sections that are merged field by field; the others are replaced whole. */
const MERGED_BY_FIELD: ReadonlySet<StateSection> = new Set(['agent', 'os', 'hardware', 'config', 'integrity'])

export interface MergeResult {
  readonly state: DeviceState
  /** `late`: the state already holds this report or a newer one, so only its events count. */
  readonly outcome: 'merged' | 'late'
  /** Sections whose base we do not have. */
  readonly resend: readonly StateSection[]
}

/**
 * A phone's state after one more report. Pure: the given state stays as it was, and merging
 * the same report again changes nothing. Absent sections and fields mean unknown, so they
 * leave what is known.
 */
export function mergeReport (state: DeviceState, report: Report, receivedAt: Date): MergeResult {
  const late = report.sequence <= state.sequence
  const events = mergeEvents(state.events, report.events ?? [], receivedAt, late)
  if (late) {
    return { state: events === state.events ? state : { ...state, events }, outcome: 'late', resend: [] }
  }

  const origin: SectionOrigin = { sequence: report.sequence, collectedAt: report.collectedAt }
  const origins: Partial<Record<StateSection, SectionOrigin>> = { ...state.origins }
  const sections: Record<string, unknown> = {}
  const resend: StateSection[] = []

  for (const section of STATE_SECTIONS) {
    const reported = report[section]
    if (reported === undefined) continue
    if (section === 'apps') {
      const apps = mergeApps(state.apps, report.apps!)
      if (apps === undefined) {
        resend.push('apps')
        continue
      }
      sections.apps = apps
    } else {
      sections[section] = MERGED_BY_FIELD.has(section) ? { ...state[section] as object, ...reported as object } : reported
    }
    origins[section] = origin
  }
  return { state: { ...state, ...sections, sequence: report.sequence, origins, events }, outcome: 'merged', resend }
}

/** The app list after a snapshot or delta; undefined when the delta starts from another list. */
function mergeApps (known: AppInventory | undefined, reported: AppsSection): AppInventory | undefined {
  if (reported.mode === 'snapshot') return inventoryOf(reported.items.map((app) => [app.appId, app]))
  if (known?.digest !== reported.baseDigest.toLowerCase()) return undefined

  const upsert = reported.upsert ?? []
  const remove = reported.remove ?? []
  if (upsert.length === 0 && remove.length === 0) return known
  const items = new Map(Object.entries(known.items))
  for (const appId of remove) items.delete(appId)
  for (const app of upsert) items.set(app.appId, app)
  return inventoryOf(items)
}

function inventoryOf (entries: Iterable<readonly [string, App]>): AppInventory {
  // fromEntries defines members, so an app called `__proto__` is only an app.
  const items = Object.fromEntries(entries)
  return { digest: digestApps(Object.values(items)), items }
}
