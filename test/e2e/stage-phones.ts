import { sql } from 'kysely'
import type { Test } from 'tap'
import { Agent } from '../../src/agent/agent.js'
import { putToSimulator, SIMULATED_USER } from '../../src/commands/simulated-tenant.js'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { fromColumns, type StoredState } from '../../src/devices/stored-state.js'
import { createFleet } from '../../src/simulator/fleet/create-fleet.js'
import { type DriveOptions, driveFleet, type EnrolledPhone, introduceFleet } from '../../src/simulator/fleet/drive-fleet.js'
import { Random } from '../../src/simulator/fleet/random.js'
import { canonicalJson } from '../../src/telemetry/canonical-json.js'
import { type DeviceState, EMPTY_STATE, type KeptEvent } from '../../src/telemetry/device-state.js'
import { mergeReport } from '../../src/telemetry/merge.js'
import type { Report } from '../../src/telemetry/report.js'
import { readJournal, waitingGroups } from '../helpers/journal.js'
import { type Stage, type StageTenant, until } from './stage.js'

export interface LoggedPhone extends EnrolledPhone {
  readonly made: Report[]
  readonly tenant: StageTenant
  readonly platform: 'android' | 'ios' | 'ipados'
}

/** Of reports this share says how safe the phone is, by dice: of phones that are always well, Intune would be told next to nothing. */
const TURNS_SHARE = 0.3

/** Phones of all tenants in turn. */
export async function enrolPhones ({ apiUrls: [api], simulator, tenants }: Stage, options: { readonly phones: number, readonly seed: number }): Promise<LoggedPhone[]> {
  return await Promise.all(createFleet(options).map(async (phone, index) => {
    const tenant = tenants[index % tenants.length]!
    const { entraDeviceId, platform } = phone.description
    const random = new Random(options.seed * 1_000 + index)
    await putToSimulator({ httpUrl: simulator }, `/_sim/tenants/${tenant.entraTenantId}/devices/${entraDeviceId}`, { platform, userId: SIMULATED_USER })
    const agent = await enrol(async () => await Agent.enroll(api!, tenant.enrollmentToken, phone.description))
    const made: Report[] = []
    const note = (report: Report): Report => {
      made.push(report)
      return report
    }
    const next = (): Report => {
      const report = phone.nextReport()
      return random.chance(TURNS_SHARE) ? withSafety(report, platform, { isBroken: random.chance(0.5), isLocked: random.chance(0.5) }) : report
    }
    const first = note(phone.firstReport())
    return {
      phone: { nextReport: () => note(next()) }, deviceId: agent.deviceId, accessToken: agent.accessToken, accepted: 0, lastSequence: 0,
      pending: { sequence: first.sequence, body: JSON.stringify(first) }, made, tenant, platform
    }
  }))
}

/** Rooted or jailbroken: the level is `high`; else without a screen lock `medium` at least. */
export function withSafety (report: Report, platform: LoggedPhone['platform'], { isBroken, isLocked }: { readonly isBroken: boolean, readonly isLocked: boolean }): Report {
  const integrity = platform === 'android' ? { rooted: isBroken } : { jailbroken: isBroken }
  return { ...report, integrity: { ...report.integrity, ...integrity }, config: { ...report.config, passcodeSet: isLocked } }
}

/** Lets each of these phones say how safe it is, after what it has not got through yet; resolves when all are acknowledged. */
export async function say (apiUrl: Stage['apiUrls'], phones: readonly LoggedPhone[], safety: Parameters<typeof withSafety>[2]): Promise<void> {
  const send = async (those: readonly LoggedPhone[]): Promise<void> => {
    if (those.length > 0) await introduceFleet({ apiUrl, phones: those, connections: those.length })
  }
  await send(phones.filter(({ pending }) => pending !== undefined))
  for (const one of phones) {
    // No attack that happens to begin.
    const { events: _, ...next } = one.phone.nextReport()
    const report = withSafety(next, one.platform, safety)
    one.pending = { sequence: report.sequence, body: JSON.stringify(report) }
  }
  await send(phones)
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

/** Hammering on a door that is shut takes the processor from those who are about to open it. */
const REST_MS = 100

/** Phones that report until it is ended. */
export function startLoad (phones: readonly LoggedPhone[], options: Omit<DriveOptions, 'phones' | 'seconds'>): Load {
  const acknowledged = (): number => phones.reduce((sum, { accepted }) => sum + accepted, 0)
  const refused: Record<string, number> = {}
  const load = { isOver: false }
  const running = (async () => {
    while (!load.isOver) {
      const tally = await driveFleet({ restMs: REST_MS, ...options, phones, seconds: 1 })
      for (const [status, count] of Object.entries(tally.refused)) refused[status] = (refused[status] ?? 0) + count
    }
  })()
  return {
    acknowledged,
    refused: () => Object.values(refused).reduce((sum, count) => sum + count, 0),
    async more (reports, what) {
      const [before, refusedBefore] = [acknowledged(), { ...refused }]
      await until(() => acknowledged() >= before + reports, `${reports} reports ${what}`).catch((error: Error) => {
        throw new Error(`${error.message}; ${acknowledged() - before} acknowledged; not acknowledged so far: ${JSON.stringify(refused)}, before: ${JSON.stringify(refusedBefore)}`)
      })
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

/** What Intune holds, and how it came to it: what was wanted, in that order, with gaps and repetitions. */
async function compareWithIntune (t: Test, { db, simulator, tenants }: Stage): Promise<void> {
  for (const { tenantId, entraTenantId } of tenants) {
    const { rows } = await sql<{ id: string, entraId: string, health: string, told: string | null, version: number, toldVersion: number }>`
      select d.id, d.entra_device_id as "entraId", s.desired_health as health, s.reported_health as told, s.desired_version::float8 as version, s.reported_version::float8 as "toldVersion"
      from device_state s join device d on d.id = s.device_id where d.tenant_id = ${tenantId} order by 1`.execute(db)
    const answer = await fetch(`${simulator}/_sim/tenants/${entraTenantId}/devices?limit=10000`)
    const { items } = await answer.json() as { items: Array<{ entraDeviceId: string, threatState: string }> }
    const found = new Map(items.map(({ entraDeviceId, threatState }) => [entraDeviceId.toLowerCase(), threatState]))
    t.strictSame(rows.map(({ entraId }) => [entraId, found.get(entraId)]), rows.map(({ entraId, health }) => [entraId, health]), 'Intune has every phone\'s level')
    t.strictSame(rows.filter(({ health, told, version, toldVersion }) => health !== told || version !== toldVersion), [], 'and is known to have it')
    for (const { id, entraId } of rows) {
      const history = await fetch(`${simulator}/_sim/tenants/${entraTenantId}/devices/${entraId}/history`)
      const arrived = (await history.json() as { items: Array<{ threatState: string }> }).items.map(({ threatState }) => threatState)
      const wanted = (await sql<{ health: string }>`
        select health from (
          select version, 0 as later, position as number, health from state_change where device_id = ${id}
          union all select version, 1, id, health from state_change_waiting where device_id = ${id}
        ) change order by version, later, number`.execute(db)).rows.map(({ health }) => health)
      t.ok(isInOrder(arrived, wanted), `Intune was told in order: ${JSON.stringify({ arrived, wanted })}`)
    }
  }
}

/** Whether what arrived is what was wanted, in that order, with gaps and repetitions; the oldest of it may be forgotten. */
export function isInOrder (arrived: readonly string[], wanted: readonly string[]): boolean {
  let at = -1
  for (const [index, health] of arrived.entries()) {
    if (index > 0 && health === arrived[index - 1]) continue
    at = wanted.indexOf(health, at + 1)
    if (at < 0) return false
  }
  return true
}
