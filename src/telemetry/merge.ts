import type { DeviceState, SectionOrigin } from './device-state.js'
import { raiseHighestOs } from './highest-os.js'
import { type KnownApps, mergeApps } from './merge-apps.js'
import { mergeEvents } from './merge-events.js'
import { type Report, STATE_SECTIONS, type StateSection } from './report.js'

/** Sections that are merged member by member; the others are replaced whole. */
export const MERGED_BY_MEMBER: ReadonlySet<StateSection> = new Set(['agent', 'os', 'hardware', 'config', 'integrity'])
/** Less than this between collection and receipt says nothing about a phone's clock; and a heartbeat must not change the state. */
const CLOCK_STEP_SECONDS = 5 * 60

export interface MergeResult {
  readonly state: DeviceState
  /** `late`: the state already holds this report or a newer one. What that one said stays. */
  readonly outcome: 'merged' | 'late'
  /** Sections whose base we do not have. */
  readonly resend: readonly StateSection[]
}

export interface MergeInput {
  readonly report: Report
  readonly receivedAt: Date
  /**
   * The vocabulary that the report was translated from. Such a report has no place in the
   * sequence of the phone's agent: it counts as of its receipt. Null: the agent's own.
   */
  readonly source?: string | null
}

/**
 * A phone's state after one more report. Pure: the given state stays as it was; reports of the
 * phone's agent make the same state in any order and however often they come. Of each section,
 * and of each member where sections are merged by member, the newest word counts. What is
 * absent is unknown, so it leaves what is known.
 */
export function mergeReport (state: DeviceState, { report, receivedAt, source = null }: MergeInput): MergeResult {
  const late = source === null && report.sequence <= state.sequence
  const origin: SectionOrigin = source === null
    ? { sequence: report.sequence, collectedAt: report.collectedAt }
    : { sequence: state.sequence, collectedAt: report.collectedAt, source }
  const changed: Record<string, unknown> = {}
  const origins: Partial<Record<StateSection, SectionOrigin>> = {}

  for (const section of STATE_SECTIONS) {
    const reported = report[section]
    if (reported === undefined) continue
    const known = state.origins[section]
    if (section === 'apps') {
      if (isNewer(origin, known)) addApps(state, mergeApps(knownApps(state), report.apps!, origin), changed, origins)
    } else if (MERGED_BY_MEMBER.has(section)) {
      const keepsAlarms = section === 'integrity' && source !== null && state.sequence >= 0
      const merged = mergeMembers(state[section] as Members | undefined, known, keepsAlarms ? withoutDenials(reported as Members, state[section] as Members | undefined, known) : reported as Members, origin)
      if (merged !== undefined) ({ members: changed[section], origin: origins[section] } = merged)
    } else if (isNewer(origin, known)) {
      changed[section] = reported
      origins[section] = origin
    }
  }
  // A service may repeat what was true long ago; only the phone itself knows what it once had.
  const highestOs = source === null ? raiseHighestOs(state.highestOs, report.os) : state.highestOs
  if (highestOs !== state.highestOs) changed.highestOs = highestOs
  const events = mergeEvents(state.events, { events: report.events ?? [], sequence: origin.sequence, receivedAt })
  const next = late && events === state.events && Object.keys(changed).length === 0
    ? state
    : { ...state, ...changed, origins: { ...state.origins, ...origins }, events, ...(late || source !== null ? {} : { sequence: report.sequence, clockOffsetSeconds: clockOffset(report, receivedAt) }) }
  return { state: withoutUndefined(next), outcome: late ? 'late' : 'merged', resend: (next.pendingApps ?? []).length > 0 ? ['apps'] : [] }
}

function isNewer (origin: SectionOrigin, known: Pick<SectionOrigin, 'sequence' | 'source' | 'collectedAt'> | undefined): boolean {
  if (known === undefined) return true
  if (origin.source === undefined) return origin.sequence > known.sequence
  // Of one service, the later collected counts; the agent's word is older than what comes now.
  return origin.source !== known.source || Date.parse(origin.collectedAt) >= Date.parse(known.collectedAt)
}

type Members = Readonly<Record<string, unknown>>

/** Undefined when nothing of it is newer than what is known. */
function mergeMembers (known: Members | undefined, knownOrigin: SectionOrigin | undefined, reported: Members, origin: SectionOrigin): { members: Members, origin: SectionOrigin } | undefined {
  if (known === undefined || knownOrigin === undefined) return { members: reported, origin }
  const isLatest = isNewer(origin, knownOrigin)
  const older = new Map(Object.entries(knownOrigin.older ?? {}))
  // Entries, so that a member called `__proto__` is only a member.
  const members = new Map(Object.entries(known))
  let hasChanged = isLatest
  for (const [name, value] of Object.entries(reported)) {
    const saidAt = members.has(name) ? older.get(name) ?? knownOrigin.sequence : undefined
    if (saidAt !== undefined && !isLatest && origin.sequence <= saidAt) continue
    hasChanged = true
    members.set(name, value)
    if (isLatest) older.delete(name)
    else older.set(name, origin.sequence)
  }
  if (!hasChanged) return undefined
  if (isLatest) {
    for (const name of members.keys()) if (!Object.hasOwn(reported, name) && !older.has(name)) older.set(name, knownOrigin.sequence)
  }
  const { older: _, ...newest } = isLatest ? origin : knownOrigin
  return { members: Object.fromEntries(members), origin: older.size === 0 ? newest : { ...newest, older: Object.fromEntries(older) } }
}

/**
 * What another service says of a phone's integrity without its "no" to what the agent on the phone
 * calls so: tools that hide a rooted system hide it from the services first. Its own earlier word
 * a service may take back.
 */
function withoutDenials (reported: Members, known: Members | undefined, knownOrigin: SectionOrigin | undefined): Members {
  const isOwnWord = (name: string): boolean => knownOrigin?.source !== undefined && knownOrigin.older?.[name] === undefined
  return Object.fromEntries(Object.entries(reported).filter(([name, value]) => !(value === false && known?.[name] === true && !isOwnWord(name))))
}

const knownApps = (state: DeviceState): KnownApps => ({ apps: state.apps, origin: state.origins.apps, pending: state.pendingApps ?? [] })

function addApps (state: DeviceState, { apps, origin, pending }: KnownApps, changed: Record<string, unknown>, origins: Partial<Record<StateSection, SectionOrigin>>): void {
  if (origin !== state.origins.apps) {
    changed.apps = apps
    origins.apps = origin!
  }
  if (pending !== (state.pendingApps ?? pending) || pending.length !== (state.pendingApps ?? []).length) changed.pendingApps = pending.length === 0 ? undefined : pending
}

function clockOffset (report: Report, receivedAt: Date): number | undefined {
  const steps = Math.trunc((Date.parse(report.collectedAt) - receivedAt.getTime()) / 1000 / CLOCK_STEP_SECONDS)
  return steps === 0 ? undefined : steps * CLOCK_STEP_SECONDS
}

/** Absent is the one way to say unknown. */
function withoutUndefined (state: DeviceState): DeviceState {
  return Object.values(state).includes(undefined) ? Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined)) as unknown as DeviceState : state
}
