import t from 'tap'
import { isRunning, startUp, temporaryFolder } from './sallyport.js'

const READY_KEYS = ['event', 'api', 'ops', 'intuneSimulator', 'tenantId', 'entraTenantId', 'operatorToken', 'enrollmentToken']

t.test('the ready line is the contract\'s, and Ctrl-C leaves no process behind', async (t) => {
  const { ready, processes, child, exited } = await startUp(t, ['--ephemeral'])
  t.strictSame(Object.keys(ready), READY_KEYS)
  t.equal(ready.event, 'ready')
  for (const key of ['api', 'ops', 'intuneSimulator']) t.match(ready[key], /^http:\/\/127\.0\.0\.1:\d+$/, key)

  const health = await fetch(`${ready.ops}/readyz`)
  t.equal(health.status, 200)

  child.kill('SIGINT')
  t.equal(await exited, 0)
  t.strictSame(processes.filter(({ pid }) => isRunning(pid)), [])
})

t.test('API, workers and simulator run as processes of their own', async (t) => {
  const { ready, processes, child, exited } = await startUp(t, ['--ephemeral', '--workers', '2'])
  t.strictSame(processes.map(({ name }) => name).sort(), ['api', 'postgres', 'simulator', 'worker-1', 'worker-2'])
  t.equal((await fetch(`${ready.ops}/readyz`)).status, 200)
  child.kill('SIGTERM')
  t.equal(await exited, 0)
  t.strictSame(processes.filter(({ pid }) => isRunning(pid)), [])
})

t.test('a folder that a crash left behind is recovered, even while its PostgreSQL still runs', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await startUp(t, ['--data-dir', dataDir])
  first.child.kill('SIGKILL')
  await first.exited

  const second = await startUp(t, ['--data-dir', dataDir])
  const answer = await fetch(`${second.ready.api}/v1/tenants/${first.ready.tenantId}/devices`, {
    headers: { authorization: `Bearer ${first.ready.operatorToken}` }
  })
  t.equal(answer.status, 200)
  t.notOk(isRunning(first.processes.find(({ name }) => name === 'postgres')!.pid), 'the stale PostgreSQL is gone')
})

t.test('a second Sallyport on a folder in use is refused by name of the first', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await startUp(t, ['--data-dir', dataDir])
  await t.rejects(startUp(t, ['--data-dir', dataDir]), new RegExp(String(first.child.pid)))
})
