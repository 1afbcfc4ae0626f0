import { resolve } from 'node:path'
import { loadConfig } from '../config.js'
import { type FieldFault, InvalidInputError } from '../errors.js'
import { type ConsentLink, createConsentLink } from '../onboarding/consent.js'
import type { ConsentApp } from '../onboarding/consent-repository.js'
import type { Diagnosis } from '../onboarding/doctor/check.js'
import { diagnoseInstallation } from '../onboarding/doctor/diagnose-installation.js'
import { diagnoseTenant } from '../onboarding/doctor/diagnose-tenant.js'
import { type SetupAnswer, setUpIntune } from '../onboarding/setup/setup-intune.js'
import type { SetupWish } from '../onboarding/setup/wish.js'
import { createLogger } from '../platform/log.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { openDatabase } from '../platform/database.js'
import { appsOf, openIntune } from './installation.js'
import { tenantOf } from './open-database.js'
import { signInProbeOf } from './operator-parts.js'
import { readRunning, type RunningInstallation } from './running-file.js'

const ACTOR = 'command line'

export interface SetupRequest {
  readonly wish?: SetupWish | undefined
  readonly plan: boolean
  readonly undo: boolean
  readonly acceptConflicts: boolean
}

/** What the commands about a tenant's Microsoft side do. `tenant` undefined: the only one there is. */
export interface Onboarding {
  connect (tenant: string | undefined, app: ConsentApp): Promise<ConsentLink>
  /** `entraTenantId`: what the new customer must turn out to be. */
  invite (name: string, entraTenantId?: string): Promise<ConsentLink>
  diagnose (tenant: string | undefined): Promise<Diagnosis>
  diagnoseInstallation (): Promise<Diagnosis>
  setUp (tenant: string | undefined, request: SetupRequest): Promise<SetupAnswer>
}

/**
 * On the database and the Entra app that the environment names; without a database, through the API of the embedded
 * installation that serves the data folder: only that one knows its Intune. @throws naming what is missing
 */
export async function withOnboarding (env: NodeJS.ProcessEnv, folder: string | undefined, work: (onboarding: Onboarding) => Promise<void>): Promise<void> {
  const running = loadConfig(env).DATABASE_URL === undefined ? await readRunning(resolve(folder ?? 'data')) : undefined
  if (running !== undefined) return await work(onApi(running))
  const config = loadConfig(env, ['DATABASE_URL', 'INTUNE_CLIENT_ID'])
  const log = createLogger({ level: env.LOG_LEVEL === undefined || env.LOG_LEVEL === '' ? 'error' : config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  try {
    const db = openDatabase({ connectionString: config.DATABASE_URL!, maxConnections: 3, applicationName: 'sallyport command' })
    lifecycle.onStop('database', async () => await db.destroy())
    const intune = await openIntune(config, log)
    lifecycle.onStop('Intune client', async () => await intune.close())
    const publicUrl = config.PUBLIC_URL ?? `http://${config.HOST}:${config.PORT}`
    const deps = { db, intune, log, publicUrl, connectorId: config.INTUNE_CONNECTOR_ID }
    await work({
      connect: async (tenant, app) => await createConsentLink(deps, { tenantId: await tenantOf(db, tenant), app, actor: ACTOR }),
      invite: async (name, entraTenantId) => await createConsentLink(deps, { newTenantName: name, entraTenantId, actor: ACTOR }),
      diagnose: async (tenant) => await diagnoseTenant(deps, { tenantId: await tenantOf(db, tenant) }),
      diagnoseInstallation: async () => await diagnoseInstallation({ db, publicUrl, apps: appsOf(config), redisUrl: config.REDIS_URL, askEntraTime: intune.askEntraTime, askSignIn: signInProbeOf(config) }),
      setUp: async (tenant, request) => await setUpIntune(deps, { ...request, wish: request.wish, tenantId: await tenantOf(db, tenant), actor: ACTOR })
    })
  } catch (error) {
    if (error instanceof InvalidInputError) throw new Error(listFaults(error.message, error.faults))
    throw error
  } finally {
    await lifecycle.stop()
  }
}

function onApi ({ api, operatorToken }: RunningInstallation): Onboarding {
  async function ask<T> (method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${api}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${operatorToken}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const result = await answer.json() as T & { detail?: string, errors?: FieldFault[] }
    if (!answer.ok) throw new Error(listFaults(result.detail ?? `the API answered ${answer.status}`, result.errors))
    return result
  }
  async function path (tenant: string | undefined, rest: string): Promise<string> {
    if (tenant !== undefined) return `tenants/${encodeURIComponent(tenant)}/${rest}`
    const { items } = await ask<{ items: Array<{ tenantId: string }> }>('GET', 'tenants?limit=2')
    if (items.length !== 1) throw new Error(`--tenant is needed: there ${items.length === 0 ? 'is no tenant' : 'are several tenants'}`)
    return `tenants/${items[0]!.tenantId}/${rest}`
  }
  return {
    connect: async (tenant, app) => await ask('POST', await path(tenant, 'connector/consent'), { app }),
    invite: async (name, entraTenantId) => await ask('POST', 'onboarding/consent', { name, ...(entraTenantId === undefined ? {} : { entraTenantId }) }),
    diagnose: async (tenant) => await ask('GET', await path(tenant, 'connector/doctor')),
    diagnoseInstallation: async () => await ask('GET', 'onboarding/doctor'),
    setUp: async (tenant, { wish, ...rest }) => await ask('POST', await path(tenant, 'intune/admin-setup'), { ...rest, ...(wish === undefined ? {} : { wish }) })
  }
}

const listFaults = (message: string, faults: readonly FieldFault[] = []): string => [message, ...faults.map(({ path, message }) => `  ${path}: ${message}`)].join('\n')
