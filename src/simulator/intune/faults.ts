import { randomUUID } from 'node:crypto'
import type { FaultKind, FaultSpec } from './control-schemas.js'

/** What a fault's `match` looks at. */
export interface FaultTarget {
  readonly service: 'entra' | 'graph' | 'partner'
  readonly method: string
  readonly path: string
  readonly tenantId: string | null
}

export interface ActiveFault {
  readonly id: string
  readonly spec: FaultSpec
  hits: number
  /** Null: until removed. */
  remaining: number | null
}

/** A fault whose path is a broken regular expression. */
export class FaultError extends Error {}

interface CompiledFault extends ActiveFault {
  readonly matches: (target: FaultTarget) => boolean
}

/** The faults waiting to happen, in the order given. */
export class FaultSet {
  #faults: CompiledFault[] = []
  #random: () => number = Math.random

  /** @throws FaultError, and then nothing has changed */
  replace (specs: readonly FaultSpec[], seed?: number): ActiveFault[] {
    this.#faults = specs.map((spec) => ({ id: randomUUID(), spec, hits: 0, remaining: spec.times ?? null, matches: compileMatch(spec) }))
    this.#random = seed === undefined ? Math.random : seededRandom(seed)
    return this.list()
  }

  list (): ActiveFault[] {
    return this.#faults.map(({ id, spec, hits, remaining }) => ({ id, spec, hits, remaining }))
  }

  /** Uses up one occurrence of the first fault of this kind that is meant for the target. */
  take<K extends FaultKind> (kinds: readonly K[], target: FaultTarget, when?: 'before' | 'after'): Extract<FaultSpec, { kind: K }> | undefined {
    if (this.#faults.length === 0) return undefined
    const fault = this.#faults.find(({ spec, remaining, matches }) =>
      (kinds as readonly string[]).includes(spec.kind) &&
      remaining !== 0 &&
      (when === undefined || (('when' in spec ? spec.when : undefined) ?? 'before') === when) &&
      matches(target) &&
      (spec.probability === undefined || this.#random() < spec.probability))
    if (fault === undefined) return undefined
    fault.hits++
    if (fault.remaining !== null) fault.remaining--
    return fault.spec as Extract<FaultSpec, { kind: K }>
  }
}

/** Mulberry32: the same seed gives the same numbers. */
function seededRandom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

function compileMatch ({ match = {} }: FaultSpec): (target: FaultTarget) => boolean {
  const { path, method, tenant, service } = match
  const matchesPath = path === undefined ? undefined : compilePath(path)
  return (target) =>
    (service === undefined || target.service === service) &&
    (method === undefined || target.method === method) &&
    (tenant === undefined || target.tenantId === tenant.toLowerCase()) &&
    (matchesPath === undefined || matchesPath(target.path))
}

/** `/…/` is a regular expression when it is more than a path could be: it ends in a slash, with or without flags. */
function compilePath (path: string): (path: string) => boolean {
  const expression = /^\/(.+)\/([imsu]*)$/.exec(path)
  if (expression === null) return (candidate) => candidate.includes(path)
  try {
    const pattern = new RegExp(expression[1]!, expression[2])
    return (candidate) => pattern.test(candidate)
  } catch (error) {
    throw new FaultError(`match.path ${path}: ${(error as Error).message}`)
  }
}
