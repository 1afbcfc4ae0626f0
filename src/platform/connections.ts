import { ROLE_KINDS, type RoleKind } from './access/database-roles.js'

/** What a process of each kind is: `up` without worker processes of its own is both in one. */
export const PROCESS_KINDS = ['api', 'worker', 'up'] as const
export type ProcessKind = typeof PROCESS_KINDS[number]

/** A pool of connections in one role. `control`: a few of its own for what others that are busy must not hold up. */
export type PoolName = RoleKind | `${RoleKind} control`

/** Most connections of each pool. Ingest and workers have most to do; whoever looks must not hold them up. */
const POOL_SIZES: Readonly<Record<RoleKind, number>> = { api: 12, worker: 12, operator: 6, partner: 4, platform: 2 }
const CONTROL_SIZE = 3

/** Most connections of the queues' pool, where they are in PostgreSQL: each worker keeps one to listen on. */
export const QUEUE_CONNECTIONS = 12

const API_POOLS: readonly PoolName[] = ['api', 'api control', 'operator', 'partner', 'platform']
const WORKER_POOLS: readonly PoolName[] = ['worker', 'worker control']

/** The pools that a process may open; each opens its connections as it needs them and closes idle ones. */
export const PROCESS_POOLS: Readonly<Record<ProcessKind, readonly PoolName[]>> = {
  api: API_POOLS,
  worker: WORKER_POOLS,
  up: [...API_POOLS, ...WORKER_POOLS]
}

export const poolSize = (pool: PoolName): number => pool.endsWith(' control') ? CONTROL_SIZE : POOL_SIZES[ROLE_KINDS.find((role) => role === pool)!]

/**
 * Most connections that a process keeps in its pools. For minutes at a time come one to load or to import intelligence and, in a worker, two for
 * each thread of a preview.
 */
export function connectionsOf (kind: ProcessKind, queuesIn: 'postgres' | 'redis'): number {
  return PROCESS_POOLS[kind].reduce((sum, pool) => sum + poolSize(pool), queuesIn === 'postgres' ? QUEUE_CONNECTIONS : 0)
}

/** The table of docs/operations.md. */
export function renderConnections (): string {
  const names: Readonly<Record<ProcessKind, string>> = { api: '`sallyport api`', worker: '`sallyport worker`, whatever its queues', up: '`sallyport up`; with `--workers`, that many workers more' }
  const rows = PROCESS_KINDS.map((kind) => `| ${names[kind]} | ${connectionsOf(kind, 'redis')} | ${connectionsOf(kind, 'postgres')} | ${PROCESS_POOLS[kind].map((pool) => `${pool} ${poolSize(pool)}`).join(', ')} |`)
  return ['| process | queues in Redis | queues in PostgreSQL | pools by role |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
