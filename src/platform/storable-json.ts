/** What JSON text can hold and PostgreSQL's jsonb cannot: U+0000 and half surrogate pairs, which stand there as escapes. After an escaped backslash they only cost a needless walk. */
export const UNSTORABLE = /\\u(?:0000|d[89a-f])/i
const REPLACEMENT = '\uFFFD'

/**
 * A value as JSON that jsonb takes. What strangers wrote, cut to a length, can end in half a character, and a whole
 * transaction would fail for it.
 */
export function storableJson (value: unknown): string {
  const json = JSON.stringify(value)
  return UNSTORABLE.test(json) ? JSON.stringify(replaceUnstorable(value)) : json
}

function replaceUnstorable (value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', REPLACEMENT).replace(/\p{Surrogate}/gu, REPLACEMENT)
  if (Array.isArray(value)) return value.map(replaceUnstorable)
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [replaceUnstorable(name), replaceUnstorable(member)]))
}
