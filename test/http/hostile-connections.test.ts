import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { isProblem, startTestApi, type TestApi, type TestApiOptions } from '../helpers/api.js'

const HOST = 'Host: mtd.example\r\n'

interface Heard { readonly statusCode: number, readonly headers: Record<string, string>, readonly body: string, /** How many answers came. */ readonly answers: number }

async function listening (t: Parameters<typeof startTestApi>[0], options: TestApiOptions = {}): Promise<TestApi> {
  const api = await startTestApi(t, options)
  await api.app.listen({ port: 0, host: '127.0.0.1' })
  return api
}

const open = ({ app }: TestApi): Socket => connect((app.server.address() as AddressInfo).port, '127.0.0.1')

/** Everything that comes until the other side hangs up. */
async function hear (socket: Socket): Promise<Heard> {
  const text = await new Promise<string>((resolve) => {
    let heard = ''
    socket.on('data', (chunk) => { heard += chunk.toString() })
    // A side that hangs up while we still speak resets the connection.
    socket.on('error', () => {})
    socket.on('close', () => resolve(heard))
  })
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  return {
    statusCode: Number(first.split(' ')[1]), body, answers: text.split('HTTP/1.1 ').length - 1,
    headers: Object.fromEntries(lines.map((line) => line.toLowerCase().split(': ') as [string, string]))
  }
}

/** What a proxy in front could take for one request and we for two, or the other way round. */
const AMBIGUOUS: Readonly<Record<string, string>> = {
  'a length and chunks': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
  'chunks and a length': `POST /v1/token HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG`,
  'two lengths': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 3\r\n\r\nabc`,
  'the same length twice': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
  'a list of lengths': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Length: 3, 3\r\n\r\nabc`,
  'a length with a sign': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Length: +3\r\n\r\nabc`,
  'a length in hex': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Length: 0x3\r\n\r\nabc`,
  'no length in a length': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Length: \r\n\r\nabc`,
  'a space before the colon': `POST /v1/token HTTP/1.1\r\n${HOST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  'a coding that is none': `POST /v1/token HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'chunked not last': `POST /v1/token HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  'chunked after another': `POST /v1/token HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'chunked twice': `POST /v1/token HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunks in HTTP/1.0': `POST /v1/token HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a folded header': `GET /v1/tenants HTTP/1.1\r\n${HOST}X-A: b\r\n c\r\n\r\n`,
  'a folded coding': `POST /v1/token HTTP/1.1\r\n${HOST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  'bare line feeds': 'GET /v1/tenants HTTP/1.1\nHost: mtd.example\n\n',
  'a bare line feed between headers': 'GET /v1/tenants HTTP/1.1\r\nHost: mtd.example\nX-A: b\r\n\r\n',
  'a bare line feed at the end': `GET /v1/tenants HTTP/1.1\r\n${HOST}\n`,
  'a bare carriage return': 'GET /v1/tenants HTTP/1.1\r\nHost: mtd.example\rX-A: b\r\n\r\n',
  'a bare line feed after a chunk\'s length': `POST /v1/token HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n`,
  'a chunk longer than it says': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n`,
  'a header that begins with a space': `GET /v1/tenants HTTP/1.1\r\n X-A: b\r\n${HOST}\r\n`,
  'a space in a name': `GET /v1/tenants HTTP/1.1\r\n${HOST}X A: b\r\n\r\n`,
  'a zero byte': `GET /v1/tenants HTTP/1.1\r\n${HOST}X-A: a\u0000b\r\n\r\n`,
  'two hosts': `GET /v1/tenants HTTP/1.1\r\n${HOST}Host: other.example\r\n\r\n`,
  'two authorizations': `GET /v1/tenants HTTP/1.1\r\n${HOST}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`,
  'two content types': `POST /v1/token HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n`,
  'another version': `GET /v1/tenants HTTP/1.2\r\n${HOST}\r\n`,
  'the next version': `GET /v1/tenants HTTP/2.0\r\n${HOST}\r\n`,
  'no version': 'GET /v1/tenants\r\n\r\n'
}
/** What would be heard as a request of its own if anything of the above were read wrongly. */
const SMUGGLED = `GET /v1/tenants HTTP/1.1\r\n${HOST}X-Smuggled: yes\r\n\r\n`

t.test('a request that can be read in two ways is refused, and ends the connection before anything behind it is heard', async (t) => {
  const api = await listening(t)
  await Promise.all(Object.entries(AMBIGUOUS).map(async ([name, text]) => {
    const socket = open(api)
    socket.write(text)
    socket.write(SMUGGLED)
    const heard = await hear(socket)
    isProblem(t, heard, { status: 400, code: 'malformed-request' }, name)
    t.equal(heard.answers, 1, `${name}: one answer`)
    t.equal(heard.headers.connection, 'close', name)
  }))
  const socket = open(api)
  socket.write(SMUGGLED + SMUGGLED.replace('X-Smuggled', 'Connection: close\r\nX-Smuggled'))
  t.match(await hear(socket), { answers: 2, statusCode: 401 }, 'two whole requests are two')
})

t.test('headers and addresses have limits', async (t) => {
  const api = await listening(t)
  const ask = async (text: string): Promise<Heard> => {
    const socket = open(api)
    socket.write(text)
    return await hear(socket)
  }
  const headers = (count: number, more = ''): string => `GET /v1/tenants HTTP/1.1\r\n${HOST}${more}${Array.from({ length: count }, (_, n) => `X-${n}: a\r\n`).join('')}\r\n`
  isProblem(t, await ask(headers(100)), { status: 431, code: 'headers-too-large' }, 'many headers')
  isProblem(t, await ask(headers(5_000)), { status: 431, code: 'headers-too-large' }, 'very many headers')
  isProblem(t, await ask(`GET /v1/tenants HTTP/1.1\r\n${HOST}X: ${'a'.repeat(17_000)}\r\n\r\n`), { status: 431, code: 'headers-too-large' }, 'a long header')
  isProblem(t, await ask(`GET /${'a'.repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`), { status: 431, code: 'headers-too-large' }, 'a long address')
  t.equal((await ask(headers(90, 'Connection: close\r\n'))).statusCode, 401, 'as many as may be')
})

t.test('who says nothing, or too slowly, is let go, and others are served meanwhile', async (t) => {
  const api = await listening(t, { httpLimits: { headersMs: 400, requestMs: 900, keepAliveMs: 300, checkEveryMs: 50 } })
  const { accessToken } = await api.enroll()
  const report = 'POST /v1/telemetry HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nAuthorization: Bearer '
  /** A byte now and then, as long as anybody listens. */
  const drip = async (socket: Socket, text: string): Promise<void> => {
    for (const one of text) {
      if (socket.destroyed || socket.readableEnded) return
      socket.write(one)
      await sleep(20)
    }
  }
  const cases: Readonly<Record<string, (socket: Socket) => unknown>> = {
    nothing: () => {},
    'half a header': (socket) => socket.write('GET / HTTP/1.1\r\nHost'),
    'headers, a byte now and then': async (socket) => await drip(socket, `GET / HTTP/1.1\r\nX: ${'a'.repeat(2_000)}`),
    'a body that does not come': (socket) => socket.write(`${report}${accessToken}\r\n\r\n{`),
    'a body, a byte now and then': async (socket) => {
      socket.write(`${report}${accessToken}\r\n\r\n`)
      await drip(socket, ' '.repeat(2_000))
    }
  }
  const slow = Object.entries(cases).map(async ([name, act]) => {
    const socket = open(api)
    const heard = hear(socket)
    await Promise.all([heard, act(socket)])
    isProblem(t, await heard, { status: 408, code: 'request-timeout' }, name)
  })
  t.equal((await api.call(accessToken, 'GET', '/v1/device/status')).statusCode, 200, 'others are served')
  await Promise.all(slow)

  const idle = open(api)
  idle.write(`GET /v1/tenants HTTP/1.1\r\n${HOST}\r\n`)
  t.match(await hear(idle), { answers: 1, statusCode: 401 }, 'a connection that is kept and not used ends')
  t.strictSame(await api.db.selectFrom('report').select('id').execute(), [], 'nothing of it is stored')
})
