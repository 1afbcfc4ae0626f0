import { sql } from 'kysely'
import type { Database } from '../platform/database.js'

export interface CallLimits {
  /** PUT, POST, PATCH and DELETE for one tenant in `windowSeconds`; 0: as many as we like. */
  readonly writes: number
  /** Calls of any kind for one tenant in `windowSeconds`; 0: as many as we like. */
  readonly calls: number
  readonly windowSeconds: number
}

export type CallKind = 'write' | 'read'

/** How fast we may call Intune for one tenant, counted over all processes. */
export interface CallBudget {
  /** Counts a call if it may be made now and answers 0; otherwise counts nothing and answers milliseconds until it may. */
  take (entraTenantId: string, kind: CallKind): Promise<number>
  /** Counts a call that is made in any case: a second try, a heartbeat, a connection to set up. */
  note (entraTenantId: string, kind: CallKind): Promise<void>
}

/**
 * Microsoft's figures for the Graph resources nearest to ours ("Intune enrollment", for one app
 * and tenant, per 20 s). Those of the partner services are not public.
 */
export const PUBLISHED_LIMITS: CallLimits = { writes: 100, calls: 1_000, windowSeconds: 20 }

/** A bucket holds a twentieth of the limit and is refilled with the rest, so that no window of any position ever sees more than the limit. */
const BURST_SHARE = 20

/**
 * A token bucket a tenant in PostgreSQL, as the moment at which it is full again (GCRA): one
 * statement a call decides and counts, by the database's clock, for all workers.
 */
export function createCallBudget (db: Database, limits: CallLimits): CallBudget {
  const writes = bucketOf(limits.writes, limits.windowSeconds)
  const calls = bucketOf(limits.calls, limits.windowSeconds)
  if (limits.writes === 0 && limits.calls === 0) return { take: async () => 0, note: async () => {} }

  async function count (entraTenantId: string, kind: CallKind, asks: boolean): Promise<boolean> {
    const write = kind === 'write' ? writes : { ...writes, step: 0, tolerance: Infinity }
    const isFree = sql`(${soFar(sql`b.writes_at`, limits.windowSeconds)} <= clock_timestamp() + ${span(write.tolerance)}
      and ${soFar(sql`b.calls_at`, limits.windowSeconds)} <= clock_timestamp() + ${span(calls.tolerance)})`
    const { rows } = await sql`
      insert into intune_budget as b (entra_tenant_id, writes_at, calls_at)
      values (${entraTenantId}, clock_timestamp() + ${span(write.step)}, clock_timestamp() + ${span(calls.step)})
      on conflict (entra_tenant_id) do update set
        writes_at = ${soFar(sql`b.writes_at`, limits.windowSeconds)} + ${span(write.step)},
        calls_at = ${soFar(sql`b.calls_at`, limits.windowSeconds)} + ${span(calls.step)}
      ${asks ? sql`where ${isFree}` : sql``}
      returning 1`.execute(db)
    return rows.length > 0
  }

  return {
    async take (entraTenantId, kind) {
      if (await count(entraTenantId, kind, true)) return 0
      const { rows: [row] } = await sql<{ wait_ms: number }>`
        select (extract(epoch from greatest(
          ${kind === 'write' ? sql`b.writes_at - ${span(writes.tolerance)}` : sql`b.calls_at - ${span(calls.tolerance)}`},
          b.calls_at - ${span(calls.tolerance)}) - clock_timestamp()) * 1000)::float8 as wait_ms
        from intune_budget b where entra_tenant_id = ${entraTenantId}`.execute(db)
      return Math.min(limits.windowSeconds * 1000, Math.max(1, Math.ceil(row?.wait_ms ?? 1)))
    },
    async note (entraTenantId, kind) {
      await count(entraTenantId, kind, false)
    }
  }
}

interface Bucket {
  /** Seconds that one call takes off. */
  readonly step: number
  /** Seconds that the bucket may be behind. */
  readonly tolerance: number
}

function bucketOf (limit: number, windowSeconds: number): Bucket {
  if (limit === 0) return { step: 0, tolerance: Infinity }
  const burst = Math.max(1, Math.floor(limit / BURST_SHARE))
  const step = windowSeconds / Math.max(1, limit - burst)
  return { step, tolerance: (burst - 1) * step }
}

/** What was counted before; not from a clock that was set back meanwhile. */
const soFar = (moment: ReturnType<typeof sql>, windowSeconds: number): ReturnType<typeof sql> =>
  sql`case when ${moment} > clock_timestamp() + ${span(windowSeconds * 2)} then clock_timestamp() else greatest(${moment}, clock_timestamp()) end`

const FOR_EVER_SECONDS = 1e9
const span = (seconds: number): ReturnType<typeof sql> => sql`make_interval(secs => ${Math.min(seconds, FOR_EVER_SECONDS)}::double precision)`
