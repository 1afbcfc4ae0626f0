import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from './package-root.js'

export interface Migration {
  readonly name: string
  readonly sql: string
  readonly sha256: string
  /** False: each statement by itself, as `create index concurrently` needs. */
  readonly inTransaction: boolean
  /** Beginning of the name of the first migration that a process must know to work with this one; null: any process works. */
  readonly minimum: string | null
}

/** All migrations of this Sallyport, in order. */
export async function listMigrations (): Promise<Migration[]> {
  const folder = join(packageRoot, 'migrations')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return await Promise.all(names.map(async (name) => readMigration(name, await readFile(join(folder, name), 'utf8'))))
}

/** What stands in its head: comment lines `-- no transaction` and `-- minimum: 0042`. */
export function readMigration (name: string, sql: string): Migration {
  const head = /^(?:--.*\n|\s*\n)*/.exec(sql)![0]
  return {
    name,
    sql,
    sha256: createHash('sha256').update(sql).digest('hex'),
    inTransaction: !/^-- no transaction$/m.test(head),
    minimum: /^-- minimum: (\d{4})$/m.exec(head)?.[1] ?? null
  }
}

/** Statements of a text, without comments. Knows quotes, and dollar quotes of functions. */
export function splitStatements (sql: string): string[] {
  const statements: string[] = []
  let current = ''
  for (let at = 0; at < sql.length;) {
    const rest = sql.slice(at)
    const comment = /^(?:--[^\n]*|\/\*[\s\S]*?\*\/)/.exec(rest)
    const quoted = /^(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$)[\s\S]*?\1)/.exec(rest)
    if (comment !== null) at += comment[0].length
    else if (quoted !== null) {
      current += quoted[0]
      at += quoted[0].length
    } else if (sql[at] === ';') {
      statements.push(current)
      current = ''
      at++
    } else current += sql[at++]
  }
  return [...statements, current].map((text) => text.trim()).filter((text) => text !== '')
}
