import type pg from 'pg'
import { sqlState } from '../database-errors.js'

/**
 * Stands among the migrations of a database from the moment that a backup is in it until what the world knows better is set right
 * (src/operators/adjust-after-restore.ts). Meanwhile nothing may work with it; processes of older versions take it for a migration that they are too old for.
 */
export const RESTORE_MARK = 'restore unfinished'

export interface UnfinishedRestore {
  /** Of the backup. */
  readonly madeAt: string
  readonly rows: number
}

/** In the transaction that loads the backup. */
export async function markRestore (client: pg.ClientBase, restore: UnfinishedRestore): Promise<void> {
  await client.query('insert into schema_migration (name, sha256, minimum) values ($1, $2, $3)', [RESTORE_MARK, JSON.stringify(restore), '9999'])
}

export async function findUnfinishedRestore (client: pg.ClientBase): Promise<UnfinishedRestore | undefined> {
  const found = await client.query<{ sha256: string }>('select sha256 from schema_migration where name = $1', [RESTORE_MARK]).catch((error: unknown) => {
    // Nobody has migrated it yet.
    if (sqlState(error) === '42P01') return { rows: [] }
    throw error
  })
  return found.rows[0] && JSON.parse(found.rows[0].sha256) as UnfinishedRestore
}
