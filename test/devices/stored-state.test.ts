import { sql } from 'kysely'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fromColumns, type StateColumns, type StoredState, toColumns } from '../../src/devices/stored-state.js'
import { packageRoot } from '../../src/platform/package-root.js'
import type { DeviceState } from '../../src/telemetry/device-state.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedDevice, seedTenant } from '../helpers/devices.js'

const FIRST = { sequence: 1, collectedAt: '2026-11-23T08:00:00Z' }
const STATE: DeviceState = {
  sequence: 2,
  os: { version: '15' },
  config: { passcodeSet: true },
  processes: ['a'],
  network: { type: 'wifi' },
  clockOffsetSeconds: 600,
  origins: { os: FIRST, processes: FIRST, config: { ...FIRST, sequence: 2, older: { adbKeys: 1 } }, network: { ...FIRST, source: 'apple-mdm' } },
  events: [{ eventId: 'e', type: 'port-scan', at: '2026-11-23T08:00:00Z', receivedAt: '2026-11-23T08:00:01.000Z', sequence: 1 }]
}

t.test('a state comes back as it was stored, and says once where what came together is from', async (t) => {
  const stored = JSON.parse(JSON.stringify(toColumns(STATE, [], new Date()))) as StateColumns
  t.strictSame(fromColumns(stored, 2, undefined), STATE)
  t.equal(stored.state.origins.length, 3)
  t.notOk('sequence' in stored.state || 'apps' in stored.state)
  const apps = { digest: 'x', items: {} }
  t.equal(fromColumns(stored, 2, apps).apps, apps)
  t.strictSame(fromColumns({ state: {}, olderEvents: null }, -1, undefined), { sequence: -1, origins: {}, events: [] })
})

t.test('states stored before are brought into this form', async (t) => {
  const { db } = await createTestDatabase(t)
  const { deviceId, tenantId } = await seedDevice(db, await seedTenant(db))
  const { sequence, ...before } = STATE
  await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence, state: JSON.stringify({ ...before, origins: { os: FIRST, processes: FIRST } }) }).execute()
  const migration = readFileSync(join(packageRoot, 'migrations/0007_compact_state.sql'), 'utf8')
  await sql.raw(migration.slice(migration.indexOf('update device_state'))).execute(db)
  const { state } = await db.selectFrom('device_state').select('state').executeTakeFirstOrThrow()
  t.strictSame(fromColumns({ state: state as StoredState, olderEvents: null }, sequence, undefined), { ...STATE, origins: { os: FIRST, processes: FIRST } })
})
