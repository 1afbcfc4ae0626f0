/** Runs work in one of a few places; the rest waits, first come first served, but for what is `urgent`: the newest of that is next. */
export type Gate = <T>(work: () => Promise<T>, urgent?: boolean) => Promise<T>

export function createGate (places: number): Gate {
  const waiting: Array<() => void> = []
  let free = places
  return async (work, urgent = false) => {
    if (free > 0) free--
    // Whoever leaves hands its place on, so nobody can slip in between.
    else await new Promise<void>((resolve) => urgent ? waiting.unshift(resolve) : waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
