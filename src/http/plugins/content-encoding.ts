import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { BodyTooLargeError, MalformedEncodingError, OverloadedError, UnsupportedEncodingError } from '../../errors.js'
import { createGate } from '../../platform/gate.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the body, unpacked; 0 where the route undoes Content-Encoding itself. */
    bodyBytes: number
  }
  interface FastifyContextConfig {
    /** Largest body as it comes over the line, where a route takes more than usual. */
    maxSentBytes?: number
    /** The route gets bodies as they are sent, and undoes Content-Encoding itself. */
    keepsEncoding?: boolean
  }
}

export interface ContentEncodingOptions {
  /** Largest body as it comes over the line; decoded it may have the route's `bodyLimit`. */
  readonly maxSentBytes: number
  /** Of unpacked bodies that are being answered; beyond it others are told to come again. */
  readonly maxUnpackedInHand?: number
}

type Decode = (sent: Buffer, options: { readonly maxOutputLength: number, readonly chunkSize: number }) => Promise<Buffer>

// zstd came with Node 22.15.
const { zstdDecompress } = zlib as unknown as { zstdDecompress?: typeof zlib.gunzip }

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)],
  // RFC 9110, section 8.4.1.3.
  ['x-gzip', promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)],
  ['deflate', promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate)],
  ['br', promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress)],
  ...(zstdDecompress === undefined ? [] : [['zstd', promisify<Buffer, zlib.ZlibOptions, Buffer>(zstdDecompress)] as const])
])
/** How much larger reports are than what is sent of them, at most; bombs make hundreds. */
const USUAL_RATIO = 8
const MIN_CHUNK = 16 * 1024
const MAX_CHUNK = 1024 * 1024
const SUPPORTED = [...DECODERS.keys()].join(', ')
/**
 * Of unpacked bodies that are being answered, over all callers. A kilobyte on the line can be eight megabytes here, so
 * without this a few hundred phones that mean ill fill the memory with nothing sent.
 */
const MAX_UNPACKED_IN_HAND = 128 * 1024 * 1024
/** As many as zlib has threads: more would only be begun before it is known how large the others are. */
const DECODED_AT_ONCE = 4

/**
 * Decodes compressed bodies before they are parsed. Both limits are kept while reading and
 * decoding, so a decompression bomb costs no more than an honest body, and what was refused is
 * read to its end, so the connection can be used again. A body is decoded whole and in large
 * pieces: each piece waits for a turn of the event loop, and of zlib's usual 16 KB a bomb of 32 MB
 * needs two thousand, which is half a minute when the API is busy.
 */
export function addContentEncoding (app: FastifyInstance, options: ContentEncodingOptions): void {
  const maxUnpackedInHand = options.maxUnpackedInHand ?? MAX_UNPACKED_IN_HAND
  let unpackedInHand = 0
  const oneOfFew = createGate(DECODED_AT_ONCE)
  app.decorateRequest('bodyBytes', 0)
  app.addHook('preParsing', async (request, reply, payload) => {
    const { headers, routeOptions } = request
    const maxSentBytes = Math.min(routeOptions.config.maxSentBytes ?? options.maxSentBytes, routeOptions.bodyLimit)
    const length = headers['content-length']
    if (Number(length ?? 0) > maxSentBytes) throw new BodyTooLargeError(maxSentBytes)

    const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
    const isPlain = encoding === '' || encoding === 'identity'
    // Fastify itself keeps to Content-Length.
    if (isPlain && (length !== undefined || headers['transfer-encoding'] === undefined)) {
      request.bodyBytes = Number(length ?? 0)
      return payload
    }
    const decode = isPlain ? undefined : DECODERS.get(encoding)
    if (!isPlain && decode === undefined) {
      // RFC 7694, section 3.
      reply.header('accept-encoding', SUPPORTED)
      throw new UnsupportedEncodingError(encoding.slice(0, 32))
    }
    if (routeOptions.config.keepsEncoding === true) return payload
    const sent = await readWhole(payload as Readable, maxSentBytes)
    const body = decode === undefined
      ? sent
      : await oneOfFew(async () => {
        if (unpackedInHand >= maxUnpackedInHand) throw new OverloadedError()
        const unpacked = await decodeWhole(decode, sent, routeOptions.bodyLimit)
        unpackedInHand += unpacked.length
        reply.raw.once('close', () => { unpackedInHand -= unpacked.length })
        return unpacked
      })
    request.bodyBytes = body.length
    // Fastify compares this with Content-Length.
    return Object.assign(Readable.from(body.length === 0 ? [] : [body]), { receivedEncodedLength: sent.length })
  })
}

/** @throws BodyTooLargeError; what is left of the body is let go */
async function readWhole (payload: Readable, maxBytes: number): Promise<Buffer> {
  return await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    payload.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) chunks.push(chunk)
      else reject(new BodyTooLargeError(maxBytes))
    })
    payload.once('end', () => resolve(Buffer.concat(chunks)))
    // A client that hangs up, or a body that breaks off.
    payload.once('error', () => reject(new MalformedEncodingError()))
    payload.once('close', () => reject(new MalformedEncodingError()))
  })
}

async function decodeWhole (decode: Decode, sent: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    const chunkSize = Math.min(Math.max(sent.length * USUAL_RATIO, MIN_CHUNK), MAX_CHUNK)
    return await decode(sent, { maxOutputLength: maxBytes, chunkSize })
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? new BodyTooLargeError(maxBytes) : new MalformedEncodingError()
  }
}
