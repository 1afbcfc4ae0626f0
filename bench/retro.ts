import { rm } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { createSeedCatalogue } from '../src/commands/seed-database/seeded-phone.js'
import { CATALOGUE_SEED } from '../src/commands/seed-database/seed-database.js'
import { phonesWithBuild } from '../src/devices/which-phones.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'
import { fillFolder } from './filled-folder.js'
import { enrollProbe, measureReportToIntune } from './probe-intune.js'
import { makeDataDir, startSallyport, type StartedSallyport } from './started-sallyport.js'

const HITS = 1_000
const POLL_MS = 20
const LIMIT_MS = 300_000
const QUIET_LIMIT_MS = 600_000
const PROBES = 5
const PROBE_SECONDS = 10
const PROBES_PER_SECOND = 5

/**
 * How soon Intune knows the new level of all phones that a new indicator concerns, among many that it does not; and
 * what fresh reports notice of a fleet that is judged anew as a whole.
 */
export async function retro ({ phones, workers, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const dataDir = await makeDataDir()
  try {
    await fillFolder(dataDir, { phones, workers, tell }, settle)
    const sallyport = await startSallyport({ workers, filled: dataDir })
    const db = openDatabase({ connectionString: sallyport.databaseUrl, maxConnections: 2, applicationName: 'bench' })
    try {
      tell('waiting until nothing is on its way …')
      await untilQuiet(db)
      const { certificates, devices, wereHigh } = await chooseHits(db)
      tell(`${devices.length} phones have apps of ${certificates.length} signers; enrolling them at Intune …`)
      await enrolAtIntune(db, sallyport, devices)
      tell('an import names the signers …')
      const acted = await importAndWait(db, sallyport, certificates, devices)
      const known = await countHighAtIntune(db, sallyport, devices.filter((id) => !wereHigh.has(id)))
      const news = devices.length - wereHigh.size
      tell('reports from phones while nothing else goes on, and while the whole fleet is judged anew …')
      const latencies = await measureBeside(db, sallyport)
      return {
        seconds: round((performance.now() - startedAt) / 1000),
        config: { phones, workers, signers: certificates.length },
        results: { phones, hits: devices.length, newAtIntune: news, allAtIntuneMs: round(acted.allAtIntuneMs), importMs: round(acted.importMs), allJudgedMs: round(acted.allJudgedMs), ...latencies.results },
        baselines: latencies.baselines,
        ratios: {},
        checks: {
          onlyThosePhonesWereFound: acted.found === devices.length,
          everyHitIsHigh: acted.high === devices.length,
          intuneKnowsEveryNewLevel: known === news,
          aFleetWasOnTheWay: latencies.wasBusy
        }
      }
    } finally {
      await db.destroy()
      await sallyport.stop()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Made-up phones are judged by what is stored, which nobody has acted on yet. */
const settle = async (db: Database): Promise<void> => { await sql`with done as (delete from intel_change) update intel_version set reassessed_version = version`.execute(db) }

/** Nothing is on its way that would be measured with the rest. */
async function untilQuiet (db: Database): Promise<void> {
  for (const endsAt = performance.now() + QUIET_LIMIT_MS; performance.now() < endsAt; await wait(1_000)) {
    const { rows: [row] } = await sql<{ is_quiet: boolean }>`
      select (select reassessed_version = version from intel_version) and not exists (select from rescoring where finished_at is null) and not exists (select from intune_outbox)
        and not exists (select from device_state where due_at <= now()) and exists (select from reconciliation where full_at is not null and lease_id is null) as is_quiet`.execute(db)
    if (row!.is_quiet) return
  }
}

/** Signers of apps from outside the stores, until about so many phones have one; some of them were high before for another reason. */
async function chooseHits (db: Database): Promise<{ certificates: string[], devices: string[], wereHigh: ReadonlySet<string> }> {
  const { sideloaded } = createSeedCatalogue(CATALOGUE_SEED)
  const devices = new Set<string>()
  const certificates: string[] = []
  for (const { app } of [...sideloaded.android, ...sideloaded.ios]) {
    if (devices.size >= HITS) break
    const [certificate] = app.signingCertSha256!
    const builds = await db.selectFrom('app_build').select('id').where(sql<boolean>`signers && array[${certificate}]`).execute()
    if (builds.length === 0) continue
    const { rows } = await phonesWithBuild({ builds: builds.map(({ id }) => id) }).execute(db)
    if (devices.size + rows.length > HITS * 1.2) continue
    certificates.push(certificate!)
    for (const { device_id: deviceId } of rows) devices.add(deviceId)
  }
  const high = await db.selectFrom('device_state').select('device_id').where('device_id', 'in', [...devices]).where('level', '=', 'high').execute()
  return { certificates, devices: [...devices], wereHigh: new Set(high.map((row) => row.device_id)) }
}

async function enrolAtIntune (db: Database, { simulatorUrl, entraTenantId }: StartedSallyport, deviceIds: readonly string[]): Promise<void> {
  const rows = await db.selectFrom('device').select(['entra_device_id', 'platform']).where('id', 'in', [...deviceIds]).execute()
  const body = rows.map(({ entra_device_id: entraDeviceId, platform }) => ({ entraDeviceId, platform: platform === 'android' ? 'android' : 'ios' }))
  const answer = await fetch(`${simulatorUrl}/_sim/tenants/${entraTenantId}/devices`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`the simulator takes no phones: ${answer.status} ${await answer.text()}`)
}

interface Acted { readonly allAtIntuneMs: number, readonly importMs: number, readonly allJudgedMs: number, readonly found: number, readonly high: number }

async function importAndWait (db: Database, { apiUrl, operatorToken }: StartedSallyport, certificates: readonly string[], devices: readonly string[]): Promise<Acted> {
  const bundle = {
    type: 'bundle',
    id: 'bundle--1',
    objects: [{ type: 'malware', id: 'malware--1', name: 'Bench' }, ...certificates.map((value, index) => ({ type: 'indicator', id: `indicator--${index}`, pattern_type: 'stix', pattern: `[app:cert.sha256 = '${value}']` }))]
  }
  const startedAt = performance.now()
  const answer = await fetch(`${apiUrl}/v1/intel/feeds/bench/import`, { method: 'POST', headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/octet-stream' }, body: JSON.stringify(bundle) })
  if (!answer.ok) throw new Error(`the import failed: ${answer.status} ${await answer.text()}`)
  const importMs = performance.now() - startedAt
  let allJudgedMs: number | undefined
  for (;;) {
    const { rows: [row] } = await sql<{ high: number, told: number }>`
      select count(*) filter (where level = 'high') as high, count(*) filter (where level = 'high' and reported_version = desired_version) as told
      from device_state where device_id = any(${devices}::uuid[])`.execute(db)
    if (row!.high === devices.length) allJudgedMs ??= performance.now() - startedAt
    if (row!.told === devices.length || performance.now() - startedAt > LIMIT_MS) {
      const allAtIntuneMs = performance.now() - startedAt
      const { found } = await db.selectFrom('rescoring').select('found').orderBy('id', 'desc').limit(1).executeTakeFirstOrThrow()
      return { allAtIntuneMs, importMs, allJudgedMs: allJudgedMs ?? LIMIT_MS, found, high: row!.high }
    }
    await wait(POLL_MS)
  }
}

/** How many of these phones Intune itself holds as high: asked one by one, because others may be high as well. */
async function countHighAtIntune (db: Database, { simulatorUrl, entraTenantId }: StartedSallyport, deviceIds: readonly string[]): Promise<number> {
  const rows = await db.selectFrom('device').select('entra_device_id').where('id', 'in', [...deviceIds]).execute()
  let high = 0
  for (const { entra_device_id: entraDeviceId } of rows) {
    const answer = await fetch(`${simulatorUrl}/_sim/tenants/${entraTenantId}/devices/${entraDeviceId}`)
    const { threatState } = await answer.json() as { threatState: string }
    if (threatState === 'highSeverity') high++
  }
  return high
}

async function measureBeside (db: Database, sallyport: StartedSallyport): Promise<{ results: Record<string, unknown>, baselines: Record<string, unknown>, wasBusy: boolean }> {
  const probes = await Promise.all(Array.from({ length: PROBES }, async () => await enrollProbe(sallyport)))
  const measure = async (): Promise<object | null> => quantiles(await measureReportToIntune(probes, { seconds: PROBE_SECONDS, perSecond: PROBES_PER_SECOND }))
  const alone = await measure()
  // As an import does that cannot say what it changed.
  await sql`with raised as (update intel_version set version = version + 1 returning version) insert into intel_change (intel_version, kind) select version, 'all' from raised`.execute(db)
  const waiting = async (): Promise<number> => (await db.selectFrom('rescoring_device').select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow()).count
  const endsAt = performance.now() + 60_000
  while (await waiting() === 0 && performance.now() < endsAt) await wait(POLL_MS)
  const before = await waiting()
  const beside = await measure()
  return { results: { reportToIntuneBesideFleetMs: beside }, baselines: { reportToIntuneAloneMs: alone }, wasBusy: before > 0 }
}
