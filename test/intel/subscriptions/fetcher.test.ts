import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createAddressGuard } from '../../../src/platform/address-guard.js'
import { createFetcher, type FetcherOptions, type FetchInput } from '../../../src/intel/subscriptions/fetcher.js'
import { FetchError } from '../../../src/intel/subscriptions/fetch-error.js'
import { file, redirect, startPublisher } from './publisher.js'

const LOOPBACK = createAddressGuard({ privateHosts: ['127.0.0.1', 'localhost'] })

function openFetcher (t: Test, options: Partial<FetcherOptions> = {}) {
  const fetcher = createFetcher({ guard: LOOPBACK, allowHttp: true, userAgent: 'Sallyport/test', ...options })
  t.teardown(async () => await fetcher.close())
  return async (url: string, input: Omit<FetchInput, 'url'> = {}) => await fetcher.fetch({ url, ...input })
}

async function refusalOf (t: Test, fetching: Promise<unknown>): Promise<FetchError> {
  const error = await fetching.then(() => undefined, (error: unknown) => error)
  if (error instanceof FetchError) return error
  t.fail(`not a FetchError: ${String(error)}`)
  throw new Error('no FetchError')
}

t.test('a file comes as it is, packed or not', async (t) => {
  const text = 'indicator,evil.example\n'.repeat(10_000)
  const { origin, requests } = await startPublisher(t, {
    '/plain': file(text, { etag: '"1"', 'last-modified': 'Mon, 23 Nov 2026 08:00:00 GMT' }),
    '/gzip': file(gzipSync(text), { 'content-encoding': 'gzip' }),
    '/deflate': file(deflateSync(text), { 'content-encoding': 'deflate' }),
    '/br': file(brotliCompressSync(text), { 'content-encoding': 'br' }),
    '/odd': file(text, { 'content-encoding': 'rot13' }),
    '/lie': file(text, { 'content-encoding': 'gzip' }),
    '/cut': file(gzipSync(createHash('sha512').update('x').digest()).subarray(0, 40), { 'content-encoding': 'gzip' })
  })
  const fetch = openFetcher(t)
  for (const path of ['/plain', '/gzip', '/deflate', '/br']) t.equal((await fetch(origin + path)).body.toString(), text, path)
  t.match(await fetch(`${origin}/plain`), { status: 200, url: `${origin}/plain`, headers: { etag: '"1"', 'last-modified': /2026/ } })
  t.match(requests[0]!.headers, { 'user-agent': 'Sallyport/test', 'accept-encoding': /gzip/ })
  t.match((await refusalOf(t, fetch(`${origin}/odd`))).message, /rot13/)
  t.match((await refusalOf(t, fetch(`${origin}/lie`))).message, /Content-Encoding/)
  t.match((await refusalOf(t, fetch(`${origin}/cut`))).message, /breaks off/)
})

t.test('what we have is not sent again', async (t) => {
  const { origin, requests } = await startPublisher(t, { '/f': file('x', { etag: '"1"' }), '/always': (_request, response) => response.writeHead(304).end() })
  const fetch = openFetcher(t)
  t.match(await fetch(`${origin}/f`, { etag: '"1"', lastModified: 'Mon, 23 Nov 2026 08:00:00 GMT' }), { status: 304, body: Buffer.of() })
  t.match(requests[0]!.headers, { 'if-none-match': '"1"', 'if-modified-since': 'Mon, 23 Nov 2026 08:00:00 GMT' })
  t.match(await fetch(`${origin}/f`, { etag: '"0"' }), { status: 200 })
  t.match(await refusalOf(t, fetch(`${origin}/always`)), { kind: 'status', status: 304 }, 'a 304 that was not asked for is no answer')
})

t.test('an answer that is too large is cut off, however it is packed', async (t) => {
  const { origin } = await startPublisher(t, {
    '/announced': file('x'.repeat(1_001)),
    '/chunks': (_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(100)), 1)
      response.on('close', () => clearInterval(timer))
    },
    '/bomb': file(gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' }),
    '/fits': file('x'.repeat(1_000))
  })
  const fetch = openFetcher(t, { limits: { maxBytes: 1_000 } })
  t.equal((await fetch(`${origin}/fits`)).body.length, 1_000)
  for (const path of ['/announced', '/chunks']) t.match(await refusalOf(t, fetch(origin + path)), { kind: 'too-large' }, path)
  t.match(await refusalOf(t, openFetcher(t, { limits: { maxBytes: 1_000_000 } })(`${origin}/bomb`)), { kind: 'too-large' })
  t.match(await refusalOf(t, fetch(`${origin}/fits`, { maxBytes: 999 })), { kind: 'too-large' })
})

t.test('who is slow is cut off: before the answer, within it, and drip by drip', async (t) => {
  const { origin } = await startPublisher(t, {
    '/silent': () => {},
    '/stuck': (_request, response) => response.writeHead(200).write('x'),
    '/drip': (_request, response) => {
      const timer = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(timer))
    }
  })
  t.match((await refusalOf(t, openFetcher(t, { limits: { headersMs: 50 } })(`${origin}/silent`))).message, /no answer within 0.05 s/)
  t.match((await refusalOf(t, openFetcher(t, { limits: { idleMs: 50 } })(`${origin}/stuck`))).message, /nothing more came for 0.05 s/)
  t.match((await refusalOf(t, openFetcher(t, { limits: { wholeMs: 200 } })(`${origin}/drip`))).message, /longer than 0.2 s/)
  t.match((await refusalOf(t, openFetcher(t, { limits: { wholeMs: 100 } })(`${origin}/silent`))).message, /longer than 0.1 s/)
})

t.test('what is under way ends when it is told to', async (t) => {
  const stop = new AbortController()
  const { origin } = await startPublisher(t, { '/silent': () => stop.abort(new Error('stopped')) })
  await t.rejects(openFetcher(t, { signal: stop.signal })(`${origin}/silent`), { message: 'stopped' })
})

t.test('redirects are followed a few times, and only to where one may go', async (t) => {
  const elsewhere = await startPublisher(t, { '/f': file('found') })
  const home = await startPublisher(t, {
    '/there': redirect(`${elsewhere.origin}/f`),
    '/relative': redirect('there', 308),
    '/loop': redirect('/loop'),
    '/private': redirect('http://10.0.0.1/'),
    '/metadata': redirect('http://169.254.169.254/latest/meta-data/'),
    '/mapped': redirect('http://[::ffff:169.254.169.254]/'),
    '/file': redirect('file:///etc/passwd'),
    '/password': redirect('https://a:b@feed.example/'),
    '/nowhere': (_request, response) => response.writeHead(302).end(),
    '/none': redirect('http://')
  })
  const fetch = openFetcher(t)
  t.match(await fetch(`${home.origin}/relative`), { url: `${elsewhere.origin}/f`, body: Buffer.from('found') })
  t.match((await refusalOf(t, fetch(`${home.origin}/loop`))).message, /more than 5 redirects/)
  t.equal(home.requests.filter(({ path }) => path === '/loop').length, 6)
  for (const path of ['/private', '/metadata', '/mapped', '/file', '/password', '/none']) t.match(await refusalOf(t, fetch(home.origin + path)), { kind: 'refused' }, path)
  t.match(await refusalOf(t, fetch(`${home.origin}/nowhere`)), { kind: 'status', status: 302 })
})

t.test('without leave no private address is spoken to, by name or number, nor plain http', async (t) => {
  const { origin, requests } = await startPublisher(t, { '/f': file('x') })
  const port = new URL(origin).port
  const fetch = openFetcher(t, { guard: createAddressGuard({ privateHosts: [] }) })
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '0x7f000001']) t.match((await refusalOf(t, fetch(`http://${host}:${port}/f`))).message, /not public/, host)
  t.match(await refusalOf(t, openFetcher(t, { allowHttp: false })(`${origin}/f`)), { kind: 'refused', message: /http/ })
  t.match(await refusalOf(t, openFetcher(t)('ftp://127.0.0.1/')), { kind: 'refused' })
  t.strictSame(requests, [])
  t.equal((await openFetcher(t)(`http://localhost:${port}/f`)).status, 200, 'a name that is allowed')
})

t.test('the address that was judged is the one that is spoken to, and a new connection is judged anew', async (t) => {
  const { origin, requests } = await startPublisher(t, { '/f': file('x', { connection: 'close' }) })
  const answers: string[] = []
  const guard = createAddressGuard({
    privateHosts: ['rebind.example'],
    resolve: ((_host: string, _options: object, done: (error: null, all: object[]) => void) => done(null, [{ address: answers.shift(), family: 4 }])) as never
  })
  const fetch = openFetcher(t, { guard })
  const url = `http://rebind.example:${new URL(origin).port}/f`
  // As a rebinding name server does: nobody may ask a second time between judging and connecting.
  answers.push('127.0.0.1', '169.254.169.254', '127.0.0.1')
  t.equal((await fetch(url)).status, 200)
  t.equal(answers.length, 2)
  t.match(await refusalOf(t, fetch(url)), { kind: 'failed', message: /169\.254\.169\.254/ })
  t.equal((await fetch(url)).status, 200)
  t.equal(requests.length, 2)
})

t.test('a password is told to the publisher alone', async (t) => {
  const elsewhere = await startPublisher(t)
  const home = await startPublisher(t, { '/f': file('x'), '/inside': redirect('/f'), '/away': redirect(`${elsewhere.origin}/back`) })
  elsewhere.answers.set('/back', redirect(`${home.origin}/f`))
  const fetch = openFetcher(t, { credentials: { header: 'authorization', value: 'Basic c2VjcmV0', origin: home.origin } })
  await fetch(`${home.origin}/inside`)
  t.strictSame(home.requests.map(({ headers }) => headers.authorization), ['Basic c2VjcmV0', 'Basic c2VjcmV0'])
  await fetch(`${home.origin}/away`)
  t.strictSame(elsewhere.requests.map(({ headers }) => headers.authorization), [undefined])
  t.strictSame(home.requests.slice(2).map(({ headers }) => headers.authorization), ['Basic c2VjcmV0', undefined], 'nor to him by another\'s word')
})

t.test('a no is told with its reason and when to come again', async (t) => {
  const { origin } = await startPublisher(t, {
    '/busy': (_request, response) => response.writeHead(429, { 'retry-after': '7' }).end('{"title":"slow down"}'),
    '/broken': (_request, response) => response.writeHead(500).end('x'.repeat(1_000_000)),
    '/empty': (_request, response) => response.writeHead(204).end()
  })
  const fetch = openFetcher(t)
  t.match(await refusalOf(t, fetch(`${origin}/busy?key=hunter2`)), { kind: 'status', status: 429, retryAfterMs: 7_000, problem: Buffer.from('{"title":"slow down"}') })
  t.notMatch((await refusalOf(t, fetch(`${origin}/busy?key=hunter2`))).message, 'hunter2')
  t.match(await refusalOf(t, fetch(`${origin}/broken`)), { status: 500, problem: Buffer.of() })
  t.match(await refusalOf(t, fetch(`${origin}/gone`)), { status: 404 })
  t.match(await refusalOf(t, fetch(`${origin}/empty`)), { status: 204 })
})

t.test('connections that fail, break off or speak otherwise say so', async (t) => {
  const { origin } = await startPublisher(t, {
    '/cut': (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('x')
      setImmediate(() => response.destroy())
    }
  })
  const fetch = openFetcher(t)
  t.match(await refusalOf(t, fetch(`${origin}/cut`)), { kind: 'failed' })
  const server = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH\r\n', () => socket.destroy())).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  t.match(await refusalOf(t, fetch(`http://127.0.0.1:${port}/`)), { kind: 'failed', message: 'the answer is not HTTP' })
  t.match(await refusalOf(t, openFetcher(t)(`https://127.0.0.1:${port}/`)), { kind: 'failed' })
  await new Promise((resolve) => server.close(resolve))
  t.match((await refusalOf(t, fetch(`http://127.0.0.1:${port}/`))).message, /refuses connections/)
})
