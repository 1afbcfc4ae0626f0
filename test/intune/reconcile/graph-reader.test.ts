import t from 'tap'
import type { GraphRequest } from '../../../src/intune/graph-client.js'
import { IntuneError } from '../../../src/intune/intune-error.js'
import { createGraphReader } from '../../../src/intune/reconcile/graph-reader.js'

const NO_LIMIT = { take: async () => {} }

/** Graph that answers by what the test says. */
function reading (answer: (request: GraphRequest, call: number) => unknown) {
  const requests: GraphRequest[] = []
  const pauses: number[] = []
  const graph = {
    send: async (_tenant: string, request: GraphRequest): Promise<unknown> => {
      requests.push(request)
      const result = answer(request, requests.length)
      if (result instanceof Error) throw result
      return result
    }
  }
  return { reader: createGraphReader({ graph, budget: NO_LIMIT, longestPauseMs: 20_000, pause: async (ms) => { pauses.push(ms) } }, 'tenant'), requests, pauses }
}

const throttled = (retryAfterMs?: number): IntuneError => new IntuneError('throttled', 'slow down', { status: 429, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })

t.test('Retry-After is waited as it is; without one the pauses grow', async (t) => {
  const told = reading((_request, call) => call <= 2 ? throttled(2_128) : { value: [] })
  await told.reader.page('/x')
  t.strictSame(told.pauses, [2_128, 2_128])

  const silent = reading((_request, call) => call <= 4 ? throttled() : { value: [] })
  await silent.reader.page('/x')
  t.equal(silent.pauses.length, 4)
  for (const [index, pause] of silent.pauses.entries()) t.ok(pause >= 500 * 2 ** index && pause <= 1_000 * 2 ** index, `${pause} ms`)
})

t.test('a long Retry-After, or too many tries, is for the caller', async (t) => {
  const long = reading(() => throttled(60_000))
  await t.rejects(long.reader.get('/x'), { code: 'intune-throttled' })
  t.strictSame(long.pauses, [])
  const stubborn = reading(() => throttled(1))
  await t.rejects(stubborn.reader.get('/x'), { code: 'intune-throttled' })
  t.equal(stubborn.requests.length, 5)
})

t.test('a refusal is not repeated', async (t) => {
  const refused = reading(() => new IntuneError('unauthorized', 'no', { status: 403 }))
  await t.rejects(refused.reader.get('/x'), { code: 'intune-unauthorized' })
  t.equal(refused.requests.length, 1)
})

t.test('what is no collection is an error, not an empty list', async (t) => {
  await t.rejects(reading(() => ({})).reader.page('/x'), { code: 'intune-unavailable' })
  await t.rejects(reading(() => undefined).reader.page('/x'), { code: 'intune-unavailable' })
})

t.test('batches have at most twenty parts, and their answers come in the order of the questions', async (t) => {
  const { reader, requests } = reading(({ body }) => {
    const { requests } = body as { requests: Array<{ id: string, url: string }> }
    return { responses: requests.map(({ id, url }) => ({ id, status: 200, body: { value: [url] } })).reverse() }
  })
  const paths = Array.from({ length: 45 }, (_, n) => `/phones/${n}`)
  const parts = await reader.batch(paths)
  t.strictSame(parts, paths.map((path) => ({ answer: { value: [path] } })))
  t.strictSame(requests.map(({ method, path, body }) => [method, path, (body as { requests: unknown[] }).requests.length]), [['POST', '/$batch', 20], ['POST', '/$batch', 20], ['POST', '/$batch', 5]])
  t.equal(reader.requests, 45, 'each part counts')
})

t.test('a part that was throttled, failed or forgotten is asked for alone; one that was refused is not', async (t) => {
  const { reader, requests, pauses } = reading(({ method, path, body }) => {
    if (method === 'GET') return { value: [path] }
    const { requests } = body as { requests: Array<{ id: string }> }
    const answers: Record<string, object | undefined> = {
      0: { status: 429, headers: { 'Retry-After': '0.5' }, body: { error: { code: 'TooManyRequests' } } },
      1: { status: 503, body: {} },
      2: undefined,
      3: { status: 403, body: { error: { code: 'Forbidden', message: 'no' } } },
      4: { status: 200, body: { value: ['in the batch'] } }
    }
    return { responses: requests.flatMap(({ id }) => answers[id] === undefined ? [] : [{ id, ...answers[id] }]) }
  })
  const parts = await reader.batch(['/a', '/b', '/c', '/d', '/e'])
  t.match(parts, [{ answer: { value: ['/a'] } }, { answer: { value: ['/b'] } }, { answer: { value: ['/c'] } }, { error: { failure: 'unauthorized' } }, { answer: { value: ['in the batch'] } }])
  t.strictSame(requests.filter(({ method }) => method === 'GET').map(({ path }) => path).sort(), ['/a', '/b', '/c'])
  t.ok(pauses.includes(500), 'the part\'s own Retry-After')
})
