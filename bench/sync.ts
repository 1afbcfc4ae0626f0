import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { type CallBudget, createCallBudget, PUBLISHED_LIMITS } from '../src/intune/call-budget.js'
import type { IntuneCall } from '../src/intune/intune-call.js'
import { DEFAULT_TUNING } from '../src/intune/sync-deps.js'
import type { SyncScheduler } from '../src/intune/sync-scheduler.js'
import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'
import { readUsage, type Usage } from './process-usage.js'
import { setSyncStage, type BenchTenant, type SyncStage } from './sync-stage.js'

const TENANTS = 50
/** So many messages of one tenant go out at the published limits. */
const LIMITED_MESSAGES = 150
const PROCESSING_DELAY_MS = 20
const PAUSE_MS = 20
const TRICKLE = 300
const TRICKLE_PAUSE_MS = 40
const WAKE_MS = 200

/**
 * How fast changed levels of many phones reach Intune, which is a process of its own: as fast as it
 * goes, what a single `high` of another tenant notices of it, and at the limits that Microsoft publishes.
 */
export async function sync ({ phones, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const perTenant = Math.ceil(phones / TENANTS)
  const stage = await setSyncStage({ processingDelayMs: PROCESSING_DELAY_MS })
  try {
    tell(`making ${TENANTS} tenants with ${perTenant} phones each …`)
    const tenants: BenchTenant[] = []
    for (let count = 0; count < TENANTS; count++) tenants.push(await stage.makeTenant(perTenant))
    const single = await stage.makeTenant(1)
    const large = await stage.makeTenant(phones)
    await connectAll(stage, [...tenants, single, large])

    tell('as fast as it goes …')
    const free = await drainFreely(stage, tenants)
    const differentAtFirst = await stage.countDifferent(tenants)
    tell('a single high of another tenant beside that …')
    const beside = await measureBeside(stage, tenants, single)
    tell('and beside one tenant with as many phones …')
    const besideOne = await measureBeside(stage, [large], single)
    tell('at the limits that Microsoft publishes …')
    const limited = await drainLimited(stage, tenants[0]!, perTenant)
    tell('a change now and then of one tenant, at these limits and without …')
    const trickling = { limited: await measureTrickle(stage, tenants[0]!, createCallBudget(stage.db, PUBLISHED_LIMITS)), free: await measureTrickle(stage, tenants[0]!) }
    const differentAtLast = await stage.countDifferent([...tenants, single, large])
    const waiting = (await stage.db.selectFrom('intune_outbox').select('device_id').execute()).length

    const devices = perTenant * TENANTS
    return {
      seconds: round((performance.now() - startedAt) / 1000),
      config: {
        devices, tenants: TENANTS, messageDevices: DEFAULT_TUNING.messageDevices, lanes: DEFAULT_TUNING.lanes, processingDelayMs: PROCESSING_DELAY_MS,
        limits: PUBLISHED_LIMITS, limitedMessages: limited.messages
      },
      results: {
        devices,
        tenants: TENANTS,
        devicesPerSecond: Math.round(devices / free.seconds),
        drainSeconds: round(free.seconds),
        messages: free.uploads,
        looksPerMessage: round(free.looks / free.uploads),
        cpuSecondsPer10000Devices: free.cpuSecondsPer10000,
        singleHighMs: quantiles(beside.delays),
        slowestSingleHighMs: round(Math.max(0, ...beside.delays)),
        singleHighs: beside.delays.length,
        singleHighBesideOneTenantMs: quantiles(besideOne.delays),
        slowestBesideOneTenantMs: round(Math.max(0, ...besideOne.delays)),
        singleHighsBesideOneTenant: besideOne.delays.length,
        tricklingMs: { limited: quantiles(trickling.limited), free: quantiles(trickling.free) },
        drainSecondsAtPublishedLimits: round(limited.seconds),
        theoreticalSeconds: round(limited.theoreticalSeconds)
      },
      baselines: {},
      ratios: { limit: round(limited.seconds / limited.theoreticalSeconds) },
      checks: {
        intuneHasEveryLevel: differentAtFirst === 0 && differentAtLast === 0,
        nothingWaits: waiting === 0,
        neverAboveTheLimits: limited.mostWrites <= PUBLISHED_LIMITS.writes && limited.mostCalls <= PUBLISHED_LIMITS.calls
      }
    }
  } finally {
    await stage.stop()
  }
}

/** Until all of it is told: what Intune did not take is woken again, as the sweep does. */
async function drain ({ db }: SyncStage, scheduler: SyncScheduler, tenants: readonly BenchTenant[]): Promise<number> {
  const ids = tenants.map(({ tenantId }) => tenantId)
  let sent = 0
  for (;;) {
    const results = await Promise.all(ids.map(async (tenantId) => await scheduler.run(tenantId)))
    for (const result of results) sent += result.sent
    if (await db.selectFrom('intune_outbox').select('device_id').where('tenant_id', 'in', ids).limit(1).executeTakeFirst() === undefined) return sent
    await wait(WAKE_MS)
  }
}

/** Provisions all: that is not what is measured. */
async function connectAll (stage: SyncStage, tenants: readonly BenchTenant[]): Promise<void> {
  await stage.want(tenants, 'secured')
  const scheduler = stage.startSync({ onCall: () => {} })
  await drain(stage, scheduler, tenants)
  await scheduler.close()
  await sql`vacuum analyze`.execute(stage.db)
}

async function drainFreely (stage: SyncStage, tenants: readonly BenchTenant[]) {
  await stage.want(tenants, 'highSeverity')
  await sql`checkpoint`.execute(stage.db)
  let uploads = 0
  let looks = 0
  const count = ({ operation }: IntuneCall): void => {
    if (operation === 'upload') uploads++
    if (operation === 'upload-status') looks++
  }
  const scheduler = stage.startSync({ onCall: count })
  const before = usageOf(stage)
  const from = performance.now()
  const devices = await drain(stage, scheduler, tenants)
  const seconds = (performance.now() - from) / 1000
  const after = usageOf(stage)
  await scheduler.close()
  const share = (name: 'own' | 'simulator'): number | null =>
    before[name] === undefined || after[name] === undefined ? null : round((after[name].cpuSeconds - before[name].cpuSeconds) / devices * 10_000)
  return { seconds, uploads, looks, cpuSecondsPer10000: { syncAndPostgres: share('own'), simulator: share('simulator') } }
}

function usageOf ({ simulatorPid }: SyncStage): { readonly own: Usage | undefined, readonly simulator: Usage | undefined } {
  return { own: readUsage(process.pid, new Set([simulatorPid])), simulator: readUsage(simulatorPid, new Set()) }
}

/** How long one phone of a quiet tenant takes to be acknowledged while all others have much to tell. */
async function measureBeside (stage: SyncStage, tenants: readonly BenchTenant[], single: BenchTenant): Promise<{ readonly delays: number[] }> {
  await stage.want(tenants, 'mediumSeverity')
  const scheduler = stage.startSync({ onCall: () => {} })
  const delays: number[] = []
  const load = { isOver: false }
  const others = drain(stage, scheduler, tenants).then(() => { load.isOver = true })
  for (let turn = 0; !load.isOver; turn++) {
    await stage.want([single], turn % 2 === 0 ? 'highSeverity' : 'secured')
    const from = performance.now()
    await drain(stage, scheduler, [single])
    delays.push(performance.now() - from)
    await wait(PAUSE_MS)
  }
  await others
  await scheduler.close()
  return { delays }
}

/** One tenant with so many messages to send that its budget decides, and nothing else. */
async function drainLimited (stage: SyncStage, tenant: BenchTenant, phones: number) {
  await stage.want([tenant], 'lowSeverity')
  const messageDevices = Math.max(1, Math.ceil(phones / LIMITED_MESSAGES))
  const writes: number[] = []
  const calls: number[] = []
  const scheduler = stage.startSync({
    budget: createCallBudget(stage.db, PUBLISHED_LIMITS),
    tuning: { messageDevices },
    onCall: ({ operation, seconds }) => {
      if (operation === 'graph') return
      // When it was made, not when it was answered.
      const at = performance.now() - seconds * 1000
      calls.push(at)
      if (operation !== 'upload-status') writes.push(at)
    }
  })
  const from = performance.now()
  await drain(stage, scheduler, [tenant])
  const seconds = (performance.now() - from) / 1000
  await scheduler.close()
  const { writes: limit, windowSeconds } = PUBLISHED_LIMITS
  return { seconds, messages: writes.length, theoreticalSeconds: writes.length * windowSeconds / limit, mostWrites: mostWithin(writes, windowSeconds), mostCalls: mostWithin(calls, windowSeconds) }
}

/** How long one changed phone of a tenant takes when another follows every few moments. */
async function measureTrickle (stage: SyncStage, tenant: BenchTenant, budget?: CallBudget): Promise<number[]> {
  const delays: number[] = []
  const scheduler = stage.startSync({
    ...(budget === undefined ? {} : { budget }),
    onCall: () => {},
    onSynced: ({ lagSeconds }) => delays.push(...lagSeconds.map((lag) => lag * 1000))
  })
  for (let count = 0; count < TRICKLE; count++) {
    await stage.wantOne(tenant)
    void scheduler.run(tenant.tenantId)
    await wait(TRICKLE_PAUSE_MS)
  }
  await drain(stage, scheduler, [tenant])
  await scheduler.close()
  return delays
}

/** The most that happened in any window of that length. */
function mostWithin (timesMs: readonly number[], seconds: number): number {
  const sorted = [...timesMs].sort((a, b) => a - b)
  let most = 0
  for (let first = 0, next = 0; next < sorted.length; next++) {
    while (sorted[next]! - sorted[first]! >= seconds * 1000) first++
    most = Math.max(most, next - first + 1)
  }
  return most
}
