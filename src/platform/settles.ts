import { setTimeout as sleep } from 'node:timers/promises'

/** True when it settled within the time. */
export async function settles (work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const waiting = new AbortController()
  try {
    return await Promise.race([work.then(() => true), sleep(limitMs, false, { signal: waiting.signal })])
  } finally {
    waiting.abort()
  }
}
