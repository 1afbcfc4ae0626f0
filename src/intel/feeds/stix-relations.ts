import { isObservable, type StixObject } from './stix-objects.js'

/** Objects that can be what an indicator indicates, the most telling first. */
const FAMILY_TYPES = ['malware', 'tool', 'campaign', 'intrusion-set', 'threat-actor']
/** What stands at such a relationship's end is a victim or a topic. */
const INNOCENT: ReadonlySet<unknown> = new Set(['impersonates', 'targets', 'mentions', 'mitigates', 'remediates', 'located-at'])
const ACTORS: ReadonlySet<string> = new Set(['campaign', 'intrusion-set', 'threat-actor'])

/** What the relationships of a bundle say of its indicators. */
export interface Relations {
  /** The malware that an indicator indicates, or who uses it. */
  familyOf (indicator: StixObject): StixObject | undefined
  /** Whether malware only impersonates or targets it, or a report mentions it so. */
  isOnlyMentioned (indicator: StixObject): boolean
  /** The observables that an indicator is based on. */
  basesOf (indicator: StixObject): readonly StixObject[]
  /** Whether some indicator is based on the observable. */
  isBasis (observable: StixObject): boolean
}

class Links {
  readonly #byId = new Map<unknown, StixObject[]>()

  add (id: unknown, object: StixObject): void {
    const known = this.#byId.get(id)
    if (known === undefined) this.#byId.set(id, [object])
    else known.push(object)
  }

  of ({ id }: StixObject): readonly StixObject[] { return this.#byId.get(id) ?? [] }
}

/** What sort of object an id names: `indicator--…`. It may be anything that JSON holds. */
const kindOf = (id: unknown): string => typeof id === 'string' && id.includes('--') ? id.slice(0, id.indexOf('--')) : ''

/** Reads the relationships, in whichever direction they point; one to an object that is not there says nothing. */
export function readRelations (objects: readonly StixObject[]): Relations {
  const byId = new Map<unknown, StixObject>()
  for (const object of objects) {
    // Indicators are nearly all of a bundle, and no relationship's other end.
    if (object.id !== undefined && object.revoked !== true && (FAMILY_TYPES.includes(object.type) || isObservable(object))) byId.set(object.id, object)
  }

  const families = new Links()
  const malwareOfActors = new Links()
  const bases = new Links()
  const innocent = new Set<unknown>()
  const based = new Set<unknown>()
  for (const relationship of objects) {
    if (relationship.type !== 'relationship' || relationship.revoked === true) continue
    const { relationship_type: kind, source_ref: source, target_ref: target } = relationship
    if (INNOCENT.has(kind)) {
      for (const end of [source, target]) if (kindOf(end) === 'indicator') innocent.add(end)
      continue
    }
    // Other publishers write it the other way round.
    for (const [from, to] of [[source, target], [target, source]] as const) {
      const end = byId.get(to)
      if (end === undefined) continue
      const fromKind = kindOf(from)
      if (fromKind === 'indicator' && FAMILY_TYPES.includes(end.type)) families.add(from, end)
      if (ACTORS.has(fromKind) && end.type === 'malware' && kind === 'uses') malwareOfActors.add(from, end)
      if (fromKind === 'indicator' && isObservable(end) && kind === 'based-on') {
        bases.add(from, end)
        based.add(end.id)
      }
    }
  }

  const known = [...byId.values()].filter(({ type }) => FAMILY_TYPES.includes(type))
  // A bundle about one thing need not say so for each indicator.
  const only = known.length === 1 ? known : []
  return {
    familyOf: (indicator) => {
      const indicated = families.of(indicator)
      const nearest = mostTelling(indicated.length > 0 ? indicated : only)
      if (nearest === undefined || !ACTORS.has(nearest.type)) return nearest
      const used = new Set(malwareOfActors.of(nearest))
      // Who has but one malware means that; who has several may mean any.
      return used.size === 1 ? [...used][0] : nearest
    },
    isOnlyMentioned: (indicator) => innocent.has(indicator.id) && families.of(indicator).length === 0,
    basesOf: (indicator) => bases.of(indicator),
    isBasis: ({ id }) => based.has(id)
  }
}

function mostTelling (families: readonly StixObject[]): StixObject | undefined {
  if (families.length < 2) return families[0]
  return families.toSorted((a, b) => FAMILY_TYPES.indexOf(a.type) - FAMILY_TYPES.indexOf(b.type))[0]
}
