import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import t from 'tap'
import { argumentsOf, isAlive, programOf, startTimeOf, workingFolderOf } from '../../src/platform/process-identity.js'

t.test('a process is alive until it has ended', async (t) => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  await once(child, 'spawn')
  t.equal(isAlive(child.pid!), true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.equal(isAlive(child.pid!), false)
  t.equal(startTimeOf(child.pid!), undefined)
  t.equal(programOf(child.pid!), undefined)
  t.equal(argumentsOf(child.pid!), undefined)
})

t.test('what is not the number of a process is not alive', async (t) => {
  for (const pid of [0, -1, Number.NaN, 1.5, 2 ** 31, undefined as unknown as number]) t.equal(isAlive(pid), false, String(pid))
})

t.test('a process that nobody has waited for is not alive', { skip: process.platform !== 'linux' && 'told by /proc' }, async (t) => {
  // The shell becomes a program that never waits for the child it started before.
  const parent = spawn('/bin/sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => parent.kill('SIGKILL'))
  const [chunk] = await once(parent.stdout, 'data') as [Buffer]
  const pid = Number(chunk.toString())
  t.equal(isAlive(pid), true)
  while (programOf(parent.pid!)?.endsWith('sleep') !== true) await new Promise(setImmediate)
  process.kill(pid, 'SIGKILL')
  while (isAlive(pid)) await new Promise(setImmediate)
  t.doesNotThrow(() => process.kill(pid, 0), 'the system still knows its number')
})

t.test('its start tells a process from a later one', async (t) => {
  const startedAt = startTimeOf(process.pid)
  t.match(startedAt, /\S/)
  t.equal(startTimeOf(process.pid), startedAt)
  t.not(startTimeOf(process.ppid), undefined)
})

t.test('program, arguments and folder of a process whose name has spaces and brackets', async (t) => {
  const folder = t.testdir({})
  const child = spawn(process.execPath, ['-e', 'process.title = "a) b (c"; console.log(); setInterval(() => {}, 1000)', 'x y'], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  t.equal(isAlive(child.pid!), true)
  if (process.platform === 'linux') {
    t.match(programOf(child.pid!), 'a) b (c')
    t.match(startTimeOf(child.pid!), /^\d+$/)
    t.equal(workingFolderOf(child.pid!), realpathSync(folder))
  }

  const quiet = spawn('sleep', ['61'], { stdio: 'ignore' })
  t.teardown(() => quiet.kill('SIGKILL'))
  await once(quiet, 'spawn')
  while (programOf(quiet.pid!)?.endsWith('sleep') !== true) await new Promise(setImmediate)
  t.match(argumentsOf(quiet.pid!), /sleep.61/s)
})
