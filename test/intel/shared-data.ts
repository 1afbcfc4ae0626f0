import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'

const folder = join(packageRoot, '../shared/data')

/** A public feed that lies beside the repository, or undefined; then the test says what it leaves out. */
export function readSharedData (t: Test, path: string, checks: number): string | undefined {
  const file = join(folder, path)
  if (existsSync(file)) return readFileSync(file, 'utf8')
  t.comment(`${path} is not here: ${checks} checks left out`)
  return undefined
}
