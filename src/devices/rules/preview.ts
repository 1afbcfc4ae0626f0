import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import type { IntelView } from '../../intel/intel-view.js'
import type { Database, Tx } from '../../platform/database.js'
import { runInThread, threadFile } from '../../platform/thread.js'
import type { AssessInput } from '../../risk/assess.js'
import type { AssessedFinding, Assessment } from '../../risk/assessment.js'
import type { Level } from '../../risk/level.js'
import type { PolicyDocument } from '../../risk/policy/document.js'
import { createAppInventories } from '../app-inventories.js'
import { PREVIEW_LISTS, previewSlice, type PreviewSlice } from './preview-slice.js'
import { count, createTally, frequent, isRise, type LevelCounts, type LimitCounts, mergeTally, type PreviewExample, type PreviewTally } from './preview-tally.js'
import type { TenantRules } from './tenant-rules.js'

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

export interface PreviewDeps {
  readonly db: Database
  /** For judging in place; threads read it in the snapshot of the phones. */
  readonly intel: IntelView
  readonly now: Date
  /** For threads of their own, where there are many phones; without it all are judged in place. */
  readonly databaseUrl?: string | undefined
  readonly onProgress?: (devices: number) => Promise<void>
  /** For tests; the whole catalogue by default. In place only. */
  readonly assess?: (input: AssessInput) => Assessment
  /** Phones from which on threads are worth starting. */
  readonly manyPhones?: number
}

export interface PreviewThreadInput {
  readonly databaseUrl: string
  /** Exported by the transaction that waits for the threads. */
  readonly snapshot: string
  /** One Int32: phones done. */
  readonly done: SharedArrayBuffer
  readonly slice: PreviewSlice
}

/** A thread needs a second of a processor until it has loaded what it judges with. */
const MANY_PHONES = 10_000
const MAX_THREADS = 8
const THREAD_HEAP_MB = 512
const THREAD_SECONDS = 30 * 60
const PROGRESS_MS = 250
const THREAD_FILE = threadFile('preview-thread-entry', import.meta.url)

/**
 * Judges all phones of a tenant that have a level by another policy, and compares with the level they have: one consistent
 * picture, by as many threads as there are processors. Nothing is locked or written; memory is that of some pages for
 * each thread, whatever the number of phones.
 */
export async function previewPolicyOf (deps: PreviewDeps, { tenantId, rules, document }: { readonly tenantId: string, readonly rules: TenantRules, readonly document: PolicyDocument }): Promise<PolicyPreview> {
  const { db, now, databaseUrl, manyPhones = MANY_PHONES } = deps
  const startedAt = performance.now()
  const then: TenantRules = { ...rules, document, policyVersion: rules.policyVersion + 1 }
  const whole: PreviewSlice = { tenantId, rules: then, from: undefined, before: undefined, now }
  const tally = await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(async (tx) =>
    databaseUrl !== undefined && availableParallelism() > 1 && await hasMany(tx, tenantId, manyPhones)
      ? await judgeInThreads(deps, tx, databaseUrl, whole)
      : await judgeInPlace(deps, tx, whole))
  const lost = await findingsOf(db, [...tally.changes.values()].filter((change) => !isRise(change)).flatMap(({ examples }) => examples.map(({ deviceId }) => deviceId)))
  return { ...describe(tally, lost), seconds: (performance.now() - startedAt) / 1000 }
}

async function hasMany (tx: Tx, tenantId: string, many: number): Promise<boolean> {
  const { rows: [row] } = await sql<{ phones: number }>`select count(*) as phones from (select from device where tenant_id = ${tenantId} limit ${many}) few`.execute(tx)
  return row!.phones >= many
}

async function judgeInPlace ({ db, intel, onProgress, assess }: PreviewDeps, tx: Tx, slice: PreviewSlice): Promise<PreviewTally> {
  let done = 0
  return await previewSlice({
    tx, intel, assess, apps: createAppInventories({ db, maxLists: PREVIEW_LISTS }),
    onProgress: async (devices) => await onProgress?.(done += devices)
  }, slice)
}

async function judgeInThreads ({ onProgress }: PreviewDeps, tx: Tx, databaseUrl: string, whole: PreviewSlice): Promise<PreviewTally> {
  const { rows: [row] } = await sql<{ snapshot: string }>`select pg_export_snapshot() as snapshot`.execute(tx)
  const done = new SharedArrayBuffer(4)
  const failed = new AbortController()
  const threads = sliceIds(Math.min(availableParallelism(), MAX_THREADS)).map(async (ids) => await runInThread<PreviewTally>({
    file: THREAD_FILE, input: { databaseUrl, snapshot: row!.snapshot, done, slice: { ...whole, ...ids } } satisfies PreviewThreadInput,
    maxHeapMb: THREAD_HEAP_MB, maxSeconds: THREAD_SECONDS, signal: failed.signal
  }).catch((error: unknown) => {
    // What the others find is of no use any more.
    failed.abort(error)
    throw error
  }))
  const ended = Promise.allSettled(threads).then(() => true)
  try {
    while (!await Promise.race([ended, wait(PROGRESS_MS, false, { ref: false })])) await onProgress?.(Atomics.load(new Int32Array(done), 0))
  } catch (error) {
    // Whoever is told wants no more of it.
    failed.abort(error)
    await ended
    throw error
  }
  const tally = createTally()
  for (const part of await Promise.all(threads)) mergeTally(tally, part)
  return tally
}

/** Ids are random, so equal ranges of them hold about as many phones each. */
function sliceIds (slices: number): Array<Pick<PreviewSlice, 'from' | 'before'>> {
  const border = (slice: number): string | undefined => slice === 0 || slice === slices
    ? undefined
    : `${Math.floor(slice * 0x1_0000_0000 / slices).toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`
  return Array.from({ length: slices }, (_, slice) => ({ from: border(slice), before: border(slice + 1) }))
}

function describe ({ devices, now, then, newlyNoncompliant, newlyCompliant, changes }: PreviewTally, lost: ReadonlyMap<string, PreviewExample['findings']>): Omit<PolicyPreview, 'seconds'> {
  const sorted = [...changes.values()].sort((a, b) => b.count - a.count || (a.from + a.to < b.from + b.to ? -1 : 1))
  return {
    devices,
    byLevel: { now, then },
    changes: sorted.map((change) => ({ from: change.from, to: change.to, count: change.count, because: frequent(isRise(change) ? change.because : countLost(change.examples, change.from, lost)) })),
    newlyNoncompliant,
    newlyCompliant,
    examples: sorted.flatMap((change) => change.examples.map((one) => isRise(change) ? one : { ...one, findings: (lost.get(one.deviceId) ?? []).filter(({ severity }) => severity === one.from) }))
  }
}

/** Where levels fall, what made them is looked up for the examples alone. */
function countLost (examples: readonly PreviewExample[], from: Level, lost: ReadonlyMap<string, PreviewExample['findings']>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { deviceId } of examples) {
    for (const detection of new Set((lost.get(deviceId) ?? []).filter(({ severity }) => severity === from).map((finding) => finding.detection))) count(counts, detection, 1)
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
