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

/** Callers remembered at most, 0.6 KB each. An honest one's bucket is empty within a second; of those that are not, the one that was silent for longest begins anew. */
const MAX_CALLERS = 10_000
const HOUR_MS = 60 * 60 * 1000

/**
 * A bucket a caller, which runs out evenly. Requests are limited by number elsewhere, but a report of 2 KB and one of
 * 8 MB are both one request, and both are kept for weeks. Counted in this process alone: it bounds what somebody can fill a disk with, to a factor.
 */
export function createVolumeLimit ({ bytesPerHour, now = () => performance.now() }: VolumeLimitOptions): VolumeLimit {
  /** When each one's bucket will be empty. */
  const emptyAt = new Map<string, number>()
  const perMs = bytesPerHour / HOUR_MS
  const makeRoom = (nowMs: number): void => {
    for (const [key, at] of emptyAt) if (at <= nowMs) emptyAt.delete(key)
    if (emptyAt.size >= MAX_CALLERS) emptyAt.delete(emptyAt.keys().next().value!)
  }
  return {
    take (key, bytes) {
      const nowMs = now()
      // Whole bytes: what has run out has run out.
      const held = Math.round(Math.max(0, (emptyAt.get(key) ?? 0) - nowMs) * perMs)
      const tooMuch = held + bytes - bytesPerHour
      // What is larger than the whole allowance is taken when nothing else is held, or it could never be sent.
      if (tooMuch > 0 && held > 0) return Math.ceil(Math.min(tooMuch, held) / perMs / 1000)
      // The last to come stand last.
      const isNew = !emptyAt.delete(key)
      if (isNew && emptyAt.size >= MAX_CALLERS) makeRoom(nowMs)
      emptyAt.set(key, nowMs + (held + bytes) / perMs)
      return 0
    }
  }
}
