import { gunzip } from 'node:zlib'
import { promisify } from 'node:util'
import { FETCH_LIMITS } from './fetcher.js'
import { FetchError } from './fetch-error.js'
import type { FetchDeps, Offer } from './offer.js'
import { digestOf, readMinisignKey, requireChecksum, requireSignature } from './verify-file.js'

const MAX_CHECKSUM_BYTES = 1024 * 1024
const MAX_SIGNATURE_BYTES = 16 * 1024

/**
 * A file by its address, if it is not what we have, and only as its checksum and signature say.
 * @throws FetchError
 */
export async function fetchFile ({ fetcher, subscription, isHeld }: FetchDeps): Promise<Offer> {
  const { url, checksumUrl, signatureUrl, signatureKey, fullRequested } = subscription
  const mayBeOld = isHeld && !fullRequested
  const answer = await fetcher.fetch({ url, ...(mayBeOld ? { etag: subscription.etag, lastModified: subscription.lastModified } : {}) })
  if (answer.status === 304) return { body: undefined, progress: {} }

  const { body } = answer
  if (checksumUrl !== null) {
    const checksum = await fetcher.fetch({ url: checksumUrl, maxBytes: MAX_CHECKSUM_BYTES })
    const unpacked = await unpack(body)
    await requireChecksum(checksum.body.toString('utf8'), fileNameOf(url), unpacked === body ? [body] : [body, unpacked])
  }
  if (signatureUrl !== null && signatureKey !== null) {
    const signature = await fetcher.fetch({ url: signatureUrl, maxBytes: MAX_SIGNATURE_BYTES })
    const key = readMinisignKey(signatureKey)
    if (key === undefined) throw new FetchError('not-valid', 'the subscription\'s key is none of minisign')
    await requireSignature(signature.body.toString('utf8'), key, body)
  }

  const contentSha256 = (await digestOf('sha256', body)).toString('hex')
  const isSame = mayBeOld && contentSha256 === subscription.contentSha256
  return {
    body: isSame ? undefined : [body],
    progress: { etag: answer.headers.etag ?? null, lastModified: answer.headers['last-modified'] ?? null, contentSha256 }
  }
}

/** What a checksum may be of in place of the file (`.json.gz`). */
async function unpack (body: Buffer): Promise<Buffer> {
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body
  try {
    return await promisify(gunzip)(body, { maxOutputLength: FETCH_LIMITS.maxBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new FetchError('too-large', `the unpacked file is larger than ${FETCH_LIMITS.maxBytes} bytes`)
    throw new FetchError('not-valid', 'the file is not whole gzip', { cause: error })
  }
}

function fileNameOf (url: string): string {
  const name = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
