/**
 * JSON in the one form that all writers agree on (RFC 8785): members sorted by the UTF-16
 * code units of their names, no white space, numbers and strings as ECMAScript writes them.
 * Members whose value is undefined are left out.
 */
export function canonicalJson (value: unknown): string {
  // An object with its members put in in order is written in order, by the engine's fast path.
  const sorted = sortMembers(value)
  return sorted === CANNOT ? writeSlowly(value) : JSON.stringify(sorted) ?? 'null'
}

/** Says that an object cannot keep its members in that order. */
const CANNOT = Symbol('cannot')

// JavaScript moves names that are array indexes to the front, and `__proto__` is not just a name.
const UNSORTABLE = /^(?:\d|__proto__$|toJSON$)/

function sortMembers (value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return sortItems(value)
  const object = value as Record<string, unknown>
  // The default sort compares UTF-16 code units, as RFC 8785 asks.
  const names = Object.keys(object).sort()
  const copy: Record<string, unknown> = {}
  for (const name of names) {
    if (UNSORTABLE.test(name)) return CANNOT
    const member = object[name]
    const sorted = member !== null && typeof member === 'object' ? sortMembers(member) : member
    if (sorted === CANNOT) return CANNOT
    copy[name] = sorted
  }
  return copy
}

function sortItems (items: readonly unknown[]): unknown {
  if (!items.some((item) => item !== null && typeof item === 'object')) return items
  const copy: unknown[] = []
  for (const item of items) {
    const sorted = sortMembers(item)
    if (sorted === CANNOT) return CANNOT
    copy.push(sorted)
  }
  return copy
}

function writeSlowly (value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(writeSlowly).join(',')}]`
  const object = value as Record<string, unknown>
  let text = ''
  for (const name of Object.keys(object).sort()) {
    const member = object[name]
    if (member === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${writeSlowly(member)}`
  }
  return `{${text}}`
}
