import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { PLATFORM_CHAIN } from '../../src/operators/audit-chain.js'
import { checkAudit, type CheckAuditOptions } from '../../src/operators/check-audit.js'
import { measureInstallation } from '../../src/operators/measure-installation.js'
import type { Database } from '../../src/platform/database.js'
import { createLogger } from '../../src/platform/log.js'
import { createMetrics } from '../../src/platform/metrics.js'
import { recordAudit } from '../../src/platform/record-audit.js'
import { createTestDatabase, openAs } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

async function setUp (t: Test) {
  const { db, url } = await createTestDatabase(t)
  const [worker, api] = [openAs(t, url, 'worker'), openAs(t, url, 'api')]
  const tenantId = await seedTenant(db)
  const lines: Array<{ level: number, msg: string, chain: string, faults: Array<{ kind: string, number: number | null }> }> = []
  const log = createLogger({ level: 'error', destination: { write: (line) => { lines.push(JSON.parse(line) as typeof lines[0]) } } })
  const write = async (count: number, tenant: string | null = tenantId): Promise<void> => { for (let n = 0; n < count; n++) await recordAudit(db, { tenantId: tenant, actor: 'ann', action: 'thing.done', subject: String(n) }) }
  const known = async (): Promise<Array<[string, number | null]>> => (await db.selectFrom('audit_check').select('faults').execute()).flatMap(({ faults }) => (faults as Array<{ kind: string, number: number | null }>).map(({ kind, number }): [string, number | null] => [kind, number]))
  const metricsOf = async (): Promise<Record<string, number>> => {
    const metrics = createMetrics()
    metrics.onScrape(async () => await measureInstallation({ db: api, queues: { counts: async () => ({}), oldestWaitingSeconds: async () => ({}), engineHealth: async () => undefined } as never, metrics, unresponsiveDays: 1 }))
    return Object.fromEntries([...(await metrics.render()).body.matchAll(/^sallyport_(audit_\w+) (\S+)/gm)].map(([, name, value]) => [name!, Number(value)]))
  }
  return { db, tenantId, write, known, metricsOf, lines, check: async (options?: CheckAuditOptions) => await checkAudit({ db: worker, log }, options) }
}

/** What somebody can do who owns the database: the triggers do not stop him. */
async function asOwner (db: Database, change: (tx: Database) => Promise<unknown>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const table of ['audit_event', 'audit_link']) await sql`alter table ${sql.table(table)} disable trigger all`.execute(tx)
    await change(tx)
    for (const table of ['audit_event', 'audit_link']) await sql`alter table ${sql.table(table)} enable trigger all`.execute(tx)
  })
}

t.test('what is new is read once, chain by chain, and what is whole is told by metrics', async (t) => {
  const { write, check, metricsOf, lines, tenantId, db } = await setUp(t)
  t.strictSame(await metricsOf(), {}, 'before the first run nothing is known')
  await write(5)
  await write(2, null)
  t.strictSame(await check({ pageSize: 2 }), { chains: 2, entries: 14, wholeChains: 2, faults: 0, isDone: true }, 'each once as new and once as a whole')
  t.strictSame(await check(), { chains: 2, entries: 0, wholeChains: 0, faults: 0, isDone: true }, 'nothing is read again')
  await write(3)
  t.match(await check(), { entries: 3, wholeChains: 0 })
  t.strictSame((await db.selectFrom('audit_check').select(['chain', 'number']).orderBy('chain').execute()), [{ chain: PLATFORM_CHAIN, number: 2 }, { chain: tenantId, number: 8 }])
  const told = await metricsOf()
  t.match(told, { audit_faults: 0, audit_verified_entries: 10 })
  t.ok(told.audit_verified_age_seconds! < 60 && told.audit_wholly_verified_age_seconds! < 60)
  t.strictSame(lines, [])
})

t.test('a run that has no time left goes on where it stopped, in the new and in the old', async (t) => {
  const { write, check, db } = await setUp(t)
  await write(7)
  t.match(await check({ pageSize: 2, budgetMs: 0 }), { entries: 0, wholeChains: 0, isDone: false })
  t.equal((await db.selectFrom('audit_check').select('checked_at').executeTakeFirstOrThrow()).checked_at, null, 'not all that is new was read')
  const stop = new AbortController()
  let pages = 0
  const signal = { throwIfAborted () { if (++pages > 2) throw new Error('stopped') } } as AbortSignal
  await t.rejects(check({ pageSize: 2, signal }), { message: 'stopped' })
  t.match(await db.selectFrom('audit_check').select('number').execute(), [{ number: 4 }])
  pages = -2
  await t.rejects(check({ pageSize: 2, signal }), { message: 'stopped' }, 'in the walk from the beginning')
  t.match(await db.selectFrom('audit_check').select(['number', 'whole_number', 'whole_at']).execute(), [{ number: 7, whole_number: 4, whole_at: null }].map((row) => ({ ...row, whole_number: Number })))
  t.match(await check({ pageSize: 2, signal: stop.signal }), { wholeChains: 1, faults: 0, isDone: true })
})

t.test('what is changed among the new is found at once, what was read before by the next whole walk, and told once', async (t) => {
  const { db, tenantId, write, check, known, lines, metricsOf } = await setUp(t)
  await write(5)
  await check()
  await write(3)
  await asOwner(db, async (tx) => await sql`update audit_event set actor = 'nobody' where id = (select event_id from audit_link where number = 7)`.execute(tx))
  t.match(await check(), { faults: 1 })
  t.strictSame(await known(), [['changed', 7]])
  t.match(lines, [{ level: 50, msg: 'the audit is not what was written', faults: [{ kind: 'changed', number: 7 }] }])
  await check()
  t.equal(lines.length, 1, 'told once')
  t.match(await metricsOf(), { audit_faults: 1 })

  await asOwner(db, async (tx) => await sql`delete from audit_event where id = (select event_id from audit_link where number = 2)`.execute(tx))
  await asOwner(db, async (tx) => await sql`insert into audit_event (tenant_id, actor, action) values (${tenantId}, 'mallory', 'thing.done')`.execute(tx))
  t.match(await check(), { faults: 1 }, 'not yet')
  t.match(await check({ wholeEveryMs: 0 }), { faults: 3 })
  t.strictSame((await known()).sort(), [['changed', 7], ['deleted', 2], ['unchained', null]])
  t.match(await metricsOf(), { audit_faults: 3 })
})

t.test('what was put right again is forgotten by the next whole walk', async (t) => {
  const { db, write, check, known } = await setUp(t)
  await write(3)
  await asOwner(db, async (tx) => await sql`update audit_event set subject = subject || '!' where id = (select event_id from audit_link where number = 2)`.execute(tx))
  t.match(await check(), { faults: 1 })
  await asOwner(db, async (tx) => await sql`update audit_event set subject = rtrim(subject, '!')`.execute(tx))
  t.match(await check(), { faults: 1 })
  t.match(await check({ wholeEveryMs: 0 }), { faults: 0 })
  t.strictSame(await known(), [])
})

t.test('an end that was cut off stays known, also when others take its place', async (t) => {
  const { db, write, check, known } = await setUp(t)
  await write(5)
  await check()
  await asOwner(db, async (tx) => await sql`with gone as (delete from audit_link where number > 3 returning event_id) delete from audit_event where id in (select event_id from gone)`.execute(tx))
  t.match(await check(), { faults: 1 })
  t.strictSame(await known(), [['head-missing', 5]])
  await check({ wholeEveryMs: 0 })
  t.strictSame(await known(), [['head-missing', 5]], 'the chain that is left is whole, and still')
  await write(4)
  t.match(await check(), { faults: 2, isDone: true })
  t.strictSame((await known()).sort(), [['head-differs', 5], ['head-missing', 5]])
  await check({ wholeEveryMs: 0 })
  t.strictSame(await known(), [['head-differs', 5]])
})
