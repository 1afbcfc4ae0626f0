import { preciseNow } from './clock.js'

/** What Microsoft counts by itself. `directory` has no published figure here: it is counted and never refused. */
export type ThrottledService = 'devices' | 'enrollment' | 'configuration' | 'applications' | 'managedApplications' | 'directory' | 'partner'

interface Limits {
  /** Calls of any kind, and calls that write: of a tenant by all its callers, and of one application in it. */
  readonly any: { readonly tenant: number, readonly appTenant: number }
  readonly write: { readonly tenant: number, readonly appTenant: number }
}

const INTUNE: Limits = { any: { tenant: 2000, appTenant: 1000 }, write: { tenant: 200, appTenant: 100 } }
const NO_LIMIT: Limits = { any: { tenant: Infinity, appTenant: Infinity }, write: { tenant: Infinity, appTenant: Infinity } }

/** Intune's published limits per 20 seconds. The partner services' own are not public: none, unless told. */
export const PUBLISHED_LIMITS: Readonly<Record<ThrottledService, Limits>> = {
  devices: { any: { tenant: 4000, appTenant: 2000 }, write: { tenant: 400, appTenant: 200 } },
  enrollment: INTUNE,
  configuration: INTUNE,
  applications: INTUNE,
  managedApplications: INTUNE,
  directory: NO_LIMIT,
  partner: NO_LIMIT
}
const WINDOW_MS = 20_000
/** Of all of Graph, by application over all tenants. */
export const GLOBAL_LIMIT = 130_000
const GLOBAL_WINDOW_MS = 10_000
const BUCKETS = 200

export interface ThrottleOptions {
  /** False: calls are counted and nothing is refused. */
  readonly enabled: boolean
  readonly retryAfter: 'always' | 'never' | 'alternately'
  /** Multiplies the published figures: a small one makes short tests. */
  readonly scale: number
  /** The partner services' limit of calls per tenant; null: none. */
  readonly partner: { readonly calls: number, readonly windowSeconds: number } | null
}

export const DEFAULT_THROTTLES: ThrottleOptions = { enabled: false, retryAfter: 'always', scale: 1, partner: null }

export interface ThrottledCall {
  readonly service: ThrottledService
  readonly writes: boolean
  readonly tenantId: string
  readonly clientId: string
}

/** How close callers came to one limit. */
export interface Usage {
  readonly service: ThrottledService | 'graph'
  readonly calls: 'any' | 'write'
  readonly scope: 'tenant' | 'appTenant' | 'app'
  readonly tenantId: string | null
  readonly clientId: string | null
  readonly windowSeconds: number
  /** Null: no published limit. */
  readonly limit: number | null
  /** Most calls that any window held. */
  readonly peak: number
  readonly total: number
  readonly refused: number
  readonly exceeded: boolean
}

interface Counter extends Pick<Usage, 'service' | 'calls' | 'scope' | 'tenantId' | 'clientId'> {
  readonly window: SlidingWindow
  readonly limit: number
  peak: number
  total: number
  refused: number
}

/**
 * Counts calls in sliding windows of real time (callers' pauses are real, so the clock that can
 * be moved has no part in it) and, when told to, refuses what is over Microsoft's figures.
 * Refused calls do not count towards the window.
 */
export class Throttles {
  options: ThrottleOptions = DEFAULT_THROTTLES
  readonly #counters = new Map<string, Counter>()
  readonly #now: () => number
  #refusals = 0

  constructor (now: () => number = preciseNow) {
    this.#now = now
  }

  /** New options begin with empty windows. */
  configure (options: Partial<ThrottleOptions>): void {
    this.options = { ...DEFAULT_THROTTLES, ...options }
    this.reset()
  }

  reset (): void {
    this.#counters.clear()
    this.#refusals = 0
  }

  /** @returns how long to wait when the call is one too many (no number: the answer does not say); undefined when it may pass. */
  take (call: ThrottledCall): { readonly retryAfterSeconds?: number } | undefined {
    const now = this.#now()
    const counters = this.#countersOf(call)
    const full = counters.filter(({ window, limit }) => window.count(now) >= limit)
    if (this.options.enabled && full.length > 0) {
      for (const counter of full) counter.refused++
      const seconds = Math.max(...full.map(({ window, limit }) => window.msUntilBelow(limit, now))) / 1000
      this.#refusals++
      const says = this.options.retryAfter === 'always' || (this.options.retryAfter === 'alternately' && this.#refusals % 2 === 1)
      return says ? { retryAfterSeconds: Math.max(Math.ceil(seconds * 1000) / 1000, 0.001) } : {}
    }
    for (const counter of counters) {
      counter.total++
      counter.peak = Math.max(counter.peak, counter.window.add(now))
    }
    return undefined
  }

  usage (): Usage[] {
    return [...this.#counters.values()].map(({ window, limit, ...counter }) => ({
      ...counter, windowSeconds: window.lengthMs / 1000, limit: limit === Infinity ? null : limit, exceeded: counter.refused > 0 || counter.peak > limit
    }))
  }

  #countersOf ({ service, writes, tenantId, clientId }: ThrottledCall): Counter[] {
    const { partner, scale } = this.options
    const limits = PUBLISHED_LIMITS[service]
    const windowMs = service === 'partner' && partner !== null ? partner.windowSeconds * 1000 : WINDOW_MS
    const limitOf = (published: number): number => published === Infinity ? Infinity : Math.max(1, Math.floor(published * scale))
    const counter = (calls: 'any' | 'write', scope: Usage['scope'], windowLengthMs: number, limit: number, name: Usage['service'] = service): Counter => {
      const [tenant, client] = [scope === 'app' ? null : tenantId, scope === 'tenant' ? null : clientId]
      const key = `${name} ${calls} ${scope} ${tenant ?? ''} ${client ?? ''}`
      let known = this.#counters.get(key)
      if (known === undefined) {
        this.#counters.set(key, known = { service: name, calls, scope, tenantId: tenant, clientId: client, window: new SlidingWindow(windowLengthMs), limit, peak: 0, total: 0, refused: 0 })
      }
      return known
    }
    const kinds = writes ? ['any', 'write'] as const : ['any'] as const
    return [
      ...(service === 'partner' ? [] : [counter('any', 'app', GLOBAL_WINDOW_MS, limitOf(GLOBAL_LIMIT), 'graph')]),
      ...kinds.flatMap((calls) => [
        counter(calls, 'tenant', windowMs, service === 'partner' && calls === 'any' && partner !== null ? partner.calls : limitOf(limits[calls].tenant)),
        counter(calls, 'appTenant', windowMs, limitOf(limits[calls].appTenant))
      ])
    ]
  }
}

/** Counts in as many parts of the window as there are buckets; a call leaves when its part does. */
class SlidingWindow {
  readonly lengthMs: number
  readonly #bucketMs: number
  readonly #buckets = new Uint32Array(BUCKETS)
  #newest = 0
  #sum = 0

  constructor (lengthMs: number) {
    this.lengthMs = lengthMs
    this.#bucketMs = lengthMs / BUCKETS
  }

  count (nowMs: number): number {
    this.#forget(Math.floor(nowMs / this.#bucketMs))
    return this.#sum
  }

  /** @returns how many there are now */
  add (nowMs: number): number {
    const bucket = Math.floor(nowMs / this.#bucketMs)
    this.#forget(bucket)
    this.#buckets[bucket % BUCKETS]!++
    return ++this.#sum
  }

  msUntilBelow (limit: number, nowMs: number): number {
    let left = this.count(nowMs)
    for (let bucket = this.#newest - BUCKETS + 1; bucket <= this.#newest; bucket++) {
      left -= this.#buckets[((bucket % BUCKETS) + BUCKETS) % BUCKETS]!
      if (left < limit) return (bucket + BUCKETS) * this.#bucketMs - nowMs
    }
    return this.lengthMs
  }

  /** Empties the parts that the window has left. */
  #forget (bucket: number): void {
    for (let passed = Math.max(this.#newest + 1, bucket - BUCKETS + 1); passed <= bucket; passed++) {
      this.#sum -= this.#buckets[passed % BUCKETS]!
      this.#buckets[passed % BUCKETS] = 0
    }
    if (bucket > this.#newest) this.#newest = bucket
  }
}

/** Which of Microsoft's services answers at a path below the version. */
export function serviceOfPath (path: string): ThrottledService {
  if (/^\/deviceManagement\/(?:managedDevices|detectedApps)\b|^\/users\/[^/]+\/managedDevices\b/i.test(path)) return 'devices'
  if (/^\/deviceManagement\/(?:mobileThreatDefenseConnectors|complianceManagementPartners)\b/i.test(path)) return 'enrollment'
  if (/^\/deviceManagement\//i.test(path)) return 'configuration'
  if (/^\/deviceAppManagement\/managedAppPolicies\b/i.test(path)) return 'managedApplications'
  return /^\/deviceAppManagement\//i.test(path) ? 'applications' : 'directory'
}
