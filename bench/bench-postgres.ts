import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from '../src/platform/embedded-postgres.js'
import { stopWhenInterrupted } from './interruption.js'

/** A PostgreSQL that does not outlive the benchmark. */
export async function startBenchPostgres (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres(options)
  return { ...postgres, stop: stopWhenInterrupted(async () => await postgres.stop()) }
}
