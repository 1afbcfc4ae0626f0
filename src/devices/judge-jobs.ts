import type { ScorePayload } from '../platform/queue-names.js'

/** Phones judged anew by one job. */
export const DEVICES_PER_JOB = 200

/**
 * Order of what judges phones without news of their own; all of it behind reports and behind single phones whose
 * time has come, which have no priority. Lower goes first.
 */
export const JUDGE_PRIORITY = {
  /** A change of intelligence or suppressions concerns these few. */
  concerned: 5,
  /** A date came for many. */
  due: 10,
  /** Everything is judged anew. */
  fleet: 20
} as const

/** Jobs of the score queue for these phones. */
export const toJobs = (deviceIds: readonly string[]): ScorePayload[] =>
  Array.from({ length: Math.ceil(deviceIds.length / DEVICES_PER_JOB) }, (_, index) => ({ deviceIds: deviceIds.slice(index * DEVICES_PER_JOB, (index + 1) * DEVICES_PER_JOB) }))
