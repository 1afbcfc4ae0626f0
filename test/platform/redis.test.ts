import { type EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import rateLimit from '@fastify/rate-limit'
import { fastify, type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { startRedis } from '../../bench/redis-server.js'
import { findFreePort } from '../../src/platform/free-port.js'
import { connectRateRedis } from '../../src/platform/rate-exchange.js'
import { connectRedis, type RedisClient } from '../../src/platform/redis.js'
import { createTlsIdentity } from '../../src/simulator/intune/certificates.js'
import { silentLog } from '../helpers/log.js'
import { startCluster, startSentinel } from '../helpers/redis-groups.js'

const NO_REDIS = { skip: 'neither redis-server nor valkey-server' }
const PASSWORD = 'not/a@secret?of:anybody'

/** A client as the queues have it, and what it complained of. */
function connect (t: Test, url: string): { readonly client: RedisClient, readonly complaints: Error[] } {
  const complaints: Error[] = []
  const client = connectRedis(url, { connection: { maxRetriesPerRequest: null }, onError: (error) => { complaints.push(error) } })
  t.teardown(() => client.disconnect())
  return { client, complaints }
}

t.test('TLS, an authority of one\'s own, a user and a password are passed on', async (t) => {
  const { caCertificatePem, certificatePem, privateKeyPem } = await createTlsIdentity()
  const folder = t.testdir({ 'ca.pem': caCertificatePem, 'server.pem': certificatePem, 'server.key': privateKeyPem, 'other.pem': (await createTlsIdentity()).caCertificatePem })
  const tlsPort = await findFreePort()
  const redis = await startRedis({
    args: [
      '--port', '0', '--tls-port', String(tlsPort), '--tls-cert-file', join(folder, 'server.pem'), '--tls-key-file', join(folder, 'server.key'), '--tls-ca-cert-file', join(folder, 'ca.pem'),
      '--tls-auth-clients', 'no', '--user', 'default', 'off', '--user', 'sallyport', 'on', `>${PASSWORD}`, '~*', '&*', '+@all'
    ]
  })
  if (redis === undefined) {
    t.pass('nothing to test', NO_REDIS)
    return
  }
  t.teardown(async () => await redis.stop())
  const url = (password: string, ca: string): string => `rediss://sallyport:${encodeURIComponent(password)}@localhost:${tlsPort}/4?caFile=${encodeURIComponent(join(folder, ca))}`

  const { client } = connect(t, url(PASSWORD, 'ca.pem'))
  t.equal(await client.set('here', '1'), 'OK')
  t.match(await client.info('keyspace'), /^db4:keys=1/m)

  for (const [address, complaint] of [[url(PASSWORD, 'other.pem'), /certificate/], [url('wrong', 'ca.pem'), /WRONGPASS/]] as const) {
    const { client, complaints } = connect(t, address)
    while (!complaints.some(({ message }) => complaint.test(message))) await once(client, 'error').catch(() => {})
    client.disconnect()
    t.pass(`it says why: ${String(complaint)}`)
  }
  t.throws(() => connect(t, url(PASSWORD, 'missing.pem')), { code: 'ENOENT' })
  t.throws(() => connect(t, 'redis+sentinel://a'), { message: /must name the master/ })
})

t.test('word of a failover that comes while the master is being asked for does not end the connection', async (t) => {
  const group = await startSentinel(t)
  if (group === undefined) {
    t.pass('nothing to test', NO_REDIS)
    return
  }
  const { client } = connect(t, group.url)
  type Detector = { readonly sentinels: ReadonlyArray<{ readonly client: EventEmitter }> } | null
  const inside = client as unknown as { readonly connector: { readonly failoverDetector: Detector }, readonly stream: Socket }
  while (inside.connector.failoverDetector === null) await client.ping()
  const [{ client: sentinel }] = inside.connector.failoverDetector.sentinels as [{ client: EventEmitter }]
  let ended = false
  client.once('end', () => { ended = true })
  client.once('connecting', () => sentinel.emit('message', '+switch-master', 'as the Sentinel says it'))
  inside.stream.destroy()
  await once(client, 'connecting')
  t.equal(await client.ping(), 'PONG')
  t.notOk(ended)
})

t.test('what a master refuses because it has become a replica is sent again', async (t) => {
  const redis = await startRedis()
  if (redis === undefined) {
    t.pass('nothing to test', NO_REDIS)
    return
  }
  t.teardown(async () => await redis.stop())
  const { client } = connect(t, redis.url)
  const { client: operator } = connect(t, redis.url)
  await operator.call('replicaof', '127.0.0.1', String(await findFreePort()))
  const written = client.set('key', 'value')
  await once(client, 'reconnecting')
  await operator.call('replicaof', 'no', 'one')
  t.equal(await written, 'OK')
})

t.test('rate limits are counted together on a cluster, and keep nobody out when a node is gone', async (t) => {
  const cluster = await startCluster(t)
  if (cluster === undefined) {
    t.pass('nothing to test', NO_REDIS)
    return
  }
  const apps = await Promise.all([1, 2].map(async () => await countingApp(t, cluster.url)))
  const call = async (at: number): Promise<number> => (await apps[at % 2]!.inject({ url: '/', remoteAddress: '10.0.0.1' })).statusCode
  const answers: number[] = []
  for (let at = 0; at < 8; at++) answers.push(await call(at))
  t.strictSame(answers, [200, 200, 200, 200, 200, 429, 429, 429])
  await cluster.killHolder('test:10.0.0.1')
  t.equal(await call(0), 200)
  t.equal(await call(1), 200)
})

/** An app that lets five requests a minute through. */
async function countingApp (t: Test, url: string): Promise<FastifyInstance> {
  const redis = connectRateRedis({ url, log: silentLog })
  t.teardown(() => redis.disconnect())
  await once(redis, 'ready')
  const app = fastify()
  t.teardown(async () => await app.close())
  await app.register(rateLimit, { max: 5, timeWindow: 60_000, redis, nameSpace: 'test:', skipOnError: true })
  app.get('/', async () => 'in')
  return app
}
