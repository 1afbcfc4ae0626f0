// Alone in its process: it measures memory.
import { Agent, request as sendRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { addContentEncoding } from '../../src/http/plugins/content-encoding.js'
import { countRows, isProblem, startTestApi, type TestApi } from '../helpers/api.js'
import { makeReport } from '../helpers/devices.js'

interface SocketAnswer { readonly statusCode: number, readonly headers: Record<string, string>, readonly body: string, readonly reused: boolean }

/** Talks to a listening API over one kept-alive connection. */
async function connect (t: Test, { app }: TestApi, accessToken: string) {
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  return async (body: readonly Buffer[], headers: Record<string, string> = {}): Promise<SocketAnswer> => await new Promise((resolve, reject) => {
    const request = sendRequest({
      agent, port, host: '127.0.0.1', method: 'POST', path: '/v1/telemetry',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json', ...headers }
    }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ statusCode: response.statusCode!, headers: response.headers as Record<string, string>, body: Buffer.concat(chunks).toString(), reused: request.reusedSocket }))
      response.on('error', reject)
    })
    request.on('error', reject)
    for (const chunk of body) request.write(chunk)
    request.end()
  })
}

const MEBIBYTE = Buffer.alloc(1024 * 1024, 0x20)
const spaces = (mebibytes: number): Buffer[] => Array.from({ length: mebibytes }, () => MEBIBYTE)

t.test('a body too large is refused however it comes, and the connection lives on', async (t) => {
  const api = await startTestApi(t)
  const { accessToken } = await api.enroll()
  const send = await connect(t, api, accessToken)
  const before = await countRows(api.db)
  const tooLarge = { status: 413, code: 'body-too-large' }
  const bomb = gzipSync(Buffer.concat(spaces(64)))

  isProblem(t, await send(spaces(3), { 'content-length': String(3 * MEBIBYTE.length) }), tooLarge, 'with its length said')
  const chunked = await send(spaces(3), { 'transfer-encoding': 'chunked' })
  isProblem(t, chunked, tooLarge, 'in chunks')
  t.ok(chunked.reused, 'on the connection of the one before')
  isProblem(t, await send([bomb], { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' }), tooLarge, 'a bomb in chunks')
  isProblem(t, await send([bomb], { 'content-encoding': 'gzip', 'content-length': String(bomb.length) }), tooLarge, 'a bomb with its length said')
  isProblem(t, await send([gzipSync('{}').subarray(0, 12)], { 'content-encoding': 'gzip' }), { status: 400, code: 'malformed-encoding' }, 'half a gzip')
  isProblem(t, await send([Buffer.from('{')]), { status: 400, code: 'malformed-json' }, 'half an object')
  isProblem(t, await send([Buffer.from('a=1')], { 'content-type': 'text/plain' }), { status: 415, code: 'unsupported-media-type' }, 'not JSON')
  t.strictSame(await countRows(api.db), before)

  const report = Buffer.from(JSON.stringify(makeReport(1)))
  const plain = await send([report.subarray(0, 10), report.subarray(10)], { 'transfer-encoding': 'chunked' })
  t.match(plain, { statusCode: 202, reused: true }, 'a good report in chunks, on the same connection')
  t.match(await send([gzipSync(report)], { 'content-encoding': 'gzip' }), { statusCode: 202, reused: true }, 'and the same compressed')
})

t.test('a body of just the allowed sizes is read', async (t) => {
  const api = await startTestApi(t)
  const { accessToken } = await api.enroll()
  const report = JSON.stringify(makeReport(1))
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
  const fill = (bytes: number): Buffer => Buffer.concat([Buffer.from(report), Buffer.alloc(bytes - report.length, 0x20)])
  t.equal((await api.app.inject({ method: 'POST', url: '/v1/telemetry', headers, payload: fill(1024 * 1024) })).statusCode, 202, 'as sent')
  t.equal((await api.app.inject({ method: 'POST', url: '/v1/telemetry', headers: { ...headers, 'content-encoding': 'gzip' }, payload: gzipSync(fill(8 * 1024 * 1024)) })).statusCode, 202, 'decoded')
})

t.test('a small body of millions of faults costs no more than an honest one', async (t) => {
  const api = await startTestApi(t)
  const { accessToken } = await api.enroll()
  const before = await countRows(api.db)
  const many = '0,'.repeat(3_900_000)
  const start = JSON.stringify(makeReport(1)).slice(0, -1)
  const floods = {
    events: `${start},"events":[${many}0]}`,
    apps: `${start},"apps":{"mode":"snapshot","items":[${many}0]}}`,
    permissions: `${start},"apps":{"mode":"snapshot","items":[{"appId":"a","permissions":[${many}0]}]}}`,
    certificates: `${start},"certificates":[${'{},'.repeat(2_600_000)}{}]}`,
    'unknown keys': `${start},"os":{${Array.from({ length: 400_000 }, (_, n) => `"k${n}":0`).join()}},"events":[0]}`
  }
  const batches = { reports: `{"reports":[${many}0]}`, 'a bare array': `[${many}0]` }
  const send = async (url: string, body: string) => await api.app.inject({
    method: 'POST', url, payload: gzipSync(body), headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json', 'content-encoding': 'gzip' }
  })
  const bodies = [...Object.entries(floods).map((flood) => ['/v1/telemetry', ...flood] as const), ...Object.entries(batches).map((flood) => ['/v1/telemetry/batch', ...flood] as const)]
  const rssBefore = process.memoryUsage().rss
  for (const [url, name, body] of bodies) {
    let startedAt = performance.now()
    let answer = await send(url, body)
    // Where the flood before kept the event loop, the API asks to come again.
    while (answer.statusCode === 503) {
      startedAt = performance.now()
      answer = await send(url, body)
    }
    const tookMs = performance.now() - startedAt
    isProblem(t, answer, { status: 400, code: 'validation' }, name)
    t.ok(answer.json<{ errors: unknown[] }>().errors.length <= 100, `${name}: a list people can read`)
    t.ok(tookMs < 10_000, `${name}: in ${Math.round(tookMs)} ms`)
  }
  const grownMebibytes = (process.memoryUsage().rss - rssBefore) / 1024 / 1024
  t.ok(grownMebibytes < 700, `with ${Math.round(grownMebibytes)} MiB`)
  t.strictSame(await countRows(api.db), before)
})

t.test('bodies that unpack to much are bounded over all callers together, and counted until they are answered', async (t) => {
  const app = Fastify({ bodyLimit: 4 * MEBIBYTE.length })
  addContentEncoding(app, { maxSentBytes: MEBIBYTE.length, maxUnpackedInHand: 3 * MEBIBYTE.length })
  const released: Array<() => void> = []
  app.post('/', async () => await new Promise((resolve) => released.push(() => resolve('ok'))))
  t.teardown(async () => await app.close())
  const packed = gzipSync(JSON.stringify('x'.repeat(2 * MEBIBYTE.length)))
  const send = async () => await app.inject({ method: 'POST', url: '/', payload: packed, headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } })
  const waiting = [send(), send()]
  while (released.length < 2) await new Promise(setImmediate)
  t.equal((await send()).statusCode, 503)
  for (const release of released) release()
  t.strictSame((await Promise.all(waiting)).map(({ statusCode }) => statusCode), [200, 200])
  const again = send()
  while (released.length < 3) await new Promise(setImmediate)
  released[2]!()
  t.equal((await again).statusCode, 200)
})
