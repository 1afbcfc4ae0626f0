import { readdirSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer as createTlsServer, type Server } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join, relative } from 'node:path'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { createEntraTokens } from '../src/intune/entra-credential.js'
import { createGraphClient } from '../src/intune/graph-client.js'
import { createHttpsAgent } from '../src/intune/https-agent.js'
import { packageRoot } from '../src/platform/package-root.js'
import { createTlsIdentity, type TlsIdentity } from '../src/simulator/intune/certificates.js'

const TENANT = '6ba7b810-9dad-41d1-80b4-00c04fd430c8'

/** Where a connection to the outside can come from, and what bounds whom it reaches. */
const MAY_CONNECT: Readonly<Record<string, string>> = {
  'src/intune/https-agent.ts': 'hosts of GRAPH_BASE_URL, ENTRA_AUTHORITY_HOST and INTUNE_ENDPOINT_HOSTS only, whatever an answer names',
  'src/intune/graph-client.ts': 'over that agent',
  'src/intune/partner-client.ts': 'over that agent',
  'src/intune/entra-time.ts': 'over that agent, to the authority',
  'src/intune/entra-credential.ts': '@azure/identity, held to the authority by a policy of its pipeline',
  'src/identity/issuer-keys.ts': 'over that agent: to the authority, or over TLS to the provider that OIDC_ISSUER names and where its metadata have its keys',
  'src/platform/guarded-agent.ts': 'addresses that the guard allows',
  'src/platform/address-guard.ts': 'the guard',
  'src/intel/subscriptions/fetcher.ts': 'over the guarded agent, or a proxy that the configuration names, after the guard',
  'src/signals/send/poster.ts': 'over the guarded agent',
  'src/signals/send/syslog-sender.ts': 'by the guard',
  'src/intel/index/read-index.ts': 'DATABASE_URL',
  'src/platform/backup/load-backup.ts': 'DATABASE_URL',
  'src/platform/backup/write-backup.ts': 'DATABASE_URL',
  'src/platform/database.ts': 'DATABASE_URL',
  'src/platform/embedded-postgres.ts': 'the cluster it has started itself, on loopback',
  'src/platform/migrate.ts': 'DATABASE_URL',
  'src/platform/otel-tracing.ts': 'the collector that OTEL_EXPORTER_OTLP_ENDPOINT names; without it, nobody',
  'src/platform/queue-engines.ts': 'DATABASE_URL or REDIS_URL',
  'src/platform/redis-health.ts': 'REDIS_URL',
  'src/platform/redis.ts': 'REDIS_URL',
  'src/platform/sentinel-connector.ts': 'REDIS_URL',
  'src/platform/tenant-query.ts': 'DATABASE_URL',
  'src/platform/with-client.ts': 'DATABASE_URL'
}
/** The service itself; what people run by hand calls their own API, and simulators stand for others. */
const NOT_THE_SERVICE = ['src/agent/', 'src/commands/', 'src/simulator/']
const CONNECTS = /\bfrom '(?:undici|pg|ioredis|bullmq|@azure\/identity|@opentelemetry\/exporter-[\w-]+|node:(?:https|http2|tls|dgram|dns))'|\bimport\('(?:undici|@azure\/identity|node:\w+)'\)|\bfrom 'node:net'|(?<![.\w])fetch\(/

t.test('every place that can connect to the outside is known, with what bounds it', async (t) => {
  const sources = ['src', 'workers'].flatMap((folder) => readdirSync(join(packageRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts')).map((entry) => relative(packageRoot, join(entry.parentPath, entry.name))))
  const connecting = sources.filter((file) => !NOT_THE_SERVICE.some((folder) => file.startsWith(folder))).filter((file) => {
    const text = readFileSync(join(packageRoot, file), 'utf8').split('\n').filter((line) => !/^import type\b/.test(line)).join('\n')
      // What only tells addresses apart, finds a port or names the machine connects to nobody.
      .replace(/import \{ (?:isIP|Server) \} from 'node:net'/g, '').replace(/import \{ (?:DelayedError|WaitingError|UnrecoverableError|type \w+|, )+ \} from 'bullmq'/g, '').replace(/import \{ createServer, type AddressInfo \} from 'node:net'/g, '')
    return CONNECTS.test(text)
  })
  t.strictSame(connecting.sort(), Object.keys(MAY_CONNECT).sort())
})

/** A listener that counts who connects. */
async function countingListener (t: Test): Promise<{ readonly port: number, readonly connections: () => number }> {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

t.test('no connection is made to a host that is not named, nor without TLS', async (t) => {
  const { port, connections } = await countingListener(t)
  const agent = createHttpsAgent({ allowedHosts: ['graph.example', '.manage.example'] })
  t.teardown(async () => await agent.destroy())
  for (const url of [`https://127.0.0.1:${port}/`, `https://localhost:${port}/`, `http://127.0.0.1:${port}/`, `https://manage.example:${port}/`, `https://graph.example.evil.example:${port}/`]) {
    await t.rejects(request(url, { dispatcher: agent }), { code: 'host-not-allowed' }, url)
  }
  t.equal(connections(), 0)
})

t.test('Graph is asked where it is, also when an answer\'s next page is elsewhere', async (t) => {
  const { port, connections } = await countingListener(t)
  const agent = createHttpsAgent({ allowedHosts: ['graph.example'] })
  t.teardown(async () => await agent.destroy())
  const graph = createGraphClient({ baseUrl: 'https://graph.example', tokens: { getToken: async () => 'token', dropTokens () {} }, agent, observe () {}, answerLimitMs: 5_000 })
  await t.rejects(graph.get(TENANT, `https://127.0.0.1:${port}/v1.0/devices?$skiptoken=x`), { code: 'intune-unavailable', message: /is not one of the hosts that the configuration names/ })
  t.equal(connections(), 0)
})

/** An Entra that can be told what to say. */
async function startEntra (t: Test, identity: TlsIdentity, answer: (origin: string, path: string) => { readonly status: number, readonly headers?: Record<string, string>, readonly body?: object }): Promise<{ readonly origin: string, readonly asked: string[] }> {
  const asked: string[] = []
  const server: Server = createTlsServer({ key: identity.privateKeyPem, cert: identity.certificatePem }, (req, res) => {
    asked.push(req.url!)
    const { status, headers = {}, body = {} } = answer(origin, req.url!)
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin, asked }
}

t.test('our secret goes to the authority alone, wherever its metadata or a redirect points', async (t) => {
  const identity = await createTlsIdentity()
  const { port, connections } = await countingListener(t)
  const metadata = (origin: string, token: string): object => ({ issuer: `${origin}/${TENANT}/v2.0`, authorization_endpoint: `${origin}/${TENANT}/oauth2/v2.0/authorize`, token_endpoint: token, jwks_uri: `${origin}/keys` })
  const ways: Readonly<Record<string, Parameters<typeof startEntra>[2]>> = {
    'metadata that name another host': (origin) => ({ status: 200, body: metadata(origin, `https://localhost:${port}/${TENANT}/oauth2/v2.0/token`) }),
    'metadata elsewhere': (_origin, path) => ({ status: 302, headers: { location: `https://localhost:${port}${path}` } }),
    'a token endpoint that redirects': (origin, path) => path.includes('/token')
      ? { status: 307, headers: { location: `https://localhost:${port}/token` } }
      : { status: 200, body: metadata(origin, `${origin}/${TENANT}/oauth2/v2.0/token`) }
  }
  for (const [name, answer] of Object.entries(ways)) {
    const { origin, asked } = await startEntra(t, identity, answer)
    const tokens = createEntraTokens({ authorityHost: origin, clientId: 'an-app', clientSecret: 'a-secret-of-the-test', extraCaPem: identity.caCertificatePem, answerLimitMs: 5_000 })
    await t.rejects(tokens.getToken(TENANT, 'https://graph.example/.default'), { code: /^intune-/ }, name)
    t.ok(asked.length > 0, `${name}: the authority was asked`)
    t.equal(connections(), 0, name)
  }
})
