export const HOUR_MS = 60 * 60 * 1000
export const DAY_MS = 24 * HOUR_MS

const CALENDAR_DAY = /^(\d{4})-(\d{2})-(\d{2})$/

/** Whole fleets tell the same few days. */
const knownDays = new Map<string, number>()
const MAX_KNOWN_DAYS = 10_000

/** Midnight UTC of a calendar day `YYYY-MM-DD`, in ms; undefined when it is not one that exists. */
export function parseDay (text: string): number | undefined {
  const known = knownDays.get(text)
  if (known !== undefined) return known
  const day = readDay(text)
  // What phones make up must not fill the memory.
  if (day !== undefined && knownDays.size < MAX_KNOWN_DAYS) knownDays.set(text, day)
  return day
}

function readDay (text: string): number | undefined {
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
