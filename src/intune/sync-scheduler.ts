import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Away, createMessageSender } from './message-sender.js'
import { leaveMessages, watchMessages } from './outbox-repository.js'
import { DEFAULT_TUNING, type SyncResult, type SyncTenantDeps } from './sync-deps.js'
import { newTenantRun, type TenantRun } from './tenant-run.js'

/** Tells Intune about many tenants at once, one message of each in turn. */
export interface SyncScheduler {
  /**
   * Something of this tenant may be due: a tenant that nothing was due of goes first. Resolves when nothing
   * is left that may be sent now; rejects when a fault of our own stopped it.
   */
  run (tenantId: string): Promise<SyncResult>
  /** Takes no more, waits a little for Intune, and leaves what is unfinished to the other processes. */
  close (): Promise<void>
}

/** A step that waits longer for Microsoft may wait for ever: another takes its lane, and its tenant gets no second one. */
const SLOW_MS = 300
/** Steps under way at once at most, the slow ones counted, as a multiple of the lanes. */
const SLOW_SHARE = 8
/** More lanes, for tenants that have just come: the others may all be waiting for the database. */
const NEW_LANES = 4
const CLOSE_LIMIT_MS = 3_000

/**
 * Tenants stand in a ring. A free lane takes the first one, sends one message of it and puts it
 * back at the end, so a tenant with a hundred thousand changes delays another by one message.
 * A message that Intune took holds no lane. Nothing here must outlive the process: what is due is
 * in the outbox, and messages in hand are in intune_message, where another process finds them.
 */
export function createSyncScheduler (deps: SyncTenantDeps): SyncScheduler {
  const tuning = { ...DEFAULT_TUNING, ...deps.tuning }
  const runs = new Map<string, TenantRun>()
  const ring: TenantRun[] = []
  const closing = new AbortController()
  // Each message that is looked after listens to it.
  setMaxListeners(0, closing.signal)
  let busy = 0
  let steps = 0
  const sender = createMessageSender({ deps, tuning, signal: closing.signal, onChange: settle })

  const renewal = setInterval(() => {
    watchMessages(deps.db, sender.inHand(), tuning.watchMs).catch((err: unknown) => deps.log.warn({ err }, 'messages in hand could not be claimed for longer'))
  }, tuning.watchMs / 4)
  renewal.unref()

  function isEligible (run: TenantRun): boolean {
    const under = run.steps + run.unfinished
    return (run.due || run.parts.length > 0) && run.timer === undefined && run.slow === 0 &&
      (run.probing ? under === 0 : run.steps < tuning.tenantLanes && under < tuning.tenantMessages)
  }

  /** Something about this run has changed. */
  function settle (run: TenantRun): void {
    if (!run.inRing && !closing.signal.aborted && isEligible(run)) {
      run.inRing = true
      ring.push(run)
    }
    if (!run.due && run.parts.length === 0 && run.steps === 0 && run.unfinished === 0 && run.timer === undefined && runs.get(run.tenantId) === run) {
      runs.delete(run.tenantId)
      if (run.fault === undefined) run.finished.resolve()
      else run.finished.reject(run.fault)
    }
    pump()
  }

  function pump (): void {
    while (ring.length > 0 && steps < tuning.lanes * SLOW_SHARE && !closing.signal.aborted) {
      if (busy >= tuning.lanes + (ring[0]!.claims === 0 ? NEW_LANES : 0)) return
      const run = ring.shift()!
      run.inRing = false
      if (isEligible(run)) void step(run)
    }
  }

  async function step (run: TenantRun): Promise<void> {
    let isSlow = false
    const away: Away = async (work) => {
      // Only what others let us wait for: a busy database of our own gets no better by asking it more at once.
      const timer = setTimeout(() => {
        if (isSlow) return
        isSlow = true
        busy--
        run.slow++
        pump()
      }, SLOW_MS)
      timer.unref()
      try {
        return await work()
      } finally {
        clearTimeout(timer)
      }
    }
    busy++
    steps++
    run.steps++
    try {
      await sender.sendNext(run, away)
    } catch (error) {
      deps.log.error({ err: error, tenantId: run.tenantId }, 'sync failed by a fault of our own')
      run.fault ??= error
      run.due = false
    }
    steps--
    run.steps--
    if (isSlow) run.slow--
    else busy--
    settle(run)
  }

  return {
    async run (tenantId) {
      let run = runs.get(tenantId)
      if (run === undefined) {
        run = newTenantRun(tenantId)
        run.finished.promise.catch(() => {}) // For those who ask; logged already.
        runs.set(tenantId, run)
        run.inRing = true
        ring.unshift(run)
        pump()
      } else {
        run.due = true
        settle(run)
      }
      await run.finished.promise
      return { sent: run.sent, failed: run.failed, stopped: run.stopped }
    },

    async close () {
      clearInterval(renewal)
      for (const run of runs.values()) {
        clearTimeout(run.timer)
        run.timer = undefined
        run.due = false
      }
      const until = performance.now() + CLOSE_LIMIT_MS
      const isAtWork = (): boolean => steps > 0 || sender.inHand().length > 0
      while (isAtWork() && performance.now() < until) await sleep(10)
      closing.abort()
      await leaveMessages(deps.db, sender.inHand()).catch((err: unknown) => deps.log.warn({ err }, 'messages in hand lapse by themselves'))
      for (const run of runs.values()) run.finished.resolve()
      runs.clear()
    }
  }
}
