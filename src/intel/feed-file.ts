import { createHash } from 'node:crypto'
import { UnprocessableError } from '../errors.js'
import { readDocuments } from './feed-documents.js'
import { namingMember } from './naming-member.js'
import { decodeText } from './feed-text.js'
import { decodeContent, unpackFile } from './feed-packing.js'
import type { ReadFeed } from './feeds/index.js'

/** Largest file that is taken, in bytes as it is sent. */
export const MAX_FEED_BYTES = 64 * 1024 * 1024

/** A file whole, or in pieces. */
export type FeedBody = string | Uint8Array | readonly Uint8Array[]

/**
 * A file as it was published, understood: unpacked, decoded, parsed.
 * @returns its checksum as published, SHA-256 in hex, and what it says
 * @throws InvalidInputError naming line or object, UnprocessableError, BodyTooLargeError, MalformedEncodingError
 */
export async function readFeedFile ({ body, contentEncoding, format }: { readonly body: FeedBody, readonly contentEncoding?: string | undefined, readonly format: string }): Promise<{ sha256: string, parsed: ReadFeed }> {
  const sent = bytesOf(body)
  if (sent.length > MAX_FEED_BYTES) throw new UnprocessableError(`A feed has at most ${MAX_FEED_BYTES} bytes; this one has ${sent.length}.`)
  const file = await decodeContent(sent, contentEncoding)
  const members = await unpackFile(file)
  const documents = members.map(({ name, bytes }) => ({ name, text: namingMember(name, () => decodeText(bytes)) }))
  return { sha256: createHash('sha256').update(file).digest('hex'), parsed: readDocuments(documents, format) }
}

function bytesOf (body: FeedBody): Buffer {
  if (typeof body === 'string') return Buffer.from(body)
  const pieces = body instanceof Uint8Array ? [body] : body
  if (pieces.length !== 1) return Buffer.concat(pieces)
  const [{ buffer, byteOffset, byteLength }] = pieces as [Uint8Array]
  return Buffer.from(buffer, byteOffset, byteLength)
}
