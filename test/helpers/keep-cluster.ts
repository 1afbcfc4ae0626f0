import { rmSync, writeFileSync } from 'node:fs'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'
import { migrate } from '../../src/platform/migrate.js'
import { isAlive } from '../../src/platform/process-identity.js'
import { type Cluster, clusterFileOf, TEMPLATE } from './cluster.js'
import { silentLog } from './log.js'

const runPid = Number(process.argv[2])
const file = clusterFileOf(runPid)

const postgres = await startEmbeddedPostgres({ log: silentLog, programs: process.env.POSTGRES_PROGRAMS, settings: { max_connections: '300' } })
const stop = (): void => {
  rmSync(file, { force: true })
  postgres.stop().then(() => process.exit(0), () => process.exit(1))
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
// A run that is killed never comes to its teardown.
setInterval(() => { if (!isAlive(runPid)) stop() }, 1_000)

const client = new pg.Client({ connectionString: postgres.url })
await client.connect()
await client.query(`create database ${TEMPLATE}`)
await client.end()
await migrate({ databaseUrl: postgres.url.replace(/\/[^/]*$/, `/${TEMPLATE}`) })

const cluster: Cluster = { url: postgres.url, keeperPid: process.pid }
writeFileSync(file, JSON.stringify(cluster), { mode: 0o600 })
process.stdout.write('ready\n')
