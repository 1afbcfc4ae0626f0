import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Database } from '../../../src/platform/database.js'
import { createRequestBudget, INTUNE_BUDGET } from '../../../src/intune/reconcile/request-budget.js'
import { reconcileTenant, type ReconcileDeps, type ReconcileResult, type ReconcileTuning } from '../../../src/intune/reconcile/reconcile-tenant.js'
import { listRounds, requestRound, type RoundSummary } from '../../../src/intune/reconcile/reconciliation-repository.js'
import { createTestDatabase } from '../../helpers/database.js'
import { rememberingProducer } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'
import { startSimulatedIntune, type SimulatedIntune } from '../simulator.js'

export const READ_ROLES = [
  'Application.Read.All', 'DeviceManagementManagedDevices.Read.All', 'DeviceManagementServiceConfig.Read.All', 'Device.Read.All', 'GroupMember.Read.All', 'User.Read.All'
]

export interface Reconciling extends SimulatedIntune {
  readonly db: Database
  readonly deps: ReconcileDeps
  readonly sync: ReturnType<typeof rememberingProducer<'sync'>>
  /** A whole round, however many slices and pauses it takes. */
  round (options?: { readonly isFull?: boolean, readonly tuning?: Partial<ReconcileTuning> }): Promise<RoundSummary>
  /** Enrols phones at Intune. */
  atIntune (devices: ReadonlyArray<{ readonly entraDeviceId: string } & Record<string, unknown>>): Promise<void>
  /** Makes a phone a device here, as enrolment leaves it. */
  enrolHere (device: { readonly entraDeviceId?: string, readonly serialNumber?: string, readonly platform?: string, readonly enrolledAt?: Date }): Promise<{ readonly deviceId: string, readonly entraDeviceId: string }>
  /** Requests to Graph since the test began. */
  requests (path?: string): Promise<ReadonlyArray<{ readonly url: string, readonly method: string, readonly status: number | null }>>
}

/** A tenant at the simulator, with a client that may read it. */
export async function setUpReconciling (t: Test, { roles = READ_ROLES, seed = {}, tuning = {} }: { readonly roles?: readonly string[], readonly seed?: object, readonly tuning?: Partial<ReconcileTuning> } = {}): Promise<Reconciling> {
  const { db } = await createTestDatabase(t)
  const simulated = await startSimulatedIntune(t, db, { connector: { androidEnabled: true, iosEnabled: true, partnerUnresponsivenessThresholdInDays: 7 }, ...seed }, { graph: roles })
  await db.insertInto('intune_connector').values({ tenant_id: simulated.tenantId, state: 'provisioned', provisioned_at: new Date() }).execute()
  const sync = rememberingProducer<'sync'>()
  const deps: ReconcileDeps = {
    db, sync, log: silentLog,
    graph: simulated.intune.graph,
    budget: createRequestBudget(INTUNE_BUDGET),
    tuning: { settleMs: 0, longestPauseMs: 2_000, ...tuning }
  }
  return {
    ...simulated, db, deps, sync,
    async round ({ isFull = true, tuning: more = {} } = {}) {
      if (isFull) await requestRound(db, simulated.tenantId)
      const due = async (): Promise<void> => { await db.updateTable('reconciliation').set({ due_at: new Date(0) }).where('tenant_id', '=', simulated.tenantId).execute() }
      let result: ReconcileResult = 'not-due'
      for (let slice = 0; slice < 50 && result !== 'finished'; slice++) {
        await due()
        result = await reconcileTenant({ ...deps, tuning: { ...deps.tuning, ...more } }, { tenantId: simulated.tenantId })
      }
      t.equal(result, 'finished', 'the round comes to an end')
      return (await listRounds(db, simulated.tenantId, 1))[0]!
    },
    async atIntune (devices) {
      for (let at = 0; at < devices.length; at += 1_000) {
        await simulated.control('PUT', `/tenants/${simulated.entraTenantId}/devices`, devices.slice(at, at + 1_000).map((device) => ({ platform: 'android', ...device })))
      }
    },
    async enrolHere ({ entraDeviceId = randomUUID(), serialNumber, platform = 'android', enrolledAt = new Date(Date.now() - 60_000) }) {
      const { id } = await db.insertInto('device')
        .values({ tenant_id: simulated.tenantId, entra_device_id: entraDeviceId, platform, serial_number: serialNumber ?? null, public_key: '{}', enrolled_at: enrolledAt })
        .returning('id').executeTakeFirstOrThrow()
      await db.insertInto('device_state').values({ device_id: id, tenant_id: simulated.tenantId, state: '{}', sequence: -1 }).execute()
      return { deviceId: id, entraDeviceId }
    },
    async requests (path) {
      const { items } = await simulated.control('GET', `/requests${path === undefined ? '' : `?path=${encodeURIComponent(path)}`}`) as { items: Array<{ url: string, method: string, status: number | null, service: string }> }
      return items.filter(({ service }) => service === 'graph')
    }
  }
}
