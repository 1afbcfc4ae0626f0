export const HOUR_MS = 60 * 60 * 1000
export const DAY_MS = 24 * HOUR_MS

const CALENDAR_DAY = /^(\d{4})-(\d{2})-(\d{2})$/

/** Midnight UTC of a calendar day `YYYY-MM-DD`, in ms; undefined when it is not one that exists. */
export function parseDay (text: string): number | undefined {
  const match = CALENDAR_DAY.exec(text)
  if (match === null) return undefined
  const ms = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]))
  // Date.UTC rolls 2026-02-31 over into March.
  return toIso(ms).startsWith(text) ? ms : undefined
}

/** ISO 8601 in UTC. */
export function toIso (ms: number): string {
  return new Date(ms).toISOString()
}
