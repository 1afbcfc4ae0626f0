import type { Random } from './random.js'

/** How much a fleet does in each hour of its day, against the busiest. */
const ACTIVITY = [0.1, 0.06, 0.05, 0.05, 0.08, 0.2, 0.45, 0.75, 0.95, 1, 1, 0.95, 0.9, 0.95, 1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.4, 0.2] as const
const HOURS = 24
/** A run begins when people take up their phones. */
export const START_HOUR = 7
const SLICES = 1_440

/** 0 to 1, between hours too. */
export function activityAt (hour: number): number {
  const at = ((hour % HOURS) + HOURS) % HOURS
  const before = ACTIVITY[Math.floor(at)]!
  const after = ACTIVITY[(Math.floor(at) + 1) % HOURS]!
  return before + (after - before) * (at - Math.floor(at))
}

/** The hour of the phones' day, after so many seconds of a run whose day is `speed` times as fast. */
export const hourAt = (seconds: number, speed: number): number => (START_HOUR + seconds * speed / 3_600) % HOURS

export interface DueTimes {
  readonly count: number
  readonly seconds: number
  /** How many times as fast as ours the phones' day passes. */
  readonly speed: number
}

/** When reports are due, in seconds from the start, rising: so many in all, more when the day is busy. */
export function * dueTimes ({ count, seconds, speed }: DueTimes, random: Random): Generator<number> {
  const width = seconds / SLICES
  const weights = Array.from({ length: SLICES }, (_, slice) => activityAt(hourAt((slice + 0.5) * width, speed)))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let slice = 0
  let before = 0
  for (let nth = 0; nth < count; nth++) {
    const target = (nth + random.next()) / count * total
    while (slice < SLICES - 1 && before + weights[slice]! <= target) before += weights[slice++]!
    yield Math.min(seconds, (slice + (target - before) / weights[slice]!) * width)
  }
}
