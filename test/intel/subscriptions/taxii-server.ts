import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { type Handler, type Publisher, startPublisher } from './publisher.js'

export const TAXII = 'application/taxii+json;version=2.1'

export interface TaxiiObject {
  readonly id: string
  readonly type: string
  readonly modified?: string
  readonly [key: string]: unknown
}

export interface TaxiiOptions {
  /** What a caller must send as Authorization. */
  readonly authorization?: string
  /** Most objects a page, whatever is asked for. */
  readonly pageSize?: number
  /** Pages are told by `next`; else the caller goes on by the dates. */
  readonly next?: boolean
  /** Addresses in the discovery. */
  readonly apiRoots?: readonly string[]
  readonly canRead?: boolean
}

export interface TaxiiServer extends Publisher {
  /** Puts an object in, at this time. */
  add (object: TaxiiObject, dateAdded: string): void
  /** Takes all versions of an object away: TAXII tells nobody. */
  remove (id: string): void
  /** The parameters of each page asked for. */
  pages (): Array<Record<string, string>>
  /** Answers in place of the collection's objects. */
  fault: Handler | undefined
}

export const COLLECTION_ID = '91a7b528-80eb-42ed-a74d-c6fbd5a26116'
const MEDIA_TYPES = ['application/stix+json;version=2.1']

/** Times with any number of digits, in their order as text. */
const orderOf = (time: string): string => time.replace(/(?:\.(\d+))?Z$/, (_, fraction: string = '') => '.' + fraction.padEnd(9, '0'))

/**
 * A TAXII 2.1 server as the standard describes it: discovery, one API root with two collections,
 * objects by `added_after`, `limit`, `next` and `match`, dates in headers, errors as objects.
 */
export async function startTaxiiServer (t: Test, options: TaxiiOptions = {}): Promise<TaxiiServer> {
  const { authorization, pageSize = 100, next = true, canRead = true } = options
  const publisher = await startPublisher(t)
  let held: Array<{ object: TaxiiObject, dateAdded: string }> = []

  const send = (response: ServerResponse, body: object, headers: Readonly<Record<string, string>> = {}): void => {
    response.writeHead(200, { 'content-type': TAXII, ...headers }).end(JSON.stringify(body))
  }
  const sendError = (response: ServerResponse, status: number, title: string, headers: Readonly<Record<string, string>> = {}): void => {
    response.writeHead(status, { 'content-type': TAXII, ...headers }).end(JSON.stringify({ title, error_id: 'e1', error_code: String(status), http_status: String(status) }))
  }
  const guarded = (handler: (request: IncomingMessage, response: ServerResponse, url: URL) => void): Handler => (request, response) => {
    if (authorization !== undefined && request.headers.authorization !== authorization) return sendError(response, 401, 'Who are you?', { 'www-authenticate': 'Basic realm="taxii"' })
    if (!/^application\/taxii\+json(?:;\s*version=2\.1)?$/.test(request.headers.accept ?? '')) return sendError(response, 406, 'Only TAXII 2.1')
    handler(request, response, new URL(request.url!, publisher.origin))
  }
  const collection = { id: COLLECTION_ID, alias: 'spyware', title: 'Mobile spyware', can_read: canRead, can_write: false, media_types: MEDIA_TYPES }
  const writeOnly = { id: '52892447-4d7e-4f70-b94d-d7f22742ff63', title: 'Submissions', can_read: false, can_write: true, media_types: MEDIA_TYPES }

  const objects = (_request: IncomingMessage, response: ServerResponse, url: URL): void => {
    if (!canRead) return sendError(response, 403, 'Write only')
    const addedAfter = url.searchParams.get('added_after')
    if (addedAfter !== null && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(addedAfter)) return sendError(response, 400, 'added_after is no timestamp')
    const ids = url.searchParams.get('match[id]')?.split(',')
    const newest = new Map(held.map(({ object }) => [object.id, object]))
    const matching = held.filter(({ object, dateAdded }) => newest.get(object.id) === object && (addedAfter === null || orderOf(dateAdded) > orderOf(addedAfter)) && (ids === undefined || ids.includes(object.id)))
    const from = url.searchParams.has('next') ? Number(Buffer.from(url.searchParams.get('next')!, 'base64url').toString()) : 0
    if (!Number.isInteger(from)) return sendError(response, 400, 'next is not ours')
    const page = matching.slice(from, from + Math.min(pageSize, Number(url.searchParams.get('limit') ?? pageSize)))
    const more = from + page.length < matching.length
    if (page.length === 0) return send(response, {})
    send(response, {
      ...(more ? { more, ...(next ? { next: Buffer.from(String(from + page.length)).toString('base64url') } : {}) } : {}),
      objects: page.map(({ object }) => object)
    }, { 'X-TAXII-Date-Added-First': page[0]!.dateAdded, 'X-TAXII-Date-Added-Last': page.at(-1)!.dateAdded })
  }

  const server: TaxiiServer = {
    ...publisher,
    fault: undefined,
    add (object, dateAdded) {
      held.push({ object, dateAdded })
      held.sort((a, b) => orderOf(a.dateAdded) < orderOf(b.dateAdded) ? -1 : 1)
    },
    remove (id) { held = held.filter(({ object }) => object.id !== id) },
    pages: () => publisher.requests.map(({ path }) => new URL(path, publisher.origin)).filter(({ pathname }) => pathname.endsWith('/objects/'))
      .map(({ searchParams }) => Object.fromEntries(searchParams))
  }
  const routes: Readonly<Record<string, Handler>> = {
    '/taxii2/': guarded((_request, response) => send(response, { title: 'Test', default: '/api1/', api_roots: options.apiRoots ?? ['/api1/'] })),
    '/api1/': guarded((_request, response) => send(response, { title: 'Root', versions: [TAXII], max_content_length: 1_000_000 })),
    '/api1/collections/': guarded((_request, response) => send(response, { collections: [writeOnly, collection] })),
    [`/api1/collections/${COLLECTION_ID}/`]: guarded((_request, response) => send(response, collection)),
    [`/api1/collections/${COLLECTION_ID}/objects/`]: guarded((request, response, url) => server.fault === undefined ? objects(request, response, url) : server.fault(request, response))
  }
  for (const [path, handler] of Object.entries(routes)) publisher.answers.set(path, handler)
  return server
}

/** An indicator as a publisher writes it. */
export const indicator = (number: number, modified = '2026-11-01T00:00:00.000Z', more: object = {}): TaxiiObject => ({
  type: 'indicator',
  spec_version: '2.1',
  id: `indicator--00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
  created: '2026-11-01T00:00:00.000Z',
  modified,
  pattern: `[domain-name:value = 'c2-${number}.example']`,
  pattern_type: 'stix',
  valid_from: '2026-11-01T00:00:00Z',
  ...more
})
