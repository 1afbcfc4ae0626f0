import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/platform/package-root.js'

const root = packageRoot

/**
 * What each folder may import of our own code, besides itself. `types` means: type imports
 * only. This list is the design; a new entry needs a reason.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/errors.ts': [],
  // What REDIS_URL may say is checked with the other settings, and read again where somebody connects.
  'src/redis-url.ts': [],
  'src/config.ts': ['src/redis-url.ts'],
  'src/platform': ['src/errors.ts', 'src/redis-url.ts'],
  'src/telemetry': ['src/platform', 'src/errors.ts'],
  'src/intel': ['src/platform', 'src/errors.ts'],
  'src/risk': ['types:src/telemetry', 'types:src/intel'],
  'src/devices': ['src/platform', 'src/telemetry', 'src/intel', 'src/risk', 'src/errors.ts'],
  'src/intune': ['src/platform', 'src/devices', 'types:src/risk', 'src/errors.ts'],
  'src/signals': ['src/platform', 'src/devices', 'src/errors.ts'],
  // Who vouches for callers: tokens of OpenID providers, for operators and relying parties alike.
  'src/identity': ['src/platform', 'src/errors.ts'],
  'src/operators': ['src/platform', 'src/devices', 'src/identity', 'src/intune', 'src/risk', 'src/errors.ts'],
  // What relying parties read: states and changes of devices, and how the connector is.
  'src/partners': ['src/platform', 'src/devices', 'src/identity', 'src/intune', 'types:src/risk', 'src/errors.ts'],
  // How a customer's Microsoft side comes to be set up: uses both, and neither knows of it.
  'src/onboarding': ['src/platform', 'src/devices', 'src/intune', 'src/operators', 'src/errors.ts', 'types:src/risk'],
  'src/http': ['src/platform', 'src/telemetry', 'src/intel', 'src/risk', 'src/devices', 'src/identity', 'src/intune', 'src/signals', 'src/operators', 'src/onboarding', 'src/partners', 'src/errors.ts', 'types:src/config.ts'],
  'src/agent': ['src/telemetry'],
  'src/simulator/intune': [],
  'src/simulator/fleet': ['src/agent', 'types:src/telemetry'],
  workers: ['src/platform', 'src/telemetry', 'src/intel', 'src/risk', 'src/devices', 'src/intune', 'src/signals', 'src/operators', 'src/errors.ts', 'types:src/config.ts']
}

/** The entry wires everything, so it may see everything. */
const WIRING = ['src/cli.ts', 'src/commands', 'workers/main.ts', 'bench', 'test']

interface Import { readonly file: string, readonly target: string, readonly typesOnly: boolean }

function listSources (folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

function importsOf (file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found: Import[] = []
  for (const match of text.matchAll(/^(import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?['"](\.[^'"]+)['"]/gm)) {
    found.push({
      file,
      target: normalize(join(dirname(file), match[3]!)).replace(/\.js$/, '.ts'),
      typesOnly: match[2] !== undefined
    })
  }
  return found
}

const isWithin = (file: string, room: string): boolean => file === room || file.startsWith(room + '/')
const roomOf = (file: string): string | undefined => Object.keys(MAY_IMPORT).find((room) => isWithin(file, room))
const isWiring = (file: string): boolean => WIRING.some((place) => isWithin(file, place))

const files = [...listSources('src'), ...listSources('workers')]
const imports = files.flatMap(importsOf)

t.test('every source file lives in a room with a rule', async (t) => {
  t.ok(files.length > 10, 'sources are found')
  t.strictSame(files.filter((file) => !isWiring(file) && roomOf(file) === undefined), [])
})

t.test('imports point one way', async (t) => {
  const broken = imports.filter(({ file, target, typesOnly }) => {
    if (isWiring(file)) return false
    const from = roomOf(file)
    const to = roomOf(target)
    if (from === undefined || to === undefined) return true
    if (from === to) return false
    const rules = MAY_IMPORT[from]!
    return !(rules.includes(to) || (typesOnly && rules.includes(`types:${to}`)))
  })
  t.strictSame(broken.map(({ file, target }) => `${file} → ${target}`), [])
})

t.test('src never imports workers, but for the wiring', async (t) => {
  t.strictSame(imports.filter(({ file, target }) => isWithin(file, 'src') && isWithin(target, 'workers') && !isWiring(file)), [])
})

t.test('there is no circle of imports', async (t) => {
  const edges = new Map(files.map((file) => [file, imports.filter((one) => one.file === file && !one.typesOnly).map((one) => one.target)]))
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const next of edges.get(file) ?? []) walk(next, [...path, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  t.strictSame(circles, [])
})

t.test('only the configuration reads the environment', async (t) => {
  const readers = files.filter((file) => file !== 'src/config.ts' && !isWiring(file) && /\bprocess\.env\b/.test(readFileSync(join(root, file), 'utf8')))
  t.strictSame(readers, [])
})

t.test('routes hold no SQL and no queue', async (t) => {
  const offenders = imports.filter(({ file, target, typesOnly }) => isWithin(file, 'src/http/routes') && !typesOnly && /repository\.ts$|platform\/queues\.ts$/.test(target))
  t.strictSame(offenders, [])
})
