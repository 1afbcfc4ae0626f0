import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockFolder } from '../../src/platform/folder-lock.js'
import { startTimeOf } from '../../src/platform/process-identity.js'
import { nextMessage, startScript } from './children.js'

interface Answer { held?: number, inUseBy?: number, failed?: string }

async function ask (child: ChildProcess, folder: string | null): Promise<Answer> {
  const answer = nextMessage<Answer>(child)
  child.send(folder as never)
  return await answer
}

async function startHolder (t: Parameters<typeof startScript>[0]): Promise<ChildProcess> {
  const child = startScript(t, 'hold-folder')
  await nextMessage(child)
  return child
}

/** The number of a process that has ended. */
async function deadPid (): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid!
}

t.test('a folder is taken, and free again after its release, without anything left', async (t) => {
  const place = t.testdir({})
  const folder = join(place, 'postgres')
  const release = await lockFolder(folder)
  t.equal(JSON.parse(readFileSync(`${folder}.lock`, 'utf8')).pid, process.pid)
  await release()
  t.strictSame(readdirSync(place), [])
  await (await lockFolder(folder))()
})

t.test('the same process cannot take a folder twice, and a second release changes nothing', async (t) => {
  const folder = join(t.testdir({}), 'postgres')
  const release = await lockFolder(folder)
  await t.rejects(lockFolder(folder), /in use/)
  t.ok(existsSync(`${folder}.lock`), 'the refused attempt left the lock alone')

  await release()
  const again = await lockFolder(folder)
  await release()
  t.ok(existsSync(`${folder}.lock`), 'an old release does not free what was taken since')
  await again()
})

t.test('a folder that another process holds is refused by that one\'s number', async (t) => {
  const folder = join(t.testdir({}), 'postgres')
  const holder = await startHolder(t)
  t.strictSame(await ask(holder, folder), { held: holder.pid })
  await t.rejects(lockFolder(folder), new RegExp(`process ${holder.pid}\\b`))

  await ask(holder, null)
  await (await lockFolder(folder))()
})

t.test('the lock of a killed process is taken over', async (t) => {
  const folder = join(t.testdir({}), 'postgres')
  const holder = await startHolder(t)
  await ask(holder, folder)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  t.ok(existsSync(`${folder}.lock`))
  await (await lockFolder(folder))()
})

t.test('locks that name nobody who can hold them are taken over', async (t) => {
  const locks: Record<string, string> = {
    'of a dead process': JSON.stringify({ pid: await deadPid(), startedAt: '1' }),
    'of an earlier process with the number of another': JSON.stringify({ pid: process.ppid, startedAt: 'long ago' }),
    'of an earlier process with our number': JSON.stringify({ pid: process.pid, startedAt: startTimeOf(process.pid) }),
    'that is empty': '',
    'that is torn': '{"pid":12',
    'of zeros, after a power cut': '\0'.repeat(40),
    'that holds null': 'null',
    'that holds another thing': '"postgres"',
    'with no number': '{}',
    'with a number that means a process group': '{"pid":0}'
  }
  for (const [name, text] of Object.entries(locks)) {
    const place = t.testdir({})
    const folder = join(place, 'postgres')
    writeFileSync(`${folder}.lock`, text)
    const release = await lockFolder(folder)
    t.equal(JSON.parse(readFileSync(`${folder}.lock`, 'utf8')).pid, process.pid, name)
    await release()
    t.strictSame(readdirSync(place), [], name)
  }
})

t.test('something in the way that is no lock is an error, not an endless loop', async (t) => {
  const folder = join(t.testdir({ 'postgres.lock': {} }), 'postgres')
  await t.rejects(lockFolder(folder), /EISDIR/)
})

t.test('of several processes that race for a stale lock, one gets it', async (t) => {
  const folder = join(t.testdir({}), 'postgres')
  const stale = JSON.stringify({ pid: await deadPid(), startedAt: '1' })
  const racers = await Promise.all(Array.from({ length: 4 }, async () => await startHolder(t)))
  for (let round = 1; round <= 150; round++) {
    writeFileSync(`${folder}.lock`, stale)
    const answers = await Promise.all(racers.map(async (racer) => await ask(racer, folder)))
    const holders = answers.flatMap(({ held }) => held ?? [])
    const refusals = answers.flatMap(({ inUseBy }) => inUseBy ?? [])
    if (holders.length !== 1 || refusals.some((pid) => pid !== holders[0]) || refusals.length !== racers.length - 1) t.fail(`round ${round}: ${JSON.stringify(answers)}`)
    await Promise.all(racers.map(async (racer) => await ask(racer, null)))
  }
  t.strictSame(readdirSync(join(folder, '..')), [])
})
