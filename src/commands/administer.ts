import { resolve } from 'node:path'
import { loadConfig } from '../config.js'
import { listSigningKeys, retireSigningKey, rotateSigningKey } from '../devices/signing-key-repository.js'
import { createEnrollmentToken } from '../operators/enrollment-tokens.js'
import { createTenant, listTenants } from '../operators/tenants.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { openCommandSecrets } from './command-secrets.js'
import { requireDatabaseUrl } from './installation.js'
import { openEmbedded, withStore } from './open-database.js'

/** The commands that change the database and end. Their answer is JSON on standard output. */
export const ACTOR = 'command line'
const DAY_MS = 24 * 60 * 60 * 1000

export interface StoreOptions {
  /** Data folder of the embedded installation, where the environment names no database. */
  readonly dataDir?: string
}

/** `sallyport migrate`. The database must be named: nobody is to get a new one because a setting is missing. */
export async function runMigrate ({ dataDir }: StoreOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(env, dataDir === undefined ? ['DATABASE_URL'] : [])
  const log = createLogger({ level: config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  try {
    const databaseUrl = dataDir === undefined || config.DATABASE_URL !== undefined ? requireDatabaseUrl(config) : (await openEmbedded(resolve(dataDir), log, lifecycle)).url
    print({ applied: await migrate({ databaseUrl, rolePrefix: config.DATABASE_ROLE_PREFIX, log }) })
  } finally {
    await lifecycle.stop()
  }
}

export async function runCreateTenant (options: StoreOptions & { name: string, entraTenantId: string }, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('--entra-tenant-id', options.entraTenantId)
  await withStore(env, options.dataDir, async ({ db }) => print(await createTenant({ db }, { name: options.name, entraTenantId: options.entraTenantId.toLowerCase(), actor: ACTOR })))
}

export async function runListTenants ({ dataDir }: StoreOptions, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, dataDir, async ({ db }) => print(await listTenants({ db })))
}

export async function runCreateEnrollmentToken (options: StoreOptions & { tenant: string, label: string, platform?: string, maxUses?: number, days: number }, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('--tenant', options.tenant)
  const { tenant: tenantId, label, maxUses, platform } = options
  if (platform !== undefined && !isPlatform(platform)) throw new Error('--platform must be android, ios or ipados')
  await withStore(env, options.dataDir, async ({ db }) => print(await createEnrollmentToken({ db }, { tenantId, label, maxUses, platform, expiresAt: inDays(options.days), actor: ACTOR })))
}

export async function runListSigningKeys ({ dataDir }: StoreOptions, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, dataDir, async ({ db }) => print(await listSigningKeys(db)))
}

export async function runRotateSigningKey ({ dataDir }: StoreOptions, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(env, dataDir, async ({ db }) => print({ id: await rotateSigningKey({ db, secrets: await openCommandSecrets(env, dataDir) }, { actor: ACTOR }) }))
}

export async function runRetireSigningKey (id: string, { now = false, dataDir }: StoreOptions & { now?: boolean }, env: NodeJS.ProcessEnv): Promise<void> {
  requireGuid('the id', id)
  await withStore(env, dataDir, async ({ db }) => print(await retireSigningKey({ db, secrets: await openCommandSecrets(env, dataDir) }, { id: id.toLowerCase(), now, actor: ACTOR })))
}

const isPlatform = (text: string): text is 'android' | 'ios' | 'ipados' => ['android', 'ios', 'ipados'].includes(text)
export const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS)

export function requireGuid (option: string, text: string): void {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new Error(`${option} must be a GUID`)
}

export function print (answer: object): void {
  process.stdout.write(JSON.stringify(answer, null, 2) + '\n')
}
