import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { errorCodes } from 'fastify'
import { BodyTooLargeError, MalformedEncodingError } from '../errors.js'

const PIECE_BYTES = 1024 * 1024

/** `Content-Length`, undefined where there is none. @throws when it is no number of bytes */
export function contentLengthOf ({ 'content-length': length }: IncomingHttpHeaders): number | undefined {
  if (length === undefined) return undefined
  if (!/^\d{1,15}$/.test(length)) throw new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH()
  return Number(length)
}

/**
 * A big body as it comes, in pieces: to join 64 MB takes tens of milliseconds in which nothing else
 * is done, and to keep what arrives byte by byte as it arrives takes a hundred times the memory.
 * @param expectedBytes as the request says, undefined when it does not
 * @throws BodyTooLargeError; what is left of the body is let go
 */
export async function readPieces (payload: Readable, { maxBytes, expectedBytes }: { readonly maxBytes: number, readonly expectedBytes: number | undefined }): Promise<Uint8Array[]> {
  return await new Promise<Uint8Array[]>((resolve, reject) => {
    const pieces: Uint8Array[] = []
    let piece = new Uint8Array(0)
    let filled = 0
    let bytes = 0

    function take (chunk: Buffer): void {
      for (let at = 0; at < chunk.length;) {
        if (filled === piece.length) {
          pieces.push(piece = new Uint8Array(Math.max(1, Math.min(PIECE_BYTES, (expectedBytes ?? Infinity) - (bytes - chunk.length + at)))))
          filled = 0
        }
        const part = chunk.subarray(at, at + piece.length - filled)
        piece.set(part, filled)
        filled += part.length
        at += part.length
      }
    }

    payload.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) {
        pieces.length = 0
        reject(new BodyTooLargeError(maxBytes))
      } else if (expectedBytes !== undefined && bytes > expectedBytes) {
        pieces.length = 0
        reject(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH())
      } else {
        take(chunk)
      }
    })
    payload.once('end', () => {
      if (expectedBytes !== undefined && expectedBytes !== bytes) return reject(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH())
      if (pieces.length > 0) pieces[pieces.length - 1] = piece.subarray(0, filled)
      resolve(pieces)
    })
    // A client that hangs up, or a body that breaks off.
    payload.once('error', () => reject(new MalformedEncodingError()))
    payload.once('close', () => reject(new MalformedEncodingError()))
  })
}
