import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Database } from '../../platform/database.js'

/** On what a judgement rests: sections that were told, and detections that nobody can answer. */
export interface CoverageSet {
  readonly sections: readonly string[]
  readonly undecided: readonly string[]
}

export interface CoverageSets {
  /** The number of each set, stored if it is new. */
  idsOf (sets: readonly CoverageSet[]): Promise<number[]>
}

/**
 * Whole fleets share a few sets, so each is stored once and phones have its number. They are
 * stored outside the phones' transactions: they never change and others may need them at once.
 */
export function createCoverageSets ({ db }: { readonly db: Database }): CoverageSets {
  const known = new Map<string, number>()
  return {
    async idsOf (sets) {
      const keys = sets.map(keyOf)
      const missing = new Map(sets.flatMap((set, index) => known.has(keys[index]!) ? [] : [[keys[index]!, set] as const]))
      if (missing.size > 0) {
        for (const [key, set] of missing) known.set(key, await store(db, key, set))
      }
      return keys.map((key) => known.get(key)!)
    }
  }
}

const keyOf = ({ sections, undecided }: CoverageSet): string => `${sections.join(',')};${undecided.join(',')}`

async function store (db: Database, key: string, { sections, undecided }: CoverageSet): Promise<number> {
  const hash = createHash('sha256').update(key).digest()
  // Without the first part every look at a set that is there would use up a number.
  const { rows: [row] } = await sql<{ id: number }>`
    with there as (select id from coverage_set where hash = ${hash}), made as (
      insert into coverage_set (hash, sections, undecided)
      select ${hash}, ${sections}::text[], ${undecided}::text[] where not exists (select from there)
      on conflict (hash) do update set hash = excluded.hash returning id
    )
    select id from there union all select id from made`.execute(db)
  return row!.id
}
