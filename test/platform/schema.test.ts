import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import ts from 'typescript'
import { packageRoot } from '../../src/platform/package-root.js'
import { createTestDatabase } from '../helpers/database.js'

interface Column { readonly type: string, readonly nullable: boolean, readonly optional: boolean, readonly writable: boolean }
type Tables = Record<string, Record<string, Column>>

/** What a query answers for a column of this PostgreSQL type (the parsers are in database.ts). */
const TYPES: Readonly<Record<string, string>> = {
  text: 'string',
  xid8: 'string',
  uuid: 'string',
  date: 'string',
  int2: 'number',
  int4: 'number',
  int8: 'number',
  float4: 'number',
  float8: 'number',
  bool: 'boolean',
  timestamptz: 'Date',
  bytea: 'Buffer',
  jsonb: 'json',
  _text: 'string[]',
  _uuid: 'string[]',
  _int2: 'number[]',
  _int4: 'number[]'
}

/** Tables and columns as the compiler sees them in the interface `Schema`. */
function readTypes (): Tables {
  const file = join(packageRoot, 'src/platform/schema.ts')
  const { options } = ts.convertCompilerOptionsFromJson({ target: 'es2023', module: 'nodenext', strict: true, skipLibCheck: true, types: ['node'], noEmit: true }, packageRoot)
  const program = ts.createProgram([file], options)
  const checker = program.getTypeChecker()
  const schema = program.getSourceFile(file)!.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'Schema')!
  const propertiesOf = (type: ts.Type): Array<[string, ts.Type]> => type.getProperties().map((property) => [property.name, checker.getTypeOfSymbolAtLocation(property, schema)])
  return Object.fromEntries(propertiesOf(checker.getTypeAtLocation(schema)).map(([table, type]) =>
    [table, Object.fromEntries(propertiesOf(type).map(([column, type]) => [column, describe(checker, schema, type)]))]))
}

function describe (checker: ts.TypeChecker, at: ts.Node, type: ts.Type): Column {
  const bare = checker.getNonNullableType(type)
  const part = (name: string): ts.Type => {
    const property = bare.getProperty(name)
    return property === undefined ? bare : checker.getTypeOfSymbolAtLocation(property, at)
  }
  const allows = (type: ts.Type, flag: ts.TypeFlags): boolean => (type.isUnion() ? type.types : [type]).some(({ flags }) => (flags & flag) !== 0)
  const nullable = allows(type, ts.TypeFlags.Null)
  const select = part('__select__')
  const isJson = allows(select, ts.TypeFlags.Unknown) || checker.typeToString(select).startsWith('Record<')
  const text = isJson ? 'json' : checker.typeToString(select).split(' | ').filter((name) => name !== 'number' || !select.isUnion()).join(' | ')
  const insert = part('__insert__')
  return {
    type: text === 'Buffer<ArrayBufferLike>' ? 'Buffer' : text,
    nullable,
    optional: nullable || allows(insert, ts.TypeFlags.Undefined | ts.TypeFlags.Never),
    writable: !allows(insert, ts.TypeFlags.Never)
  }
}

t.test('the types of all tables are what the migrations made', async (t) => {
  const { db } = await createTestDatabase(t)
  const { rows } = await sql<{ table: string, column: string, type: string, nullable: boolean, filled: boolean, always: boolean }>`
    select c.table_name as "table", c.column_name as "column", c.udt_name as type, c.is_nullable = 'YES' as nullable,
      c.column_default is not null or c.is_identity = 'YES' or c.is_generated = 'ALWAYS' as filled,
      coalesce(c.identity_generation = 'ALWAYS', false) or c.is_generated = 'ALWAYS' as always
    from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and t.table_type = 'BASE TABLE'
      and not exists (select from pg_inherits i where i.inhrelid = to_regclass(quote_ident(c.table_name)))`.execute(db)
  const made: Tables = {}
  for (const { table, column, type, nullable, filled, always } of rows) {
    (made[table] ??= {})[column] = { type: TYPES[type] ?? type, nullable, optional: nullable || filled, writable: !always }
  }

  const written = readTypes()
  t.strictSame(Object.keys(written).sort(), Object.keys(made).sort(), 'the same tables')
  for (const [table, columns] of Object.entries(made)) {
    const typed = written[table] ?? {}
    // A column with a default may be asked for all the same; one without may not be left out.
    for (const [name, column] of Object.entries(columns)) if (typed[name]?.optional === false) columns[name] = { ...column, optional: false }
    t.strictSame(sorted(typed), sorted(columns), table)
  }
})

const sorted = (columns: Tables[string]): Array<[string, Column]> => Object.entries(columns).sort(([one], [other]) => one < other ? -1 : 1)
