import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Agent, AgentError, type AgentOptions, type PhoneDescription } from '../../src/agent/agent.js'
import { FileSpool } from '../../src/agent/file-spool.js'
import { FileIdentityStore } from '../../src/agent/identity.js'
import { askForEverything } from '../../src/devices/ask-again.js'
import { hashEnrollmentToken } from '../../src/devices/enroll-device.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { scoreGroup } from '../../src/devices/score-devices.js'
import type { Report } from '../../src/telemetry/report.js'
import { startTestApi, type TestApi } from '../helpers/api.js'
import { readJournal, waitingGroups } from '../helpers/journal.js'

/** What stands between the agent and the API: sees each request, and may spoil it. */
interface Road {
  readonly url: string
  readonly seen: Array<{ readonly method: string, readonly path: string, readonly encoding: string | undefined, readonly body: Buffer }>
  /** For the next requests to telemetry, one each: answer instead of the API, or cut the connection after it has answered. */
  readonly faults: Array<'cut' | 'silence' | { readonly status: number, readonly headers?: Readonly<Record<string, string>>, readonly body?: object | string }>
}

async function setUp (t: Test): Promise<{ api: TestApi, road: Road, phone: PhoneDescription, token: () => Promise<string>, folder: string }> {
  const road: Road & { url: string } = { url: '', seen: [], faults: [] }
  const api = await startTestApi(t, { publicUrl: () => road.url })
  const target = await api.app.listen({ port: 0, host: '127.0.0.1' })
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const path = request.url!
      const body = Buffer.concat(chunks)
      road.seen.push({ method: request.method!, path, encoding: request.headers['content-encoding'], body })
      const fault = path.startsWith('/v1/telemetry') ? road.faults.shift() : undefined
      if (fault === 'silence') return
      if (typeof fault === 'object') {
        const { status, headers, body: said = { code: 'unavailable', detail: 'later' } } = fault
        response.writeHead(status, { 'content-type': 'application/problem+json', ...headers }).end(typeof said === 'string' ? said : JSON.stringify(said))
        return
      }
      const onward = httpRequest(target + path, { method: request.method!, headers: request.headers }, (answer) => {
        if (fault === 'cut') {
          answer.resume().on('end', () => response.destroy())
          return
        }
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      })
      onward.on('error', () => response.destroy())
      onward.end(body)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  road.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const folder = await mkdtemp(join(tmpdir(), 'sallyport agent '))
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    api,
    road,
    folder,
    phone: { entraDeviceId: randomUUID(), platform: 'android', osVersion: '15' },
    token: async () => {
      const token = randomBytes(16).toString('hex')
      await api.db.insertInto('enrollment_token').values({ tenant_id: api.tenantId, token_hash: hashEnrollmentToken(token), label: 'test' }).execute()
      return token
    }
  }
}

const journalOf = async ({ db }: TestApi): Promise<Report[]> => (await readJournal(db)).map(({ body }) => body as Report)
const telemetryOf = ({ seen }: Road): Road['seen'] => seen.filter(({ path }) => path.startsWith('/v1/telemetry'))

t.test('one report goes alone, many go together, packed', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone)
  await agent.collect({ os: { version: '15' } })
  await agent.flush()
  for (let n = 0; n < 120; n++) await agent.collect({ properties: { n: String(n) } })
  await agent.flush()
  t.strictSame(telemetryOf(road).map(({ path, encoding }) => [path, encoding]), [['/v1/telemetry', undefined], ['/v1/telemetry/batch', 'gzip'], ['/v1/telemetry/batch', 'gzip']])
  t.equal(agent.waiting, 0)
  const sequences = (await journalOf(api)).map(({ sequence }) => sequence)
  t.strictSame(sequences, Array.from({ length: 121 }, (_, index) => index + 1), 'in order')
})

t.test('an agent that is killed goes on where it was', async (t) => {
  const { api, road, phone, token, folder } = await setUp(t)
  const stores = async (): Promise<AgentOptions & { identity: FileIdentityStore }> => ({ identity: new FileIdentityStore(join(folder, 'identity.json')), spool: await FileSpool.open(join(folder, 'spool')) })
  t.equal(await Agent.resume(await stores()), undefined, 'nobody has enrolled')
  const first = await Agent.enroll(road.url, await token(), phone, await stores())
  t.equal((await stat(join(folder, 'identity.json'))).mode & 0o077, 0, 'the key is nobody else\'s')
  await first.collect({ os: { version: '15' } })
  await first.flush()
  const kept = [await first.collect({ os: { version: '16' } }), await first.collect({ processes: ['init'] })]

  const second = (await Agent.resume(await stores()))!
  t.equal(second.deviceId, first.deviceId)
  t.equal(second.waiting, 2)
  kept.push(await second.collect({ processes: ['init', 'x'] }))
  await second.flush()
  const journal = await journalOf(api)
  t.strictSame(journal.slice(1).map(({ reportId }) => reportId), kept)
  t.ok(journal.every(({ sequence }, index) => index === 0 || sequence > journal[index - 1]!.sequence), 'a sequence never comes twice')
})

t.test('an answer that is lost costs a duplicate, not a report', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone)
  await agent.collect({ os: { version: '15' } })
  road.faults.push('cut')
  await t.rejects(agent.flush(), { status: 0, code: 'unreachable', isPassing: true })
  t.equal(agent.waiting, 1)
  await agent.flush()
  t.equal(agent.waiting, 0)
  t.equal((await journalOf(api)).length, 1)
})

t.test('run waits as the server wishes, and longer each time without a wish', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  const pauses: number[] = []
  const agent: Agent = await Agent.enroll(road.url, await token(), phone, {
    random: () => 0.5,
    sleep: async (ms) => {
      pauses.push(ms)
      if (agent.waiting === 0) await agent.close()
    }
  })
  await agent.collect({ os: { version: '15' } })
  road.faults.push({ status: 503, headers: { 'retry-after': '7' } }, { status: 429, headers: { 'retry-after': '2' } }, { status: 500 }, 'cut')
  await agent.run(60_000)
  t.strictSame(pauses, [7_875, 2_500, 2_000, 4_000, 60_000])
  t.equal((await journalOf(api)).length, 1)
})

t.test('a report that is refused is told and holds up nobody', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  const refused: Array<[number, string]> = []
  const agent = await Agent.enroll(road.url, await token(), phone, { onRefused: ({ error, report }) => refused.push([error.status, report.reportId]) })
  const good = [await agent.collect({ os: { version: '15' } })]
  const bad = await agent.collect({ os: { version: 15 } } as never)
  good.push(await agent.collect({ processes: ['init'] }))
  await agent.flush()
  t.strictSame(refused, [[400, bad]])
  t.strictSame((await journalOf(api)).map(({ reportId }) => reportId), good)

  // A request that is refused as a whole: by halves until the one at fault is alone.
  road.faults.push({ status: 413, body: { code: 'body-too-large', detail: 'too large' } }, { status: 413, body: { code: 'body-too-large', detail: 'too large' } })
  await agent.collect({ processes: ['a'] })
  await agent.collect({ processes: ['b'] })
  await agent.flush()
  t.strictSame([refused.length, agent.waiting, (await journalOf(api)).length], [2, 0, 3])
})

t.test('sends changes of the app list, and all of it when the server asks', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone)
  const score = async (): Promise<void> => { for (const group of await waitingGroups(api.db)) await scoreGroup({ db: api.db, intel: api.intel, sync: api.sync, log: api.log }, group) }
  const tell = async (...appIds: string[]): Promise<void> => {
    await agent.collect({ installedApps: appIds.map((appId) => ({ appId })) })
    await agent.flush()
    await score()
  }
  await tell('a', 'b')
  await tell('a', 'b', 'c')
  await tell('a', 'b', 'c')
  t.match((await journalOf(api)).map(({ apps }) => apps?.mode), ['snapshot', 'delta', undefined])

  await api.db.deleteFrom('device_apps').execute()
  await api.db.updateTable('device_state').set({ apps_digest: null }).execute()
  await tell('a', 'c')
  const last = (await journalOf(api)).at(-1)!
  t.match(last.apps, { mode: 'snapshot', items: [{ appId: 'a' }, { appId: 'c' }] })
})

t.test('renews its token before it ends and when it is not taken, also with a clock that is hours off', async (t) => {
  const { road, phone, token } = await setUp(t)
  const fiveHoursMs = 5 * 60 * 60 * 1000
  // The first token is said to end soon.
  const shortened: typeof fetch = async (url, init) => {
    const answer = await fetch(url, init)
    return String(url).endsWith('/v1/enroll') ? Response.json({ ...await answer.json() as object, expiresIn: 30 }, { status: 201, headers: { date: answer.headers.get('date')! } }) : answer
  }
  const agent = await Agent.enroll(road.url, await token(), phone, { now: () => Date.now() - fiveHoursMs, fetch: shortened })
  const renewals = (): number => road.seen.filter(({ path }) => path === '/v1/token').length
  await agent.status()
  t.equal(renewals(), 1, 'less than a minute was left')
  await agent.status()
  t.equal(renewals(), 1, 'the new one has long to go')
  road.faults.push({ status: 401, body: { code: 'expired-token', detail: 'over' } })
  await agent.collect({ os: { version: '15' } })
  await Promise.all([agent.flush(), agent.flush()])
  t.strictSame([renewals(), agent.waiting], [2, 0])
})

t.test('a phone that the server does not know any more enrols anew, if it may', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone)
  await revokeDevice({ db: api.db, cutoffs: api.cutoffs, sync: api.sync, log: api.log }, { tenantId: api.tenantId, deviceId: agent.deviceId, actor: 'test' } as never)
  await agent.collect({ os: { version: '15' } })
  await t.rejects(agent.run(1), { status: 401 } as AgentError, 'it may not')
  t.equal(agent.waiting, 1, 'and keeps what it has')

  const again = await Agent.enroll(road.url, await token(), { ...phone, entraDeviceId: randomUUID() }, {
    enrollAgain: async () => ({ enrollmentToken: await token(), phone: { ...phone, entraDeviceId: randomUUID() } }),
    sleep: async () => { if (again.waiting === 0) await again.close() }
  })
  const before = again.deviceId
  await revokeDevice({ db: api.db, cutoffs: api.cutoffs, sync: api.sync, log: api.log }, { tenantId: api.tenantId, deviceId: before, actor: 'test' } as never)
  await again.collect({ os: { version: '16' } })
  await again.run(1)
  t.not(again.deviceId, before)
  t.equal((await journalOf(api)).length, 1)
})

t.test('what the server asks for after a restore is said once more, whole; an answer that is asked for again is not repeated', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone)
  await agent.collect({ os: { version: '15' }, config: { passcodeSet: true }, installedApps: [{ appId: 'a' }] })
  await agent.collect({ config: { developerMode: true } })
  await agent.flush()
  for (const groupId of await waitingGroups(api.db)) await scoreGroup(api, groupId)
  await api.db.transaction().execute(askForEverything)
  await agent.collect({ network: { type: 'cellular' } })
  // Nobody scores meanwhile, so each receipt asks.
  await agent.flush()
  const [heartbeat, answer, ...more] = (await journalOf(api)).slice(2)
  t.match(heartbeat, { network: { type: 'cellular' } })
  t.match(answer, { os: { version: '15' }, config: { passcodeSet: true, developerMode: true }, apps: { mode: 'snapshot', items: [{ appId: 'a' }] } })
  t.strictSame(more, [])
  for (const groupId of await waitingGroups(api.db)) await scoreGroup(api, groupId)
  await agent.collect({ network: { type: 'none' } })
  await agent.flush()
  for (const groupId of await waitingGroups(api.db)) await scoreGroup(api, groupId)
  const { resend } = await api.db.selectFrom('device_state').select('resend').executeTakeFirstOrThrow()
  t.strictSame(resend, [], 'it owes nothing more')
})

t.test('reports at once, past the spool, and says what was wrong', async (t) => {
  const { road, phone, token } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone)
  t.match(await agent.report({ os: { version: '15' } }), { status: 'accepted', resend: [] })
  const error: unknown = await agent.report({ os: { version: 15 } } as never).catch((reason: unknown) => reason)
  t.ok(error instanceof AgentError)
  t.match(error, { status: 400, code: 'validation', isPassing: false })
  await t.rejects(Agent.enroll(road.url, 'no-token', phone), { status: 401 } as AgentError)
  await t.rejects(Agent.enroll('http://127.0.0.1:9', 'no-token', phone), { status: 0, code: 'unreachable' })
})

t.test('what stands in the way is not the API: nothing is given up for its word', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone)
  await agent.collect({ os: { version: '15' } })
  for (const fault of [{ status: 200, body: '<html>Accept our terms</html>' }, { status: 403, body: 'Forbidden' }, { status: 404, body: '<h1>nginx</h1>' }, { status: 400, body: '' }]) {
    road.faults.push(fault)
    await t.rejects(agent.flush(), { code: 'not-the-api', isPassing: true } as AgentError, `${fault.status}`)
  }
  t.strictSame([agent.waiting, agent.refused], [1, 0])
  await agent.flush()
  t.equal((await journalOf(api)).length, 1)
})

t.test('a re-enrolment that does not get through is tried again', async (t) => {
  const { api, road, phone, token } = await setUp(t)
  let tokens = 0
  const agent: Agent = await Agent.enroll(road.url, await token(), phone, {
    random: () => 0,
    enrollAgain: async () => {
      tokens += 1
      if (tokens === 1) throw new AgentError(0, 'unreachable', 'the administrator\'s server is away')
      return { enrollmentToken: await token(), phone: { ...phone, entraDeviceId: randomUUID() } }
    },
    sleep: async () => { if (agent.waiting === 0) await agent.close() }
  })
  await revokeDevice({ db: api.db, cutoffs: api.cutoffs, sync: api.sync, log: api.log }, { tenantId: api.tenantId, deviceId: agent.deviceId, actor: 'test' } as never)
  await agent.collect({ os: { version: '15' } })
  await agent.run(1)
  t.strictSame([tokens, (await journalOf(api)).length], [2, 1])
})

t.test('close cuts what is under way', async (t) => {
  const { road, phone, token } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone)
  await agent.collect({ os: { version: '15' } })
  road.faults.push('silence')
  const running = agent.run(1_000)
  while (telemetryOf(road).length === 0) await new Promise<void>((resolve) => { setImmediate(resolve) })
  await agent.close()
  await running
  t.equal(agent.waiting, 1)
})

t.test('who collects at the same time keeps the order of sequences', async (t) => {
  const { api, road, phone, token, folder } = await setUp(t)
  const agent = await Agent.enroll(road.url, await token(), phone, { spool: await FileSpool.open(join(folder, 'spool')) })
  await Promise.all(Array.from({ length: 20 }, async (_, n) => await agent.collect({ processes: [String(n)] })))
  await agent.flush()
  t.strictSame((await journalOf(api)).map(({ sequence }) => sequence), Array.from({ length: 20 }, (_, index) => index + 1))
})
