import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { LookupAddress } from 'node:dns'
import t, { type Test } from 'tap'
import { createAddressGuard } from '../../../src/platform/address-guard.js'
import { createFetcher } from '../../../src/intel/subscriptions/fetcher.js'
import { createProxyChoice, meansInside } from '../../../src/intel/subscriptions/proxy-choice.js'
import { file, redirect, startPublisher } from './publisher.js'

/** A proxy that leads every tunnel to one publisher, as if names meant something out there. */
async function startProxy (t: Test, publisher: string): Promise<{ url: string, tunnels: string[], headers: IncomingMessage['headers'][] }> {
  const tunnels: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const server = createServer((_request, response) => response.writeHead(500).end('only tunnels'))
  server.on('connect', (request, socket, head) => {
    tunnels.push(request.url!)
    headers.push(request.headers)
    if (request.url!.startsWith('refused.')) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const up = connect(Number(new URL(publisher).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      up.write(head)
      up.pipe(socket).pipe(up)
    })
    up.on('error', () => socket.destroy())
    socket.on('error', () => up.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://us:secret@127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels, headers }
}

/** DNS here knows some names; all others only the proxy does. */
const resolve = (known: Readonly<Record<string, string>>) => ((host: string, _options: unknown, done: (error: Error | null, addresses: LookupAddress[]) => void) => {
  const address = known[host]
  if (address === undefined) done(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), [])
  else done(null, [{ address, family: 4 }])
}) as never

t.test('which proxy is meant follows the scheme and the exceptions', async (t) => {
  const choice = createProxyChoice({ http: 'http://p:1', https: 'http://p:2', except: 'direct.example, .below.example *.star.example,10.0.0.0/8,192.0.2.7,[2001:db8::1],port.example:8443' })
  const directly = (url: string): boolean => choice(new URL(url)) === undefined
  t.equal(choice(new URL('https://feeds.example/x')), 'http://p:2')
  t.equal(choice(new URL('http://feeds.example/x')), 'http://p:1')
  for (const url of ['https://direct.example/', 'https://a.direct.example/', 'https://DIRECT.example./', 'https://a.below.example/', 'https://star.example/', 'https://192.0.2.7/', 'https://[2001:db8::1]/', 'https://port.example:8443/']) t.ok(directly(url), url)
  for (const url of ['https://notdirect.example/', 'https://192.0.2.8/', 'https://port.example/', 'https://[2001:db8::2]/', 'https://7.192.0.2.7.example/']) t.notOk(directly(url), url)
  t.ok(createProxyChoice({ https: 'http://p', except: '10.0.0.0/8' })(new URL('https://10.1.2.3/')) === undefined)
  t.ok(createProxyChoice({ https: 'http://p', except: '*' })(new URL('https://feeds.example/')) === undefined)
  t.equal(createProxyChoice({ http: 'http://p' })(new URL('https://feeds.example/')), undefined, 'each scheme has its own')
  for (const host of ['intranet', 'wiki.corp', 'nas.local', 'x.internal', 'LOCALHOST', 'metadata.google.internal.']) t.ok(meansInside(host), host)
  for (const host of ['feeds.example', 'local.example', 'corp.com']) t.notOk(meansInside(host), host)
})

t.test('a file comes through the proxy, which gets its own password and no other', async (t) => {
  const { origin, requests } = await startPublisher(t, { '/f': file('evil.example'), '/away': redirect('http://other.example/f') })
  const proxy = await startProxy(t, origin)
  const guard = createAddressGuard({ privateHosts: [], resolve: resolve({}) })
  const fetcher = createFetcher({
    guard, allowHttp: true, userAgent: 'Sallyport/test', proxyFor: createProxyChoice({ http: proxy.url }), credentials: { header: 'authorization', value: 'Bearer publisher', origin: 'http://feeds.example' }
  })
  t.teardown(async () => await fetcher.close())
  t.equal((await fetcher.fetch({ url: 'http://feeds.example/f' })).body.toString(), 'evil.example')
  t.strictSame(proxy.tunnels, ['feeds.example:80'])
  t.equal(proxy.headers[0]!['proxy-authorization'], `Basic ${Buffer.from('us:secret').toString('base64')}`)
  t.equal(proxy.headers[0]!.authorization, undefined)
  t.equal(requests[0]!.headers.authorization, 'Bearer publisher')
  t.equal((await fetcher.fetch({ url: 'http://feeds.example/away' })).url, 'http://other.example/f')
  t.equal(requests.at(-1)!.headers.authorization, undefined, 'away from the publisher')
  await t.rejects(fetcher.fetch({ url: 'http://refused.example/f' }), { code: 'fetch-failed', kind: 'failed' } as never)
})

t.test('a proxy is no way inside: what can be judged here is, at every redirect', async (t) => {
  const { origin } = await startPublisher(t, { '/in': redirect('http://wiki.corp/'), '/ten': redirect('http://10.0.0.1/'), '/name': redirect('http://rebound.example/'), '/cloud': redirect('http://169.254.169.254/') })
  const proxy = await startProxy(t, origin)
  const guard = createAddressGuard({ privateHosts: ['mirror.example'], resolve: resolve({ 'rebound.example': '10.0.0.1', 'mirror.example': '127.0.0.1', 'public.example': '198.41.0.4' }) })
  const fetcher = createFetcher({ guard, allowHttp: true, userAgent: 'Sallyport/test', proxyFor: createProxyChoice({ http: proxy.url }) })
  t.teardown(async () => await fetcher.close())
  for (const path of ['/in', '/ten', '/name', '/cloud']) await t.rejects(fetcher.fetch({ url: `http://public.example${path}` }), { kind: 'refused' } as never, path)
  for (const url of ['http://10.0.0.1/', 'http://rebound.example/', 'http://nas.local/', 'http://intranet/', 'http://[::1]/']) await t.rejects(fetcher.fetch({ url }), { kind: 'refused' } as never, url)
  t.strictSame([...new Set(proxy.tunnels)], ['public.example:80'], 'the proxy was asked for nothing else')
  await t.rejects(fetcher.fetch({ url: `http://mirror.example:${new URL(origin).port}/none` }), { status: 404 } as never, 'the installation\'s own hosts are spoken to directly')
  t.strictSame([...new Set(proxy.tunnels)], ['public.example:80'])
})
