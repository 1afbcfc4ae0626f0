import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { seedDatabase } from '../src/commands/seed-database/seed-database.js'
import { createAppInventories } from '../src/devices/app-inventories.js'
import { createCoverageSets } from '../src/devices/rules/coverage-sets.js'
import type { PolicyPreview } from '../src/devices/rules/preview.js'
import { createTenantRules } from '../src/devices/rules/tenant-rules.js'
import { scoreDevices } from '../src/devices/score-devices.js'
import { createIntelCache } from '../src/intel/index/intel-cache.js'
import { applyPolicy } from '../src/operators/policies.js'
import { createTenant } from '../src/operators/tenants.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.js'
import { createLogger } from '../src/platform/log.js'
import { migrate } from '../src/platform/migrate.js'
import { packageRoot } from '../src/platform/package-root.js'
import { type BenchFindings, type BenchOptions, round } from './benchmark.js'

/** What an organisation might try: a stricter rule, a laxer one, a group. */
const POLICY = `
severities: { dev-no-passcode: high, app-sideloaded: low }
thresholds: { patchAgeMediumDays: 120 }
apps: { deny: [com.example.*] }
groups:
  - { name: apples, match: { platform: [ios, ipados] }, policy: { severities: { dev-no-passcode: medium } } }
`
/** Of the phones, for the run whose memory is compared, and for the tenant on which the policy is put in force. */
const SHARE = 0.1
const POLL_MS = 20

/** How long it takes to find out what a policy would change, in a process of its own with flat memory, and whether that comes true. */
export async function preview ({ phones, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const log = createLogger({ level: 'warn' })
  const postgres = await startEmbeddedPostgres({ log })
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-preview-'))
  try {
    await migrate({ databaseUrl: postgres.url, log })
    const db = openDatabase({ connectionString: postgres.url, maxConnections: 3 })
    try {
      const file = join(folder, 'policy.yml')
      await writeFile(file, POLICY)
      const tenants: Record<'large' | 'small', string> = { large: await addTenant(db, 'Large'), small: await addTenant(db, 'Small') }
      const small = Math.max(1, Math.round(phones * SHARE))
      tell(`making ${phones + small} phones …`)
      await seedDatabase({ databaseUrl: postgres.url, phones, tenantId: tenants.large, log })
      await seedDatabase({ databaseUrl: postgres.url, phones: small, tenantId: tenants.small, log })
      const before = await digest(db)
      tell('what would change?')
      const tenth = await measure(postgres.url, file, tenants.small)
      const all = await measure(postgres.url, file, tenants.large)
      const after = await digest(db)
      tell('putting the policy in force where there are fewer phones …')
      const levels = await applyAndCount(db, tenants.small)
      return {
        seconds: round((performance.now() - startedAt) / 1000),
        config: { phones, apps: 150, smallTenant: small },
        results: { phones: all.answer.devices, seconds: round(all.answer.seconds), phonesPerSecond: Math.round(all.answer.devices / all.answer.seconds), peakRssBytes: all.peakRssBytes, changes: all.answer.changes.map(({ from, to, count }) => `${from} → ${to}: ${count}`).join(', ') },
        baselines: { tenth: { phones: tenth.answer.devices, seconds: round(tenth.answer.seconds), peakRssBytes: tenth.peakRssBytes } },
        ratios: { peakRss: round(all.peakRssBytes / tenth.peakRssBytes) },
        checks: {
          everyPhone: all.answer.devices === phones,
          nothingChanged: before === after,
          somethingWouldChange: all.answer.changes.length > 0,
          comesTrue: JSON.stringify(levels) === JSON.stringify(tenth.answer.byLevel.then)
        }
      }
    } finally {
      await db.destroy()
    }
  } finally {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function addTenant (db: Database, name: string): Promise<string> {
  return (await createTenant({ db }, { name, entraTenantId: randomUUID(), actor: 'bench' })).tenantId
}

/** The command as an administrator runs it, and the most memory it ever had. */
async function measure (databaseUrl: string, file: string, tenantId: string): Promise<{ readonly answer: PolicyPreview, readonly peakRssBytes: number }> {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/sallyport.js'), 'policy', 'preview', file, '--tenant', tenantId, '--json'], { env: { ...process.env, DATABASE_URL: databaseUrl }, stdio: ['ignore', 'pipe', 'inherit'] })
  let peakRssBytes = 0
  const exited = once(child, 'exit')
  const output = text(child.stdout)
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid!}/status`, 'utf8').catch(() => '')
    peakRssBytes = Math.max(peakRssBytes, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024)
    await Promise.race([exited, wait(POLL_MS)])
  }
  return { answer: JSON.parse(await output) as PolicyPreview, peakRssBytes }
}

async function digest (db: Database): Promise<string> {
  const { rows: [row] } = await sql<{ digest: string }>`
    select md5((select string_agg(concat_ws(' ', device_id, level, score, policy_version, assessed_at, desired_version), ';' order by device_id) from device_state)
      || (select count(*) || coalesce(max(last_seen)::text, '') from finding)) as digest`.execute(db)
  return row!.digest
}

/** What the workers make of the same policy. */
async function applyAndCount (db: Database, tenantId: string): Promise<Record<string, number>> {
  const log = createLogger({ level: 'warn' })
  const nobody = { add: async () => {} }
  await applyPolicy({ db, intel: nobody }, { tenantId, text: POLICY, expected: 'any', actor: 'bench' })
  const intel = await createIntelCache({ db, log })
  try {
    const ids = (await db.selectFrom('device_state').select('device_id').where('tenant_id', '=', tenantId).execute()).map((row) => row.device_id)
    await scoreDevices({ db, intel, sync: nobody, log, apps: createAppInventories({ db }), rules: createTenantRules(), coverageSets: createCoverageSets({ db }) }, ids)
  } finally {
    await intel.close()
  }
  const counts: Record<string, number> = { secured: 0, low: 0, medium: 0, high: 0 }
  for (const { level, count } of await db.selectFrom('device_state').select(['level', ({ fn }) => fn.countAll<number>().as('count')]).where('tenant_id', '=', tenantId).groupBy('level').execute()) counts[level!] = count
  return counts
}
