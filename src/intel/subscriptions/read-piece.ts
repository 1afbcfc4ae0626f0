import { runInThread, threadFile, ThreadMemoryError, ThreadTimeError } from '../../platform/thread.js'
import { FetchError } from './fetch-error.js'
import { type Read, readMispEvent, readMispManifest, readTaxiiResource } from './pieces.js'

/** Ways to read an answer, by the name a thread is told. */
export const READERS = { taxii: readTaxiiResource, 'misp-manifest': readMispManifest, 'misp-event': readMispEvent } as const
export type ReaderName = keyof typeof READERS

type ValueOf<N extends ReaderName> = Extract<ReturnType<(typeof READERS)[N]>, { readonly value: unknown }>['value']

/** What the thread is given. */
export interface PieceThreadInput {
  readonly reader: ReaderName
  readonly body: Uint8Array
}

/** Read here: some ten milliseconds. A thread takes forty to begin. */
const SMALL_BYTES = 1024 * 1024
/** Far above what eight megabytes of the most wasteful JSON take: V8 may end the whole process when a thread goes beyond. */
const MAX_HEAP_MB = 2_048
const MAX_SECONDS = 60
const FILE = threadFile('piece-thread-entry', import.meta.url)

/**
 * Reads an answer; a large one in a thread, so that nothing else waits for it. It is given away.
 * @param where begins the fault's message, for what is one of many
 * @throws FetchError when it is not what it should be
 */
export async function readPiece<N extends ReaderName> (reader: N, body: Buffer, where = ''): Promise<ValueOf<N>> {
  const read = (body.length <= SMALL_BYTES ? READERS[reader](body.toString('utf8')) : await readInThread({ reader, body })) as Read<ValueOf<N>>
  if ('fault' in read) throw new FetchError('not-valid', where === '' ? read.fault : `${where} ${read.fault}`)
  return read.value
}

async function readInThread (input: PieceThreadInput): Promise<Read<unknown>> {
  try {
    return await runInThread<Read<unknown>>({ file: FILE, input, transfer: isOwn(input.body) ? [input.body.buffer as ArrayBuffer] : [], maxHeapMb: MAX_HEAP_MB, maxSeconds: MAX_SECONDS })
  } catch (error) {
    if (error instanceof ThreadMemoryError || error instanceof ThreadTimeError) throw new FetchError('too-large', `to read the answer takes too much: ${error.message}`)
    throw error
  }
}

/** Nobody else has a part of its memory. */
const isOwn = ({ buffer, byteLength }: Uint8Array): boolean => buffer.byteLength === byteLength
