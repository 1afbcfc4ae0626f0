import type { Readable, Transform } from 'node:stream'
import { Transform as TransformStream } from 'node:stream'
import zlib from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { BodyTooLargeError, MalformedEncodingError, UnsupportedEncodingError } from '../../errors.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Largest body as it comes over the line, where a route takes more than usual. */
    maxSentBytes?: number
  }
}

export interface ContentEncodingOptions {
  /** Largest body as it comes over the line; decoded it may have the route's `bodyLimit`. */
  readonly maxSentBytes: number
}

// zstd came with Node 22.15.
const { createZstdDecompress } = zlib as unknown as { createZstdDecompress?: () => Transform }

const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', () => zlib.createGunzip()],
  // RFC 9110, section 8.4.1.3.
  ['x-gzip', () => zlib.createGunzip()],
  ['deflate', () => zlib.createInflate()],
  ['br', () => zlib.createBrotliDecompress()],
  ...(createZstdDecompress === undefined ? [] : [['zstd', createZstdDecompress] as const])
])
const SUPPORTED = [...DECODERS.keys()].join(', ')

/**
 * Decodes compressed bodies before they are parsed. Both limits are kept while reading, so a
 * decompression bomb costs no more than an honest body, and what was refused is read to its
 * end, so the connection can be used again.
 */
export function addContentEncoding (app: FastifyInstance, options: ContentEncodingOptions): void {
  app.addHook('preParsing', async (request, reply, payload) => {
    const { headers, routeOptions } = request
    const maxSentBytes = Math.min(routeOptions.config.maxSentBytes ?? options.maxSentBytes, routeOptions.bodyLimit)
    const length = headers['content-length']
    if (Number(length ?? 0) > maxSentBytes) throw new BodyTooLargeError(maxSentBytes)

    const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
    const isPlain = encoding === '' || encoding === 'identity'
    if (isPlain && (length !== undefined || headers['transfer-encoding'] === undefined)) return payload
    if (isPlain) return chain(payload as Readable, [limitBytes(maxSentBytes)])

    const decoder = DECODERS.get(encoding)
    if (decoder === undefined) {
      // RFC 7694, section 3.
      reply.header('accept-encoding', SUPPORTED)
      throw new UnsupportedEncodingError(encoding.slice(0, 32))
    }
    return chain(payload as Readable, [limitBytes(maxSentBytes), decoder(), limitBytes(routeOptions.bodyLimit)])
  })
}

/** Pipes the body through the steps. The first error reaches whoever parses, and the rest of the body is let go. */
function chain (body: Readable, steps: readonly Transform[]): Readable & { receivedEncodedLength: number } {
  const last = steps.at(-1)!
  let received = 0
  body.on('data', (chunk: Buffer) => { received += chunk.length })
  const fail = (error: Error): void => {
    body.unpipe()
    body.resume()
    for (const step of steps.slice(0, -1)) step.destroy()
    // The error counts once, for the parser, which listens to the last step.
    if (!last.destroyed) last.destroy(asOurs(error))
  }
  for (const step of steps.slice(0, -1)) step.on('error', fail)
  body.on('error', fail)
  last.once('error', () => {
    body.unpipe()
    body.resume()
    // A decoder that is in the middle of a bomb lets go of its memory now, not when it is collected.
    for (const step of steps.slice(0, -1)) step.destroy()
  })
  steps.reduce<Readable>((from, step) => from.pipe(step), body)
  // Fastify compares this with Content-Length.
  return Object.defineProperty(last as Readable as Readable & { receivedEncodedLength: number }, 'receivedEncodedLength', { get: () => received })
}

/** zlib's errors in our words. */
function asOurs (error: Error): Error {
  return error instanceof BodyTooLargeError ? error : new MalformedEncodingError()
}

function limitBytes (maxBytes: number): Transform {
  let bytes = 0
  return new TransformStream({
    transform (chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > maxBytes) done(new BodyTooLargeError(maxBytes))
      else done(null, chunk)
    }
  })
}
