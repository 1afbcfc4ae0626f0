import { randomUUID } from 'node:crypto'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import type { Random } from '../../src/simulator/fleet/random.js'

/** A request before it is spoilt. */
export interface FuzzRequest {
  method: string
  url: string
  headers: Record<string, string | string[]>
  body?: Buffer
}

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly format?: string
  readonly minimum?: number
  readonly $ref?: string
}

interface Operation {
  readonly operationId?: string
  readonly security?: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly parameters?: ReadonlyArray<{ readonly name: string, readonly in: string, readonly schema: JsonSchema }>
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: JsonSchema }>> }
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** What real requests are made with; the test puts in what counts at the moment. */
export interface FuzzWorld {
  readonly document: OpenApiDocument
  readonly bearers: Readonly<Record<'accessToken' | 'enrollmentToken' | 'apiKey' | 'partnerToken', readonly string[]>>
  readonly ids: Readonly<Record<string, readonly string[]>>
  /** Bodies as the agents send them, by operation. */
  readonly bodies: Readonly<Record<string, (random: Random) => unknown>>
}

const STRINGS = [
  '', ' ', '\u0000', 'a\u0000b', '\ud800', '\udfff\ud800', '\u202e\u0007', '\ufeff', '💥'.repeat(50), '__proto__', 'constructor', 'toString', '../../etc/passwd', "' or 1=1 --",
  '$' + '{jndi:ldap://x}', '%00', '%ff', '-1', '1e400', 'NaN', 'null', 'unknown', '9999-12-31T23:59:60Z', '0000-00-00T00:00:00Z', '2026-02-30T00:00:00Z', '\u0130\u0131'.repeat(40), 'x'.repeat(2_049), 'ÿ'.repeat(70_000)
]
const NUMBERS = [0, -0, -1, 0.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 2 ** 63, 1e21, 1e308, -1e308, 5e-324, 32_768]
const junk = (random: Random): unknown => random.pick<() => unknown>([
  () => random.pick(STRINGS), () => random.pick(NUMBERS), () => null, () => random.chance(0.5), () => [], () => ({}), () => [[[[[[]]]]]],
  () => Array.from({ length: random.pick([1, 100, 6_000]) }, () => 0), () => ({ length: 1e9 }), () => ({ toString: null, valueOf: 1 }), () => nested(random.pick([30, 33, 200])),
  () => JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as unknown
])()

function nested (depth: number): unknown {
  let value: unknown = 0
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? [value] : { a: value }
  return value
}

/** A value that the schema takes, more or less. */
function sample (schema: JsonSchema | undefined, random: Random, depth = 0): unknown {
  if (schema === undefined || depth > 6) return junk(random)
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return random.pick(schema.enum)
  if (schema.anyOf !== undefined) return sample(random.pick(schema.anyOf), random, depth + 1)
  switch (Array.isArray(schema.type) ? random.pick(schema.type as string[]) : schema.type) {
    case 'object': {
      const entries = Object.entries(schema.properties ?? {}).filter(([key]) => schema.required?.includes(key) === true || random.chance(0.5))
      return Object.fromEntries(entries.map(([key, one]) => [key, sample(one, random, depth + 1)]))
    }
    case 'array': return Array.from({ length: random.below(3) }, () => sample(schema.items, random, depth + 1))
    case 'integer': return (schema.minimum ?? 0) + random.below(100)
    case 'number': return random.next() * 100
    case 'boolean': return random.chance(0.5)
    case 'null': return null
    case 'string': return schema.format === 'uuid' ? random.uuid() : schema.format === 'date-time' ? '2026-11-23T08:00:00Z' : random.pick(['a', 'x.example', 'com.example.app', '1.2'])
    default: return junk(random)
  }
}

/** A request that would be taken: a route of the OpenAPI document with what it asks for. */
export function makeRequest (world: FuzzWorld, random: Random): FuzzRequest {
  const routes = Object.entries(world.document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method, operation })))
  // Half of all requests are what agents send.
  const agents = routes.filter(({ operation }) => world.bodies[operation.operationId ?? ''] !== undefined)
  const { path, method, operation } = random.pick(random.chance(0.5) ? agents : routes)
  const scheme = Object.keys(operation.security?.[0] ?? {})[0] as keyof FuzzWorld['bearers'] | undefined
  const headers: FuzzRequest['headers'] = scheme === undefined ? {} : { authorization: `Bearer ${random.pick(world.bearers[scheme])}` }
  // Whoever does not say so waits for a worker's answer, minutes if need be, and there is no worker here.
  if (operation.operationId === 'previewPolicy') headers.prefer = 'respond-async'
  const place = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(random.pick(world.ids[name] ?? ['x'])))
  const query = (operation.parameters ?? []).filter((one) => one.in === 'query' && random.chance(0.4))
    .map(({ name, schema }) => `${name}=${encodeURIComponent(toText(random.chance(0.8) ? sample(schema, random) : junk(random)))}`)
  const url = query.length === 0 ? place : `${place}?${query.join('&')}`
  const [media = 'application/json', content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
  const body = world.bodies[operation.operationId ?? '']?.(random) ?? (operation.requestBody === undefined ? undefined : sample(content?.schema, random))
  if (body === undefined) return { method: method.toUpperCase(), url, headers }
  headers['content-type'] = media
  const text = media === 'application/x-www-form-urlencoded' ? new URLSearchParams(body as Record<string, string>).toString() : JSON.stringify(body)
  return { method: method.toUpperCase(), url, headers, body: Buffer.from(text) }
}

const toText = (value: unknown): string => Buffer.from((typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 500)).toString()

type Mutation = (request: FuzzRequest, random: Random) => void

/** Replaces, removes, adds or renames something anywhere in a JSON body. */
const spoilJson: Mutation = (request, random) => {
  const root = parse(request.body)
  if (root === null || typeof root !== 'object') return
  let place = root as Record<string, unknown>
  for (let depth = 0; depth < 6 && random.chance(0.7); depth++) {
    const inner = Object.values(place).filter((value) => value !== null && typeof value === 'object')
    if (inner.length === 0) break
    place = random.pick(inner) as Record<string, unknown>
  }
  const keys = Object.keys(place)
  const key = keys.length === 0 ? 'x' : random.pick(keys)
  random.pick<() => void>([
    () => { place[key] = junk(random) },
    () => { delete place[key] },
    () => { place[random.pick(STRINGS)] = place[key] },
    () => { Object.defineProperty(place, '__proto__', { value: junk(random), enumerable: true, configurable: true, writable: true }) },
    () => { if (Array.isArray(place)) place.push(...Array.from({ length: random.pick([1, 200]) }, () => place[0])) }
  ])()
  request.body = Buffer.from(JSON.stringify(root))
}

/** What a JSON text can say and a JSON value cannot: two keys of one name, numbers beyond all bounds, no end. */
const spoilText: Mutation = (request, random) => {
  const text = request.body?.toString('latin1')
  if (text === undefined) return
  const at = random.below(text.length + 1)
  const spoilt = random.pick<() => string>([
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(at + 1 + random.below(8)),
    () => text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at),
    () => text.replace(/"(\w+)":/, '"$1":1,"$1":'),
    () => text.replace('{', '{"__proto__":{"x":1},"__proto__":null,'),
    () => text.replaceAll(/\d+/g, () => random.pick(['1e999', '-1e999', '123456789012345678901234567890', '0x10', '01', '1.', '-', '1E+400', '9007199254740993'])),
    () => text.replaceAll(/"[^"]{3,}"/g, (all) => random.chance(0.2) ? random.pick(['"\\u0000"', '"\\ud800"', '"\\x"', '"\xff\xfe"', '"\xc0\x80"', '"\xed\xa0\x80"', all.slice(0, -1)]) : all),
    () => '\xef\xbb\xbf' + text,
    () => random.pick(['[', '{"a":', '[[],']).repeat(random.pick([40, 5_000, 100_000])),
    () => text + text,
    () => text.slice(at) + text.slice(0, at),
    () => ''
  ])()
  request.body = Buffer.from(spoilt, 'latin1')
}

const spoilEncoding: Mutation = (request, random) => {
  const { body, headers } = request
  if (body === undefined) return
  random.pick<() => void>([
    () => { set('gzip', gzipSync(body)) },
    () => { set('deflate', deflateSync(body)) },
    () => { set('br', brotliCompressSync(body, QUICK)) },
    () => { set(random.pick(['gzip', 'br', 'deflate', 'zstd', 'x-gzip']), body) },
    () => { set('gzip', flip(gzipSync(body), random)) },
    () => { set('br', flip(brotliCompressSync(body, QUICK), random)) },
    () => { set('gzip', gzipSync(body).subarray(0, random.below(body.length + 1))) },
    () => { set('gzip', Buffer.concat([gzipSync(body), gzipSync(body)])) },
    () => { set('gzip', Buffer.concat([gzipSync(body), Buffer.from('trailing')])) },
    () => { set(random.pick(['gzip, gzip', 'identity, gzip', 'GZIP', 'lzma', '', ' ', 'gzip;q=1', '*']), gzipSync(gzipSync(body))) },
    // A feed may be as large as that, and takes a second to read.
    () => { if (random.chance(request.url.includes('/import') ? 0.02 : 0.5)) set(...random.pick(bombs())) }
  ])()
  function set (encoding: string, bytes: Buffer): void {
    headers['content-encoding'] = encoding
    request.body = bytes
  }
}
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }

let madeBombs: Array<[string, Buffer]> | undefined
/** Small on the line, 64 MiB when decoded. */
function bombs (): Array<[string, Buffer]> {
  madeBombs ??= [['gzip', gzipSync(ZEROS)], ['deflate', deflateSync(ZEROS)], ['br', brotliCompressSync(ZEROS, QUICK)], ['gzip', gzipSync(gzipSync(ZEROS))]]
  return madeBombs
}
const ZEROS = Buffer.alloc(64 * 1024 * 1024, 0x20)

function flip (bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes)
  for (let n = 0; n <= random.below(4); n++) copy[random.below(copy.length)] = random.below(256)
  return copy
}

const spoilBytes: Mutation = (request, random) => { if (request.body !== undefined && request.body.length > 0) request.body = flip(request.body, random) }

const spoilHeaders: Mutation = ({ headers }, random) => {
  const name = random.pick(['content-type', 'accept', 'accept-language', 'accept-encoding', 'x-forwarded-for', 'expect', 'if-match', 'range', 'cookie', 'origin', 'host', 'x-http-method-override', 'content-length', '__proto__'])
  headers[name] = random.pick([
    'application/json; charset=utf-16', 'application/json;', 'multipart/form-data; boundary=x', 'text/html', 'application/vnd.x+json', 'application/x-www-form-urlencoded', '*/*;q=NaN', 'de,'.repeat(400), 'x'.repeat(8_000), '', '\u00ff\u0080', '0', '-1',
    '9'.repeat(30), '127.0.0.1, '.repeat(100), '::ffff:1.2.3.4%eth0', 'bytes=0-', 'zz-ZZ;q=2, *', '"'
  ])
}

const spoilToken: Mutation = ({ headers }, random) => {
  const [, token = ''] = String(headers.authorization ?? '').split(' ')
  const [head = '', payload = '', signature = ''] = token.split('.')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  headers.authorization = random.pick<() => string | string[]>([
    () => '', () => 'Bearer', () => 'Bearer ', () => `bearer  ${token}`, () => `Basic ${token}`, () => `Bearer ${token} ${token}`, () => `Bearer ${token.slice(0, random.below(token.length + 1))}`,
    () => `Bearer ${flip(Buffer.from(`${token} `), random).toString('latin1').replaceAll(/[^\x21-\xff]/g, '!')}`, () => `Bearer ${none}.${payload}.`, () => `Bearer ${head}.${Buffer.from(JSON.stringify(junk(random)) ?? '').toString('base64url')}.${signature}`,
    () => `Bearer ${Buffer.from(JSON.stringify({ alg: 'HS256', kid: junk(random) })).toString('base64url').slice(0, 2_000)}.${payload}.${signature}`, () => `Bearer ${Buffer.from(`{"alg":"HS256","kid":"${randomUUID()}"}`).toString('base64url')}.${payload}.${signature}`,
    () => `Bearer ${'A'.repeat(12_000)}`, () => `Bearer ${'.'.repeat(200)}`, () => 'Bearer set_x', () => 'Bearer sp_x'
  ])()
}

const spoilAddress: Mutation = (request, random) => {
  const parts = request.url.split('/')
  const at = 1 + random.below(Math.max(1, parts.length - 1))
  random.pick<() => void>([
    () => { parts[at] = random.pick(['%', '%zz', '%ff', '%00', '..', '.', '', '%2e%2e%2f', 'a'.repeat(3_000), '__proto__', '-1', '99999999999999999999', 'entra:x', 'entra:', '%F0%9F%92%A5', '*', ':id']) },
    () => { parts.splice(at, 1) },
    () => { parts.splice(at, 0, 'x') },
    () => { parts.push(`?${random.pick(['limit', 'cursor', 'q', 'level', 'feed', '__proto__[x]', 'a[]', ''])}=${random.pick(['%00', '-1', '1e9', '%ff', 'a&limit=1&limit=2', 'WzFd', 'x'.repeat(5_000), '💥', '%', '0x10'])}`) }
  ])()
  request.url = parts.join('/') || '/'
}

const spoilMethod: Mutation = (request, random) => { request.method = random.pick(['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'POST', 'TRACE']) }

const MUTATIONS: readonly Mutation[] = [spoilJson, spoilJson, spoilJson, spoilText, spoilText, spoilEncoding, spoilEncoding, spoilBytes, spoilHeaders, spoilToken, spoilAddress, spoilMethod]

/** Spoils a request one to three times. */
export function spoil (request: FuzzRequest, random: Random): void {
  for (let n = 0; n <= random.below(3); n++) random.pick(MUTATIONS)(request, random)
}

/** Bytes for a raw connection, made of a good request; it is half closed after them. */
export function makeNoise (request: FuzzRequest, random: Random): Buffer {
  const body = request.body ?? Buffer.alloc(0)
  const head = (lines: readonly string[]): Buffer => Buffer.from([`${request.method} ${request.url} HTTP/1.1`, 'host: x', ...Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`), ...lines, '', ''].join('\r\n'), 'latin1')
  const whole = Buffer.concat([head([`content-length: ${body.length}`]), body])
  const chunked = (...chunks: readonly string[]): Buffer => Buffer.concat([head(['transfer-encoding: chunked']), Buffer.from(chunks.join(''), 'latin1')])
  const hex = body.length.toString(16)
  const text = body.toString('latin1')
  return random.pick<() => Buffer>([
    () => Buffer.from(Array.from({ length: random.below(400) }, () => random.below(256))),
    () => Buffer.concat(Array.from({ length: 1 + random.below(8) }, () => whole)),
    () => Buffer.concat([whole, Buffer.from(random.pick(['garbage\r\n\r\n', '\r\n\r\n', '\0', 'GET / HTTP/9.9\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'])), whole]),
    () => flip(whole, random),
    () => whole.subarray(0, random.below(whole.length + 1)),
    () => Buffer.concat([head([`content-length: ${random.pick([body.length + 10, Math.max(0, body.length - 10), -1, '1e3', '99999999999999999999', ' 5 5', 'x'])}`]), body]),
    () => Buffer.concat([head([`content-length: ${body.length}`, `content-length: ${body.length + 1}`]), body]),
    () => Buffer.concat([head([`content-length: ${body.length}`, 'transfer-encoding: chunked']), body]),
    () => chunked(`${hex}\r\n`, text, '\r\n0\r\n\r\n'),
    () => chunked(`${hex}\r\n`, text, '\r\n'),
    () => chunked('zz\r\n', text), () => chunked('-1\r\n', text), () => chunked(`${'f'.repeat(20)}\r\n`, text), () => chunked(`${hex};${'x'.repeat(20_000)}\r\n`, text), () => chunked(`${hex}\r\n`, text, 'X0\r\n\r\n'),
    () => chunked(`${hex}\r\n`, text, '\r\n0\r\n', 'trailer: x\r\n'.repeat(2_000), '\r\n'),
    () => head([`x: ${'a'.repeat(40_000)}`]), () => head(Array.from({ length: 3_000 }, (_one, n) => `x${n}: y`)), () => head(['expect: 100-continue', 'content-length: 5']), () => head(['upgrade: websocket', 'connection: upgrade']), () => head(['bad header', ': x', 'a\0b: c'])
  ])()
}

function parse (body: Buffer | undefined): unknown {
  try {
    return JSON.parse(body?.toString() ?? '')
  } catch {
    return undefined
  }
}
