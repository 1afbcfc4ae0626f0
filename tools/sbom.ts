import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../src/platform/package-root.js'
import { listLicences } from './licences.js'
import { runNpm } from './npm.js'

/** What a CycloneDX bill of materials holds, as far as we touch it. */
export interface Sbom {
  readonly bomFormat: string
  readonly specVersion: string
  readonly metadata: { readonly component: { readonly 'bom-ref': string, name: string, readonly version: string, readonly type: string } }
  readonly components: ReadonlyArray<{
    readonly 'bom-ref': string, readonly name: string, readonly version: string, readonly purl: string
    readonly licenses?: readonly object[], readonly hashes?: ReadonlyArray<{ readonly alg: string, readonly content: string }>
  }>
  readonly dependencies: ReadonlyArray<{ readonly ref: string, readonly dependsOn?: readonly string[] }>
}

/** All that Sallyport is run with, from the lock file, so also for other systems than this one. @throws Error when npm cannot make it */
export function makeSbom (): Sbom {
  const { status, stdout, stderr } = runNpm(['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'])
  if (status !== 0) throw new Error(`npm sbom failed (npm 10 or newer is needed): ${stderr.trim()}`)
  const sbom = JSON.parse(stdout) as Sbom
  // npm calls it by the name of the folder.
  sbom.metadata.component.name = (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { name: string }).name
  // Its own `--omit dev` leaves out what is needed to run and to build alike.
  const run = new Set(listLicences().filter(({ development }) => !development).map(({ name, version }) => `${name}@${version}`))
  const isKept = (ref: string): boolean => run.has(ref) || ref === sbom.metadata.component['bom-ref']
  return {
    ...sbom,
    components: sbom.components.filter((component) => isKept(component['bom-ref'])),
    dependencies: sbom.dependencies.filter(({ ref }) => isKept(ref)).map((one) => ({ ...one, ...(one.dependsOn === undefined ? {} : { dependsOn: one.dependsOn.filter(isKept) }) }))
  }
}

if (process.argv[1]?.endsWith('/sbom.js') === true) {
  const text = `${JSON.stringify(makeSbom(), null, 2)}\n`
  const file = process.argv[2]
  if (file === undefined) process.stdout.write(text)
  else writeFileSync(file, text)
}
