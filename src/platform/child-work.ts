import { fork } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { describeError, reviveError, type SentError } from './sent-error.js'

/** A process ran out of the memory it may have. */
export class WorkMemoryError extends Error {}
/** A process did not end within its time. */
export class WorkTimeError extends Error {}

export interface ChildWorkOptions {
  /** From `threadFile`; the file calls `answerInChild`. */
  readonly file: URL
  /** Cloned. */
  readonly input: unknown
  /** What is too big to be cloned, in pieces. */
  readonly body: readonly Uint8Array[]
  /** Limit of its heap; buffers are not part of it. */
  readonly maxHeapMb: number
  readonly maxSeconds: number
  /** Ends it at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

type Answer = { readonly output: unknown } | { readonly error: SentError }

const MAX_STDERR = 8_192
/** Written at a time: some tenths of a millisecond. */
const WRITE_BYTES = 256 * 1024

/**
 * Runs one piece of work in a process of its own, which is gone when the promise settles. Of what a
 * stranger's file can do to the one that reads it, nothing reaches this process: V8 ends a whole
 * process when a thread of it runs out of memory within JSON.parse.
 * What is thrown there is thrown here, named errors as what they were.
 * @throws WorkMemoryError, WorkTimeError, and what the work throws
 */
export async function runInChild<Output> (options: ChildWorkOptions): Promise<Output> {
  const { file, input, body, maxHeapMb, maxSeconds, signal } = options
  signal?.throwIfAborted()
  const execArgv = [...process.execArgv.filter((argument) => !/^--(?:inspect|max-old-space-size)/.test(argument)), `--max-old-space-size=${maxHeapMb}`]
  const child = fork(fileURLToPath(file), [], { execArgv, serialization: 'advanced', stdio: ['pipe', 'ignore', 'pipe', 'ipc'] })
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => { stderr = (stderr + text).slice(-MAX_STDERR) })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const ending = new AbortController()
  try {
    const answer = await new Promise<Answer>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Answer))
      child.once('error', reject)
      child.once('close', (code, by) => reject(whyEnded(code, by, stderr, maxHeapMb)))
      const timer = setTimeout(() => reject(new WorkTimeError(`more than ${maxSeconds} seconds were needed`)), maxSeconds * 1000)
      const stop = (): void => {
        const reason: unknown = signal!.reason
        reject(reason instanceof Error ? reason : new Error(String(reason)))
      }
      signal?.addEventListener('abort', stop, { once: true })
      ending.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', stop)
      })
      child.send({ input })
      // When it ends before it has read everything, its end says why.
      pipeline(Readable.from(smallPiecesOf(body)), child.stdin!, { signal: ending.signal }).catch(() => {})
    })
    if ('error' in answer) throw reviveError(answer.error)
    return answer.output as Output
  } finally {
    ending.abort()
    // Also when it has answered: nobody may be left who works on.
    child.kill('SIGKILL')
    await ended
  }
}

function whyEnded (code: number | null, by: NodeJS.Signals | null, stderr: string, maxHeapMb: number): Error {
  // SIGKILL that is not ours comes from the system, which does so to get memory back.
  if (/heap out of memory|heap limit/i.test(stderr) || by === 'SIGKILL') return new WorkMemoryError(`more than ${maxHeapMb} MB of memory were needed, or than the machine has`)
  return new Error(`the process ended (${by ?? `exit code ${code}`}) before it answered: ${stderr.trim()}`)
}

function * smallPiecesOf (body: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const piece of body) for (let at = 0; at < piece.length; at += WRITE_BYTES) yield piece.subarray(at, at + WRITE_BYTES)
}

/** What the file of such a process does: answers its input once, and is gone when nobody waits for the answer any more. */
export async function answerInChild<Input, Output> (work: (input: Input, body: Buffer) => Promise<Output>): Promise<void> {
  if (process.send === undefined) throw new Error('this file is the entry of a process that runInChild starts')
  process.once('disconnect', () => process.exit(1))
  // Whoever started this has better things to do at the same time.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  let answer: Answer
  try {
    const asked = new Promise<Input>((resolve) => process.once('message', (message) => resolve((message as { input: Input }).input)))
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    const input = await asked
    answer = { output: await work(input, Buffer.concat(chunks.splice(0))) }
  } catch (error) {
    answer = { error: describeError(error) }
  }
  process.send(answer, () => process.exit(0))
}
