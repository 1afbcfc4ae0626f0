/**
 * JSON in the one form that all writers agree on (RFC 8785): members sorted by the UTF-16
 * code units of their names, no white space, numbers and strings as ECMAScript writes them.
 * Members whose value is undefined are left out.
 */
export function canonicalJson (value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const object = value as Record<string, unknown>
  let text = ''
  // The default sort compares UTF-16 code units, as RFC 8785 asks.
  for (const name of Object.keys(object).sort()) {
    const member = object[name]
    if (member === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}
