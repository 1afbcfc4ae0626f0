import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../src/platform/package-root.js'

/** Licences that we may pass on with Sallyport: permissive, without a duty on our own code. */
export const ALLOWED_LICENCES: readonly string[] = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']

/** Of what only builds and tests it, and is passed on to nobody. */
export const ALLOWED_FOR_DEVELOPMENT: readonly string[] = [...ALLOWED_LICENCES, '(MIT OR CC0-1.0)', '(WTFPL OR MIT)', 'CC-BY-3.0', 'CC0-1.0', 'Python-2.0', 'Unlicense']

/** Packages that say nothing of a licence in their package.json, and where it stands. */
export const LICENCES_ELSEWHERE: Readonly<Record<string, readonly [licence: string, where: string]>> = {
  'jsonc-simple-parser': ['MIT', 'its LICENSE']
}

export interface LicensedPackage {
  readonly path: string
  readonly name: string
  readonly version: string
  /** SPDX; undefined: it says nothing. */
  readonly licence: string | undefined
  /** Only for building and testing. */
  readonly development: boolean
}

interface Locked { readonly name?: string, readonly version?: string, readonly license?: string, readonly dev?: boolean, readonly link?: boolean }

/** Every package of the lock file, for whatever system. */
export function listLicences (): LicensedPackage[] {
  const { packages } = JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as { readonly packages: Readonly<Record<string, Locked>> }
  return Object.entries(packages).filter(([path, { link }]) => path !== '' && link !== true).map(([path, locked]) => {
    const name = locked.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    return { path, name, version: locked.version ?? '', licence: locked.license ?? LICENCES_ELSEWHERE[name]?.[0], development: locked.dev === true }
  })
}

/** Packages whose licence is not one of those allowed for what they are used for. */
export function refusedLicences (packages: readonly LicensedPackage[]): LicensedPackage[] {
  return packages.filter(({ licence, development }) => licence === undefined || !(development ? ALLOWED_FOR_DEVELOPMENT : ALLOWED_LICENCES).includes(licence))
}

if (process.argv[1]?.endsWith('/licences.js') === true) {
  const packages = listLicences()
  for (const { name, version, licence } of packages.filter(({ development }) => !development)) process.stdout.write(`${licence ?? 'none'}\t${name}@${version}\n`)
  const refused = refusedLicences(packages)
  for (const { name, version, licence } of refused) process.stderr.write(`not allowed: ${licence ?? 'no licence'} of ${name}@${version}\n`)
  if (refused.length > 0) process.exitCode = 1
}
