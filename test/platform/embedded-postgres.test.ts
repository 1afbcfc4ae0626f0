// Alone in its process: it changes where temporary files go.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'
import { isAlive, programOf } from '../../src/platform/process-identity.js'
import { SHARED_PLACES } from '../../src/platform/shared-places.js'
import { childrenOf } from '../helpers/child-processes.js'
import { silentLog } from '../helpers/log.js'
import { nextMessage, startScript } from './children.js'

interface Served { readonly url: string, readonly pid: number, readonly error?: string }

// Some thirty starts of a server.
t.setTimeout(300_000)

const isRoot = process.getuid?.() === 0
const onlyAsRoot = isRoot ? {} : { skip: 'only root can do this' }
/** `nobody` where there is one; it needs a name, or initdb refuses. */
const NOBODY = 65_534

/** A folder that others can enter, as PostgreSQL must when we are root. */
function openPlace (t: Test): string {
  const place = realpathSync(mkdtempSync(join(tmpdir(), 'sallyport test postgres ')))
  chmodSync(place, 0o711)
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  return place
}

async function start (t: Test, options: Partial<EmbeddedPostgresOptions>): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ log: silentLog, ...options })
  t.teardown(async () => await postgres.stop())
  return postgres
}

async function ask (url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}

async function until (holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 40_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`still not so: ${holds.toString()}`)
    await wait(20)
  }
}

async function serve (t: Test, dataDir: string, uid?: number): Promise<{ child: ChildProcess } & Served> {
  const child = startScript(t, 'serve-postgres', uid === undefined ? [dataDir] : [dataDir, String(uid)])
  return { child, ...await nextMessage<Served>(child) }
}

async function stopServing (child: ChildProcess): Promise<void> {
  const stopped = nextMessage(child)
  child.send('stop')
  await stopped
  await kill(child)
}

async function kill (child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** One cluster with a row in it; making it takes longer than copying it. */
const original = join(openPlace(t), 'postgres')
t.before(async () => {
  const postgres = await startEmbeddedPostgres({ dataDir: original, log: silentLog })
  await ask(postgres.url, 'create table kept as select 42 as answer')
  await postgres.stop()
})

/** A data folder with a cluster that was stopped in order. */
function copyCluster (t: Test, name = 'postgres'): string {
  const dataDir = join(openPlace(t), name)
  execFileSync('cp', ['-a', original, dataDir])
  execFileSync('cp', ['-a', `${original}.password`, `${dataDir}.password`])
  return dataDir
}

const inUseBy = (pid: number): RegExp => new RegExp(`in use by another Sallyport \\(process ${pid}\\)`)

const KEPT = 'select answer from kept'

t.test('a throw-away cluster is gone after it was stopped', async (t) => {
  const postgres = await start(t, {})
  const folder = await ask(postgres.url, 'show data_directory') as string
  t.equal(await ask(postgres.url, 'select current_database()'), 'sallyport')
  t.ok(existsSync(folder))

  await Promise.all([postgres.stop(), postgres.stop()])
  t.notOk(isAlive(postgres.pid))
  t.strictSame(readdirSync(dirname(folder)).filter((name) => name.startsWith(basename(folder))), [])
})

t.test('a kept cluster is taken up again, in a folder whose name has a space', async (t) => {
  const dataDir = join(openPlace(t), 'data folder', 'postgres')
  const first = await start(t, { dataDir })
  await ask(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  t.strictSame(readdirSync(dirname(dataDir)).sort(), ['postgres', 'postgres.password'], 'nothing else is left beside it')
  for (const path of [dataDir, `${dataDir}.password`]) t.equal(statSync(path).mode & 0o077, 0, 'it is closed to others')

  const second = await start(t, { dataDir })
  t.equal(await ask(second.url, KEPT), 42)
  t.equal(new URL(second.url).password, new URL(first.url).password)
  t.equal(lstatSync(dataDir).isDirectory(), true, 'it is where it was wanted')
})

t.test('a data folder behind a link is one with the folder itself', async (t) => {
  const dataDir = copyCluster(t)
  const link = join(openPlace(t), 'a link')
  symlinkSync(dirname(dataDir), link)
  const postgres = await start(t, { dataDir: join(link, 'postgres') })
  t.equal(await ask(postgres.url, KEPT), 42)
  await t.rejects(startEmbeddedPostgres({ dataDir, log: silentLog }), inUseBy(process.pid))
  await postgres.stop()

  const direct = join(openPlace(t), 'postgres')
  symlinkSync(dataDir, direct)
  t.equal(await ask((await start(t, { dataDir: direct })).url, KEPT), 42)
})

t.test('a server that is killed is reported, and the next start recovers', async (t) => {
  const dataDir = copyCluster(t)
  let report: (reason: string) => void
  const reported = new Promise<string>((resolve) => { report = resolve })
  const postgres = await start(t, { dataDir, onExit: (reason) => report(reason) })
  await ask(postgres.url, 'update kept set answer = 43')
  process.kill(postgres.pid, 'SIGKILL')
  t.equal(await reported, 'SIGKILL')
  await postgres.stop()

  const again = await start(t, { dataDir })
  t.equal(await ask(again.url, KEPT), 43)
})

t.test('a server that is asked to stop is not reported', async (t) => {
  const reports: string[] = []
  const postgres = await start(t, { dataDir: copyCluster(t), onExit: (reason) => reports.push(reason) })
  await postgres.stop()
  t.strictSame(reports, [])
})

t.test('when its owner is killed, a server ends by itself, and the next start recovers', async (t) => {
  const dataDir = copyCluster(t)
  const { child, pid, url } = await serve(t, dataDir)
  await ask(url, 'update kept set answer = 43')
  await kill(child)
  await until(() => !isAlive(pid))

  const again = await start(t, { dataDir })
  t.equal(await ask(again.url, KEPT), 43)
})

t.test('when its owner is killed, nothing of a throw-away cluster is left', async (t) => {
  const { child, pid, url } = await serve(t, '')
  const folder = await ask(url, 'show data_directory') as string
  await kill(child)
  await until(() => !isAlive(pid) && !existsSync(folder) && !existsSync(`${folder}.password`))
})

t.test('a server that a crash left running is stopped by the next start', async (t) => {
  const dataDir = copyCluster(t)
  const { child, pid, url } = await serve(t, dataDir)
  await ask(url, 'update kept set answer = 43')
  // The one that watches over it goes first, as when the whole machine is short of memory.
  for (const other of childrenOf(child.pid!)) if (other !== pid) process.kill(other, 'SIGKILL')
  await kill(child)
  t.ok(isAlive(pid))

  const again = await start(t, { dataDir })
  t.notOk(isAlive(pid))
  t.equal(await ask(again.url, KEPT), 43)
})

t.test('a pid file that names an unrelated process is removed, and the process left alone', async (t) => {
  const dataDir = copyCluster(t)
  const stranger = spawn('sleep', ['600'], { stdio: 'ignore' })
  t.teardown(() => stranger.kill('SIGKILL'))
  await once(stranger, 'spawn')
  writeFileSync(join(dataDir, 'postmaster.pid'), `${stranger.pid}\n${dataDir}\n1\n5432\n\n127.0.0.1\n\nready   \n`)
  const postgres = await start(t, { dataDir })
  t.equal(await ask(postgres.url, KEPT), 42)
  t.ok(isAlive(stranger.pid!))
})

t.test('a pid file that names the server of another cluster does not stop that one', async (t) => {
  const other = await start(t, { dataDir: copyCluster(t) })
  const dataDir = copyCluster(t)
  writeFileSync(join(dataDir, 'postmaster.pid'), `${other.pid}\n${dataDir}\n`)
  await start(t, { dataDir })
  t.equal(await ask(other.url, KEPT), 42)
})

t.test('a second start on a folder in use is refused and does not disturb the first', async (t) => {
  const dataDir = copyCluster(t)
  const first = await start(t, { dataDir })
  await t.rejects(startEmbeddedPostgres({ dataDir, log: silentLog }), inUseBy(process.pid))
  t.match((await serve(t, dataDir)).error, inUseBy(process.pid))
  t.equal(await ask(first.url, KEPT), 42)
  await first.stop()

  const { child, url } = await serve(t, dataDir)
  await t.rejects(startEmbeddedPostgres({ dataDir, log: silentLog }), inUseBy(child.pid!))
  t.equal(await ask(url, KEPT), 42)
  await stopServing(child)
  t.equal(await ask((await start(t, { dataDir })).url, KEPT), 42)
})

t.test('two starts at once on a new folder: one makes the cluster, the other is refused', async (t) => {
  const dataDir = join(openPlace(t), 'postgres')
  const both = await Promise.all([serve(t, dataDir), serve(t, dataDir)])
  t.equal(both.filter(({ error }) => error === undefined).length, 1, both.map(({ error }) => error).join())
  t.match(both.find(({ error }) => error !== undefined)?.error, /in use by another Sallyport/)
})

t.test('a folder with somebody else\'s files is refused and left as it was', async (t) => {
  const dataDir = join(openPlace(t), 'postgres')
  mkdirSync(dataDir)
  writeFileSync(join(dataDir, 'letter.txt'), 'Dear')
  const before = statSync(dataDir)
  await t.rejects(startEmbeddedPostgres({ dataDir, log: silentLog }), /letter\.txt.*choose another --data-dir/)
  const { mode, uid, mtimeMs } = statSync(dataDir)
  t.strictSame({ mode, uid, mtimeMs }, { mode: before.mode, uid: before.uid, mtimeMs: before.mtimeMs })
  t.strictSame(readdirSync(dirname(dataDir)), ['postgres'])
})

t.test('a file in the place of the folder, and a link to nothing, say what to do', async (t) => {
  const place = openPlace(t)
  writeFileSync(join(place, 'file'), '')
  for (const path of ['file', 'file/postgres']) await t.rejects(startEmbeddedPostgres({ dataDir: join(place, path), log: silentLog }), /choose another --data-dir/)
  symlinkSync(join(place, 'gone'), join(place, 'link'))
  await t.rejects(startEmbeddedPostgres({ dataDir: join(place, 'link'), log: silentLog }), /link to a folder that is not there/)
  t.strictSame(readdirSync(place).sort(), ['file', 'link'])
})

t.test('a start that fails says why and leaves nothing running', async (t) => {
  const settings = { shared_buffers: 'plenty' }
  const dataDir = copyCluster(t)
  await t.rejects(startEmbeddedPostgres({ dataDir, settings, log: silentLog }), /did not start[^]*shared_buffers/)
  t.strictSame(childrenOf(process.pid).filter((pid) => programOf(pid)?.includes('postgres')), [])
  t.notOk(existsSync(`${dataDir}.lock`))
  t.equal(await ask((await start(t, { dataDir })).url, KEPT), 42)

  const place = openPlace(t)
  const { TMPDIR } = process.env
  process.env.TMPDIR = place
  t.teardown(() => { if (TMPDIR === undefined) delete process.env.TMPDIR; else process.env.TMPDIR = TMPDIR })
  await t.rejects(startEmbeddedPostgres({ settings, log: silentLog }), /did not start/)
  t.strictSame(readdirSync(place), [], 'nor a throw-away cluster')
})

t.test('a cluster whose password is lost gets another and keeps its data', async (t) => {
  const dataDir = copyCluster(t)
  const before = readFileSync(`${dataDir}.password`, 'utf8')
  rmSync(`${dataDir}.password`)
  const postgres = await start(t, { dataDir })
  t.equal(await ask(postgres.url, KEPT), 42)
  await postgres.stop()
  t.not(readFileSync(`${dataDir}.password`, 'utf8'), before)

  writeFileSync(`${dataDir}.password`, '')
  t.equal(await ask((await start(t, { dataDir })).url, KEPT), 42, 'an empty one is lost, too')
})

t.test('a cluster of another major version is refused with what to do, untouched', async (t) => {
  const dataDir = copyCluster(t)
  writeFileSync(join(dataDir, 'PG_VERSION'), '12\n')
  await t.rejects(startEmbeddedPostgres({ dataDir, log: silentLog }), /made by PostgreSQL 12.*pg_dump/s)
  t.equal(readFileSync(join(dataDir, 'PG_VERSION'), 'utf8'), '12\n')
  t.notOk(existsSync(`${dataDir}.lock`))
})

t.test('settings are passed on, and a long log is set aside', async (t) => {
  const dataDir = copyCluster(t)
  appendFileSync(join(dataDir, 'server.log'), Buffer.alloc(16 * 1024 * 1024 + 1))
  const postgres = await start(t, { dataDir, settings: { max_connections: '17' } })
  t.equal(await ask(postgres.url, 'show max_connections'), '17')
  t.ok(statSync(join(dataDir, 'server.log')).size < 10_000)
  t.ok(existsSync(join(dataDir, 'server.log.1')))
})

t.test('as root, below a folder that is closed to others, the cluster is kept elsewhere and linked', onlyAsRoot, async (t) => {
  const existed = SHARED_PLACES.map((place) => existsSync(place))
  const closed = join(openPlace(t), 'closed')
  mkdirSync(closed, { mode: 0o700 })
  const dataDir = join(closed, 'postgres')
  const first = await start(t, { dataDir })
  const instead = readlinkSync(dataDir)
  t.teardown(() => {
    for (const path of [instead, `${instead}.password`]) rmSync(path, { recursive: true, force: true })
    SHARED_PLACES.forEach((place, index) => { if (existed[index] === false) removeIfEmpty(join(place, 'clusters'), place) })
  })
  await ask(first.url, 'create table kept as select 42 as answer')
  t.equal(statSync(closed).mode & 0o777, 0o700, 'the closed folder stays closed')
  t.match(readFileSync(`${dataDir}.where.txt`, 'utf8'), instead)
  await t.rejects(startEmbeddedPostgres({ dataDir, log: silentLog }), inUseBy(process.pid))
  await first.stop()

  const second = await start(t, { dataDir })
  t.equal(await ask(second.url, KEPT), 42, 'the second start finds it there')
  await second.stop()

  rmSync(closed, { recursive: true })
  mkdirSync(closed, { mode: 0o700 })
  const third = await start(t, { dataDir })
  const keptAside = readdirSync(dirname(instead)).filter((name) => name.startsWith(`${basename(instead)}.2`)).map((name) => join(dirname(instead), name))
  t.teardown(() => { for (const path of keptAside) rmSync(path, { recursive: true, force: true }) })
  t.equal(await ask(third.url, 'select to_regclass(\'kept\')'), null, 'a new data folder begins empty')
  t.equal(keptAside.length, 2, 'the forsaken cluster and its password are kept under another name')
  await third.stop()
})

function removeIfEmpty (...folders: string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder)
    } catch {
      // Others use it, or it never was.
    }
  }
}

t.test('as root, a cluster that belongs to root is handed over, one of another user is run as that user', onlyAsRoot, async (t) => {
  const ofRoot = copyCluster(t)
  execFileSync('chown', ['-R', '0:0', ofRoot])
  const postgres = await start(t, { dataDir: ofRoot })
  t.equal(await ask(postgres.url, KEPT), 42)
  t.not(statSync(ofRoot).uid, 0)

  const ofNobody = copyCluster(t)
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, ofNobody, `${ofNobody}.password`])
  const theirs = await start(t, { dataDir: ofNobody })
  t.equal(await ask(theirs.url, KEPT), 42)
  t.equal(statSync(join(ofNobody, 'postmaster.pid')).uid, NOBODY)
})

t.test('an ordinary user needs no help of root', onlyAsRoot, async (t) => {
  const place = openPlace(t)
  chownSync(place, NOBODY, NOBODY)
  const dataDir = join(place, 'data', 'postgres')
  const { child, pid, url, error } = await serve(t, dataDir, NOBODY)
  t.equal(error, undefined)
  t.equal(await ask(url, 'select current_database()'), 'sallyport')
  t.equal(statSync(dataDir).uid, NOBODY)
  await kill(child)
  await until(() => !isAlive(pid))

  const second = await serve(t, dataDir, NOBODY)
  t.equal(second.error, undefined)
  await stopServing(second.child)
  t.strictSame(readdirSync(dirname(dataDir)).sort(), ['postgres', 'postgres.password'])
})

t.test('an ordinary user is told when the folder belongs to somebody else', onlyAsRoot, async (t) => {
  const dataDir = copyCluster(t)
  const refused = await serve(t, dataDir, NOBODY)
  t.match(refused.error, /start Sallyport as the user it belongs to, or choose another --data-dir/)

  const place = openPlace(t)
  const below = await serve(t, join(place, 'postgres'), NOBODY)
  t.match(below.error, /--data-dir/)
  t.strictSame(readdirSync(place), [])
})
