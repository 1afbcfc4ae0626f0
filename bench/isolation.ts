import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { seedDatabase } from '../src/commands/seed-database/seed-database.js'
import { getDevice } from '../src/devices/get-device.js'
import { listDevices } from '../src/devices/list-devices.js'
import { listFindings } from '../src/devices/list-findings.js'
import { getOverview } from '../src/operators/get-overview.js'
import { createTenant } from '../src/operators/tenants.js'
import { asRole } from '../src/platform/access/database-roles.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { migrate } from '../src/platform/migrate.js'
import { inTenant } from '../src/platform/tenant-scope.js'
import { startBenchPostgres } from './bench-postgres.js'
import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'

const ROUNDS = 60
/** Of the phones; the rest is another tenant's, and in the way. */
const SHARE = 0.2
/** One of fifty that a tenth of the phones have (seeded-phone.ts). */
const RARE_APP = 'example.outside.app0'

/** What row-level security and a transaction for each question cost operators: the same questions as the tables' owner and as `operator`, in turns. */
export async function isolation ({ phones, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const log = createLogger({ level: 'warn' })
  const postgres = await startBenchPostgres({ log })
  try {
    await migrate({ databaseUrl: postgres.url, log })
    const add = async (name: string, count: number): Promise<string> => {
      const db = openDatabase({ connectionString: postgres.url, maxConnections: 1 })
      const { tenantId } = await createTenant({ db }, { name, entraTenantId: randomUUID(), actor: 'bench' }).finally(async () => await db.destroy())
      tell(`making ${count} phones …`)
      await seedDatabase({ databaseUrl: postgres.url, phones: count, tenantId, log })
      return tenantId
    }
    await add('Others', Math.round(phones * (1 - SHARE)))
    const tenantId = await add('Ours', Math.round(phones * SHARE))
    const owner = openDatabase({ connectionString: postgres.url, maxConnections: 2 })
    const operator = openDatabase({ connectionString: asRole(postgres.url, 'operator'), maxConnections: 2, oneTenant: true })
    try {
      tell('asking …')
      const answers = await ask(owner, operator, tenantId)
      return {
        seconds: round((performance.now() - startedAt) / 1000),
        config: { phones, ofTheTenant: Math.round(phones * SHARE), rounds: ROUNDS },
        ...answers
      }
    } finally {
      await Promise.all([owner.destroy(), operator.destroy()])
    }
  } finally {
    await postgres.stop()
  }
}

async function ask (owner: Database, operator: Database, tenantId: string): Promise<Pick<BenchFindings, 'results' | 'baselines' | 'ratios' | 'checks'>> {
  const { items: [first] } = await listDevices({ db: owner }, { tenantId })
  const questions: Readonly<Record<string, (db: Database) => Promise<unknown>>> = {
    listDevices: async (db) => await listDevices({ db }, { tenantId }),
    devicesByLevel: async (db) => await listDevices({ db }, { tenantId, level: 'high' }),
    devicesWithApp: async (db) => await listDevices({ db }, { tenantId, app: RARE_APP }),
    oneDevice: async (db) => await getDevice({ db }, { tenantId, deviceId: first!.deviceId }),
    listFindings: async (db) => await listFindings({ db }, { tenantId }),
    overview: async (db) => await getOverview({ db }, { tenantId })
  }
  const results: Record<string, unknown> = {}
  const baselines: Record<string, unknown> = {}
  const ratios: Record<string, number> = {}
  const checks: Record<string, boolean> = {}
  for (const [name, question] of Object.entries(questions)) {
    const times = { owner: [] as number[], operator: [] as number[] }
    for (let n = 0; n < ROUNDS + 5; n++) {
      const measure = async (who: 'owner' | 'operator', work: () => Promise<unknown>): Promise<unknown> => {
        const at = performance.now()
        const answer = await work()
        // The first few prepare their statements.
        if (n >= 5) times[who].push(performance.now() - at)
        return answer
      }
      const asOwner = await measure('owner', async () => await question(owner))
      const asOperator = await measure('operator', async () => await inTenant(tenantId, async () => await question(operator)))
      if (n === 0) checks[`${name}: same answer`] = isDeepStrictEqual(asOwner, asOperator)
    }
    results[`${name}Ms`] = quantiles(times.operator)
    baselines[`${name}Ms`] = quantiles(times.owner)
    ratios[name] = round(quantiles(times.operator)!.p50 / quantiles(times.owner)!.p50)
  }
  return { results, baselines, ratios, checks }
}
