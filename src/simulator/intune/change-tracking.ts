/**
 * What Entra's change tracking (delta) rests on: everything that is created or changed in a
 * tenant takes the next number of one row of numbers, and what is removed leaves its number.
 */
export class ChangeTracker {
  #last = 0
  readonly #removed: Readonly<Record<TrackedKind, Map<string, Removal>>> = { users: new Map(), groups: new Map(), devices: new Map() }

  /** Number of the newest change. */
  get last (): number {
    return this.#last
  }

  next (): number {
    return ++this.#last
  }

  /** `changed`: it could be restored; `deleted`: it is gone for good. */
  remove (kind: TrackedKind, id: string, reason: RemovalReason): void {
    this.#removed[kind].set(id, { change: this.next(), reason })
  }

  /** It is there again. */
  restore (kind: TrackedKind, id: string): void {
    this.#removed[kind].delete(id)
  }

  isRemoved (kind: TrackedKind, id: string): boolean {
    return this.#removed[kind].has(id)
  }

  removals (kind: TrackedKind): ReadonlyMap<string, Removal> {
    return this.#removed[kind]
  }
}

export type TrackedKind = 'users' | 'groups' | 'devices'
/** Graph's `@removed.reason`. */
export type RemovalReason = 'changed' | 'deleted'

export interface Removal {
  readonly change: number
  readonly reason: RemovalReason
}
