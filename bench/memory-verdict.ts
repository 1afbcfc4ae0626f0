/** Resident memory of one kind of process at one moment. */
export interface MemorySample { readonly seconds: number, readonly mb: number }

/**
 * `flat`: it grows less than is tolerated, as sure as the samples make it. `grows`: more than that, just as sure. `unclear`: they are
 * too few or vary too much. `too short`: caches and heaps were still finding their size.
 */
export type MemoryWord = 'flat' | 'grows' | 'unclear' | 'too short'

export interface MemoryVerdict {
  readonly word: MemoryWord
  /** Megabytes an hour: the likeliest, and between which two it is with 99%. */
  readonly mbPerHour?: { readonly likely: number, readonly least: number, readonly most: number }
  readonly text: string
}

/** While heaps and caches find their size nothing is judged: this long, or the first third of a run if that is more. */
export const WARM_UP_SECONDS = 120
const LEAST_SAMPLES = 12
/** Growth of an hour, by what there is: a process that grows by a tenth an hour is twice as large after half a day at most. */
const TOLERATED_SHARE = 0.1
/** Of the normal distribution, for 99% on both sides together. */
const Z = 2.576

/**
 * Whether memory grows: the median of the slopes between any two samples, and its bounds (Theil and Sen; bounds by Kendall's tau). Unlike a
 * line of least squares it is not moved by single samples, such as just before a collection of garbage.
 */
export function judgeMemory (samples: readonly MemorySample[]): MemoryVerdict {
  const whole = samples.at(-1)?.seconds ?? 0
  const judged = samples.filter(({ seconds }) => seconds > Math.max(WARM_UP_SECONDS, whole / 3))
  if (judged.length < LEAST_SAMPLES) return { word: 'too short', text: `too short: ${judged.length} samples after the warm-up, ${LEAST_SAMPLES} are needed` }

  const slopes = judged.flatMap((later, at) => judged.slice(0, at).map((earlier) => (later.mb - earlier.mb) / (later.seconds - earlier.seconds) * 3_600)).sort((a, b) => a - b)
  const count = judged.length
  const spread = Z * Math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
  const at = (rank: number): number => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))]!
  const likely = at((slopes.length - 1) / 2)
  const least = at((slopes.length - spread) / 2 - 1)
  const most = at((slopes.length + spread) / 2)
  const tolerated = TOLERATED_SHARE * median(judged.map(({ mb }) => mb))

  const word = least > tolerated ? 'grows' : most <= tolerated ? 'flat' : 'unclear'
  const [first, last] = [judged[0]!, judged.at(-1)!]
  return {
    word,
    mbPerHour: { likely: round(likely), least: round(least), most: round(most) },
    text: `${word}: ${signed(likely)} MB an hour (${signed(least)} to ${signed(most)} with 99%; ${round(tolerated)} are tolerated), ${round(first.mb)} MB after ${first.seconds} s, ${round(last.mb)} after ${last.seconds} s`
  }
}

function median (values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

const round = (value: number): number => Math.round(value * 10) / 10
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(round(value))}`
