import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expireHistory } from '../src/devices/expire-history.js'
import { checkAudit } from '../src/operators/check-audit.js'
import { createTenant } from '../src/operators/tenants.js'
import { verifyAudit } from '../src/operators/verify-audit.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { migrate } from '../src/platform/migrate.js'
import { startBenchPostgres } from './bench-postgres.js'
import { type BenchFindings, type BenchOptions, round } from './benchmark.js'

/** Events of one transaction; each is chained when it commits. */
const EVENTS_AT_ONCE = 20_000
/** Of all tenants, one has most of what is audited. */
const LARGE_TENANT_SHARE = 0.8
const CHANGES_OF_PHONE = 20
const KEPT_DAYS = 365
/** Upkeep comes every ten minutes, and walks for 20 s at most (workers/upkeep.ts, src/operators/check-audit.ts). */
const RUNS_A_DAY = 144
const WALK_SECONDS = 20

/**
 * How fast the upkeep works through large tables: the audit is written and verified, and histories older than what is kept go. Half as many
 * changes of levels as entries of the audit, and half as many findings that are over as changes, each with how it once read.
 */
export async function upkeep ({ rows, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const log = createLogger({ level: 'fatal' })
  const postgres = await startBenchPostgres({ log })
  try {
    await migrate({ databaseUrl: postgres.url, log })
    const db = openDatabase({ connectionString: postgres.url, maxConnections: 2 })
    try {
      const audit = await measureAudit(db, rows, tell)
      const history = await measureHistory(db, Math.max(CHANGES_OF_PHONE, Math.round(rows / 2)), tell)
      return {
        seconds: round((performance.now() - startedAt) / 1000),
        config: { auditEntries: audit.entries, levelChanges: history.changes, findings: history.findings, findingVersions: history.findings },
        results: { audit: audit.results, history: history.results },
        baselines: {},
        ratios: {},
        checks: { ...audit.checks, ...history.checks }
      }
    } finally {
      await db.destroy()
    }
  } finally {
    await postgres.stop()
  }
}

async function time<T> (work: () => Promise<T>): Promise<{ readonly seconds: number, readonly answer: T }> {
  const startedAt = performance.now()
  const answer = await work()
  return { seconds: (performance.now() - startedAt) / 1000, answer }
}

async function measureAudit (db: Database, entries: number, tell: (message: string) => void) {
  const tenants: string[] = []
  for (const name of ['large', 'small']) tenants.push((await createTenant({ db }, { name, entraTenantId: randomUUID(), actor: 'bench' })).tenantId)
  tell(`writing ${entries} entries of the audit …`)
  const written = await time(async () => {
    for (let from = 0; from < entries; from += EVENTS_AT_ONCE) {
      const to = Math.min(entries, from + EVENTS_AT_ONCE)
      await sql`
        insert into audit_event (tenant_id, actor, action, subject, detail)
        select case when n < ${Math.round(entries * LARGE_TENANT_SHARE)}::bigint then ${tenants[0]}::uuid when n % 2 = 0 then ${tenants[1]}::uuid end,
          'somebody@example.com', 'device.described', gen_random_uuid()::text, jsonb_build_object('ownership', 'corporate', 'tags', jsonb_build_array('a', n))
        from generate_series(${from}::bigint, ${to - 1}::bigint) n`.execute(db)
    }
  })
  await sql`vacuum (analyze) audit_event, audit_link`.execute(db)
  const { rows: [{ bytes, count }] } = await sql<{ bytes: number, count: number }>`
    select (pg_total_relation_size('audit_event') + pg_total_relation_size('audit_link'))::float8 as bytes, (select count(*) from audit_event)::integer as count`.execute(db) as { rows: [{ bytes: number, count: number }] }

  tell('verifying it at one go …')
  const verified = await time(async () => await verifyAudit({ db }, {}))
  tell('verifying it as the upkeep does …')
  let [runs, read] = [0, 0]
  const log = createLogger({ level: 'fatal' })
  const checked = await time(async () => {
    for (let wholeChains = 0; wholeChains < verified.answer.chains.length; runs++) {
      const run = await checkAudit({ db, log })
      wholeChains += run.wholeChains
      read += run.entries
    }
  })
  const again = await time(async () => await checkAudit({ db, log }))

  // What the owner of the database alone can do.
  await sql`alter table audit_event disable trigger refuse_change`.execute(db)
  await sql`update audit_event set actor = 'nobody' where id = (select id from audit_event order by id offset ${Math.floor(count / 2)} limit 1)`.execute(db)
  await sql`alter table audit_event enable always trigger refuse_change`.execute(db)
  const changed = await verifyAudit({ db }, {})

  const entriesASecond = read / checked.seconds
  return {
    entries: count,
    results: {
      writtenASecond: round(entries / written.seconds), bytesAnEntry: round(bytes / count),
      verify: { seconds: round(verified.seconds), entriesASecond: round(count / verified.seconds) },
      upkeep: { runs, seconds: round(checked.seconds), entriesRead: read, entriesASecond: round(entriesASecond), runWithNothingNewMs: round(again.seconds * 1000) },
      memoryBytes: process.memoryUsage().rss,
      // Each chain is to be walked wholly once a day.
      mostEntries: Math.round(entriesASecond * WALK_SECONDS * RUNS_A_DAY)
    },
    checks: {
      auditIsIntact: verified.answer.intact && verified.answer.chains.reduce((sum, one) => sum + one.entries, 0) === count,
      upkeepHasReadAllTwice: read >= 2 * count,
      nothingIsReadAgain: again.answer.entries === 0,
      changeIsFound: changed.chains.flatMap(({ faults }) => faults).length === 1
    }
  }
}

async function measureHistory (db: Database, changes: number, tell: (message: string) => void) {
  const phones = Math.round(changes / CHANGES_OF_PHONE)
  const findings = Math.round(changes / 2)
  tell(`making ${changes} changes of levels of ${phones} phones, and ${findings} findings that are over …`)
  const { tenantId } = await createTenant({ db }, { name: 'histories', entraTenantId: randomUUID(), actor: 'bench' })
  await sql`
    insert into device (tenant_id, entra_device_id, platform, public_key)
    select ${tenantId}, gen_random_uuid(), 'android', '{"kty":"OKP","crv":"Ed25519","x":""}' from generate_series(1, ${phones}::integer)`.execute(db)
  await sql`create table phone_number (number bigint primary key, id uuid not null)`.execute(db)
  await sql`insert into phone_number select row_number() over () - 1, id from device where tenant_id = ${tenantId}`.execute(db)
  // A year of them, which ended as long ago as is kept.
  const past = sql`now() - make_interval(days => ${KEPT_DAYS}) - random() * interval '365 days' - interval '1 hour'`
  await sql`
    insert into finding (tenant_id, device_id, detection, rule_version, category, severity, raises_level, subject, title, evidence, attack, remediation, status, first_seen, last_seen, resolved_at, alerted_at)
    select ${tenantId}, p.id, 'app-fake', 1, 'app', 'low', true, 'com.example.app' || n, 'An app that is not what it says', '[{"path":"/apps/0","value":"com.example"}]', '{T1}', '{"user":"Remove it.","admin":"Have it removed."}',
      'resolved', at - interval '1 hour', at, at, at - interval '1 hour'
    from generate_series(1, ${findings}::integer) n join phone_number p on p.number = n % ${phones}::integer, lateral (select ${past} as at where n > 0) t`.execute(db)
  await sql`
    insert into finding_version (finding_id, device_id, since, until, finding)
    select id, device_id, first_seen, resolved_at - interval '30 minutes', jsonb_build_object('detection', detection, 'subject', subject, 'title', title, 'evidence', evidence) from finding where tenant_id = ${tenantId}`.execute(db)
  await sql`
    insert into level_change (tenant_id, device_id, at, from_level, to_level, score, findings)
    select ${tenantId}, p.id, at, case when n % 2 = 0 then 'low' else 'secured' end, case when n % 2 = 0 then 'secured' else 'low' end, n % 100, '[]'
    from generate_series(1, ${changes}::integer) n join phone_number p on p.number = n % ${phones}::integer, lateral (select ${past} as at where n > 0) t`.execute(db)
  // Each third of them rests on one that will be forgotten, as it does in life.
  await sql`
    update level_change l set findings = jsonb_build_array(jsonb_build_object('findingId', f.id, 'detection', f.detection, 'subject', f.subject, 'severity', 'low'))
    from (select distinct on (device_id) device_id, id, detection, subject from finding where tenant_id = ${tenantId} order by device_id, id) f where f.device_id = l.device_id and l.id % 3 = 0`.execute(db)
  await sql`vacuum (analyze) level_change, finding, finding_version`.execute(db)

  tell('forgetting them …')
  let [levelChanges, findingsGone, versions, runs, isDone] = [0, 0, 0, 0, false]
  const forgotten = await time(async () => {
    for (; !isDone; runs++) {
      const run = await expireHistory(db, { retentionDays: KEPT_DAYS })
      levelChanges += run.levelChanges
      findingsGone += run.findings
      versions += run.findingVersions
      isDone = run.isDone
    }
  })
  const again = await time(async () => await expireHistory(db, { retentionDays: KEPT_DAYS }))
  const { rows: [left] } = await sql<{ most: number, findings: number, versions: number }>`
    select (select max(count) from (select count(*) from level_change where tenant_id = ${tenantId} group by device_id) c)::integer as most,
      (select count(*) from finding where tenant_id = ${tenantId})::integer as findings, (select count(*) from finding_version)::integer as versions`.execute(db)
  const gone = levelChanges + 2 * findings
  return {
    changes,
    findings,
    results: { runs, seconds: round(forgotten.seconds), rowsGone: gone, rowsASecond: round(gone / forgotten.seconds), levelChanges, findings: findingsGone, versionsByThemselves: versions, runWithNothingToDoMs: round(again.seconds * 1000) },
    checks: { allIsForgotten: left!.findings === 0 && left!.versions === 0, eachPhoneKeepsItsLast: left!.most <= 2 && levelChanges > changes - 2 * phones - 1 }
  }
}
