import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { loadConfig } from '../config.js'
import { createTenant, hasTenant } from '../operators/tenants.js'
import { openDatabase } from '../platform/database.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { recordAudit } from '../platform/record-audit.js'
import { openEmbedded } from './open-database.js'
import { seedDatabase } from './seed-database/seed-database.js'

const ACTOR = 'command line'

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
    const databaseUrl = config.DATABASE_URL ?? (await openEmbedded(resolve(dataDir), log, lifecycle)).url
    await migrate({ databaseUrl, rolePrefix: config.DATABASE_ROLE_PREFIX, log })
    const tenantId = await prepareTenant(databaseUrl, tenant, phones)
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
}

/**
 * Whose phones they are to be, with a line in the audit. On a connection that is closed again: nobody else may be connected where the
 * indexes are to be built at the end. @throws when there is no such tenant
 */
async function prepareTenant (databaseUrl: string, tenant: string | undefined, phones: number): Promise<string> {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1, applicationName: 'sallyport seed' })
  try {
    if (tenant !== undefined && !await hasTenant({ db }, tenant)) throw new Error(`there is no tenant ${tenant}`)
    const tenantId = tenant ?? (await createTenant({ db }, { name: 'Made-up phones', entraTenantId: randomUUID(), actor: ACTOR })).tenantId
    await recordAudit(db, { tenantId, actor: ACTOR, action: 'fleet.seeded', detail: { phones } })
    return tenantId
  } finally {
    await db.destroy()
  }
}
