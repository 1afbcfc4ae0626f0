import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function findPackageRoot (folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('package.json of Sallyport is not above its code')
  return findPackageRoot(parent)
}

/** The folder of package.json: the same from `src/` and from the compiled `dist/src/`. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)))
