import { once } from 'node:events'
import { createServer } from 'node:http'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { readIntelVersion } from '../../src/intel/intel-version.js'
import type { Database } from '../../src/platform/database.js'
import { openQueues } from '../../src/platform/queues.js'
import { type Ended, startCommands } from '../helpers/commands.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'
import { stalkerwareFile, stixFile } from '../intel/files.js'
import { readSharedData } from '../intel/shared-data.js'

const commands = startCommands(t)
const run = async (args: readonly string[], env: Readonly<Record<string, string>>, cwd: string): Promise<Ended> => await commands(['intel', 'import', ...args], { env, cwd })

interface World {
  readonly db: Database
  readonly url: string
  readonly folder: string
  write (name: string, text: string): Promise<string>
  import (...args: readonly string[]): Promise<Ended>
}

async function setUp (t: Test): Promise<World> {
  const { db, url } = await createTestDatabase(t)
  const folder = await mkdtemp(join(tmpdir(), 'sallyport intel '))
  t.teardown(async () => await rm(folder, { recursive: true, force: true }))
  return {
    db,
    url,
    folder,
    write: async (name, text) => {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
      return name
    },
    import: async (...args) => await run(args, { DATABASE_URL: url }, folder)
  }
}

const storedIn = async (db: Database): Promise<string[]> =>
  (await db.selectFrom('indicator').selectAll().orderBy('feed').orderBy('value').execute()).map(({ feed, value }) => `${feed} ${value}`)

t.test('says what was imported and what was left out, feed by feed', async (t) => {
  const world = await setUp(t)
  const list = await world.write('Spy List.yaml', stalkerwareFile({ packages: ['com.a', 'com.b', 'not a package'], websites: ['spy.example'] }))
  const bundle = await world.write('some folder/predator.stix2', stixFile('Predator', ["[process:name='bh']"]))
  const { code, out, errors } = await world.import(list, bundle)
  t.strictSame([code, errors], [0, ''])
  t.strictSame(out.split('\n'), [
    'spy-list (stalkerware): 3 added, 0 updated, 0 unchanged, 0 withdrawn',
    '  1 domain, 2 app-id',
    '  skipped 1: packages: not a valid app-id (not a package)',
    'predator (stix): 1 added, 0 updated, 0 unchanged, 0 withdrawn',
    '  1 process',
    ''
  ])
  t.strictSame(await storedIn(world.db), ['predator bh', 'spy-list com.a', 'spy-list com.b', 'spy-list spy.example'])
})

t.test('--json prints the API\'s answer, a line for each file; the same again changes nothing', async (t) => {
  const world = await setUp(t)
  const file = await world.write('list.yaml', stalkerwareFile({ packages: ['com.a'] }))
  const lines = async (...args: string[]): Promise<Array<Record<string, unknown>>> => {
    const { code, out, errors } = await world.import('--json', ...args)
    t.strictSame([code, errors], [0, ''])
    return out.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  }
  const [first, ...rest] = await lines(file)
  t.strictSame(rest, [])
  t.match(first, { feed: 'list', format: 'stalkerware', added: 1, updated: 0, unchanged: 0, withdrawn: 0, skipped: [], byType: { 'app-id': 1, domain: 0, vulnerability: 0 } })
  t.strictSame(await lines(file), [{ ...first, added: 0, unchanged: 1 }])
  t.match(await lines('--feed', 'other', '--format', 'stalkerware', file), [{ feed: 'other', added: 1 }])
  t.equal(await readIntelVersion(world.db), 2)
})

t.test('names every fault of every file, stores nothing of a faulty one, and imports the others', async (t) => {
  const world = await setUp(t)
  const good = await world.write('good.yaml', stalkerwareFile({ packages: ['com.a'] }))
  await world.write('families.yaml', '- { name: Spy, type: stalkerware, packages: [com.b] }\n- 5\n- { names: [x] }\n')
  await world.write('yaml.yaml', '- name: Spy\n  packages: [a, b\n- name: B\n')
  await world.write('starter.yaml', 'format: sallyport-starter/1\nfamilies: [{ name: A, class: nice }]\nvulnerabilities: [{ cve: x }]\n')
  await world.write('bundle.json', '{"type": "bundle",\n "objects": ["a\nb"]}')
  await world.write('unknown.json', '{}')
  await world.write('folder/list.yaml', stalkerwareFile({ packages: ['com.c'] }))
  const { code, out, errors } = await world.import('families.yaml', 'yaml.yaml', 'missing.yaml', 'starter.yaml', 'bundle.json', good, 'unknown.json', 'folder')
  t.equal(code, 1)
  t.match(out, /^good \(stalkerware\): 1 added/)
  for (const line of [
    'families.yaml: The file is none of the known formats',
    /yaml\.yaml: The YAML file has \d faults?\.\n {2}line [23] /,
    'missing.yaml: there is no such file',
    /starter\.yaml: The starter feed has \d+ faults\.\n(?: {2}.*\n)* {2}\/families\/0\/class .*\n/,
    /\n {2}\/vulnerabilities\/0\/cve /,
    /bundle\.json: The file has 1 fault\.\n {2}line 2 is not JSON: /,
    'unknown.json: The file is none of the known formats',
    /folder: EISDIR/
  ]) t.match(errors, line)
  t.strictSame(await storedIn(world.db), ['good com.a'])

  const named = await world.import('--format', 'stalkerware', 'families.yaml')
  t.strictSame([named.code, named.out, named.errors], [1, '', 'sallyport: families.yaml: The stalkerware list has 2 faults.\n  /1 must be a family with a name\n  /2 must be a family with a name\n'])
})

t.test('a command that cannot be meant is refused before anything is stored', async (t) => {
  const world = await setUp(t)
  const one = await world.write('a/ioc.yaml', stalkerwareFile({ packages: ['com.a'] }))
  const two = await world.write('b/ioc.yml', stalkerwareFile({ packages: ['com.b'] }))
  const strange = await world.write('---.yaml', stalkerwareFile({ packages: ['com.c'] }))
  for (const [name, args, message] of [
    ['an unknown format', ['--format', 'guess', one], /a\/ioc\.yaml: The format guess is not supported; supported are auto, .*stix, .*csv/],
    ['one name for two files', ['--feed', 'x', one, two], '--feed names one feed, but there are several files'],
    ['two files of one name', [one, two], 'a/ioc.yaml and b/ioc.yml would both be the feed ioc; import them one by one and name them with --feed'],
    ['a file that names no feed', ['--', strange], 'name the feed of ---.yaml with --feed'],
    ['a name that is none', ['--feed', 'My Feed', one], /a\/ioc\.yaml: The request has 1 fault\.\n {2}\/feed must match /]
  ] as const) {
    const { code, out, errors } = await world.import(...args)
    t.strictSame([code, out], [1, ''], name)
    t.match(errors, message, name)
  }
  const { code, errors } = await world.import()
  t.equal(code, 1)
  t.match(errors, /missing required argument 'file'/)
  t.strictSame(await storedIn(world.db), [])
  t.match(await world.import('--feed', 'strange', '--', strange), { code: 0 })
})

t.test('wrong configuration ends with its own code, an unreachable database with its reason', async (t) => {
  const { write, folder } = await setUp(t)
  const file = await write('list.yaml', stalkerwareFile({ packages: ['com.a'] }))
  t.match(await run([file], { DATABASE_URL: 'mysql://x', LOG_LEVEL: 'loud' }, folder), { code: 78, errors: /DATABASE_URL: .*\n {2}LOG_LEVEL: / })
  t.match(await run([file], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }, folder), { code: 1, out: '', errors: /ECONNREFUSED/ })
})

t.test('phones are looked for when something changed, and only then', async (t) => {
  const world = await setUp(t)
  const file = await world.write('list.yaml', stalkerwareFile({ packages: ['com.a'] }))
  const queues = await openQueues({ databaseUrl: world.url, log: silentLog })
  t.teardown(async () => await queues.close())
  const jobs = async (): Promise<number> => (await queues.queue('intel').getJobs(['waiting'])).length
  t.equal(await jobs(), 0)
  t.equal((await world.import(file)).code, 0)
  t.equal(await jobs(), 1)
  t.equal((await world.import(file)).code, 0)
  t.equal(await jobs(), 1)
})

t.test('while the installation runs, the file goes through its API', async (t) => {
  const { folder, write } = await setUp(t)
  const asked: Array<Record<string, unknown>> = []
  const answers: Array<readonly [status: number, body: unknown]> = [
    [200, { feed: 'list', format: 'stix', added: 1, updated: 0, unchanged: 0, withdrawn: 0, skipped: [], byType: { process: 1 } }],
    [400, { detail: 'The YAML file has 2 faults.', errors: [{ path: 'line 2', message: 'is odd' }, { path: 'line 3', message: 'is odder' }] }]
  ]
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => { body += chunk.toString() })
    request.on('end', () => {
      asked.push({ method: request.method, url: request.url, authorization: request.headers.authorization, body })
      const [status, answer] = answers.shift()!
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await write('data/running.json', JSON.stringify({ pid: process.pid, api, operatorToken: 'secret' }))
  await write('list.yaml', 'as it is: é')

  t.strictSame(await run(['--format', 'stix', 'list.yaml'], {}, folder), { code: 0, out: 'list (stix): 1 added, 0 updated, 0 unchanged, 0 withdrawn\n  1 process\n', errors: '' })
  t.strictSame(await run(['--data-dir', 'data', 'list.yaml'], {}, folder), { code: 1, out: '', errors: 'sallyport: list.yaml: The YAML file has 2 faults.\n  line 2 is odd\n  line 3 is odder\n' })
  t.strictSame(asked, ['stix', 'auto'].map((format) => ({ method: 'POST', url: `/v1/intel/feeds/list/import?format=${format}`, authorization: 'Bearer secret', body: 'as it is: é' })))
})

t.test('imports the public lists with their counts', async (t) => {
  const list = readSharedData(t, 'stalkerware-indicators/ioc.yaml', 3)
  const bundle = readSharedData(t, 'amnesty-investigations/2021-12-16_cytrox/cytrox.stix2', 3)
  if (list === undefined || bundle === undefined) return
  const world = await setUp(t)
  const { code, out } = await world.import('--json', await world.write('ioc.yaml', list), await world.write('cytrox.stix2', bundle))
  t.equal(code, 0)
  t.match(out.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown), [
    { feed: 'ioc', format: 'stalkerware', byType: { 'app-id': 613, 'cert-sha1': 471, domain: 1_452, ipv4: 69, url: 2 } },
    { feed: 'cytrox', format: 'stix', added: 343, byType: { domain: 336, 'file-path': 6, 'profile-id': 1 } }
  ])
})
