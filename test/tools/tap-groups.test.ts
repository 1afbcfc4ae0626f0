import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'

// It runs before anything is compiled, so it is JavaScript.
const { planGroups } = await import(pathToFileURL(join(packageRoot, 'tools/tap-groups.js')).href) as {
  planGroups (files: readonly string[], sourceOf: (file: string) => string): { readonly alone: readonly string[], readonly groups: ReadonlyArray<readonly string[]> }
}

t.test('each test file of this repository runs, in one place', async (t) => {
  const folder = join(packageRoot, 'test')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts')).map((file) => file.replace(/\.ts$/, '.js'))
  const { alone, groups } = planGroups(files, (file) => readFileSync(join(folder, file.replace(/\.js$/, '.ts')), 'utf8'))
  t.strictSame([...alone, ...groups.flat()].sort(), files.sort())
  t.ok(groups.every(({ length }) => length >= 1 && length <= 8))
  t.ok(alone.includes('e2e/chaos.test.js') && alone.includes('http/fuzz.test.js'), 'what is long, and what asks for it, is alone')
  t.notOk(alone.includes('tools/tap-groups.test.js'))
})
