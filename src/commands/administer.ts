import { loadConfig } from '../config.js'
import { listSigningKeys, retireSigningKey, rotateSigningKey } from '../devices/signing-key-repository.js'
import { createEnrollmentToken } from '../operators/enrollment-tokens.js'
import { createTenant, listTenants } from '../operators/tenants.js'
import { type Database, openDatabase } from '../platform/database.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { requireDatabaseUrl } from './installation.js'
import { secretsOf } from './subscription-parts.js'

/** The commands that change the database and end. Their answer is JSON on standard output. */
export const ACTOR = 'command line'
const DAY_MS = 24 * 60 * 60 * 1000

export async function runMigrate (env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(env, ['DATABASE_URL'])
  const applied = await migrate({ databaseUrl: requireDatabaseUrl(config), rolePrefix: config.DATABASE_ROLE_PREFIX, log: createLogger({ level: config.LOG_LEVEL }) })
  print({ applied })
}

export async function runCreateTenant (options: { name: string, entraTenantId: string }, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('--entra-tenant-id', options.entraTenantId)
  await withDatabase(env, async (db) => print(await createTenant({ db }, { ...options, entraTenantId: options.entraTenantId.toLowerCase(), actor: ACTOR })))
}

export async function runListTenants (env: NodeJS.ProcessEnv): Promise<void> {
  await withDatabase(env, async (db) => print(await listTenants({ db })))
}

export async function runCreateEnrollmentToken (options: { tenant: string, label: string, platform?: string, maxUses?: number, days: number }, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('--tenant', options.tenant)
  const { tenant: tenantId, label, maxUses, platform } = options
  if (platform !== undefined && !isPlatform(platform)) throw new Error('--platform must be android, ios or ipados')
  await withDatabase(env, async (db) => print(await createEnrollmentToken({ db }, { tenantId, label, maxUses, platform, expiresAt: inDays(options.days), actor: ACTOR })))
}

export async function runListSigningKeys (env: NodeJS.ProcessEnv): Promise<void> {
  await withDatabase(env, async (db) => print(await listSigningKeys(db)))
}

export async function runRotateSigningKey (env: NodeJS.ProcessEnv): Promise<void> {
  await withDatabase(env, async (db) => print({ id: await rotateSigningKey({ db, secrets: secretsOf(loadConfig(env)) }, { actor: ACTOR }) }))
}

export async function runRetireSigningKey (id: string, { now = false }: { now?: boolean }, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('the id', id)
  await withDatabase(env, async (db) => print(await retireSigningKey({ db, secrets: secretsOf(loadConfig(env)) }, { id: id.toLowerCase(), now, actor: ACTOR })))
}

export async function withDatabase (env: NodeJS.ProcessEnv, work: (db: Database) => Promise<void>): Promise<void> {
  const db = openDatabase({ connectionString: requireDatabaseUrl(loadConfig(env, ['DATABASE_URL'])), maxConnections: 2, applicationName: 'sallyport command' })
  try {
    await work(db)
  } finally {
    await db.destroy()
  }
}

const isPlatform = (text: string): text is 'android' | 'ios' | 'ipados' => ['android', 'ios', 'ipados'].includes(text)
export const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS)

export function requireGuid (option: string, text: string): void {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new Error(`${option} must be a GUID`)
}

export function print (answer: object): void {
  process.stdout.write(JSON.stringify(answer, null, 2) + '\n')
}
