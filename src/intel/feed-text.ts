import { isUtf8 } from 'node:buffer'
import { InvalidInputError, UnprocessableError } from '../errors.js'

/** First bytes of what people take for a feed. Of text only what no feed starts with. */
const KINDS: ReadonlyArray<readonly [magic: string, kind: string]> = [
  ['\x89PNG', 'a PNG image'], ['\xff\xd8\xff', 'a JPEG image'], ['GIF8', 'a GIF image'], ['%PDF-', 'a PDF document'], ['\x7fELF', 'a program'],
  ['MZ\x90', 'a program'], ['\xca\xfe\xba\xbe', 'a program'], ['dex\n', 'a program of Android'], ['SQLite format 3\0', 'an SQLite database'], ['bplist00', 'a binary property list'],
  ['\xd0\xcf\x11\xe0', 'an Office document'], ['Rar!', 'a RAR archive'], ['7z\xbc\xaf', 'a 7-Zip archive'], ['\xfd7zXZ', 'an xz archive'], ['BZh', 'a bzip2 archive'], ['\x28\xb5\x2f\xfd', 'a zstd archive']
]

/**
 * A file as text: UTF-8 with or without a byte-order mark, or UTF-16 with one.
 * @throws InvalidInputError naming the line that is no text, UnprocessableError for what is no text at all
 */
export function decodeText (bytes: Buffer): string {
  const start = bytes.toString('latin1', 0, 16)
  const kind = KINDS.find(([magic]) => start.startsWith(magic))?.[1]
  if (kind !== undefined) throw new UnprocessableError(`The file is ${kind}, not a feed; nothing was changed.`)
  if (start.startsWith('\xff\xfe') && !start.startsWith('\xff\xfe\0\0')) return decodeUtf16(bytes, 'utf-16le')
  if (start.startsWith('\xfe\xff')) return decodeUtf16(bytes, 'utf-16be')
  if (!isUtf8(bytes)) throw fault(...firstBadLine(bytes))
  const nul = bytes.indexOf(0)
  if (nul >= 0) throw fault(lineAt(bytes, nul), 'holds a NUL byte, so the file is no text')
  return new TextDecoder('utf-8').decode(bytes)
}

function decodeUtf16 (bytes: Buffer, encoding: 'utf-16le' | 'utf-16be'): string {
  let text: string
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    throw new UnprocessableError('The file starts as UTF-16 text and is none; nothing was changed.')
  }
  const nul = text.indexOf('\0')
  if (nul >= 0) throw fault(text.slice(0, nul).split('\n').length, 'holds a NUL, so the file is no text')
  return text
}

const fault = (line: number, message: string): Error => new InvalidInputError([{ path: `line ${line}`, message }], 'The file')

/** Counted without cutting the file into lines. */
function lineAt (bytes: Buffer, position: number): number {
  let line = 1
  for (let at = bytes.indexOf(10); at >= 0 && at < position; at = bytes.indexOf(10, at + 1)) line++
  return line
}

function firstBadLine (bytes: Buffer): [line: number, message: string] {
  let line = 1
  for (let from = 0; from < bytes.length; line++) {
    const end = bytes.indexOf(10, from)
    const text = bytes.subarray(from, end < 0 ? bytes.length : end)
    if (!isUtf8(text)) {
      const nul = bytes.indexOf(0)
      return nul >= 0
        ? [line, 'is not UTF-8, and the file has NUL bytes: it is no text, or UTF-16 without its byte-order mark']
        : [line, 'is not UTF-8; if the file is in another encoding, such as Latin-1 or Windows-1252, save it as UTF-8']
    }
    from += text.length + 1
  }
  return [line, 'is not UTF-8']
}
