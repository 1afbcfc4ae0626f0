import type { JWTPayload } from 'jose'

/** Entra puts at most 200 groups into a token; more would be no sign of a person. */
const MAX_VALUES = 1_000

/** Text that can be stored: neither control characters nor halves of others. */
const PLAIN = /^[^\p{Cc}\p{Cs}]{1,500}$/u

/** The texts that claims of these names hold: a text, or a list of them. A name may lead into objects: `realm_access.roles`. */
export function textsOf (payload: JWTPayload, names: readonly string[]): Set<string> {
  const texts = names.flatMap((name) => {
    const found = claimOf(payload, name)
    return (Array.isArray(found) ? found.slice(0, MAX_VALUES) : [found]).filter((one): one is string => typeof one === 'string' && PLAIN.test(one))
  })
  return new Set(texts)
}

/** A claim whose whole name it is comes first: many are addresses, with dots in them. */
function claimOf (payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name]
  let at: unknown = payload
  for (const part of name.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined
    at = (at as Record<string, unknown>)[part]
  }
  return at
}

/** Entra left the groups out because there are too many of them, and says where they can be asked for. */
export const hasGroupsOmitted = (payload: JWTPayload): boolean =>
  payload.hasgroups === true || (typeof payload._claim_names === 'object' && payload._claim_names !== null && 'groups' in payload._claim_names)

const MAX_NAME_LENGTH = 100

/** What people call them, for the audit log; it may change and be given to another, so it decides nothing. */
export function nameIn (payload: JWTPayload): string | undefined {
  for (const claim of ['preferred_username', 'upn', 'email', 'name', 'app_displayname']) {
    const value = payload[claim]
    const name = typeof value === 'string' ? value.replace(/[\p{Cc}\p{Cs}<>]/gu, ' ').trim().slice(0, MAX_NAME_LENGTH) : ''
    if (PLAIN.test(name)) return name
  }
  return undefined
}
