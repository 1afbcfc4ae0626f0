// Takes compiled tests away whose source is gone: the compiler leaves them, and they would still run.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'

const compiled = 'dist/test'
for (const entry of existsSync(compiled) ? readdirSync(compiled, { recursive: true, withFileTypes: true }) : []) {
  const file = join(entry.parentPath, entry.name)
  if (!entry.name.endsWith('.test.js')) continue
  if (!existsSync(join('test', relative(compiled, file)).replace(/\.js$/, '.ts'))) rmSync(file)
}
