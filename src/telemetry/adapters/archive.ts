import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Parser, type ReadEntry } from 'tar'
import { type Entry, fromBufferPromise, validateFileName } from 'yauzl'
import { InvalidInputError } from '../../errors.js'
import type { Skips } from './translation.js'

/** What an archive may hold: more than any folder of texts has, less than would hurt. */
export const ARCHIVE_LIMITS = {
  entries: 20_000,
  /** Of the files that are read. */
  fileBytes: 32 * 1024 * 1024,
  /** Of all that is unpacked, read or not where the format makes us unpack it. */
  unpackedBytes: 96 * 1024 * 1024
} as const
type Limits = { readonly [K in keyof typeof ARCHIVE_LIMITS]: number }

export type Packing = 'gzip' | 'zip' | 'tar'

/** By the first bytes; undefined: no archive. */
export function packingOf (content: Uint8Array): Packing | undefined {
  const starts = (at: number, ...bytes: readonly number[]): boolean => bytes.every((byte, index) => content[at + index] === byte)
  if (starts(0, 0x1f, 0x8b)) return 'gzip'
  // PK, then a file, or the end of an archive without files.
  if (starts(0, 0x50, 0x4b, 0x03, 0x04) || starts(0, 0x50, 0x4b, 0x05, 0x06)) return 'zip'
  return starts(257, 0x75, 0x73, 0x74, 0x61, 0x72) ? 'tar' : undefined
}

const WHAT = 'The archive'
const refuse = (message: string, path = ''): InvalidInputError => new InvalidInputError([{ path, message }], WHAT)
const ours = (error: unknown, kind: string): Error => error instanceof InvalidInputError ? error : refuse(`is no ${kind} that can be read: ${(error as Error).message}`)

const gunzipAsync = promisify(gunzip)

/** @throws InvalidInputError when it is not gzip, or unpacks to more than the limit */
export async function unpackGzip (content: Uint8Array, limits: Limits = ARCHIVE_LIMITS): Promise<Buffer> {
  try {
    return await gunzipAsync(content, { maxOutputLength: limits.unpackedBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw refuse(`unpacks to more than ${limits.unpackedBytes} bytes`)
    throw ours(error, 'gzip')
  }
}

export interface ReadFolderOptions {
  /** Names of the files to read, wherever in the archive they are. */
  readonly wanted: ReadonlySet<string>
  readonly skips: Skips
  readonly limits?: Limits
}

/**
 * The wanted files of a tar or zip archive, by their names without folders, as text. Nothing is
 * written anywhere. Of files with one name the one nearest the top counts.
 * @throws InvalidInputError when it cannot be read, names files outside itself, passes a limit
 * (named in the error), or holds two folders of the kind
 */
export async function readArchive (packing: 'tar' | 'zip', content: Buffer, { wanted, skips, limits = ARCHIVE_LIMITS }: ReadFolderOptions): Promise<Map<string, string>> {
  const folder = createFolder(wanted, skips, limits)
  try {
    await (packing === 'tar' ? readTar : readZip)(content, folder)
  } catch (error) {
    throw ours(error, packing)
  }
  return folder.texts()
}

interface Folder {
  /** Whether to read this entry; asked once for each. */
  enter (path: string, kind: 'file' | 'folder' | 'other', bytes: number): boolean
  /** @throws InvalidInputError beyond the limits, whatever the entry said of its size */
  take (path: string, chunks: readonly Buffer[]): void
  readonly limits: Limits
  texts (): Map<string, string>
}

function createFolder (wanted: ReadonlySet<string>, skips: Skips, limits: Limits): Folder {
  const found = new Map<string, { readonly depth: number, readonly path: string, readonly bytes: Buffer }>()
  let entries = 0
  let unpacked = 0
  const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.')

  return {
    limits,
    enter (path, kind, bytes) {
      if (++entries > limits.entries) throw refuse(`has more than ${limits.entries} entries`)
      const fault = validateFileName(path)
      if (fault !== null || path.includes('\0')) throw refuse(`must stay within itself: ${fault ?? 'an entry has a NUL in its name'}`, path.slice(0, 256))
      if (kind === 'folder') return false
      const isWanted = wanted.has(partsOf(path).at(-1) ?? '')
      if (kind === 'other') {
        if (isWanted) skips.add('an entry of the archive is a link or no plain file', path)
        return false
      }
      if (isWanted && bytes > limits.fileBytes) throw refuse(`must not be larger than ${limits.fileBytes} bytes`, path.slice(0, 256))
      return isWanted
    },
    take (path, chunks) {
      const bytes = Buffer.concat(chunks)
      unpacked += bytes.length
      if (unpacked > limits.unpackedBytes) throw refuse(`unpacks to more than ${limits.unpackedBytes} bytes`)
      const parts = partsOf(path)
      const name = parts.at(-1)!
      const other = found.get(name)
      if (other !== undefined && other.depth === parts.length) throw refuse(`must hold one folder, but has ${name} twice: ${other.path.slice(0, 256)} and here`, path.slice(0, 256))
      if (other === undefined || other.depth > parts.length) found.set(name, { depth: parts.length, path, bytes })
    },
    texts: () => new Map([...found].map(([name, { bytes }]) => [name, bytes.toString('utf8')]))
  }
}

const TAR_KINDS: Readonly<Record<string, 'file' | 'folder'>> = { File: 'file', OldFile: 'file', ContiguousFile: 'file', Directory: 'folder', GNUDumpDir: 'folder' }

/** The parser works in memory and calls back as it reads; what a callback throws must not be lost. */
async function readTar (content: Buffer, folder: Folder): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const guarded = (work: () => void): void => {
      try {
        work()
      } catch (error) {
        reject(ours(error, 'tar'))
      }
    }
    const parser = new Parser({
      strict: true,
      // It would unpack by itself what begins like zstd, without any limit.
      zstd: false,
      onReadEntry: (entry: ReadEntry) => guarded(() => {
        const chunks: Buffer[] = []
        let wanted = false
        // Whatever happens, the entry must flow, or the parser waits for it.
        entry.on('data', (chunk: Buffer) => { if (wanted) chunks.push(chunk) })
        entry.on('end', () => { if (wanted) guarded(() => folder.take(entry.path, chunks)) })
        wanted = folder.enter(entry.path, TAR_KINDS[entry.type] ?? 'other', entry.size)
      })
    })
    parser.on('error', reject)
    parser.on('end', () => resolve())
    parser.end(content)
  })
}

const ENCRYPTED = 1
const FILE_TYPE = 0o170000
const REGULAR = 0o100000

function zipKind (entry: Entry): 'file' | 'folder' | 'other' {
  if (entry.fileName.endsWith('/')) return 'folder'
  // Zips of Unix keep the file's mode in the upper half; others leave it 0.
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE
  return type === 0 || type === REGULAR ? 'file' : 'other'
}

async function readZip (content: Buffer, folder: Folder): Promise<void> {
  const zip = await fromBufferPromise(content, { lazyEntries: true, validateEntrySizes: true })
  await new Promise<void>((resolve, reject) => {
    const readEntry = async (entry: Entry): Promise<void> => {
      if (!folder.enter(entry.fileName, zipKind(entry), entry.uncompressedSize)) return
      if ((entry.generalPurposeBitFlag & ENCRYPTED) !== 0) throw refuse('must not be encrypted', entry.fileName.slice(0, 256))
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of await zip.openReadStreamPromise(entry)) {
        bytes += (chunk as Buffer).length
        if (bytes > folder.limits.fileBytes) throw refuse(`must not be larger than ${folder.limits.fileBytes} bytes`, entry.fileName.slice(0, 256))
        chunks.push(chunk as Buffer)
      }
      folder.take(entry.fileName, chunks)
    }
    zip.on('error', reject)
    zip.on('end', () => resolve())
    zip.on('entry', (entry: Entry) => { readEntry(entry).then(() => zip.readEntry(), reject) })
    zip.readEntry()
  })
}
