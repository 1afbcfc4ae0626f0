import type { Claim } from './claim-table.js'

/** So many names of one form make the form worth knowing; fewer are chance. */
export const LEAST_NAMES_OF_FORM = 5
/** Examples that are kept of one form: to show, and to be judged. */
const MOST_NAMES_OF_FORM = 50
const GENERATED = /^([a-z]{2,8})\.([a-z]{6,24})\.([a-z]{6,24})$/

/** Names of one form that a feed lists for one family: `com.aixlunro.uqfhkagb` and others are `com.8.8`. */
export interface NamesOfForm {
  readonly form: string
  readonly names: ReadonlyArray<readonly [value: string, claim: number]>
}

/**
 * The form of an app id that a generator may have made: its first part and how long the two others
 * are, in lower-case letters alone; undefined for all other ids.
 */
export function formOfName (appId: string): string | undefined {
  const parts = GENERATED.exec(appId)
  return parts === null ? undefined : `${parts[1]!}.${parts[2]!.length}.${parts[3]!.length}`
}

/** A regular expression of PostgreSQL for all names of a form. */
export function patternOfForm (form: string): string {
  const [first, second, third] = form.split('.')
  return `^${first}\\.[a-z]{${second}}\\.[a-z]{${third}}$`
}

/** Collects the names of stalkerware by feed, family and form while an index is made. */
export class NameFormCollector {
  readonly #groupOfClaim = new Map<number, string>()
  readonly #names = new Map<string, { form: string, names: Array<[string, number]> }>()

  /** Whether names under this claim count; it is asked once for each. */
  noteClaim (number: number, { feed, family, threatClass, role }: Claim): void {
    if (threatClass === 'stalkerware' && role === 'artifact') this.#groupOfClaim.set(number, JSON.stringify([feed, family]))
  }

  counts (claim: number): boolean {
    return this.#groupOfClaim.has(claim)
  }

  noteName (appId: string, claim: number): void {
    const form = formOfName(appId)
    if (form === undefined) return
    const key = `${form} ${this.#groupOfClaim.get(claim)!}`
    let group = this.#names.get(key)
    if (group === undefined) this.#names.set(key, group = { form, names: [] })
    if (group.names.length < MOST_NAMES_OF_FORM) group.names.push([appId, claim])
  }

  finish (): NamesOfForm[] {
    return [...this.#names.values()].filter(({ names }) => names.length >= LEAST_NAMES_OF_FORM)
  }
}
