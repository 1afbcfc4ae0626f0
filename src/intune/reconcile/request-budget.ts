import { setTimeout as sleep } from 'node:timers/promises'

export interface RequestBudgetOptions {
  /** Requests that may go out within the window, parts of a batch counted one by one. */
  readonly requests: number
  readonly windowMs: number
  readonly now?: () => number
  readonly pause?: (ms: number) => Promise<unknown>
}

/** How many requests may go to one tenant. */
export interface RequestBudget {
  /** Comes back once so many more may go out; they count from then. */
  take (key: string, requests: number): Promise<void>
}

interface Window { readonly taken: Array<{ readonly at: number, readonly requests: number }>, sum: number }

/** A quarter of what Intune lets one app do in one tenant: 2000 requests for devices in 20 s. */
export const INTUNE_BUDGET = { requests: 500, windowMs: 20_000 } as const

/** Counts in a sliding window for each key. Requests of one key are let out in the order they came. */
export function createRequestBudget ({ requests: most, windowMs, now = Date.now, pause = sleep }: RequestBudgetOptions): RequestBudget {
  const windows = new Map<string, Window>()
  const queues = new Map<string, Promise<void>>()

  async function wait (key: string, requests: number): Promise<void> {
    const window = windows.get(key) ?? { taken: [], sum: 0 }
    windows.set(key, window)
    // More than the window holds goes out when it is empty.
    const wanted = Math.min(requests, most)
    for (;;) {
      const at = now()
      while (window.taken.length > 0 && window.taken[0]!.at <= at - windowMs) window.sum -= window.taken.shift()!.requests
      if (window.sum + wanted <= most) {
        window.taken.push({ at, requests: wanted })
        window.sum += wanted
        return
      }
      await pause(Math.max(1, window.taken[0]!.at + windowMs - at))
    }
  }

  return {
    async take (key, requests) {
      const turn = (queues.get(key) ?? Promise.resolve()).then(async () => await wait(key, requests))
      queues.set(key, turn)
      await turn
      if (queues.get(key) === turn) queues.delete(key)
      if (windows.size > 1_000) dropIdle(windows, now() - windowMs)
    }
  }
}

/** Tenants that were not asked for a while need no memory. */
function dropIdle (windows: Map<string, Window>, before: number): void {
  for (const [key, { taken }] of windows) if ((taken.at(-1)?.at ?? 0) <= before) windows.delete(key)
}
