export interface OutageLogOptions<Fields extends { readonly err: Error }> {
  /** It has begun. */
  gone (fields: Fields): void
  /** It goes on, told now and then: what failed last, and how often something did. */
  still (fields: { readonly err: Error, readonly errors: number, readonly seconds: number }): void
  /** It is over; `errors` counts those of shorter ones before it as well that were not told. */
  back (fields: { readonly errors: number, readonly seconds: number }): void
  /** Whether all is well again; asked every so often during an outage. False, or a fault: it is not. */
  isBack (): Promise<boolean>
  readonly lookEveryMs?: number
  readonly remindEveryMs?: number
}

export interface OutageLog<Fields extends { readonly err: Error }> {
  failed (fields: Fields): void
  close (): void
}

const LOOK_EVERY_MS = 2_000
const REMIND_EVERY_MS = 60_000

/**
 * A line when something goes away, one when it is back, and one a minute meanwhile: connections that try again every
 * second or two would each write theirs. What goes away again within a minute is told when that has passed, so that what comes and goes
 * (a Redis that is full answers, and refuses) is no flood either.
 */
export function createOutageLog<Fields extends { readonly err: Error }> ({ gone, still, back, isBack, lookEveryMs = LOOK_EVERY_MS, remindEveryMs = REMIND_EVERY_MS }: OutageLogOptions<Fields>): OutageLog<Fields> {
  let outage: { readonly since: number, toldAt: number, isTold: boolean, errors: number, last: Error } | undefined
  let backAt = -Infinity
  /** Of outages that nobody was told of. */
  let untold = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const lookLater = (): void => {
    timer = setTimeout(() => {
      look().catch(() => {}).finally(() => { if (outage !== undefined && !closed) lookLater() })
    }, lookEveryMs).unref()
  }

  async function look (): Promise<void> {
    const errorsBefore = outage!.errors
    const isWell = await isBack().catch(() => false)
    if (closed) return
    const { since, toldAt, isTold, errors, last } = outage!
    const now = performance.now()
    const seconds = Math.round((now - since) / 1000)
    // What failed while we asked need not have been asked.
    if (isWell && errors === errorsBefore) {
      outage = undefined
      if (isTold) {
        back({ errors, seconds })
        backAt = now
      } else {
        untold += errors
      }
    } else if (now - toldAt >= remindEveryMs) {
      outage!.toldAt = now
      outage!.isTold = true
      still({ err: last, errors, seconds })
    }
  }

  return {
    failed (fields) {
      if (closed) return
      if (outage !== undefined) {
        outage.errors++
        outage.last = fields.err
        return
      }
      const now = performance.now()
      const isTold = now - backAt >= remindEveryMs
      outage = { since: now, toldAt: isTold ? now : backAt, isTold, errors: isTold ? 1 + untold : 1, last: fields.err }
      if (isTold) {
        untold = 0
        gone(fields)
      }
      lookLater()
    },
    close () {
      closed = true
      clearTimeout(timer)
    }
  }
}
