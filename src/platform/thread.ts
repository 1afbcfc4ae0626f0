import { constants, setPriority } from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, type TransferListItem, Worker, workerData } from 'node:worker_threads'
import { describeError, reviveError, type SentError } from './sent-error.js'

/** A thread ran out of the memory it may have. */
export class ThreadMemoryError extends Error {}
/** A thread did not end within its time. */
export class ThreadTimeError extends Error {}

/**
 * The file of a thread beside the calling module, whatever it runs from: `.ts` under a loader,
 * `.js` after the build.
 */
export function threadFile (name: string, importMetaUrl: string): URL {
  return new URL(`./${name}${extname(fileURLToPath(importMetaUrl))}`, importMetaUrl)
}

export interface ThreadOptions {
  /** From `threadFile`; the file calls `answerInThread`. */
  readonly file: URL
  /** Cloned, but for what is transferred. */
  readonly input: unknown
  readonly transfer?: readonly TransferListItem[]
  /** Limit of the thread's heap; buffers are not part of it. */
  readonly maxHeapMb: number
  readonly maxSeconds: number
  /** Ends the thread at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

type Answer = { readonly output: unknown } | { readonly error: SentError }

/**
 * Runs one piece of work in a thread of its own, which is gone when the promise settles.
 * What is thrown there is thrown here, named errors as what they were. For work of our own: where a
 * stranger's file decides what memory is needed, V8 may end the whole process before the thread
 * (child-work.ts is for that).
 * @throws ThreadMemoryError, ThreadTimeError, and what the work throws
 */
export async function runInThread<Output> (options: ThreadOptions): Promise<Output> {
  const { file, input, transfer = [], maxHeapMb, maxSeconds, signal } = options
  signal?.throwIfAborted()
  const worker = new Worker(file, { workerData: input, transferList: [...transfer], resourceLimits: { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: 64 } })
  let timer: NodeJS.Timeout | undefined
  let removeStop = (): void => {}
  try {
    const answer = await new Promise<Answer>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', (error: NodeJS.ErrnoException) => {
        reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? new ThreadMemoryError(`more than ${maxHeapMb} MB of memory were needed`, { cause: error }) : error)
      })
      worker.once('exit', (code) => reject(new Error(`the thread ended with code ${code} before it answered`)))
      timer = setTimeout(() => reject(new ThreadTimeError(`more than ${maxSeconds} seconds were needed`)), maxSeconds * 1000)
      signal?.addEventListener('abort', stop, { once: true })
      function stop (): void {
        const reason: unknown = signal!.reason
        reject(reason instanceof Error ? reason : new Error(String(reason)))
      }
      removeStop = () => signal?.removeEventListener('abort', stop)
    })
    if ('error' in answer) throw reviveError(answer.error)
    return answer.output as Output
  } finally {
    clearTimeout(timer)
    removeStop()
    // Also when it has answered: nobody may be left who works on.
    worker.removeAllListeners()
    worker.on('error', () => {})
    await worker.terminate()
  }
}

/** For a thread whose answer can wait: the process's others go first. On Linux, where a priority is a thread's; elsewhere nothing. */
export function lowerThreadPriority (): void {
  if (process.platform === 'linux' && !isMainThread) setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
}

/** What the file of a thread does: answers its input once. `transferOf` names what moves rather than being copied. */
export async function answerInThread<Input, Output> (work: (input: Input) => Promise<Output>, transferOf: (output: Output) => TransferListItem[] = () => []): Promise<void> {
  if (isMainThread || parentPort === null) throw new Error('this file is the entry of a thread')
  try {
    const output = await work(workerData as Input)
    parentPort.postMessage({ output } satisfies Answer, transferOf(output))
  } catch (error) {
    parentPort.postMessage({ error: describeError(error) } satisfies Answer)
  }
}
