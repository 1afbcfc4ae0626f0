import type { Fetched, Fetcher } from './fetcher.js'
import { FetchError } from './fetch-error.js'
import { isTime, parseObject, type TaxiiResource, timeKey } from './pieces.js'
import { readPiece } from './read-piece.js'

/** OASIS TAXII 2.1, section 1.6.8.1. */
const MEDIA_TYPE = 'application/taxii+json;version=2.1'
const MAX_PAGE_BYTES = 8 * 1024 * 1024
const MAX_ROOTS = 20
const SHOWN_COLLECTIONS = 10

export interface TaxiiLimits {
  readonly maxPages: number
  readonly maxObjects: number
  /** All objects together, as JSON. */
  readonly maxBytes: number
  /** Objects asked for at once; a server may send fewer. */
  readonly pageSize: number
}

export const TAXII_LIMITS: TaxiiLimits = { maxPages: 5_000, maxObjects: 500_000, maxBytes: 256 * 1024 * 1024, pageSize: 1_000 }

export interface StixObject {
  readonly id: string
  readonly modified: string
  readonly json: string
}

export interface TaxiiPage {
  /** Without those of which an earlier page had a newer version. */
  readonly objects: readonly StixObject[]
  /** Up to where the collection is known with this page, for the next `added_after`; null where the server does not say. */
  readonly addedAfter: string | null
}

interface Resource { readonly [key: string]: unknown }

/**
 * The address of a collection, found from the server's discovery, an API root, or the
 * collection's own address.
 * @param wanted id, alias or title; without it there must be exactly one that may be read
 * @throws FetchError
 */
export async function findCollection (fetcher: Fetcher, address: string, wanted: string | null): Promise<string> {
  const url = new URL(address)
  // The discovery's place on every server (section 4.1).
  if (url.pathname === '/') url.pathname = '/taxii2/'
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  url.pathname = url.pathname.replace(/\/objects\/$/, '/').replace(/\/collections\/$/, '/')
  const { resource, at } = await getResource(fetcher, url.href)

  if (typeof resource.id === 'string' && 'can_read' in resource) {
    if (wanted !== null && !isNamed(resource, wanted)) throw new FetchError('not-valid', `the address is that of the collection ${shown(resource)}, not of ${wanted}`)
    requireReadable(resource)
    return at
  }
  const roots = Array.isArray(resource.api_roots) ? rootsOf(resource, at) : [at]
  if (roots.length === 0) throw new FetchError('not-valid', 'the server names no API root')

  const collections: Array<{ collection: Resource, root: string }> = []
  for (const root of roots) collections.push(...(await listCollections(fetcher, root)).map((collection) => ({ collection, root })))
  const matching = wanted === null ? collections.filter(({ collection }) => collection.can_read === true) : collections.filter(({ collection }) => isNamed(collection, wanted))
  const [found] = matching
  if (found === undefined || (wanted === null && matching.length > 1)) {
    const names = collections.slice(0, SHOWN_COLLECTIONS).map(({ collection }) => shown(collection)).join(', ')
    const what = wanted === null ? (found === undefined ? 'there is no collection that may be read' : 'there are several collections, name one') : 'there is no such collection'
    throw new FetchError('not-valid', names === '' ? what : `${what}; there are ${names}`)
  }
  requireReadable(found.collection)
  return new URL(`collections/${encodeURIComponent(String(found.collection.id))}/`, found.root).href
}

/** The default API root first; addresses may be relative (section 4.1.1). */
function rootsOf (discovery: Resource, at: string): string[] {
  const home = new URL(at).origin
  const texts = [discovery.default, ...(discovery.api_roots as unknown[])].filter((one): one is string => typeof one === 'string' && URL.canParse(one, at))
  const roots = [...new Set(texts.map((text) => new URL(text.endsWith('/') ? text : `${text}/`, at).href))]
  const own = roots.filter((root) => new URL(root).origin === home)
  // A password would not be sent there, and another host is another subscription's business.
  if (own.length === 0 && roots.length > 0) throw new FetchError('refused', `the server's API roots are on another host; subscribe to one of them: ${roots.slice(0, 3).join(', ')}`)
  return own.slice(0, MAX_ROOTS)
}

async function listCollections (fetcher: Fetcher, root: string): Promise<Resource[]> {
  const { resource } = await getResource(fetcher, new URL('collections/', root).href)
  const { collections = [] } = resource
  if (!Array.isArray(collections)) throw new FetchError('not-valid', 'the API root\'s collections are no list')
  return collections.filter((one): one is Resource => typeof one === 'object' && one !== null && typeof one.id === 'string')
}

/**
 * The objects of a collection that were added after a time, page by page, so that no more than a page is held at once; of
 * each the last one handed on is the newest. Ends with an error rather than without an end.
 * @throws FetchError
 */
export async function * readPages (fetcher: Fetcher, collection: string, addedAfter: string | null, limits: TaxiiLimits = TAXII_LIMITS): AsyncGenerator<TaxiiPage, void> {
  const seen = new Map<string, { readonly modified: string, readonly length: number }>()
  const seenNext = new Set<string>()
  let [after, next, limit, bytes, known] = [addedAfter, undefined as string | undefined, limits.pageSize, 0, addedAfter]
  for (let page = 1; ; page++) {
    if (page > limits.maxPages) throw new FetchError('too-large', `the collection has more than ${limits.maxPages} pages`)
    const url = new URL('objects/', collection)
    url.searchParams.set('limit', String(limit))
    if (after !== null) url.searchParams.set('added_after', after)
    if (next !== undefined) url.searchParams.set('next', next)
    let answer: Awaited<ReturnType<typeof getResource>>
    try {
      answer = await getResource(fetcher, url.href)
    } catch (error) {
      if (!(error instanceof FetchError && error.kind === 'too-large') || limit <= 10) throw error
      limit = Math.ceil(limit / 4)
      continue
    }
    const { resource, objects: onPage, headers } = answer
    const objects = new Map<string, StixObject>()
    for (const object of onPage) {
      const held = seen.get(object.id)
      if (held !== undefined && held.modified > object.modified) continue
      objects.set(object.id, object)
      seen.set(object.id, { modified: object.modified, length: object.json.length })
      bytes += object.json.length - (held?.length ?? 0)
    }
    if (seen.size > limits.maxObjects || bytes > limits.maxBytes) {
      throw new FetchError('too-large', `the collection holds more than ${limits.maxObjects} objects or ${limits.maxBytes} bytes`)
    }
    const last = headers['x-taxii-date-added-last']
    if (onPage.length > 0) known = last !== undefined && isTime(last) ? later(known, last) : null
    yield { objects: [...objects.values()], addedAfter: known }
    if (resource.more !== true) return

    if (onPage.length === 0) throw new FetchError('not-valid', 'the server says that there is more, and sends nothing')
    if (typeof resource.next === 'string' && resource.next !== '') {
      next = resource.next
      if (seenNext.has(next)) throw new FetchError('not-valid', 'the server\'s pages lead in a circle')
      seenNext.add(next)
    } else {
      // Section 3.4: without `next` one asks for what was added after the page's last.
      if (last === undefined || !isTime(last)) throw new FetchError('not-valid', 'the server says that there is more, and not how to ask for it')
      if (after !== null && timeKey(last) <= timeKey(after)) throw new FetchError('not-valid', 'the server\'s pages lead in a circle')
      after = last
      next = undefined
    }
  }
}

async function getResource (fetcher: Fetcher, url: string): Promise<TaxiiResource & { readonly headers: Fetched['headers'], readonly at: string }> {
  let answer: Fetched
  try {
    answer = await fetcher.fetch({ url, accept: MEDIA_TYPE, maxBytes: MAX_PAGE_BYTES })
  } catch (error) {
    throw error instanceof FetchError && error.kind === 'status' ? explain(error) : error
  }
  requireMediaType(answer.headers['content-type'])
  return { ...await readPiece('taxii', answer.body), headers: answer.headers, at: answer.url }
}

/** Section 1.6.8: the version may be left out; many servers say plain JSON and mean it. */
function requireMediaType (text: string | undefined): void {
  const [type = '', ...parameters] = (text ?? '').toLowerCase().split(';').map((part) => part.trim())
  const version = parameters.find((part) => part.startsWith('version='))?.slice('version='.length).replaceAll('"', '')
  if (type === 'application/vnd.oasis.taxii+json' || type === 'application/vnd.oasis.stix+json' || (type === 'application/taxii+json' && version !== undefined && version !== '2.1')) {
    throw new FetchError('not-valid', `the server speaks another version of TAXII (${(text ?? '').slice(0, 100)}); 2.1 is needed`)
  }
  if (type !== 'application/taxii+json' && type !== 'application/json') throw new FetchError('not-valid', `the server's answer is ${(type || 'of no type').slice(0, 100)}, not TAXII 2.1: is this the address of a TAXII server?`)
}

const EXPLANATIONS: Readonly<Record<number, string>> = {
  404: 'there is no such API root or collection, or it may not be read with these credentials',
  406: 'the server does not speak TAXII 2.1',
  413: 'the server finds the request too large',
  416: 'the server does not give this range of objects'
}

/** A server's refusal, with what its error message says (section 3.6.1). */
function explain (error: FetchError): FetchError {
  const status = error.status ?? 0
  const said = parseObject(error.problem?.toString('utf8') ?? '')
  const detail = [said?.title, said?.description].filter((part): part is string => typeof part === 'string' && part !== '').join(': ').slice(0, 300)
  const reason = EXPLANATIONS[status]
  const message = reason === undefined ? error.message : `${error.message.split(': ')[0]}: ${reason}`
  return new FetchError('status', detail === '' ? message : `${message} (it says: ${detail})`, { status, retryAfterMs: error.retryAfterMs, contentType: error.contentType })
}

const later = (a: string | null, b: string): string => a !== null && timeKey(a) > timeKey(b) ? a : b

const isNamed = ({ id, alias, title }: Resource, wanted: string): boolean => id === wanted || alias === wanted || title === wanted
const shown = ({ id, title }: Resource): string => `${String(id).slice(0, 100)}${typeof title === 'string' ? ` (${title.slice(0, 100)})` : ''}`

function requireReadable (collection: Resource): void {
  if (collection.can_read === false) throw new FetchError('refused', `the collection ${shown(collection)} may not be read with these credentials`)
}
