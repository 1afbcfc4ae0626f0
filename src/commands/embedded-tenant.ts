import { hashEnrollmentToken } from '../devices/enroll-device.js'
import type { EnrolledDevice } from '../devices/enroll-device.js'
import { provisionTenant } from '../intune/provision-tenant.js'
import { resyncTenant } from '../intune/resync-tenant.js'
import { hashApiKey } from '../operators/api-keys.js'
import { setUpIntune } from '../onboarding/setup/setup-intune.js'
import type { SetupWish } from '../onboarding/setup/wish.js'
import { openDatabase } from '../platform/database.js'
import { inTenant } from '../platform/tenant-scope.js'
import type { EmbeddedCredentials } from './embedded-credentials.js'
import type { Installation } from './installation.js'
import { putToSimulator, seedSimulatedTenant, SIMULATED_USER } from './simulated-tenant.js'
import type { SimulatorAddress } from './start-simulator.js'

const NAME = 'Demo'
const ACTOR = 'embedded defaults'
const BULK = 5_000

/**
 * Makes the tenant of the embedded defaults, here and at the simulator. The simulator keeps
 * nothing, so it learns the phones of an earlier run again, and their states are sent again.
 */
export async function seedEmbeddedTenant ({ databaseUrl, queues, log }: Pick<Installation, 'queues' | 'log'> & { readonly databaseUrl: string }, simulator: SimulatorAddress, credentials: EmbeddedCredentials): Promise<void> {
  // As whoever installs Sallyport: no role may make keys of its own choosing.
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1, applicationName: 'sallyport seed' })
  try {
    await seed({ db, queues, log }, simulator, credentials)
  } finally {
    await db.destroy()
  }
}

async function seed ({ db, queues, log }: Pick<Installation, 'db' | 'queues' | 'log'>, simulator: SimulatorAddress, credentials: EmbeddedCredentials): Promise<void> {
  const { tenantId, entraTenantId, operatorToken, enrollmentToken, intuneClientId, intuneClientSecret } = credentials
  await db.transaction().execute(async (tx) => {
    await tx.insertInto('tenant').values({ id: tenantId, name: NAME, entra_tenant_id: entraTenantId }).onConflict((conflict) => conflict.doNothing()).execute()
    await tx.insertInto('api_key').values({ name: 'embedded', role: 'platform-admin', tenant_id: null, key_hash: hashApiKey(operatorToken) })
      .onConflict((conflict) => conflict.doNothing()).execute()
    await tx.insertInto('enrollment_token').values({ tenant_id: tenantId, token_hash: hashEnrollmentToken(enrollmentToken), label: 'embedded' })
      .onConflict((conflict) => conflict.doNothing()).execute()
  })

  await seedSimulatedTenant(simulator, { entraTenantId, name: NAME, clientId: intuneClientId, clientSecret: intuneClientSecret })
  const phones = await db.selectFrom('device').select(['entra_device_id', 'platform']).where('tenant_id', '=', tenantId).where('retired_at', 'is', null).execute()
  for (let at = 0; at < phones.length; at += BULK) {
    await putToSimulator(simulator, `/_sim/tenants/${entraTenantId}/devices`, phones.slice(at, at + BULK).map((phone) => ({
      entraDeviceId: phone.entra_device_id, platform: phone.platform, userId: SIMULATED_USER
    })))
  }
  await db.updateTable('intune_connector').set({ state: 'not-provisioned' }).where('tenant_id', '=', tenantId).execute()
  if (phones.length > 0) await resyncTenant({ db, log, sync: queues.producer('sync') }, { tenantId, actor: ACTOR })
}

/** What an administrator would wish; the app is nobody's, and the limit that of the simulated tenant's policy. */
const WISH: SetupWish = {
  android: { packageId: 'com.example.sallyport', limit: 'low' },
  ios: { bundleId: 'com.example.sallyport', storeUrl: 'https://apps.apple.com/app/id0000000000', limit: 'low' }
}

/** Connects the tenant and sets the simulated Intune up as an administrator would, beside everything else: nothing waits for it. */
export function setUpEmbeddedTenant ({ dbAs, queues, intune, log, config, publicUrl, lifecycle }: Installation, { tenantId }: EmbeddedCredentials): void {
  const deps = { db: dbAs('operator'), intune, log, publicUrl: publicUrl.value, connectorId: config.INTUNE_CONNECTOR_ID }
  const done = inTenant(tenantId, async () => await provisionTenant({ ...deps, sync: queues.producer('sync') }, { tenantId, actor: ACTOR })
    .then(async () => await setUpIntune(deps, { tenantId, actor: ACTOR, wish: WISH, plan: false, undo: false, acceptConflicts: false })))
    .catch((error: unknown) => log.warn({ err: error }, 'the simulated Intune was not set up'))
  lifecycle.onStop('setting Intune up', async () => { await done })
}

/** Does for a phone what its enrolment in device management does in real life: makes it known to Intune. */
export function connectSimulator (simulator: SimulatorAddress, { entraTenantId }: EmbeddedCredentials): (device: EnrolledDevice) => Promise<void> {
  return async ({ entraDeviceId, platform, osVersion, manufacturer, model }) => {
    await putToSimulator(simulator, `/_sim/tenants/${entraTenantId}/devices/${entraDeviceId}`, {
      platform,
      userId: SIMULATED_USER,
      ...(osVersion === null ? {} : { osVersion }),
      ...(manufacturer === null ? {} : { manufacturer }),
      ...(model === null ? {} : { model })
    })
  }
}
