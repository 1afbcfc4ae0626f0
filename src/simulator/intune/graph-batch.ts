import type { FastifyPluginAsync } from 'fastify'
import { randomInt } from 'node:crypto'
import { badRequest, GraphError, graphErrorBody } from './graph-errors.js'
import { bodyObject, type GraphRoutesOptions } from './graph-scope.js'
import { BATCH_ADDRESS, isBatched } from './odata.js'
import { headerOf } from './service-hooks.js'

const MAX_REQUESTS = 20
const METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'] as const
const KEYS = ['id', 'method', 'url', 'headers', 'body', 'dependsOn']

interface Part {
  readonly id: string
  readonly method: (typeof METHODS)[number]
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly dependsOn: readonly string[]
}

interface PartAnswer {
  readonly id: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** JSON batching: up to twenty requests in one, each with an answer of its own, in no order. */
export const batchRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { version }) => {
  app.post('/$batch', async (request) => {
    if (isBatched(request)) throw badRequest('A batch request cannot be part of a batch.')
    const parts = readParts(bodyObject(request))
    const answers = new Map<string, Promise<PartAnswer>>()
    const answerOf = (part: Part): Promise<PartAnswer> => {
      let answer = answers.get(part.id)
      if (answer === undefined) answers.set(part.id, answer = run(part))
      return answer
    }

    async function run (part: Part): Promise<PartAnswer> {
      const before = await Promise.all(part.dependsOn.map(async (id) => await answerOf(parts.find((other) => other.id === id)!)))
      if (before.some(({ status }) => status >= 400)) {
        return { id: part.id, status: 424, headers: { 'Content-Type': 'application/json' }, body: graphErrorBody('FailedDependency', 'A request this one depends on has failed.', headerOf(request, 'client-request-id')) }
      }
      // Each part is a request of its own: it is checked, limited, logged and disturbed like any other.
      const { statusCode, headers, body } = await app.inject({
        method: part.method,
        url: `/${version}${part.url.startsWith('/') ? '' : '/'}${part.url}`,
        headers: { ...part.headers, authorization: request.headers.authorization, host: request.host },
        remoteAddress: `${BATCH_ADDRESS}${request.protocol}`,
        ...(part.body === undefined ? {} : { payload: part.body as object })
      })
      return {
        id: part.id,
        status: statusCode,
        headers: Object.fromEntries(SHOWN_HEADERS.flatMap(([name, shown]) => headers[name] === undefined ? [] : [[shown, String(headers[name])]])),
        ...(body === '' ? {} : { body: parseBody(body) })
      }
    }

    return { responses: shuffle(await Promise.all(parts.map(answerOf))) }
  })
}

const SHOWN_HEADERS = [['content-type', 'Content-Type'], ['retry-after', 'Retry-After'], ['location', 'Location'], ['client-request-id', 'client-request-id']] as const

function parseBody (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** @throws GraphError: a batch that is malformed is refused whole */
function readParts (body: Record<string, unknown>): Part[] {
  const { requests, ...rest } = body
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) throw badRequest(`Invalid batch payload format: unknown property '${unknown}'.`)
  if (!Array.isArray(requests) || requests.length === 0) throw badRequest('Invalid batch payload format: \'requests\' must be a collection with at least one request.')
  if (requests.length > MAX_REQUESTS) throw new GraphError(400, 'MaximumValueExceeded', `Number of batch request steps exceeds the maximum value of ${MAX_REQUESTS}.`)
  const parts = requests.map(readPart)
  const ids = new Set<string>()
  for (const { id } of parts) {
    if (ids.has(id.toLowerCase())) throw badRequest(`Invalid batch payload format: the request id '${id}' is there twice.`)
    ids.add(id.toLowerCase())
  }
  for (const [index, { id, dependsOn }] of parts.entries()) {
    for (const other of dependsOn) {
      // Only what stands before it: so no circle can come about.
      if (!parts.slice(0, index).some((earlier) => earlier.id === other)) throw badRequest(`Invalid batch payload format: request '${id}' depends on '${other}', which is no request before it.`)
    }
  }
  return parts
}

function readPart (part: unknown, index: number): Part {
  const fail = (why: string): never => { throw badRequest(`Invalid batch payload format: requests[${index}] ${why}.`) }
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return fail('must be an object')
  const record = part as Record<string, unknown>
  for (const key of Object.keys(record)) if (!KEYS.includes(key)) fail(`has the unknown property '${key}'`)
  const { id, method, url, headers = {}, body, dependsOn = [] } = record
  if (typeof id !== 'string' || id === '') return fail("needs an 'id' that is a non-empty string")
  const verb = METHODS.find((known) => typeof method === 'string' && known === method.toUpperCase())
  if (verb === undefined) return fail("needs a 'method' that is an HTTP method")
  if (typeof url !== 'string' || url === '' || /^[a-z]+:/i.test(url)) return fail("needs a 'url' relative to the version")
  if (typeof headers !== 'object' || headers === null || Object.values(headers).some((value) => typeof value !== 'string')) return fail("has 'headers' that are no names and texts")
  if (!Array.isArray(dependsOn) || dependsOn.some((other) => typeof other !== 'string')) return fail("has a 'dependsOn' that is no collection of ids")
  if (body !== undefined && !Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) return fail("has a body and no 'Content-Type' header")
  if (body === undefined && (verb === 'PATCH' || verb === 'PUT')) return fail('needs a body')
  return { id, method: verb, url, headers: headers as Record<string, string>, body, dependsOn: dependsOn as string[] }
}

/** Nobody may count on the order of the answers. */
function shuffle<T> (items: readonly T[]): T[] {
  const shuffled = [...items]
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = randomInt(last + 1)
    ;[shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!]
  }
  return shuffled
}
