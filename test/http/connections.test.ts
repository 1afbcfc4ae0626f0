import { connect, type AddressInfo } from 'node:net'
import zlib from 'node:zlib'
import t from 'tap'
import { isProblem, startTestApi, type TestApi } from '../helpers/api.js'
import { makeReport } from '../helpers/devices.js'
import { readJournal } from '../helpers/journal.js'

/** Says this to a listening API and hears what comes until it hangs up. */
async function say ({ app }: TestApi, ...parts: readonly string[]): Promise<{ statusCode: number, headers: Record<string, string>, body: string }> {
  const { port } = app.server.address() as AddressInfo
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let heard = ''
    socket.on('data', (chunk) => { heard += chunk.toString() })
    socket.on('end', () => resolve(heard))
    socket.on('error', (error) => heard === '' ? reject(error) : resolve(heard))
    for (const part of parts) socket.write(part)
  })
  const [head, body] = text.split('\r\n\r\n') as [string, string]
  const [first, ...lines] = head.split('\r\n')
  return { statusCode: Number(first!.split(' ')[1]), body, headers: Object.fromEntries(lines.map((line) => line.toLowerCase().split(': ') as [string, string])) }
}

t.test('what is not HTTP is told so, and others are still served', async (t) => {
  const api = await startTestApi(t)
  await api.app.listen({ port: 0, host: '127.0.0.1' })
  const host = 'Host: localhost\r\n'
  // A request without a Host is refused by Node itself, before we hear of it.
  for (const [name, parts, refusal] of [
    ['noise', ['\u0016\u0003\u0001\u0000\r\n\r\n'], { status: 400, code: 'malformed-request' }],
    ['two lengths', [`POST /v1/token HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`], { status: 400, code: 'malformed-request' }],
    ['a length and chunks', [`POST /v1/token HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`], { status: 400, code: 'malformed-request' }],
    ['a chunk that is none', [`POST /v1/token HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`, 'zz\r\n'], { status: 400, code: 'malformed-request' }],
    ['headers without end', [`GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}\r\n\r\n`], { status: 431, code: 'headers-too-large' }]
  ] as const) isProblem(t, await say(api, ...parts), refusal, name)
  const { accessToken } = await api.enroll()
  t.equal((await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(1))).statusCode, 202)
})

t.test('a phone that hangs up in the middle of a report leaves nothing behind', async (t) => {
  const api = await startTestApi(t)
  await api.app.listen({ port: 0, host: '127.0.0.1' })
  const { accessToken } = await api.enroll()
  const { port } = api.app.server.address() as AddressInfo
  const seen = new Promise((resolve) => api.app.server.once('request', (request) => request.once('close', resolve)))
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`POST /v1/telemetry HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${accessToken}\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 500\r\n\r\n`)
  socket.write(zlib.gzipSync(JSON.stringify(makeReport(1))).subarray(0, 60), () => socket.destroy())
  await seen
  t.strictSame(await api.db.selectFrom('report').select('id').execute(), [])
  t.equal((await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(2))).statusCode, 202)
})

t.test('every encoding that the contract names is read', async (t) => {
  const api = await startTestApi(t)
  const { accessToken } = await api.enroll()
  const { zstdCompressSync } = zlib as unknown as { zstdCompressSync?: (data: Buffer) => Buffer }
  const encoders: Record<string, (data: Buffer) => Buffer> = {
    identity: (data) => data, gzip: zlib.gzipSync, 'X-GZIP': zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync,
    ...(zstdCompressSync === undefined ? {} : { zstd: zstdCompressSync })
  }
  for (const [at, [encoding, encode]] of Object.entries(encoders).entries()) {
    const report = makeReport(at + 1, { processes: ['größer', '日本'] })
    const answer = await api.call(accessToken, 'POST', '/v1/telemetry', encode(Buffer.from(JSON.stringify(report))), { 'content-type': 'application/json', 'content-encoding': encoding })
    t.match([answer.statusCode, answer.json()], [202, { reportId: report.reportId, status: 'accepted' }], encoding)
  }
  const journal = await readJournal(api.db)
  t.equal(journal.length, Object.keys(encoders).length)
  t.ok(journal.every(({ body }) => JSON.stringify(body!.processes) === '["größer","日本"]'))
})
