import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import type { Test } from 'tap'
import { type Cluster, clusterFileOf, RUN_PID } from '../helpers/cluster.js'

/** The connection string of an empty database on the run's cluster; gone after the test. */
export async function createEmptyDatabase (t: Test): Promise<string> {
  const cluster = JSON.parse(readFileSync(clusterFileOf(RUN_PID), 'utf8')) as Cluster
  const name = `test_empty_${randomBytes(6).toString('hex')}`
  const client = new pg.Client({ connectionString: cluster.url })
  await client.connect()
  await client.query(`create database ${name}`)
  t.teardown(async () => {
    await client.query(`drop database ${name} with (force)`)
    await client.end()
  })
  return cluster.url.replace(/\/[^/]*$/, `/${name}`)
}
