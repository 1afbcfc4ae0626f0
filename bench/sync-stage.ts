import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { upsertOutbox } from '../src/devices/outbox-repository.js'
import type { Health } from '../src/devices/health.js'
import type { CallBudget } from '../src/intune/call-budget.js'
import type { CallObserver } from '../src/intune/intune-call.js'
import { createIntuneClient } from '../src/intune/intune-client.js'
import type { SyncTenantDeps, SyncTuning } from '../src/intune/sync-deps.js'
import { createSyncScheduler, type SyncScheduler } from '../src/intune/sync-scheduler.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { migrate } from '../src/platform/migrate.js'
import { startBenchPostgres } from './bench-postgres.js'
import { stopWhenInterrupted } from './interruption.js'
import { startRemote } from './remote.js'
import type { SimulatorApi } from './simulator-process.js'
import { makeDataDir } from './started-sallyport.js'

export interface BenchTenant { readonly tenantId: string, readonly entraTenantId: string }

export interface SyncOptions {
  readonly budget?: CallBudget
  readonly tuning?: Partial<SyncTuning>
  readonly onCall: CallObserver
  readonly onSynced?: SyncTenantDeps['onSynced']
}

/** A database, a simulated Intune in a process of its own, and what tells the one about the other. */
export interface SyncStage {
  readonly db: Database
  readonly simulatorPid: number
  makeTenant (phones: number): Promise<BenchTenant>
  /** Another state is wanted for all phones of these tenants, as scoring would want it. */
  want (tenants: readonly BenchTenant[], health: Health): Promise<void>
  /** Another state is wanted for one phone. */
  wantOne (tenant: BenchTenant): Promise<void>
  startSync (options: SyncOptions): SyncScheduler
  /** Phones that Intune holds another state of than is wanted. */
  countDifferent (tenants: readonly BenchTenant[]): Promise<number>
  stop (): Promise<void>
}

const CLIENT_SECRET = 'not-a-secret-of-anybody'
const ROWS_AT_ONCE = 5_000
const PAGE = 10_000

export async function setSyncStage ({ processingDelayMs }: { readonly processingDelayMs: number }): Promise<SyncStage> {
  const dataDir = await makeDataDir()
  const log = createLogger({ level: 'error' })
  const clientId = randomUUID()
  const postgres = await startBenchPostgres({ dataDir: join(dataDir, 'postgres'), log })
  const simulator = startRemote<SimulatorApi>('simulator-process')
  await migrate({ databaseUrl: postgres.url, log })
  const db = openDatabase({ connectionString: postgres.url, maxConnections: 12, applicationName: 'bench' })
  const { httpUrl, httpsUrl, caCertificatePem } = await simulator.call('start', undefined)
  const observer: { onCall: CallObserver } = { onCall: () => {} }
  // One for all that is measured, as a worker has one: tokens and addresses of services are known after the first message of a tenant.
  const { partner, close: closeIntune } = createIntuneClient({
    authorityHost: httpsUrl,
    graphBaseUrl: httpsUrl,
    resource: 'https://api.manage.microsoft.com/',
    endpointHosts: [new URL(httpsUrl).hostname],
    clientId,
    clientSecret: CLIENT_SECRET,
    extraCaPem: caCertificatePem,
    wire: { entityType: 5, healthField: 'HealthState', deviceApiVersion: '1.2', tenantApiVersion: '1.6' },
    log,
    onCall: (call) => observer.onCall(call)
  })

  async function control (method: 'GET' | 'PUT', path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${httpUrl}/_sim${path}`, { method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return await answer.json()
  }

  async function entraIdsOf ({ tenantId }: BenchTenant): Promise<Map<string, string>> {
    const { rows } = await sql<{ id: string, health: string }>`
      select d.entra_device_id as id, s.desired_health as health from device d join device_state s on s.device_id = d.id where d.tenant_id = ${tenantId}`.execute(db)
    return new Map(rows.map(({ id, health }) => [id, health]))
  }

  return {
    db,
    simulatorPid: simulator.pid,

    async makeTenant (phones) {
      const entraTenantId = randomUUID()
      const { id: tenantId } = await db.insertInto('tenant').values({ name: 'Bench', entra_tenant_id: entraTenantId }).returning('id').executeTakeFirstOrThrow()
      const tenant = { tenantId, entraTenantId }
      await control('PUT', `/tenants/${entraTenantId}`, {
        clients: [{ clientId, secret: CLIENT_SECRET, roles: { graph: ['Application.Read.All'], intune: ['update_device_health'] } }],
        connector: { androidEnabled: true },
        partner: { processingDelayMs }
      })
      // A merged state of the size of a real one: it is written anew with each acknowledgement.
      await sql`
        with made as (
          insert into device (tenant_id, entra_device_id, platform, public_key) select ${tenantId}, gen_random_uuid(), 'android', '{}' from generate_series(1, ${phones}::integer) returning id
        )
        insert into device_state (device_id, tenant_id, state) select id, ${tenantId}, jsonb_build_object('filling', repeat(md5(id::text), 30)) from made`.execute(db)
      const ids = [...(await entraIdsOf(tenant)).keys()]
      await control('PUT', `/tenants/${entraTenantId}/devices`, ids.map((entraDeviceId) => ({ entraDeviceId, platform: 'android' })))
      return tenant
    },

    async want (tenants, health) {
      for (const { tenantId } of tenants) {
        const rows = await db.updateTable('device_state').set((eb) => ({ desired_health: health, desired_version: eb('desired_version', '+', 1) }))
          .where('tenant_id', '=', tenantId).returning(['device_id', 'desired_version']).execute()
        for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
          await db.transaction().execute(async (tx) => await upsertOutbox(tx, rows.slice(at, at + ROWS_AT_ONCE).map((row) => ({ deviceId: row.device_id, tenantId, version: row.desired_version, health })), new Date()))
        }
      }
    },

    async wantOne ({ tenantId }) {
      await db.transaction().execute(async (tx) => {
        const { rows } = await sql<{ device_id: string, desired_version: number, desired_health: Health }>`
          update device_state set desired_version = desired_version + 1, desired_health = case desired_health when 'secured' then 'highSeverity' else 'secured' end
          where device_id = (select device_id from device_state where tenant_id = ${tenantId} order by random() limit 1)
          returning device_id, desired_version, desired_health`.execute(tx)
        await upsertOutbox(tx, rows.map((row) => ({ deviceId: row.device_id, tenantId, version: row.desired_version, health: row.desired_health })), new Date())
      })
    },

    startSync ({ budget, tuning, onCall, onSynced }) {
      observer.onCall = onCall
      const intune = { partner, ...(budget === undefined ? {} : { budget }) }
      return createSyncScheduler({ db, intune, log, publicUrl: 'https://mtd.example', ...(tuning === undefined ? {} : { tuning }), ...(onSynced === undefined ? {} : { onSynced }) })
    },

    async countDifferent (tenants) {
      let different = 0
      for (const tenant of tenants) {
        const wanted = await entraIdsOf(tenant)
        for (let cursor: string | null = '0'; cursor !== null;) {
          const page = await control('GET', `/tenants/${tenant.entraTenantId}/devices?limit=${PAGE}&cursor=${cursor}`) as { items: Array<{ entraDeviceId: string, threatState: string }>, nextCursor: string | null }
          for (const { entraDeviceId, threatState } of page.items) if (wanted.get(entraDeviceId.toLowerCase()) !== threatState) different++
          cursor = page.nextCursor
        }
      }
      return different
    },

    stop: stopWhenInterrupted(async () => {
      await closeIntune()
      await db.destroy()
      await simulator.stop()
      await postgres.stop()
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
    })
  }
}
