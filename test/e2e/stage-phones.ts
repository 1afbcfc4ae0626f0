import { sql } from 'kysely'
import type { Test } from 'tap'
import { Agent } from '../../src/agent/agent.js'
import { putToSimulator, SIMULATED_USER } from '../../src/commands/simulated-tenant.js'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { fromColumns, type StoredState } from '../../src/devices/stored-state.js'
import { createFleet } from '../../src/simulator/fleet/create-fleet.js'
import { type DriveOptions, driveFleet, type EnrolledPhone } from '../../src/simulator/fleet/drive-fleet.js'
import { canonicalJson } from '../../src/telemetry/canonical-json.js'
import { type DeviceState, EMPTY_STATE, type KeptEvent } from '../../src/telemetry/device-state.js'
import { mergeReport } from '../../src/telemetry/merge.js'
import type { Report } from '../../src/telemetry/report.js'
import { readJournal, waitingGroups } from '../helpers/journal.js'
import { type Stage, until } from './stage.js'

export interface LoggedPhone extends EnrolledPhone { readonly made: Report[] }

export async function enrolPhones ({ apiUrls: [api], simulator, entraTenantId, enrollmentToken }: Stage, options: { readonly phones: number, readonly seed: number }): Promise<LoggedPhone[]> {
  const phones: LoggedPhone[] = []
  for (const phone of createFleet(options)) {
    const { entraDeviceId, platform } = phone.description
    await putToSimulator({ httpUrl: simulator }, `/_sim/tenants/${entraTenantId}/devices/${entraDeviceId}`, { platform, userId: SIMULATED_USER })
    const agent = await enrol(async () => await Agent.enroll(api!, enrollmentToken, phone.description))
    const made: Report[] = []
    const note = (report: Report): Report => {
      made.push(report)
      return report
    }
    const first = note(phone.firstReport())
    phones.push({
      phone: { nextReport: () => note(phone.nextReport()) }, deviceId: agent.deviceId, accessToken: agent.accessToken, accepted: 0, lastSequence: 0,
      pending: { sequence: first.sequence, body: JSON.stringify(first) }, made
    })
  }
  return phones
}

/** A busy API asks to come again. */
async function enrol (ask: () => Promise<Agent>): Promise<Agent> {
  let agent: Agent | undefined
  await until(async () => {
    agent = await ask().catch((error: { readonly status?: number }) => {
      if (error.status !== 503) throw error
      return undefined
    })
    return agent !== undefined
  }, 'a phone is enrolled')
  return agent!
}

export interface Load {
  acknowledged (): number
  /** Tries that were not acknowledged, so far. */
  refused (): number
  /** Until so many more are acknowledged. */
  more (reports: number, what: string): Promise<void>
  /** Ends it; answers what was not acknowledged at first, by status (`none`: no answer). */
  end (): Promise<Record<string, number>>
}

/** Phones that report until it is ended. */
export function startLoad (phones: readonly LoggedPhone[], options: Omit<DriveOptions, 'phones' | 'seconds'>): Load {
  const acknowledged = (): number => phones.reduce((sum, { accepted }) => sum + accepted, 0)
  const refused: Record<string, number> = {}
  const load = { isOver: false }
  const running = (async () => {
    while (!load.isOver) {
      const tally = await driveFleet({ ...options, phones, seconds: 1 })
      for (const [status, count] of Object.entries(tally.refused)) refused[status] = (refused[status] ?? 0) + count
    }
  })()
  return {
    acknowledged,
    refused: () => Object.values(refused).reduce((sum, count) => sum + count, 0),
    async more (reports, what) {
      const before = acknowledged()
      await until(() => acknowledged() >= before + reports, `${reports} reports ${what}`)
    },
    async end () {
      load.isOver = true
      await running
      return refused
    }
  }
}

/** When all is at rest: every acknowledged report counts once, nothing else does, nothing is left, and Intune has what we want it to. */
export async function proveWhole (t: Test, stage: Stage, phones: readonly LoggedPhone[]): Promise<void> {
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
  t.equal(states.size, phones.length)
  for (const { deviceId } of phones) {
    const replayed = journal.filter((one) => one.deviceId === deviceId)
      .reduce((state, { body, receivedAt, source }) => mergeReport(state, { report: body!, receivedAt, source }).state, EMPTY_STATE)
    t.equal(canonicalJson(states.get(deviceId)), canonicalJson(replayed), 'its state is what its reports make')
  }
  await compareWithIntune(t, stage)
}

/** What is stored of each phone, put together again. */
async function readStates ({ db }: Stage): Promise<Map<string, DeviceState>> {
  return await db.transaction().execute(async (tx) => {
    const rows = await tx.selectFrom('device_state').select(['device_id', 'sequence', 'state', 'older_events', 'apps_digest']).execute()
    const apps = await createAppInventories({ db }).read(tx, rows.map((row) => ({ deviceId: row.device_id, digest: row.apps_digest })))
    return new Map(rows.map((row) => [row.device_id, fromColumns({ state: row.state as StoredState, olderEvents: row.older_events as KeptEvent[] | null }, row.sequence, apps.get(row.device_id))]))
  })
}

async function compareWithIntune (t: Test, { db, simulator, entraTenantId }: Stage): Promise<void> {
  const wanted = await sql<{ id: string, health: string }>`
    select d.entra_device_id as id, s.desired_health as health from device_state s join device d on d.id = s.device_id order by 1`.execute(db)
  const answer = await fetch(`${simulator}/_sim/tenants/${entraTenantId}/devices?limit=10000`)
  const { items } = await answer.json() as { items: Array<{ entraDeviceId: string, threatState: string }> }
  const found = new Map(items.map(({ entraDeviceId, threatState }) => [entraDeviceId.toLowerCase(), threatState]))
  t.strictSame(wanted.rows.map(({ id }) => [id, found.get(id)]), wanted.rows.map(({ id, health }) => [id, health]), 'Intune has every phone\'s level')
}
