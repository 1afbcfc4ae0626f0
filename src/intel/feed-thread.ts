import { setImmediate as turn } from 'node:timers/promises'
import { OverloadedError, UnprocessableError } from '../errors.js'
import { runInThread, threadFile, ThreadMemoryError, ThreadTimeError } from '../platform/thread.js'
import type { FeedBody } from './feed-file.js'
import type { ImportResult, StoreFeedInput } from './store-feed.js'

/** What an import may take, and how many may wait for theirs (docs/intel.md). */
export const FEED_THREAD_LIMITS = {
  /** Of the thread's heap. A million indicators as a STIX bundle need 1,300 MB. */
  maxHeapMb: 2_048,
  maxSeconds: 300,
  maxWaiting: 8,
  /** Of the files of those that wait. */
  maxWaitingBytes: 128 * 1024 * 1024
}

export interface FeedThreadOptions {
  readonly databaseUrl: string
  readonly limits?: Partial<typeof FEED_THREAD_LIMITS>
}

export interface FeedThread {
  /**
   * `storeFeed` in a thread with a connection of its own: nothing big is read or copied here. One
   * at a time, others wait. A body in pieces is given away: its memory moves to the thread.
   * @throws OverloadedError when too many wait, UnprocessableError beyond time or memory, and what storeFeed throws
   */
  store (input: StoreFeedInput): Promise<ImportResult>
  /** Ends the import that is on its way, undone, and refuses those that wait. */
  close (): Promise<void>
}

/** What the thread is given. */
export interface FeedThreadInput {
  readonly databaseUrl: string
  readonly input: StoreFeedInput & { readonly body: Uint8Array[] }
}

const FILE = threadFile('feed-thread-entry', import.meta.url)
/** Copied at a time: less than a millisecond. */
const PIECE_BYTES = 1024 * 1024

/** Imports of this process. */
export function createFeedThread ({ databaseUrl, limits: given = {} }: FeedThreadOptions): FeedThread {
  const { maxHeapMb, maxSeconds, maxWaiting, maxWaitingBytes } = { ...FEED_THREAD_LIMITS, ...given }
  const closing = new AbortController()
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let waitingBytes = 0

  async function run (input: StoreFeedInput): Promise<ImportResult> {
    closing.signal.throwIfAborted()
    const body = await toPieces(input.body)
    try {
      return await runInThread<ImportResult>({
        file: FILE,
        input: { databaseUrl, input: { ...input, body } } satisfies FeedThreadInput,
        transfer: [...new Set(body.map(({ buffer }) => buffer as ArrayBuffer))],
        maxHeapMb,
        maxSeconds,
        signal: closing.signal
      })
    } catch (error) {
      if (error instanceof ThreadMemoryError) throw new UnprocessableError(`To read the file takes more than the ${maxHeapMb} MB of memory that an import may have; nothing was changed. Import it in several feeds.`)
      if (error instanceof ThreadTimeError) throw new UnprocessableError(`The import took more than ${maxSeconds} seconds; nothing was changed. Import the file in several feeds.`)
      throw error
    }
  }

  return {
    async store (input) {
      const bytes = sizeOf(input.body)
      if (waiting >= maxWaiting || (waiting > 0 && waitingBytes + bytes > maxWaitingBytes)) throw new OverloadedError()
      waiting++
      waitingBytes += bytes
      const turnComes = last.then(() => {
        waiting--
        waitingBytes -= bytes
      })
      const done = turnComes.then(async () => await run(input))
      last = done.catch(() => {})
      return await done
    },
    async close () {
      closing.abort(new OverloadedError())
      await last
    }
  }
}

function sizeOf (body: FeedBody): number {
  if (typeof body === 'string') return Buffer.byteLength(body)
  return body instanceof Uint8Array ? body.length : body.reduce((sum, { length }) => sum + length, 0)
}

/** Memory that can be given away. What somebody may still need is copied, with room for others in between. */
async function toPieces (body: FeedBody): Promise<Uint8Array[]> {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return [...body]
  const whole = typeof body === 'string' ? Buffer.from(body) : body
  const pieces: Uint8Array[] = []
  for (let at = 0; at < whole.length; at += PIECE_BYTES) {
    if (at > 0) await turn()
    pieces.push(Uint8Array.prototype.slice.call(whole, at, at + PIECE_BYTES))
  }
  return pieces
}
