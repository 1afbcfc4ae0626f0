import { createHash, randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { hashEnrollmentToken } from '../../../src/devices/enroll-device.js'
import { deviceHistory } from '../../../src/devices/device-history.js'
import { getDevice } from '../../../src/devices/get-device.js'
import { listDevices } from '../../../src/devices/list-devices.js'
import { listFindings } from '../../../src/devices/list-findings.js'
import { listQuarantine } from '../../../src/devices/list-quarantine.js'
import { listWaitingReports } from '../../../src/telemetry/journal-groups.js'
import { readBacklog } from '../../../src/intune/outbox-repository.js'
import { hashApiKey } from '../../../src/operators/api-keys.js'
import { listAudit } from '../../../src/operators/audit.js'
import { listEnrollmentTokens } from '../../../src/operators/enrollment-tokens.js'
import { findOperator } from '../../../src/operators/find-operator.js'
import { inTenant } from '../../../src/platform/tenant-scope.js'
import { migrate } from '../../../src/platform/migrate.js'
import { fillTables } from '../../helpers/fill-tables.js'
import { openAs } from '../../helpers/database.js'
import { createEmptyDatabase } from '../databases.js'

const FIRST = '0001_initial.sql'

t.test('an installation of the first version, with rows in every table, has the same answers after all migrations', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  t.strictSame(await migrate({ databaseUrl, upTo: FIRST }), [FIRST])
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  t.teardown(async () => await client.end())
  await fillTables(client, 2)

  // And one tenant whose rows mean something.
  const [tenantId, deviceId, entraDeviceId, reportId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  const key = 'sp_of-the-first-version'
  await client.query("insert into tenant (id, name, entra_tenant_id) values ($1, 'Contoso', gen_random_uuid())", [tenantId])
  await client.query("insert into api_key (tenant_id, name, role, key_hash) values ($1, 'Ann', 'admin', $2)", [tenantId, hashApiKey(key)])
  await client.query("insert into enrollment_token (tenant_id, token_hash, label, uses, max_uses) values ($1, $2, 'fleet', 3, 10)", [tenantId, hashEnrollmentToken('a token')])
  await client.query("insert into device (id, tenant_id, entra_device_id, platform, os_version, manufacturer, model, public_key) values ($1, $2, $3, 'android', '14', 'Google', 'Pixel 8', '{}')", [deviceId, tenantId, entraDeviceId])
  await client.query(`insert into device_state (device_id, tenant_id, sequence, state, apps, apps_digest, reporting_state, level, level_since, coverage, last_report_at, assessed_at, desired_health, desired_version, reported_health, reported_version)
    values ($1, $2, 41, $3, '[]', 'digest', 'activated', 'high', '2026-01-02T03:04:05Z', '{os,apps}', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z', 'highSeverity', 7, 'lowSeverity', 6)`,
  [deviceId, tenantId, JSON.stringify({ os: { version: '14' }, origins: { os: { sequence: 41, collectedAt: '2026-01-02T03:04:05Z' } } })])
  await client.query(`insert into finding (tenant_id, device_id, detection, rule_version, category, severity, raises_level, subject, title, evidence, attack, remediation, first_seen, last_seen)
    values ($1, $2, 'app-stalkerware', 1, 'app', 'high', true, 'com.example.spy', 'It spies', '[]', '{T1430}', '{"user":"Remove it","admin":"Look"}', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z')`, [tenantId, deviceId])
  await client.query("insert into level_change (tenant_id, device_id, at, from_level, to_level, findings) values ($1, $2, '2026-01-02T03:04:05Z', 'low', 'high', '[]')", [tenantId, deviceId])
  await client.query("insert into intune_outbox (device_id, tenant_id, version, health) values ($1, $2, 7, 'highSeverity')", [deviceId, tenantId])
  await client.query("insert into audit_event (tenant_id, actor, action) values ($1, 'Ann', 'device.looked-at')", [tenantId])
  const body = { reportId, sequence: 42, collectedAt: '2026-01-02T03:05:00Z', os: { version: '15' } }
  const { rows: [group] } = await client.query<{ id: number }>('insert into report_group (reports) values (2) returning id::integer')
  await client.query('insert into report (group_id, tenant_id, device_id, report_id, sequence, collected_at, body) values ($1, $2, $3, $4, 42, $5, $6)', [group!.id, tenantId, deviceId, reportId, body.collectedAt, JSON.stringify(body)])
  const { rows: [aside] } = await client.query<{ id: number }>('insert into report (group_id, tenant_id, device_id, report_id, sequence, collected_at, body) values ($1, $2, $3, gen_random_uuid(), 43, $4, $5) returning id::integer', [group!.id, tenantId, deviceId, body.collectedAt, '{"reportId":"00000000-0000-4000-8000-000000000001"}'])
  await client.query("insert into quarantined_report (report_id, tenant_id, device_id, error) values ($1, $2, $3, 'It was too much.')", [aside!.id, tenantId, deviceId])

  const count = async (): Promise<Record<string, number>> => {
    const { rows } = await client.query<{ name: string, n: number }>(`
      select c.relname as name, (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I', c.relname), false, true, '')))[1]::text::integer as n
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`)
    return Object.fromEntries(rows.map(({ name, n }) => [name, n]))
  }
  const before = await count()
  await migrate({ databaseUrl })
  const after = await count()
  for (const [table, rows] of Object.entries(before)) if (table !== 'schema_migration') t.equal(after[table], rows, `${table} has its ${rows} rows`)

  // As operators ask today.
  const db = openAs(t, databaseUrl, 'operator')
  await inTenant(tenantId, async () => {
    t.match(await listDevices({ db }, { tenantId }), { items: [{ deviceId, entraDeviceId, platform: 'android', osVersion: '14', model: 'Pixel 8', level: 'high', state: 'activated', openFindings: 1, coverage: ['os', 'apps'] }], nextCursor: null })
    t.match(await getDevice({ db }, { tenantId, deviceId }), { deviceId, levelSince: '2026-01-02T03:04:05.000Z', intune: { desired: 'highSeverity', reported: 'lowSeverity' }, findings: [{ detection: 'app-stalkerware' }] })
    t.match(await listFindings({ db }, { tenantId }), { items: [{ detection: 'app-stalkerware', severity: 'high', subject: 'com.example.spy', status: 'open', remediation: { user: 'Remove it' } }] })
    t.match(await deviceHistory({ db }, { tenantId, deviceId }), { items: [{ at: '2026-01-02T03:04:05.000Z', from: 'low', to: 'high' }] })
    t.match(await listQuarantine({ db }, { tenantId }), { items: [{ deviceId, error: 'It was too much.' }] })
    t.match(await listAudit({ db }, { tenantId }), { items: [{ actor: 'Ann', action: 'device.looked-at' }] })
    t.match(await listEnrollmentTokens({ db }, { tenantId }), { items: [{ label: 'fleet', uses: 3, maxUses: 10 }] })
    t.match(await readBacklog(db, tenantId), { waiting: 1, dead: 0 })
  })
  const api = openAs(t, databaseUrl, 'api')
  t.match(await findOperator(api, key, new Date()), { name: 'Ann', grants: [{ role: 'admin', tenantId }] })
  const waiting = await listWaitingReports(api, group!.id)
  t.strictSame(waiting.map(({ report }) => report), [body], 'the report that waited waits, without the one that was set aside')
  const state = await api.selectFrom('device_state').select(['resend', 'sequence', 'desired_version']).where('device_id', '=', deviceId).executeTakeFirstOrThrow()
  t.strictSame(state, { resend: ['apps'], sequence: 41, desired_version: 7 }, 'apps are asked for anew')
  t.equal(createHash('sha256').update(key).digest('hex'), hashApiKey(key).toString('hex'))
})
