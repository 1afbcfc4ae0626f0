import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import pg from 'pg'
import { preparing } from './prepared-statements.js'
import type { Schema } from './schema.js'
import { tenantPool } from './tenant-scope.js'

export type Database = Kysely<Schema>
/** A function that is only right inside a transaction asks for this. */
export type Tx = Transaction<Schema>

/** `integer[]`, which the library's list of names leaves out. */
const INT4_ARRAY = 1007

/** `{1,2,3}` by JSON's parser: it takes a tenth of the time that one character after the other takes, and app lists are long. */
function parseIntegers (text: string): Array<number | null> {
  return text.includes('N') || text.startsWith('[') || text.startsWith('{{')
    ? (pg.types.getTypeParser as (oid: number) => (text: string) => Array<number | null>)(INT4_ARRAY)(text)
    : JSON.parse(`[${text.slice(1, -1)}]`) as number[]
}

// 64-bit ids and versions stay far below 2^53; dates without time stay text, because a
// Date would move them by the machine's time zone.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === pg.types.builtins.INT8) return Number
    if (oid === pg.types.builtins.DATE) return (text: string) => text
    if (oid === INT4_ARRAY && format !== 'binary') return parseIntegers
    return pg.types.getTypeParser(oid, format as 'text')
  }) as pg.CustomTypesConfig['getTypeParser']
}

export interface DatabaseOptions {
  readonly connectionString: string
  readonly maxConnections?: number
  readonly applicationName?: string
  /** Every transaction is about the tenant set by `inTenant`, for roles that see one tenant's rows. */
  readonly oneTenant?: boolean
  /** A pooler stands between that gives each transaction another connection: nothing may outlive one, prepared statements neither. */
  readonly pooled?: boolean
  /** An idle connection broke; the pool replaces it. */
  readonly onError?: (error: Error) => void
}

/** A pool of connections behind kysely. Connects on first use; `destroy()` closes it. */
export function openDatabase (options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.maxConnections ?? 10,
    application_name: options.applicationName ?? 'sallyport',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    types
  })
  pool.on('error', (error) => options.onError?.(error))
  // The pool listens to idle connections only. One that breaks while it is lent out has
  // nobody listening, and such an event ends the process; its query fails all the same.
  pool.on('connect', (client) => { client.on('error', () => {}) })
  const prepared = preparing(pool, { names: options.pooled !== true })
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: options.oneTenant === true ? tenantPool(prepared) : prepared }) })
}
