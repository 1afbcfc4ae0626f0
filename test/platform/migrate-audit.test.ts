import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { migrate } from '../../src/platform/migrate.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { recordAudit } from '../../src/platform/record-audit.js'
import { createTestDatabase } from '../helpers/database.js'

t.test('what was written before there were chains is in them, and goes on there', async (t) => {
  const { db, url } = await createTestDatabase(t, { empty: true })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('create table schema_migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now())')
  for (const name of (await readdir(join(packageRoot, 'migrations'))).filter((name) => name < '0021').sort()) {
    const text = await readFile(join(packageRoot, 'migrations', name), 'utf8')
    await client.query(text)
    await client.query("insert into schema_migration (name, sha256) values ($1, encode(sha256($2::bytea), 'hex'))", [name, Buffer.from(text)])
  }
  const tenantId = randomUUID()
  for (const tenant of [tenantId, null, tenantId, tenantId]) await client.query("insert into audit_event (tenant_id, actor, action) values ($1, 'old', 'thing.done')", [tenant])
  await client.end()

  await migrate({ databaseUrl: url })
  await recordAudit(db, { tenantId, actor: 'new', action: 'thing.done' })
  const { intact, chains } = await verifyAudit({ db }, {})
  t.equal(intact, true)
  t.strictSame(chains.map(({ entries }) => entries).sort(), [1, 4])
})
