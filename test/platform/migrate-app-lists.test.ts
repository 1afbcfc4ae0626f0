import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { listDevices } from '../../src/devices/list-devices.js'
import { migrate } from '../../src/platform/migrate.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { createTestDatabase } from '../helpers/database.js'

t.test('lists stored before the index on them are found by it, with what was a phone\'s own', async (t) => {
  const { db, url } = await createTestDatabase(t, { empty: true })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('create table schema_migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now())')
  for (const name of ['0001_initial.sql', '0002_app_builds.sql', '0003_reassessed_intel.sql']) {
    const text = await readFile(join(packageRoot, 'migrations', name), 'utf8')
    await client.query(text)
    await client.query("insert into schema_migration (name, sha256) values ($1, encode(sha256($2::bytea), 'hex'))", [name, Buffer.from(text)])
  }
  const { rows: [row] } = await client.query<{ tenant: string, device: string }>(`
    with t as (insert into tenant (name, entra_tenant_id) values ('x', gen_random_uuid()) returning id),
      d as (insert into device (tenant_id, entra_device_id, platform, public_key) select id, gen_random_uuid(), 'android', '{}' from t returning id, tenant_id),
      s as (insert into device_state (device_id, tenant_id, state, apps_digest) select id, tenant_id, '{"os":{"version":"15"}}', 'digest' from d),
      b as (insert into app_build (hash, app_id, app) values (sha256('a'), 'a', '{"appId":"a","signingCertSha1":["${'AB:'.repeat(19)}AB"]}') returning id),
      l as (insert into device_apps (device_id, tenant_id, digest, builds, own) select d.id, d.tenant_id, 'digest', array[b.id], '{"a":{"updatedAt":"2026-01-01T00:00:00Z"}}' from d, b)
    select tenant_id as tenant, id as device from d`)
  await client.end()

  await migrate({ databaseUrl: url })
  const { tenant: tenantId, device: deviceId } = row!
  for (const question of [{ app: 'a' }, { signer: 'ab'.repeat(20) }, { osVersion: '15' }]) {
    t.match(await listDevices({ db }, { tenantId, ...question }), { items: [{ deviceId }] })
  }
  const lists = await db.transaction().execute(async (tx) => await createAppInventories({ db }).read(tx, [{ deviceId, digest: 'digest' }]))
  t.match(lists.get(deviceId), { items: { a: { appId: 'a', updatedAt: '2026-01-01T00:00:00Z' } } })
})
