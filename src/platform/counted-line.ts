const EVERY_MS = 60_000

/** A line that would be written for each of many alike. */
export interface CountedLine<Fields extends object> {
  /** `count`: how many things it is about. */
  add (count: number, fields: Fields): void
}

/**
 * Writes the first at once; of those that follow within a minute, one line at its end, with their sum and the fields of the last.
 * Nothing is lost when nobody stops it but the last minute's count.
 */
export function createCountedLine<Fields extends object> (write: (count: number, fields: Fields) => void, everyMs = EVERY_MS): CountedLine<Fields> {
  let waiting: { count: number, fields: Fields } | undefined
  let isPaused = false

  const pause = (): void => {
    isPaused = true
    setTimeout(() => {
      isPaused = false
      if (waiting === undefined) return
      const { count, fields } = waiting
      waiting = undefined
      write(count, fields)
      pause()
    }, everyMs).unref()
  }

  return {
    add (count, fields) {
      if (isPaused) waiting = { count: (waiting?.count ?? 0) + count, fields }
      else {
        write(count, fields)
        pause()
      }
    }
  }
}
