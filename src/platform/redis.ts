import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { readRedisUrl } from '../redis-url.js'
import { PatientSentinelConnector } from './sentinel-connector.js'

/** BullMQ and @fastify/rate-limit take both alike. */
export type RedisClient = Redis | Cluster

export interface ConnectRedisOptions {
  /** Of the connection to each server. */
  readonly connection: Pick<RedisOptions, 'maxRetriesPerRequest' | 'enableOfflineQueue' | 'commandTimeout' | 'connectTimeout'>
  /** What a cluster needs beside or instead. */
  readonly cluster?: Pick<ClusterOptions, 'enableOfflineQueue' | 'maxRedirections' | 'retryDelayOnFailover' | 'retryDelayOnClusterDown'>
  /** Whatever the server or one of its nodes says; the client goes on trying. */
  readonly onError: (error: Error) => void
}

/** Before all Sentinels are asked again. */
const SENTINEL_PAUSE_MS = 250

/** Reconnect, and send again what it refused: our master has become a replica. */
const isDemoted = ({ message }: Error): false | 2 => message.includes('READONLY') ? 2 : false

/**
 * Connects to what `REDIS_URL` names: a server, the master that Sentinels know, or a cluster. Goes on trying for ever.
 * @throws when the address is faulty or its caFile cannot be read
 */
export function connectRedis (url: string, { connection, cluster, onError }: ConnectRedisOptions): RedisClient {
  const { address, faults } = readRedisUrl(url)
  if (faults.length > 0) throw new Error(`REDIS_URL: ${faults.join('; ')}`)
  const { kind, hosts, caFile, username, password, database, masterName, sentinelUsername, sentinelPassword } = address
  // Authorities that are named would replace those that Node knows.
  const tls = address.tls ? { tls: caFile === undefined ? {} : { ca: [...rootCertificates, readFileSync(caFile, 'utf8')] } } : {}
  const common: RedisOptions = {
    ...connection,
    ...tls,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password })
  }
  if (kind === 'cluster') {
    const client = new Cluster([...hosts], {
      ...cluster,
      redisOptions: common,
      // Certificates are for names; to look them up first would leave addresses to compare.
      ...(address.tls ? { dnsLookup: (name, done) => done(null, name) } : {})
    })
    client.on('error', onError)
    client.on('node error', onError)
    return client
  }
  const server: RedisOptions = { ...common, db: database, reconnectOnError: isDemoted }
  const client = kind === 'single'
    ? new Redis({ ...server, ...hosts[0]! })
    : new Redis({
      ...server,
      sentinels: hosts.map((one) => ({ ...one })),
      name: masterName!,
      Connector: PatientSentinelConnector,
      // Hears of a failover at once, even when the old master still holds the connection.
      failoverDetector: true,
      sentinelRetryStrategy: () => SENTINEL_PAUSE_MS,
      ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      ...(address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls.tls } : {})
    })
  client.on('error', onError)
  return client
}
