import type { DriveResult } from '../src/simulator/fleet/drive-fleet.js'
import type { AnotherApi } from './another-api.js'
import type { BareApi } from './bare-server.js'
import { type BenchOptions, round } from './benchmark.js'
import type { LoadApi } from './load-process.js'
import { enrollProbe, type Probe } from './probe-intune.js'
import { readUsage, type Usage } from './process-usage.js'
import type { StartedRedis } from './redis-server.js'
import { type Remote, startRemote } from './remote.js'
import type { StartedSallyport } from './started-sallyport.js'

export const SEED = 20_261_123
export const CONNECTIONS = 256
export const WARM_UP_SECONDS = 2
/** Reports that are sent twice. */
export const REPEAT_SHARE = 0.005
/** What the phones of the load send (src/simulator/fleet/simulated-phone.ts). */
export const MIX = '60% heartbeats, 20% app updates, 15% events, 5% snapshots of 150 apps'

/** What Fastify alone does with the same reports, a second. */
export async function measureBare ({ phones, seconds, rate, tell }: BenchOptions): Promise<number> {
  tell('Fastify alone …')
  const server = startRemote<BareApi>('bare-server')
  const load = startRemote<LoadApi>('load-process')
  try {
    const { url, tokens } = await server.call('start', { phones })
    await load.call('adopt', { tokens, seed: SEED })
    await load.call('introduce', { apiUrl: url, connections: CONNECTIONS })
    const drive = { apiUrl: url, connections: CONNECTIONS, ...(rate === undefined ? {} : { ratePerSecond: rate }) }
    await load.call('drive', { ...drive, seconds: WARM_UP_SECONDS })
    return perSecond(await load.call('drive', { ...drive, seconds }))
  } finally {
    await Promise.all([server.stop(), load.stop()])
  }
}

/** Enrols the phones of the load and lets them report for a moment, so that all is warm; answers probes beside them. */
export async function prepareFleet ({ phones, tell }: BenchOptions, sallyport: StartedSallyport, load: Remote<LoadApi>, probeCount: number): Promise<Probe[]> {
  const { apiUrl, enrollmentToken } = sallyport
  tell(`enrolling ${phones} phones …`)
  await load.call('enroll', { apiUrl, enrollmentToken, phones, seed: SEED })
  const probes: Probe[] = []
  for (let count = 0; count < probeCount; count++) probes.push(await enrollProbe(sallyport))
  await load.call('introduce', { apiUrl, connections: CONNECTIONS })
  await load.call('drive', { apiUrl, connections: CONNECTIONS, seconds: WARM_UP_SECONDS })
  return probes
}

/** Acknowledged a second. */
export const perSecond = ({ accepted, seconds }: DriveResult): number => round(accepted / seconds)

/** Where the load goes: to all APIs in turns. */
export const targetOf = ({ apiUrl }: StartedSallyport, moreApis: readonly AnotherApi[] = []): { readonly apiUrl: string[], readonly turns: true, readonly connections: number } =>
  ({ apiUrl: [apiUrl, ...moreApis.map(({ url }) => url)], turns: true, connections: CONNECTIONS })

/** The processes by what they do. */
export function rolesOf ({ processes }: StartedSallyport, load: Remote<LoadApi>, redis: StartedRedis | undefined, moreApis: readonly AnotherApi[] = []): Record<string, number[]> {
  const roles: Record<string, number[]> = { api: [], worker: [], postgres: [], simulator: [], load: [load.pid] }
  for (const { name, pid } of processes) roles[name.replace(/-\d+$/, '')]?.push(pid)
  roles.api!.push(...moreApis.map(({ pid }) => pid))
  return redis === undefined ? roles : { ...roles, redis: [redis.pid] }
}

/** A role's processes together; children of the API are roles of their own. */
export function usageOf (roles: Readonly<Record<string, readonly number[]>>): Record<string, Usage> {
  const all = mapValues(roles, (pids) => pids.flatMap((pid) => readUsage(pid, new Set(Object.values(roles).flat())) ?? []))
  return mapValues(all, (usages) => ({
    cpuSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    bytes: usages.reduce((sum, { bytes }) => sum + bytes, 0),
    ownBytes: usages.reduce((sum, { ownBytes }) => sum + ownBytes, 0)
  }))
}

export const mapValues = <T, R>(record: Readonly<Record<string, T>>, map: (value: T, key: string) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]))
