import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { type StartedRedis, startRedis } from '../../bench/redis-server.js'
import { findFreePort } from '../../src/platform/free-port.js'

/** Servers that stand in for each other. */
export interface RedisGroup {
  readonly url: string
  /** Kills the master; resolves when another has taken its place. */
  failOver (): Promise<void>
}

const PASSWORD = 'not-a-secret/of@anybody'
const MASTER_NAME = 'sallyport-master'
/** How long a server may be silent before the others choose another: short, so that the tests are. */
const SILENCE_MS = 1_000
const READY_MS = 60_000
const SLOTS = 16_384

/** A master, its replica and a Sentinel, all with a password; undefined when there is no Redis here. */
export async function startSentinel (t: Test): Promise<RedisGroup | undefined> {
  const authentication = ['--requirepass', PASSWORD, '--masterauth', PASSWORD]
  const master = await start(t, authentication)
  if (master === undefined) return undefined
  const replica = (await start(t, [...authentication, '--replicaof', '127.0.0.1', String(master.port)]))!
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-sentinel-'))
  t.teardown(async () => await rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'sentinel.conf')
  await writeFile(file, [
    'sentinel resolve-hostnames no',
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${master.port} 1`,
    `sentinel auth-pass ${MASTER_NAME} ${PASSWORD}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${SILENCE_MS}`,
    `sentinel failover-timeout ${MASTER_NAME} ${SILENCE_MS * 10}`,
    ''
  ].join('\n'))
  const sentinel = (await startRedis({ file, args: ['--sentinel'] }))!
  t.teardown(async () => await sentinel.stop())
  const ask = connect(t, sentinel)
  await until(async () => {
    const replicas = await ask.call('sentinel', 'replicas', MASTER_NAME) as string[][]
    return replicas.some((one) => one[one.indexOf('port') + 1] === String(replica.port) && one[one.indexOf('master-link-status') + 1] === 'ok')
  }, 'the Sentinel knows the replica')
  return {
    url: `redis+sentinel://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${sentinel.port}/${MASTER_NAME}/1`,
    async failOver () {
      await master.stop()
      await until(async () => Number((await ask.call('sentinel', 'get-master-addr-by-name', MASTER_NAME) as string[])[1]) === replica.port, 'the replica is the master')
    }
  }
}

export interface RedisCluster extends RedisGroup {
  /** How many masters have any key. */
  nodesWithKeys (): Promise<number>
  /** Kills the master that has this key, for good. */
  killHolder (key: string): Promise<void>
}

interface Node { readonly server: StartedRedis, readonly busPort: number, readonly ask: Redis }

/**
 * Three masters, and where a key is given a replica of the one that has it; undefined when there is no Redis
 * here. One of them is named in the address: the others tell of themselves.
 */
export async function startCluster (t: Test, { replicaOf }: { readonly replicaOf?: string } = {}): Promise<RedisCluster | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-cluster-'))
  t.teardown(async () => await rm(folder, { recursive: true, force: true }))
  const startNode = async (): Promise<Node | undefined> => {
    const busPort = await findFreePort()
    const server = await start(t, ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-config-file', join(folder, `${busPort}.conf`), '--cluster-node-timeout', String(SILENCE_MS)])
    return server && { server, busPort, ask: connect(t, server) }
  }
  const first = await startNode()
  if (first === undefined) return undefined
  const masters = [first, (await startNode())!, (await startNode())!]
  const share = Math.ceil(SLOTS / masters.length)
  await Promise.all(masters.map(async ({ ask }, at) => await ask.call('cluster', 'addslotsrange', String(at * share), String(Math.min(SLOTS, (at + 1) * share) - 1))))
  await meet(masters)
  const holderOf = async (key: string): Promise<Node> => masters[Math.floor(await first.ask.cluster('KEYSLOT', key) / share)]!

  const replica = replicaOf === undefined ? undefined : (await startNode())!
  if (replica !== undefined) {
    await meet([...masters, replica])
    await replica.ask.cluster('REPLICATE', await (await holderOf(replicaOf!)).ask.cluster('MYID') as string)
    await until(async () => (await replica.ask.info('replication')).includes('master_link_status:up'), 'the replica has the data')
  }
  return {
    url: `redis+cluster://127.0.0.1:${first.server.port}`,
    async failOver () {
      await (await holderOf(replicaOf!)).server.stop()
      await until(async () => (await replica!.ask.info('replication')).includes('role:master'), 'the replica is a master')
      await until(async () => (await replica!.ask.cluster('INFO') as string).includes('cluster_state:ok'), 'the cluster is whole again')
    },
    nodesWithKeys: async () => (await Promise.all(masters.map(async ({ ask }) => await ask.dbsize()))).filter((keys) => keys > 0).length,
    killHolder: async (key) => await (await holderOf(key)).server.stop()
  }
}

/** Makes one cluster of these nodes. */
async function meet (nodes: readonly Node[]): Promise<void> {
  const [first, ...others] = nodes
  for (const { server, busPort } of others) await first!.ask.cluster('MEET', '127.0.0.1', server.port, busPort)
  await until(async () => {
    const all = await Promise.all(nodes.map(async ({ ask }) => await ask.cluster('INFO') as string))
    return all.every((info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`))
  }, 'the cluster is whole')
}

async function start (t: Test, args: readonly string[]): Promise<StartedRedis | undefined> {
  const server = await startRedis({ args })
  if (server !== undefined) t.teardown(async () => await server.stop())
  return server
}

function connect (t: Test, { port }: StartedRedis): Redis {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: false })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  return client
}

async function until (condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + READY_MS; !await condition().catch(() => false); await wait(50)) {
    if (Date.now() > deadline) throw new Error(`not in ${READY_MS / 1000} seconds: ${what}`)
  }
}
