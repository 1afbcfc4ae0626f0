export const HOUR_MS = 60 * 60 * 1000
export const DAY_MS = 24 * HOUR_MS

const CALENDAR_DAY = /^(\d{4})-(\d{2})-(\d{2})$/

/** Midnight UTC of a calendar day `YYYY-MM-DD`, in ms; undefined when it is not one that exists. */
export function parseDay (text: string): number | undefined {
  const match = CALENDAR_DAY.exec(text)
  if (match === null) return undefined
  const [year, month, day] = [Number(match[1]), Number(match[2]) - 1, Number(match[3])]
  const date = new Date(Date.UTC(year, month, day))
  // Date.UTC rolls 2026-02-31 over into March, and takes the year 26 for 1926.
  return date.getUTCFullYear() === year && date.getUTCMonth() === month && date.getUTCDate() === day ? date.getTime() : undefined
}

/** ISO 8601 in UTC. */
export function toIso (ms: number): string {
  return new Date(ms).toISOString()
}

/** ISO 8601 of a time that is still to come; undefined when it has been: nothing changes then any more. */
export function toComing (ms: number | undefined, now: Date): string | undefined {
  return ms === undefined || !Number.isFinite(ms) || ms <= now.getTime() ? undefined : toIso(ms)
}
