import { OverloadedError, UnprocessableError } from '../errors.js'
import { runInChild, WorkMemoryError, WorkTimeError } from '../platform/child-work.js'
import { threadFile } from '../platform/thread.js'
import type { FeedBody } from './feed-file.js'
import type { ImportResult, StoreFeedInput } from './store-feed.js'

/** What an import may take, and how many may wait for theirs (docs/intel.md). */
export const IMPORT_LIMITS = {
  /** Of its process's heap. */
  maxHeapMb: 2_048,
  maxSeconds: 300,
  maxWaiting: 8,
  /** Of the files of those that wait. */
  maxWaitingBytes: 128 * 1024 * 1024
}

export interface FeedImportsOptions {
  readonly databaseUrl: string
  readonly limits?: Partial<typeof IMPORT_LIMITS>
}

export interface FeedImports {
  /**
   * `storeFeed` in a process of its own, with a connection of its own: nothing big is read or copied
   * here. One at a time, others wait.
   * @throws OverloadedError when too many wait, UnprocessableError beyond time or memory, and what storeFeed throws
   */
  store (input: StoreFeedInput): Promise<ImportResult>
  /** Ends the imports that are on their way or wait, undone; those that are done within `graceMs` are kept. */
  close (options?: { readonly graceMs?: number }): Promise<void>
}

/** What the process is given, beside the body. */
export interface FeedImportInput {
  readonly databaseUrl: string
  readonly input: Omit<StoreFeedInput, 'body'>
}

const FILE = threadFile('feed-import-process', import.meta.url)

/** Imports that this process has done. */
export function createFeedImports ({ databaseUrl, limits: given = {} }: FeedImportsOptions): FeedImports {
  const { maxHeapMb, maxSeconds, maxWaiting, maxWaitingBytes } = { ...IMPORT_LIMITS, ...given }
  const closing = new AbortController()
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let waitingBytes = 0

  async function run ({ body, ...input }: StoreFeedInput): Promise<ImportResult> {
    try {
      return await runInChild<ImportResult>({ file: FILE, input: { databaseUrl, input } satisfies FeedImportInput, body: toPieces(body), maxHeapMb, maxSeconds, signal: closing.signal })
    } catch (error) {
      if (error instanceof WorkMemoryError) throw new UnprocessableError(`To read the file takes more than the ${maxHeapMb} MB of memory that an import may have; nothing was changed. Import it as several feeds.`)
      if (error instanceof WorkTimeError) throw new UnprocessableError(`The import took more than ${maxSeconds} seconds; nothing was changed. Import it as several feeds.`)
      throw error
    }
  }

  return {
    async store (input) {
      const bytes = toPieces(input.body).reduce((sum, { length }) => sum + length, 0)
      if (waiting >= maxWaiting || (waiting > 0 && waitingBytes + bytes > maxWaitingBytes)) throw new OverloadedError()
      waiting++
      waitingBytes += bytes
      const done = last.then(async () => {
        waiting--
        waitingBytes -= bytes
        return await run(input)
      })
      last = done.catch(() => {})
      return await done
    },
    async close ({ graceMs = 0 } = {}) {
      let timer: NodeJS.Timeout | undefined
      await Promise.race([last, new Promise((resolve) => { timer = setTimeout(resolve, graceMs) })])
      clearTimeout(timer)
      closing.abort(new OverloadedError())
      await last
    }
  }
}

function toPieces (body: FeedBody): readonly Uint8Array[] {
  if (typeof body === 'string') return [Buffer.from(body)]
  return body instanceof Uint8Array ? [body] : body
}
