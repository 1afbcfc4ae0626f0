import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/platform/package-root.js'

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly optional?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const { packages } = JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as { readonly packages: Readonly<Record<string, Locked>> }

/** Where Node looks for it from there: in the folder of modules beside it, then in those above. */
function isFound (from: string, name: string): boolean {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (packages[at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`] !== undefined) return true
    if (at === '') return false
  }
}

const missing = (kind: 'dependencies' | 'optionalDependencies'): string[] => Object.entries(packages)
  .flatMap(([path, locked]) => Object.keys(locked[kind] ?? {}).filter((name) => !isFound(path, name)).map((name) => `${path} → ${name}`))

t.test('the lock file has all that its packages name, also for other systems than the one it was written on', async (t) => {
  // npm leaves them out when it writes the file while node_modules is there; then `npm ci` fails elsewhere.
  t.strictSame(missing('optionalDependencies'), [])
  t.strictSame(missing('dependencies'), [])
  t.ok(Object.values(packages).some(({ optional }) => optional === true), 'there are such packages')
})

t.test('the lock file names no registry, so that everybody uses his own', async (t) => {
  t.strictSame(Object.entries(packages).filter(([, { resolved, link }]) => resolved !== undefined && link !== true).map(([path, { resolved }]) => `${path}: ${resolved}`), [])
})
