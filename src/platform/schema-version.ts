import { RESTORE_MARK } from './backup/restore-mark.js'
import type { Migration } from './migration-files.js'

/** A migration that was applied to a database. */
export interface Applied {
  readonly name: string
  readonly sha256: string
  readonly minimum: string | null
}

/** The database and this process do not go together. */
export class SchemaVersionError extends Error {}

/**
 * Whether this process can work with a database: it must have all that the process knows. It may
 * have more, as while a new version is rolled out, as long as none of it says that processes must
 * know better. @returns what the database has more
 * @throws SchemaVersionError that says what to do
 */
export function compareSchema (migrations: readonly Migration[], applied: readonly Applied[]): { readonly missing: readonly Migration[], readonly newer: readonly string[] } {
  if (applied.some(({ name }) => name === RESTORE_MARK)) throw new SchemaVersionError('a restore was interrupted before its last step, and until it is finished nothing may work with this database: run `sallyport restore` with the same file again')
  const before = new Map(applied.map((one) => [one.name, one]))
  for (const { name, sha256 } of migrations) {
    const there = before.get(name)
    if (there !== undefined && there.sha256 !== sha256) throw new SchemaVersionError(`migrations/${name} was changed after it had been applied to this database`)
  }
  const known = new Set(migrations.map(({ name }) => name))
  const newer = applied.filter(({ name }) => !known.has(name))
  const newest = migrations.at(-1)?.name ?? ''
  const beyond = newer.filter(({ minimum }) => minimum !== null && newest < minimum)
  if (beyond.length > 0) {
    throw new SchemaVersionError(`this Sallyport is too old for its database, which has ${beyond.map(({ name }) => name).join(', ')}: start the version that made it so, or a newer one`)
  }
  return { missing: migrations.filter(({ name }) => !before.has(name)), newer: newer.map(({ name }) => name) }
}
