import type { OsOfPhone, OsStatement, OsSupport, Vulnerability } from './vulnerability.js'

/** A feed's statement and whether it came with Sallyport. */
export interface Statement {
  readonly bundled: boolean
  readonly fact: OsStatement
}

/** A phone's system as every CVE is asked about it: what it says is read once. */
export interface Question {
  readonly os: OsOfPhone
  readonly version: readonly number[] | undefined
  readonly patchLevel: string | undefined
  readonly support: OsSupport
}

/** A CVE of one platform, compiled: what to answer for a phone, or undefined when it is not known to be open. */
export type OpenOn = (question: Question) => Vulnerability | undefined

/** What is true of the CVE on every phone: of each fact the first that tells it. */
export type Common = Omit<Vulnerability, 'fixedIn' | 'part' | 'fixAvailable' | 'fixedSince'>

type OfPhone = Pick<Required<Vulnerability>, 'fixedIn' | 'part' | 'fixAvailable' | 'fixedSince'>

/** Answers that are alike are one object: thousands of phones share it. What `fixedIn` and `part` are, `name` says. */
export function shareAlike (common: Common): (name: string, rest: OfPhone) => Vulnerability {
  let made: Map<string, Vulnerability> | undefined
  return (name, rest) => {
    made ??= new Map()
    const key = `${rest.fixAvailable} ${rest.fixedSince} ${name}`
    let one = made.get(key)
    if (one === undefined) made.set(key, one = { ...common, ...rest })
    return one
  }
}
