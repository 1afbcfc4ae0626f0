import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { type Entry, fromBufferPromise, validateFileName } from 'yauzl'
import { BodyTooLargeError, InvalidInputError, MalformedEncodingError, UnprocessableError, UnsupportedEncodingError } from '../errors.js'

/** What a packed feed may hold. Bombs stay below none of these; OSV's archive of Android has 5,000 files. */
export const PACKING_LIMITS = {
  /** Of all that is unpacked. */
  unpackedBytes: 256 * 1024 * 1024,
  /** Unpacked to packed, of what is larger than `freeBytes`. Lists of hashes make 2, JSON 5 to 30. */
  ratio: 200,
  freeBytes: 8 * 1024 * 1024,
  entries: 50_000
} as const
type Limits = { readonly [K in keyof typeof PACKING_LIMITS]: number }

/** A file, or one of an archive. */
export interface Member {
  /** Within an archive. */
  readonly name: string | undefined
  readonly bytes: Buffer
}

type Decode = (sent: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>
// zstd came with Node 22.15.
const { zstdDecompress } = zlib as unknown as { zstdDecompress?: typeof zlib.gunzip }
const gunzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)

/** Content-Encodings that are understood here. */
export const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate)],
  ['br', promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress)],
  ...(zstdDecompress === undefined ? [] : [['zstd', promisify<Buffer, zlib.ZlibOptions, Buffer>(zstdDecompress)] as const])
])

/** Undoes HTTP's Content-Encoding. @throws BodyTooLargeError, MalformedEncodingError, UnsupportedEncodingError */
export async function decodeContent (sent: Buffer, encoding: string | undefined, limits: Limits = PACKING_LIMITS): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return sent
  const decode = DECODERS.get(name)
  if (decode === undefined) throw new UnsupportedEncodingError(name.slice(0, 32))
  const maxBytes = maxUnpacked(sent.length, limits)
  try {
    return await decode(sent, { maxOutputLength: maxBytes })
  } catch (error) {
    throw isTooLarge(error) ? new BodyTooLargeError(maxBytes) : new MalformedEncodingError()
  }
}

/**
 * The file itself, what is packed in it as gzip, or the files of a zip archive in its order; told by
 * the first bytes. Folders and files that hold no feed (a licence, what systems add) are left out.
 * @throws UnprocessableError beyond a limit, InvalidInputError when it is damaged or packed twice
 */
export async function unpackFile (file: Buffer, limits: Limits = PACKING_LIMITS): Promise<Member[]> {
  const packing = packingOf(file)
  if (packing === undefined) return [{ name: undefined, bytes: file }]
  const members = packing === 'gzip' ? [{ name: undefined, bytes: await unpackGzip(file, limits) }] : await unpackZip(file, limits)
  for (const { name, bytes } of members) {
    if (packingOf(bytes) !== undefined) throw new UnprocessableError(`${name ?? 'What is packed'} is packed itself; a feed is packed once at most.`)
  }
  return members
}

function packingOf (bytes: Buffer): 'gzip' | 'zip' | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip'
  // PK, then a file, or the end of an archive without files.
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6))
  return isZip ? 'zip' : undefined
}

const maxUnpacked = (packedBytes: number, { unpackedBytes, ratio, freeBytes }: Limits): number => Math.min(unpackedBytes, Math.max(freeBytes, packedBytes * ratio))
const isTooLarge = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
const tooLarge = (maxBytes: number): Error => new UnprocessableError(`The file unpacks to more than ${maxBytes} bytes; nothing was changed.`)
const damaged = (kind: string, error: unknown): Error => new InvalidInputError([{ path: '', message: `is no whole ${kind}: ${(error as Error).message}` }], 'The file')

async function unpackGzip (file: Buffer, limits: Limits): Promise<Buffer> {
  const maxBytes = maxUnpacked(file.length, limits)
  try {
    return await gunzip(file, { maxOutputLength: maxBytes })
  } catch (error) {
    throw isTooLarge(error) ? tooLarge(maxBytes) : damaged('gzip', error)
  }
}

const ENCRYPTED = 1
const FILE_TYPE = 0o170000
const REGULAR = 0o100000
const NO_FEED = /(?:^|\/)(?:__MACOSX\/|\.|(?:readme|licen[cs]e|copying|notice|changelog)(?:\.[a-z]{1,8})?$)/i

async function unpackZip (file: Buffer, limits: Limits): Promise<Member[]> {
  const maxBytes = maxUnpacked(file.length, limits)
  const members: Member[] = []
  let unpacked = 0
  try {
    const zip = await fromBufferPromise(file, { lazyEntries: true, validateEntrySizes: true })
    if (zip.entryCount > limits.entries) throw new UnprocessableError(`The archive has ${zip.entryCount} entries; at most ${limits.entries} are read.`)
    await new Promise<void>((resolve, reject) => {
      const readEntry = async (entry: Entry): Promise<void> => {
        if (!isRead(entry)) return
        const chunks: Buffer[] = []
        for await (const chunk of await zip.openReadStreamPromise(entry)) {
          unpacked += (chunk as Buffer).length
          if (unpacked > maxBytes) throw tooLarge(maxBytes)
          chunks.push(chunk as Buffer)
        }
        members.push({ name: entry.fileName.slice(0, 200), bytes: Buffer.concat(chunks) })
      }
      zip.on('error', reject)
      zip.on('end', () => resolve())
      zip.on('entry', (entry: Entry) => { readEntry(entry).then(() => zip.readEntry(), reject) })
      zip.readEntry()
    })
  } catch (error) {
    if (error instanceof InvalidInputError || error instanceof UnprocessableError) throw error
    throw damaged('zip', error)
  }
  if (members.length === 0) throw new UnprocessableError('The archive holds no file that could be a feed; nothing was changed.')
  return members
}

function isRead (entry: Entry): boolean {
  const fault = validateFileName(entry.fileName)
  if (fault !== null) throw new InvalidInputError([{ path: entry.fileName.slice(0, 200), message: fault }], 'The archive')
  if (entry.fileName.endsWith('/') || NO_FEED.test(entry.fileName)) return false
  // Zips of Unix keep the file's mode in the upper half; others leave it 0.
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE
  if (type !== 0 && type !== REGULAR) return false
  if ((entry.generalPurposeBitFlag & ENCRYPTED) !== 0) throw new UnprocessableError(`${entry.fileName.slice(0, 200)} is encrypted.`)
  return true
}
