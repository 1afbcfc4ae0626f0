import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { Agent, type AgentError } from '../../src/agent/agent.js'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { hashEnrollmentToken } from '../../src/devices/enroll-device.js'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { fromColumns, type StoredState } from '../../src/devices/stored-state.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { canonicalJson } from '../../src/telemetry/canonical-json.js'
import { type DeviceState, EMPTY_STATE, type KeptEvent } from '../../src/telemetry/device-state.js'
import { mergeReport } from '../../src/telemetry/merge.js'
import type { App } from '../../src/telemetry/report.js'
import { until } from '../e2e/stage.js'
import { startTestApi, type TestApi } from '../helpers/api.js'
import { startCommands } from '../helpers/commands.js'
import { readJournal, waitingGroups } from '../helpers/journal.js'
import { createEmptyDatabase } from '../platform/databases.js'

const PHONES = 6
const ORIGIN = 'http://agents.example'
const commands = startCommands(t)

/** A phone on which something changes all the time, and whose agent says only what has changed. */
interface Phone {
  readonly agent: Agent
  readonly apps: Map<string, App>
  readonly config: Record<string, boolean>
  /** Ids of reports that were acknowledged. */
  readonly acknowledged: string[]
}

t.test('a backup under load has every report acknowledged before it, with its effect; agents that go on make the restored database what their phones are', async (t) => {
  const before = await startTestApi(t, { publicUrl: () => ORIGIN })
  let target = await before.app.listen({ port: 0, host: '127.0.0.1' })
  const roam: typeof fetch = async (url, init) => await fetch(String(url).replace(ORIGIN, target), init)
  const tokenAt = async ({ db, tenantId }: TestApi): Promise<string> => {
    const token = randomBytes(16).toString('hex')
    await db.insertInto('enrollment_token').values({ tenant_id: tenantId, token_hash: hashEnrollmentToken(token), label: 'test' }).execute()
    return token
  }
  const enrol = async (api: TestApi): Promise<Phone> => {
    const phone = { entraDeviceId: randomUUID(), platform: 'android', osVersion: '15' } as const
    const agent = await Agent.enroll(ORIGIN, await tokenAt(api), phone, { fetch: roam, sleep: async () => {}, enrollAgain: async () => ({ enrollmentToken: await tokenAt(api), phone }) })
    return { agent, apps: new Map([['com.example.first', { appId: 'com.example.first' }]]), config: { passcodeSet: true }, acknowledged: [] }
  }
  const tell = async ({ agent, acknowledged, apps, config }: Phone, sections: object = {}): Promise<void> => {
    acknowledged.push(await agent.collect({ ...sections, config: { ...config }, installedApps: [...apps.values()] }))
    await agent.flush()
  }
  const score = async (api: TestApi): Promise<void> => { for (const groupId of await waitingGroups(api.db)) await scoreGroup(api, groupId) }

  const phones = await Promise.all(Array.from({ length: PHONES }, async () => await enrol(before)))
  for (const phone of phones) await tell(phone, { os: { version: '15' }, integrity: { rooted: false, rootBinaries: [] } })
  const load = { isOver: false, rounds: 0 }
  const living = Promise.all(phones.map(async (phone) => {
    for (let round = 0; !load.isOver; round++) {
      phone.apps.set(`com.example.app${round % 7}`, { appId: `com.example.app${round % 7}`, version: String(round) })
      if (round % 3 === 0) phone.apps.delete(`com.example.app${(round + 3) % 7}`)
      await tell(phone)
      load.rounds += 1
    }
  }))
  const scoring = (async () => { while (!load.isOver) await score(before) })()
  await until(() => load.rounds > 5 * PHONES, 'the load runs')
  const stored = phones.flatMap(({ acknowledged, agent }) => agent.waiting === 0 ? [...acknowledged] : acknowledged.slice(0, -1))
  const file = join(t.testdir({}), 'loaded.backup')
  const made = await commands(['backup', file], { env: { DATABASE_URL: before.databaseUrl } })
  t.equal(made.code, 0, made.errors)
  const rounds = load.rounds
  await until(() => load.rounds > rounds + 3 * PHONES, 'the load went on meanwhile')
  load.isOver = true
  await Promise.all([living, scoring])

  // Said, acknowledged, and lost. None of them says it again by itself.
  const late = await enrol(before)
  for (const phone of phones) await phone.agent.report({ integrity: { rooted: true, rootBinaries: ['/system/xbin/su'] } })
  await score(before)

  const databaseUrl = await createEmptyDatabase(t)
  const restored = await commands(['restore', file], { env: { DATABASE_URL: databaseUrl } })
  t.equal(restored.code, 0, restored.errors)
  const after = await startTestApi(t, { beside: { databaseUrl, tenantId: before.tenantId }, publicUrl: () => ORIGIN })
  const journal = new Set((await readJournal(after.db)).map(({ reportId }) => reportId))
  t.strictSame(stored.filter((reportId) => !journal.has(reportId)), [], `${stored.length} reports were acknowledged before the backup`)
  await score(after)
  await t.resolves(compareWithJournal(after), 'each with its effect, once')

  target = await after.app.listen({ port: 0, host: '127.0.0.1' })
  for (const phone of [...phones, late]) await phone.agent.collect({ network: { type: 'cellular' } })
  for (const { agent } of phones) await agent.flush()
  await t.rejects(late.agent.flush(), { status: 401 } as AgentError, 'one that enrolled since is not known')
  await score(after)
  const states = await readStates(after)
  for (const { agent, apps, config } of phones) {
    t.match(states.get(agent.deviceId), { config, os: { version: '15' }, network: { type: 'cellular' }, integrity: { rooted: true } }, 'also what was said after the backup, and not since')
    t.strictSame(Object.keys(states.get(agent.deviceId)!.apps!.items).sort(), [...apps.keys()].sort(), 'the apps that are there now')
  }
  await compareWithJournal(after)
  t.equal((await verifyAudit({ db: after.db }, {})).intact, true)
})

async function readStates ({ db }: TestApi): Promise<Map<string, DeviceState>> {
  return await db.transaction().execute(async (tx) => {
    const rows = await tx.selectFrom('device_state').select(['device_id', 'sequence', 'state', 'older_events', 'apps_digest']).where('last_report_at', 'is not', null).execute()
    const apps = await createAppInventories({ db }).read(tx, rows.map((row) => ({ deviceId: row.device_id, digest: row.apps_digest })))
    return new Map(rows.map((row) => [row.device_id, fromColumns({ state: row.state as StoredState, olderEvents: row.older_events as KeptEvent[] | null }, row.sequence, apps.get(row.device_id))]))
  })
}

/** @throws when a state is not what the journal's reports make */
async function compareWithJournal (api: TestApi): Promise<void> {
  const journal = await readJournal(api.db)
  for (const [deviceId, state] of await readStates(api)) {
    const replayed = journal.filter((one) => one.deviceId === deviceId).reduce((merged, { body, receivedAt, source }) => mergeReport(merged, { report: body!, receivedAt, source }).state, EMPTY_STATE)
    if (canonicalJson(state) !== canonicalJson(replayed)) throw new Error(`${canonicalJson(state)} is not ${canonicalJson(replayed)}`)
  }
}
