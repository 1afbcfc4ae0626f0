import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'
import { migrate } from '../../src/platform/migrate.js'
import { type Cluster, TEMPLATE } from './cluster.js'
import { silentLog } from './log.js'

/** However a test run ends, its cluster does not outlive it for long. */
const LIMIT_MS = 30 * 60 * 1000

const postgres = await startEmbeddedPostgres({ log: silentLog, settings: { max_connections: '300' } })
const stop = (): void => {
  postgres.stop().then(() => process.exit(0), () => process.exit(1))
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
setTimeout(stop, LIMIT_MS)

const client = new pg.Client({ connectionString: postgres.url })
await client.connect()
await client.query(`create database ${TEMPLATE}`)
await client.end()
await migrate({ databaseUrl: postgres.url.replace(/\/[^/]*$/, `/${TEMPLATE}`) })

const cluster: Cluster = { url: postgres.url, keeperPid: process.pid }
process.stdout.write(JSON.stringify(cluster) + '\n')
