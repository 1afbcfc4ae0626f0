/** How much one caller may send. */
export interface VolumeLimit {
  /** Counts so many bytes for a caller, or nothing when they are too many now; answers the seconds until they would not be, 0 when they were counted. */
  take (key: string, bytes: number): number
}

export interface VolumeLimitOptions {
  /** So much at once, and so much an hour. */
  readonly bytesPerHour: number
  readonly now?: () => number
}

/** Callers remembered at most, 0.1 KB each; beyond them the one that was silent for longest begins anew. */
const MAX_CALLERS = 200_000
const HOUR_SECONDS = 3_600

/**
 * A bucket a caller, which runs out evenly. Requests are limited by number elsewhere, but a report of 2 KB and one of
 * 8 MB are both one request, and both are kept for weeks. Counted in this process alone: it bounds what somebody can fill a disk with, to a factor.
 */
export function createVolumeLimit ({ bytesPerHour, now = () => performance.now() }: VolumeLimitOptions): VolumeLimit {
  const callers = new Map<string, { bytes: number, atMs: number }>()
  const perMs = bytesPerHour / HOUR_SECONDS / 1000
  return {
    take (key, bytes) {
      const atMs = now()
      const caller = callers.get(key)
      // Whole bytes: what has run out has run out.
      const held = caller === undefined ? 0 : Math.max(0, Math.floor(caller.bytes - (atMs - caller.atMs) * perMs))
      const tooMuch = held + bytes - bytesPerHour
      // What is larger than the whole allowance is taken when nothing else is held, or it could never be sent.
      if (tooMuch > 0 && held > 0) return Math.ceil(Math.min(tooMuch, held) / perMs / 1000)
      // The last to come stand last.
      callers.delete(key)
      if (caller === undefined && callers.size >= MAX_CALLERS) callers.delete(callers.keys().next().value!)
      callers.set(key, { bytes: held + bytes, atMs })
      return 0
    }
  }
}
