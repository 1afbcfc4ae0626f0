import type pg from 'pg'
import { BackupError, type BackupTable } from './backup-format.js'

/** Kept by the migrator; a restore makes it again. */
const NOT_DATA = 'schema_migration'

/**
 * The tables of the current schema and what of them is written, those that others refer to
 * first. Not what is unlogged: it is lost with any crash, and nothing is lost with it.
 */
export async function listBackupTables (client: pg.ClientBase): Promise<BackupTable[]> {
  const { rows } = await client.query<BackupTable & { needs: string[] }>(`
    select c.relname as "table", array(
      select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum
    ) as columns, array(
      select f.relname::text from pg_constraint k join pg_class f on f.oid = k.confrelid where k.conrelid = c.oid and k.contype = 'f' and f.oid <> c.oid
    ) as needs
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p' and c.relname <> $1
    order by c.relname`, [NOT_DATA])
  const byName = new Map(rows.map((row) => [row.table, row]))
  const sorted: BackupTable[] = []
  const open = new Set<string>()
  const visit = (name: string): void => {
    const row = byName.get(name)
    if (row === undefined || sorted.some(({ table }) => table === name)) return
    if (open.has(name)) throw new BackupError(`tables refer to each other in a circle: ${[...open].join(', ')}`)
    open.add(name)
    row.needs.forEach(visit)
    open.delete(name)
    sorted.push({ table: row.table, columns: row.columns })
  }
  for (const name of byName.keys()) visit(name)
  return sorted
}
