import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { loadConfig } from '../config.js'
import { createTenant } from '../operators/tenants.js'
import { openDatabase } from '../platform/database.js'
import { startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import { FolderInUseError } from '../platform/folder-lock.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { readRunning } from './running-file.js'
import { seedDatabase } from './seed-database/seed-database.js'

interface Options { seedDatabase: number, tenant?: string, dataDir?: string, json?: boolean }

/**
 * `sallyport simulate fleet --seed-database N`: made-up phones into the database that the
 * environment names, else into the embedded one of the data folder, running or not. Without a
 * tenant they get one of their own.
 */
export async function runSeedDatabase (options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const { seedDatabase: phones, tenant, dataDir = 'data' } = options
  const faults = [
    ...(Number.isInteger(phones) && phones > 0 ? [] : ['--seed-database must be a whole number above 0']),
    ...(tenant === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(tenant) ? [] : ['--tenant must be a GUID'])
  ]
  if (faults.length > 0) throw new Error(faults.join('\n'))
  const config = loadConfig(env)
  const log = createLogger({ level: env.LOG_LEVEL === undefined || env.LOG_LEVEL === '' ? 'warn' : config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  try {
    const databaseUrl = config.DATABASE_URL ?? await openEmbedded(resolve(dataDir))
    await migrate({ databaseUrl, rolePrefix: config.DATABASE_ROLE_PREFIX, log })
    const tenantId = tenant ?? await addTenant(databaseUrl)
    const result = await seedDatabase({
      databaseUrl,
      phones,
      tenantId,
      log,
      onProgress: (done) => { if (done % 50_000 === 0) process.stderr.write(`${done} of ${phones}\n`) }
    })
    process.stdout.write(options.json === true
      ? JSON.stringify({ tenantId, ...result }) + '\n'
      : `${result.phones} phones of tenant ${tenantId} in ${result.seconds.toFixed(1)} s\n`)
  } finally {
    await lifecycle.stop()
  }

  async function openEmbedded (folder: string): Promise<string> {
    const running = await readRunning(folder)
    if (running !== undefined) {
      if (running.databaseUrl === undefined) throw new Error(`the installation of ${folder} does not tell where its database is; stop it, or set DATABASE_URL`)
      return running.databaseUrl
    }
    try {
      const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), log })
      lifecycle.onStop('postgres', async () => await postgres.stop())
      return postgres.url
    } catch (error) {
      if (error instanceof FolderInUseError) throw new Error(`the data folder is in use by process ${error.pid}, which is just starting or stopping; try again`)
      throw error
    }
  }
}

/** On a connection that is closed again: nobody else may be connected where the indexes are to be built at the end. */
async function addTenant (databaseUrl: string): Promise<string> {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1, applicationName: 'sallyport seed' })
  try {
    return (await createTenant({ db }, { name: 'Made-up phones', entraTenantId: randomUUID(), actor: 'command line' })).tenantId
  } finally {
    await db.destroy()
  }
}
