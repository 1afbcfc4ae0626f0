import pg from 'pg'
import t, { type Test } from 'tap'
import { createTestDatabase } from '../helpers/database.js'
import { startPgBouncer } from '../helpers/pgbouncer.js'
import { startCommand } from './sallyport.js'
import { enrolPhones, proveWhole, startLoad } from './stage-phones.js'
import { setStage } from './stage.js'

t.setTimeout(240_000)

const REPORTS = 150

const leaveOut = (t: Test): void => { t.pass('nothing to test', { skip: 'no pgbouncer on this machine (Debian: apt-get install pgbouncer)' }) }

t.test('API and worker behind a PgBouncer in transaction mode do all they do without', async (t) => {
  const { url } = await createTestDatabase(t)
  const pooler = await startPgBouncer(t, url)
  if (pooler === undefined) return leaveOut(t)
  const stage = await setStage(t, { databaseUrl: url, env: { DATABASE_POOLER_URL: pooler.url } })
  const phones = await enrolPhones(stage, { phones: 10, seed: 3 })
  const load = startLoad(phones, { apiUrl: stage.apiUrls, connections: 10, ratePerSecond: 60 })
  await load.more(REPORTS, 'through the pooler')
  const roles = await countRoles(url)
  t.strictSame(await load.end(), {}, 'every report was taken at its first try')
  await proveWhole(t, stage, phones)
  t.ok(roles.pooled > 0 && roles.pooled <= 2 * 5 * 4, `${roles.pooled} connections of pools at the server, of two processes with ten each`)
  for (const one of stage.processes) t.equal(await one.stop(), 0)
})

t.test('a pooler that leaves a connection without its role is refused at the start, with what to do', async (t) => {
  const { url } = await createTestDatabase(t)
  const pooler = await startPgBouncer(t, url, { without: 'operator' })
  if (pooler === undefined) return leaveOut(t)
  const env = { INTUNE_CLIENT_ID: '99999999-0000-4000-8000-00000000000a', INTUNE_CLIENT_SECRET: 'not-a-secret-of-anybody', PORT: '0', OPS_PORT: '0' }
  const wrongRole = startCommand(t, ['api'], { ...env, DATABASE_URL: url, DATABASE_POOLER_URL: pooler.url })
  t.equal(await wrongRole.exited, 1)
  t.match(wrongRole.errors(), /not in sallyport_operator: a pooler in between must .*Behind PgBouncer/)
  const wrongPlace = startCommand(t, ['api'], { ...env, DATABASE_URL: pooler.plainUrl })
  t.equal(await wrongPlace.exited, 1)
  t.match(wrongPlace.errors(), /unsupported startup parameter.*options/, 'DATABASE_URL itself goes past the pooler')
})

/** What the server has of connections that came through the pooler: they have no name of the queues' or a thread's. */
async function countRoles (url: string): Promise<{ readonly pooled: number }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: [row] } = await client.query<{ pooled: string }>("select count(*) as pooled from pg_stat_activity where datname = current_database() and application_name ~ '^sallyport (api|worker|operator|partner|platform)'")
    return { pooled: Number(row!.pooled) }
  } finally {
    await client.end()
  }
}
