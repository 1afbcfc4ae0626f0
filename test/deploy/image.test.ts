import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { createTestDatabase } from '../helpers/database.js'

const dockerfile = readFileSync(join(packageRoot, 'Dockerfile'), 'utf8')
const [, buildStage = '', lastStage = ''] = dockerfile.split(/^FROM .*$/m)

/** The paths that a stage copies, as [where from, where to]. */
const copiesOf = (stage: string): Array<readonly [string, string]> => [...stage.matchAll(/^COPY (?:--from=build )?(\S+(?: \S+)*) (\S+)$/gm)]
  .flatMap(([, from = '', to = '']) => from.split(' ').map((one) => [one.replace(/^\/app\//, ''), to.endsWith('/') ? join(to, one) : to] as const))

interface Package { readonly dependencies: object, readonly devDependencies: object }

t.test('the image is not root\'s to run, and holds no more than it runs', async (t) => {
  t.match(lastStage, /^USER 1000:1000$/m)
  t.notMatch(lastStage, /--chown|npm |apt/, 'it can change none of its code, and nothing is installed in it')
  const ignored = readFileSync(join(packageRoot, '.dockerignore'), 'utf8').split('\n')
  for (const folder of ['node_modules', 'dist', 'data', '.git', '.env']) t.ok(ignored.includes(folder), folder)
  t.ok(copiesOf(lastStage).length >= 6)
  for (const [path] of copiesOf(buildStage)) t.ok(existsSync(join(packageRoot, path)), path)
})

t.test('what runs imports nothing that is for development only', async (t) => {
  const { dependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as Package
  const files = ['src', 'workers'].flatMap((folder) => readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.ts')).map((one) => join(folder, one)))
  for (const file of files) {
    for (const [, name = ''] of readFileSync(join(packageRoot, file), 'utf8').matchAll(/^(?:import|export)\b(?!\s+type\b)(?:[^'\n]* from)? '([^.'][^']*)'/gm)) {
      const module = name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/')
      t.ok(name.startsWith('node:') || builtinModules.includes(name) || module in dependencies, `${file}: ${name}`)
    }
  }
})

t.test('what the image holds is a Sallyport that starts', async (t) => {
  const folder = join(t.testdir({}), 'app')
  for (const [from, to] of copiesOf(lastStage)) {
    mkdirSync(dirname(join(folder, to)), { recursive: true })
    if (from === 'node_modules') symlinkSync(join(packageRoot, from), join(folder, to))
    else cpSync(join(packageRoot, from), join(folder, to), { recursive: true, filter: (path) => !path.includes('dist/test') && !path.includes('dist/bench') })
  }
  const { url } = await createTestDatabase(t, { empty: true })
  const run = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ code: number, out: string, err: string }> => await new Promise((resolve) => {
    execFile(process.execPath, [join(folder, 'bin/sallyport.js'), ...args], { env: { PATH: process.env.PATH, ...env } }, (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }))
  })
  const migrated = await run(['migrate'], { DATABASE_URL: url })
  t.equal(migrated.code, 0, migrated.err)
  t.ok(existsSync(join(folder, 'src/intel/bundled/starter.yaml')), 'the feed that every installation begins with')
  const wrong = await run(['api'], { DATABASE_URL: 'mysql://x' })
  t.equal(wrong.code, 78)
})
