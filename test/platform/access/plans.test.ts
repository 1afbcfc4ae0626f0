import t from 'tap'
import pg from 'pg'
import { listDevices } from '../../../src/devices/list-devices.js'
import { listFindings } from '../../../src/devices/list-findings.js'
import { listStateChanges } from '../../../src/devices/state-change-repository.js'
import { listAudit } from '../../../src/operators/audit.js'
import { listThreatStates } from '../../../src/partners/partner-repository.js'
import type { Database } from '../../../src/platform/database.js'
import { createTestDatabase } from '../../helpers/database.js'
import { explainBoth } from '../../helpers/explain.js'
import { fillTables } from '../../helpers/fill-tables.js'

const TENANTS = 20
const PHONES = 200

/** As many rows for each phone of each tenant as lists page through. */
async function multiply (client: pg.ClientBase): Promise<void> {
  const copy = async (table: string, from: string, change: string): Promise<void> => {
    const { rows: [row] } = await client.query<{ columns: string }>(
      "select string_agg(quote_ident(attname), ', ') as columns from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attidentity = ''", [table])
    await client.query(`insert into ${table} (${row!.columns}) select ${row!.columns} from (select (jsonb_populate_record(x, jsonb_build_object(${change}))).* from ${from}) as copied`)
  }
  await copy('device', `device x, generate_series(1, ${PHONES}) n`, "'id', gen_random_uuid(), 'entra_device_id', gen_random_uuid()")
  await copy('device_state', '(select x from device_state x limit 1) one, device d where not exists (select from device_state s where s.device_id = d.id)', "'device_id', d.id, 'tenant_id', d.tenant_id, 'desired_health', 'secured'")
  await copy('finding', '(select x from finding x limit 1) one, device d, generate_series(1, 2) n', "'id', gen_random_uuid(), 'device_id', d.id, 'tenant_id', d.tenant_id, 'subject', n::text || d.id")
  await copy('state_change', `(select x from state_change x limit 1) one, tenant t, generate_series(100000, ${100_000 + PHONES}) n`, "'tenant_number', t.number, 'position', n")
  await client.query(`insert into audit_event (tenant_id, actor, action, detail) select id, 'test', 'a.b', '{}' from tenant, generate_series(1, ${PHONES})`)
  await client.query('vacuum analyze')
}

t.test('lists of one tenant are answered out of the same indexes as without row-level security, and a page reads no more than a page', async (t) => {
  const { url } = await createTestDatabase(t)
  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  t.teardown(async () => await owner.end())
  const [tenantId] = await fillTables(owner, TENANTS) as [string]
  await multiply(owner)
  const START = '00000000-0000-0000-0000-000000000000'
  const questions: ReadonlyArray<readonly [string, 'operator' | 'partner', string, (db: Database) => Promise<unknown>]> = [
    ['phones', 'operator', 'device_tenant_id_idx', async (db) => await listDevices({ db }, { tenantId, limit: 10 })],
    ['findings', 'operator', 'finding_tenant_id_idx', async (db) => await listFindings({ db }, { tenantId, limit: 10 })],
    ['audit', 'operator', 'audit_event_tenant_id_idx', async (db) => await listAudit({ db }, { tenantId, limit: 10 })],
    ['states, for relying parties', 'partner', 'device_tenant_id_idx', async (db) => await listThreatStates(db, { tenantId, after: START, limit: 10, maxReasons: 5 })],
    ['changes of states', 'partner', 'state_change_pkey', async (db) => await listStateChanges(db, { tenantId, after: 0, limit: 10 })]
  ]
  for (const [name, role, index, ask] of questions) {
    const plans = await explainBoth(t, url, role, tenantId, ask)
    const main = plans.find(({ asRole }) => asRole.reads.includes(index))
    t.ok(main !== undefined, `${name}: by ${index}`)
    t.ok(main?.asOwner.reads.includes(index), `${name}: as without policies`)
    t.equal(main?.asRole.sorts, false, `${name}: in the order of the index`)
    for (const { asRole: { statement, reads } } of plans) {
      t.strictSame(reads.filter((read) => /^all of (?:device|device_state|finding|audit_event|state_change)$/.test(read)), [], `${name}: no table is read as a whole: ${statement.trim().slice(0, 40)}`)
    }
  }
})
