import { sql } from 'kysely'
import type { Database } from '../database.js'

/** A pooler that swallows what connections start with would leave us with all rights of whoever logs in. @throws when connections are not in this role */
export async function requireRole (db: Database, role: string): Promise<void> {
  const { rows: [row] } = await sql<{ role: string }>`select current_user as role`.execute(db)
  if (row!.role !== role) throw new Error(`connections to the database are in the role ${row!.role} and not in ${role}: a pooler in between must pass the startup parameter "options" on, or be named in DATABASE_POOLER_URL and set the role itself (docs/operations.md, “Behind PgBouncer”)`)
}
