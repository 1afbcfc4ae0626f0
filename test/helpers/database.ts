import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import type { Test } from 'tap'
import { asRole, type RoleKind, TENANT_ROLES } from '../../src/platform/access/database-roles.js'
import { type Database, openDatabase } from '../../src/platform/database.js'
import { type Cluster, clusterFileOf, RUN_PID, TEMPLATE } from './cluster.js'

export interface TestDatabase {
  readonly db: Database
  readonly url: string
}

/** A database of this test's own, cloned from the migrated template, or empty; gone after the test. */
export async function createTestDatabase (t: Test, { empty = false }: { readonly empty?: boolean } = {}): Promise<TestDatabase> {
  const cluster = JSON.parse(readFileSync(clusterFileOf(RUN_PID), 'utf8')) as Cluster
  const name = `test_${randomBytes(6).toString('hex')}`
  await runOnCluster(cluster, `create database ${name} template ${empty ? 'template0' : TEMPLATE} strategy file_copy`)
  const url = cluster.url.replace(/\/[^/]*$/, `/${name}`)
  const db = openDatabase({ connectionString: url })
  t.teardown(async () => {
    await db.destroy()
    await runOnCluster(cluster, `drop database ${name} with (force)`)
  })
  return { db, url }
}

/** The same database as the roles of Sallyport see it; closed after the test. */
export function openAs (t: Test, url: string, role: RoleKind): Database {
  const db = openDatabase({ connectionString: asRole(url, role), maxConnections: 4, oneTenant: TENANT_ROLES.includes(role) })
  t.teardown(async () => await db.destroy())
  return db
}

async function runOnCluster (cluster: Cluster, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
