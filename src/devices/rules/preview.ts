import { setImmediate as breathe } from 'node:timers/promises'
import { sql } from 'kysely'
import type { IntelView } from '../../intel/intel-view.js'
import type { Database, Tx } from '../../platform/database.js'
import { assess, type AssessInput } from '../../risk/assess.js'
import type { AssessedFinding, Assessment } from '../../risk/assessment.js'
import { type Level, levelRank, LEVELS } from '../../risk/level.js'
import type { PolicyDocument } from '../../risk/policy/document.js'
import type { DeviceState, Platform } from '../../telemetry/device-state.js'
import type { AppInventories } from '../app-inventories.js'
import { ENTRA_GROUPS, OWNERSHIP } from '../device-attributes.js'
import { fromStoredState, type StoredState } from '../stored-state.js'
import { rulesForPhone, type TenantRules } from './tenant-rules.js'

export type LevelCounts = Readonly<Record<Level, number>>
/** Highest level that a compliance policy of Intune allows. */
export const LIMITS = ['secured', 'low', 'medium'] as const
export type LimitCounts = Readonly<Record<(typeof LIMITS)[number], number>>

/** What a policy would change. */
export interface PolicyPreview {
  /** Phones that have a level. */
  readonly devices: number
  readonly byLevel: { readonly now: LevelCounts, readonly then: LevelCounts }
  /** `because`: detections that make the level then where it rises, or made it where it falls; the most frequent first. */
  readonly changes: ReadonlyArray<{ readonly from: Level, readonly to: Level, readonly count: number, readonly because: ReadonlyArray<{ readonly detection: string, readonly count: number }> }>
  readonly newlyNoncompliant: LimitCounts
  readonly newlyCompliant: LimitCounts
  readonly examples: readonly PreviewExample[]
  readonly seconds: number
}

export interface PreviewExample {
  readonly deviceId: string
  readonly from: Level
  readonly to: Level
  /** Groups of the new policy that the phone is in. */
  readonly groups: readonly string[]
  /** Those that make the level then; where it falls, those that made it and no longer do. */
  readonly findings: ReadonlyArray<Pick<AssessedFinding, 'detection' | 'subject' | 'severity' | 'title'>>
}

export interface PreviewDeps {
  readonly db: Database
  readonly intel: IntelView
  readonly apps: AppInventories
  readonly now: Date
  readonly onProgress?: (devices: number) => Promise<void>
  /** For tests; the whole catalogue by default. */
  readonly assess?: (input: AssessInput) => Assessment
}

const PAGE = 500
const MAX_EXAMPLES = 5
/** Of one detection's changes between two levels, so that others work meanwhile. */
const BREATH = 25
const MAX_FINDINGS = 5

/**
 * Judges all phones of a tenant that have a level by another policy, page by page, and compares with the level they have.
 * Nothing is locked or written; memory is that of two pages, whatever the number of phones.
 */
export async function previewPolicyOf ({ db, intel, apps, now, onProgress, assess: judge = assess }: PreviewDeps, { tenantId, rules, document }: { readonly tenantId: string, readonly rules: TenantRules, readonly document: PolicyDocument }): Promise<PolicyPreview> {
  const startedAt = performance.now()
  const tally = createTally()
  const then: TenantRules = { ...rules, document, policyVersion: rules.policyVersion + 1 }
  let devices = 0
  await db.transaction().setIsolationLevel('repeatable read').execute(async (tx) => {
    await sql`set transaction read only`.execute(tx)
    await sql`declare phones no scroll cursor for
      select s.device_id, d.platform, ${OWNERSHIP}, d.tags, ${ENTRA_GROUPS}, s.sequence, s.state, s.apps_digest, s.level
      from device_state s join device d on d.id = s.device_id
      where s.tenant_id = ${tenantId} and s.level is not null and d.retired_at is null and d.erased_at is null`.execute(tx)
    for (let page = await readPage(tx, apps); page.length > 0;) {
      // The database fetches the next while these are judged.
      const next = readPage(tx, apps)
      for (const [index, phone] of page.entries()) {
        const { policy, groups, suppressions } = rulesForPhone(then, phone.deviceId, phone)
        tally.add(phone, judge({ platform: phone.platform, state: phone.state, intel, policy, suppressions, now }), groups)
        if (index % BREATH === BREATH - 1) await breathe()
      }
      devices += page.length
      await onProgress?.(devices)
      page = await next
    }
  })
  const lost = await findingsOf(db, tally.fallen())
  return { devices, ...tally.result(lost), seconds: (performance.now() - startedAt) / 1000 }
}

interface StoredPhone {
  readonly deviceId: string
  readonly platform: Platform
  readonly ownership: 'corporate' | 'personal' | null
  readonly tags: readonly string[]
  readonly entraGroups: readonly string[]
  readonly state: DeviceState
  readonly level: Level
}

async function readPage (tx: Tx, apps: AppInventories): Promise<StoredPhone[]> {
  const { rows } = await sql<{
    device_id: string, platform: Platform, ownership: 'corporate' | 'personal' | null, tags: string[], entra_groups: string[], sequence: number
    state: Partial<StoredState>, apps_digest: string | null, level: Level
  }>`fetch ${sql.lit(PAGE)} from phones`.execute(tx)
  const lists = await apps.read(tx, rows.map(({ device_id: deviceId, apps_digest: digest }) => ({ deviceId, digest })))
  return rows.map((row) => ({
    deviceId: row.device_id,
    platform: row.platform,
    ownership: row.ownership,
    tags: row.tags,
    entraGroups: row.entra_groups,
    state: fromStoredState(row.state, row.sequence, lists.get(row.device_id)),
    level: row.level
  }))
}

interface Change { readonly from: Level, readonly to: Level, count: number, readonly because: Map<string, number>, readonly examples: PreviewExample[] }

function createTally () {
  const now = zero(LEVELS)
  const then = zero(LEVELS)
  const newlyNoncompliant = zero(LIMITS)
  const newlyCompliant = zero(LIMITS)
  const changes = new Map<string, Change>()

  return {
    add ({ deviceId, level: from }: StoredPhone, { level: to, findings }: Assessment, groups: readonly string[]): void {
      now[from]++
      then[to]++
      if (from === to) return
      for (const limit of LIMITS) {
        if (levelRank(from) <= levelRank(limit) && levelRank(to) > levelRank(limit)) newlyNoncompliant[limit]++
        if (levelRank(from) > levelRank(limit) && levelRank(to) <= levelRank(limit)) newlyCompliant[limit]++
      }
      const key = `${from} ${to}`
      let change = changes.get(key)
      if (change === undefined) changes.set(key, change = { from, to, count: 0, because: new Map(), examples: [] })
      change.count++
      const behind = levelRank(to) > levelRank(from) ? findings.filter(({ raisesLevel, suppressedBy, severity }) => raisesLevel && suppressedBy === null && severity === to) : []
      for (const detection of new Set(behind.map((finding) => finding.detection))) change.because.set(detection, (change.because.get(detection) ?? 0) + 1)
      if (change.examples.length < MAX_EXAMPLES) change.examples.push({ deviceId, from, to, groups, findings: behind.slice(0, MAX_FINDINGS).map(toShort) })
    },

    /** Examples of phones whose level falls: what made it is stored. */
    fallen: (): string[] => [...changes.values()].filter(({ from, to }) => levelRank(to) < levelRank(from)).flatMap(({ examples }) => examples.map(({ deviceId }) => deviceId)),

    result (lost: ReadonlyMap<string, PreviewExample['findings']>): Omit<PolicyPreview, 'devices' | 'seconds'> {
      const sorted = [...changes.values()].sort((a, b) => b.count - a.count || (a.from + a.to < b.from + b.to ? -1 : 1))
      return {
        byLevel: { now, then },
        changes: sorted.map(({ from, to, count, because, examples }) => ({ from, to, count, because: frequent(levelRank(to) > levelRank(from) ? because : countLost(examples, from, lost)) })),
        newlyNoncompliant,
        newlyCompliant,
        examples: sorted.flatMap(({ examples }) => examples.map((one) => levelRank(one.to) > levelRank(one.from) ? one : { ...one, findings: (lost.get(one.deviceId) ?? []).filter(({ severity }) => severity === one.from) }))
      }
    }
  }
}

const zero = <L extends string>(names: readonly L[]): Record<L, number> => Object.fromEntries(names.map((name) => [name, 0])) as Record<L, number>

const toShort = ({ detection, subject, severity, title }: AssessedFinding): PreviewExample['findings'][number] => ({ detection, subject, severity, title })

const frequent = (counts: ReadonlyMap<string, number>): ReadonlyArray<{ readonly detection: string, readonly count: number }> =>
  [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([detection, count]) => ({ detection, count }))

/** Where levels fall, what made them is looked up for the examples alone. */
function countLost (examples: readonly PreviewExample[], from: Level, lost: ReadonlyMap<string, PreviewExample['findings']>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { deviceId } of examples) {
    for (const detection of new Set((lost.get(deviceId) ?? []).filter(({ severity }) => severity === from).map((finding) => finding.detection))) counts.set(detection, (counts.get(detection) ?? 0) + 1)
  }
  return counts
}

async function findingsOf (db: Database, deviceIds: readonly string[]): Promise<Map<string, PreviewExample['findings']>> {
  const rows = deviceIds.length === 0
    ? []
    : await db.selectFrom('finding').select(['device_id', 'detection', 'subject', 'severity', 'title']).where('device_id', 'in', [...deviceIds]).where('status', '=', 'open').where('raises_level', '=', true).orderBy('detection').execute()
  const found = new Map<string, Array<PreviewExample['findings'][number]>>()
  for (const { device_id: deviceId, severity, ...rest } of rows) {
    const list = found.get(deviceId) ?? []
    list.push({ ...rest, severity: severity as AssessedFinding['severity'] })
    found.set(deviceId, list)
  }
  return found
}
