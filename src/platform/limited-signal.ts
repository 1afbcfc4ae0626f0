/** A signal for one piece of work: it ends with the work's owner, or when its time is up. */
export interface LimitedSignal {
  readonly signal: AbortSignal
  /** Its time was up; not that its owner ended it. */
  readonly isTimeUp: boolean
  /** To be called when the work is done. */
  close (): void
}

/**
 * As `AbortSignal.any` with `AbortSignal.timeout` would be, but that leaves some sixty bytes with the owner's signal for each piece
 * of work, for as long as that signal lives: with a process for years.
 */
export function limitSignal (owner: AbortSignal, ms: number): LimitedSignal {
  const ending = new AbortController()
  let isTimeUp = false
  const end = (): void => ending.abort(owner.reason)
  if (owner.aborted) end()
  else owner.addEventListener('abort', end, { once: true })
  const timer = setTimeout(() => {
    isTimeUp = true
    ending.abort(new DOMException('The time is up.', 'TimeoutError'))
  }, ms)
  return {
    signal: ending.signal,
    get isTimeUp () { return isTimeUp },
    close () {
      clearTimeout(timer)
      owner.removeEventListener('abort', end)
    }
  }
}
