import { join } from 'node:path'
import { seedDatabase } from '../src/commands/seed-database/seed-database.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { startBenchPostgres } from './bench-postgres.js'
import type { BenchOptions } from './benchmark.js'
import { startSallyport } from './started-sallyport.js'

/** Started once for its tenant, then filled with made-up phones while nobody else is connected. */
export async function fillFolder (dataDir: string, { phones, workers, tell }: Pick<BenchOptions, 'phones' | 'workers' | 'tell'>, afterwards: (db: Database) => Promise<void> = async () => {}): Promise<void> {
  const first = await startSallyport({ workers, filled: dataDir })
  const { tenantId } = first
  await first.stop()
  const log = createLogger({ level: 'warn' })
  const postgres = await startBenchPostgres({ dataDir: join(dataDir, 'postgres'), log })
  try {
    tell(`making ${phones} phones …`)
    await seedDatabase({ databaseUrl: postgres.url, phones, tenantId, log })
    const db = openDatabase({ connectionString: postgres.url, maxConnections: 1 })
    try {
      await afterwards(db)
    } finally {
      await db.destroy()
    }
  } finally {
    await postgres.stop()
  }
}
