import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { Agent } from '../../src/agent/agent.js'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { fromStoredState, type StoredState } from '../../src/devices/stored-state.js'
import { createFleet } from '../../src/simulator/fleet/create-fleet.js'
import { driveFleet, type EnrolledPhone } from '../../src/simulator/fleet/drive-fleet.js'
import { canonicalJson } from '../../src/telemetry/canonical-json.js'
import { type DeviceState, EMPTY_STATE } from '../../src/telemetry/device-state.js'
import { mergeReport } from '../../src/telemetry/merge.js'
import type { Report } from '../../src/telemetry/report.js'
import { readJournal, waitingGroups } from '../helpers/journal.js'
import { setStage, type Stage, VICTIMS } from './chaos-stage.js'

t.setTimeout(300_000)

const PHONES = 40
const RATE = 120
const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 1)
/** Acknowledged between two kills, so that each hits work that is under way. */
const REPORTS_BETWEEN = 200
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)

interface LoggedPhone extends EnrolledPhone { readonly made: Report[], readonly entraDeviceId: string }

async function enrol ({ api, simulator, entraTenantId, enrollmentToken }: Stage): Promise<LoggedPhone[]> {
  const phones: LoggedPhone[] = []
  for (const phone of createFleet({ phones: PHONES, seed: SEED })) {
    const { entraDeviceId, platform } = phone.description
    await fetch(`${simulator}/_sim/tenants/${entraTenantId}/devices/${entraDeviceId}`, {
      method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ platform, userId: '00000000-0000-4000-8000-000000000001' })
    })
    const agent = await Agent.enroll(api, enrollmentToken, phone.description)
    const made: Report[] = []
    const note = (report: Report): Report => {
      made.push(report)
      return report
    }
    const first = note(phone.firstReport())
    phones.push({
      phone: { nextReport: () => note(phone.nextReport()) }, deviceId: agent.deviceId, accessToken: agent.accessToken, accepted: 0, lastSequence: 0,
      pending: { sequence: first.sequence, body: JSON.stringify(first) }, made, entraDeviceId
    })
  }
  return phones
}

t.test('whatever is killed, every acknowledged report counts once, and nothing else', async (t) => {
  t.comment(`CHAOS_SEED=${SEED}`)
  const stage = await setStage(t)
  const phones = await enrol(stage)
  const acknowledged = (): number => phones.reduce((sum, { accepted }) => sum + accepted, 0)

  const over = new AbortController()
  const refused: Record<string, number> = {}
  const load = (async () => {
    while (!over.signal.aborted) {
      const tally = await driveFleet({ apiUrl: stage.api, phones, connections: 20, seconds: 2, ratePerSecond: RATE, repeatShare: 0.02 })
      for (const [status, count] of Object.entries(tally.refused)) refused[status] = (refused[status] ?? 0) + count
    }
  })()
  const kills = (async () => {
    for (let round = 0; round < ROUNDS; round++) {
      for (const victim of VICTIMS) {
        const before = acknowledged()
        await until(() => acknowledged() >= before + REPORTS_BETWEEN, `${REPORTS_BETWEEN} reports before ${victim} is killed`)
        await stage.replace(victim)
      }
    }
    const before = acknowledged()
    await until(() => acknowledged() >= before + REPORTS_BETWEEN, 'reports after the last kill')
  })().finally(() => over.abort())
  await Promise.all([kills, load])
  t.comment(`${acknowledged()} acknowledged; not acknowledged at first, by status: ${JSON.stringify(refused)}`)
  t.strictSame(Object.keys(refused).filter((status) => status !== 'none' && status !== '503'), [], 'whoever was not answered was told to come again')

  const { db } = stage
  await until(async () => (await waitingGroups(db)).length === 0, 'every group is scored')
  await until(async () => (await sql`select from intune_outbox`.execute(db)).rows.length === 0, 'Intune was told')
  t.strictSame(await db.selectFrom('quarantined_report').selectAll().execute(), [])

  const journal = await readJournal(db)
  const keys = journal.map(({ deviceId, reportId }) => `${deviceId} ${reportId}`)
  t.equal(new Set(keys).size, keys.length, 'no report is in the journal twice')
  const stored = new Set(keys)
  const lost = phones.flatMap(({ deviceId, made, lastSequence }) => made.filter(({ sequence, reportId }) => sequence <= lastSequence && !stored.has(`${deviceId} ${reportId}`)))
  t.strictSame(lost.map(({ reportId }) => reportId), [], 'no acknowledged report is missing')

  const states = await readStates(stage)
  t.equal(states.size, PHONES)
  for (const { deviceId } of phones) {
    const replayed = journal.filter((one) => one.deviceId === deviceId)
      .reduce((state, { body, receivedAt, source }) => mergeReport(state, { report: body!, receivedAt, source }).state, EMPTY_STATE)
    t.equal(canonicalJson(states.get(deviceId)), canonicalJson(replayed), 'its state is what its reports make')
  }
  await compareWithIntune(t, stage)
})

/** What is stored of each phone, put together again. */
async function readStates ({ db }: Stage): Promise<Map<string, DeviceState>> {
  return await db.transaction().execute(async (tx) => {
    const rows = await tx.selectFrom('device_state').select(['device_id', 'sequence', 'state', 'apps_digest']).execute()
    const apps = await createAppInventories({ db }).read(tx, rows.map((row) => ({ deviceId: row.device_id, digest: row.apps_digest })))
    return new Map(rows.map((row) => [row.device_id, fromStoredState(row.state as StoredState, row.sequence, apps.get(row.device_id))]))
  })
}

async function compareWithIntune (t: { strictSame (found: unknown, wanted: unknown, message: string): unknown }, { db, simulator, entraTenantId }: Stage): Promise<void> {
  const wanted = await sql<{ id: string, health: string }>`
    select d.entra_device_id as id, s.desired_health as health from device_state s join device d on d.id = s.device_id order by 1`.execute(db)
  const answer = await fetch(`${simulator}/_sim/tenants/${entraTenantId}/devices?limit=10000`)
  const { items } = await answer.json() as { items: Array<{ entraDeviceId: string, threatState: string }> }
  const found = new Map(items.map(({ entraDeviceId, threatState }) => [entraDeviceId.toLowerCase(), threatState]))
  t.strictSame(wanted.rows.map(({ id }) => [id, found.get(id)]), wanted.rows.map(({ id, health }) => [id, health]), 'Intune has every phone\'s level')
}

async function until (condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 90_000; !await condition();) {
    if (Date.now() > deadline) throw new Error(`not in 90 seconds: ${what}`)
    await wait(20)
  }
}
