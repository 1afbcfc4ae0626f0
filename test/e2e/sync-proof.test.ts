import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { upsertOutbox } from '../../src/devices/outbox-repository.js'
import type { Database } from '../../src/platform/database.js'
import { startIntuneSimulator } from '../../src/simulator/intune/start-intune-simulator.js'
import { createTestDatabase } from '../helpers/database.js'
import { SLOW } from '../helpers/slow.js'
import { startCommand, temporaryFolder } from './sallyport.js'
import { isInOrder } from './stage-phones.js'

t.setTimeout(3_700_000)

const CLIENT = { INTUNE_CLIENT_ID: '99999999-0000-4000-8000-00000000000a', INTUNE_CLIENT_SECRET: 'not-a-secret-of-anybody' }
const LEVELS = ['secured', 'lowSeverity', 'mediumSeverity', 'highSeverity'] as const
const WRITES = 100
const CALLS = 1_000
const WINDOW_MS = 20_000
/** Every way to go wrong that Intune itself does not hide: a message that it calls completed and forgets is for reconciliation to find. */
const FAULT_KINDS = [
  { kind: 'latency', delayMs: 400 },
  { kind: 'timeout' },
  { kind: 'reset' },
  { kind: 'reset', when: 'after' },
  { kind: 'status', status: 401 },
  { kind: 'status', status: 429 },
  { kind: 'status', status: 429, retryAfter: 0.7 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, when: 'after' },
  { kind: 'message-failed' },
  { kind: 'message-delayed', delayMs: 800 },
  { kind: 'provision-200-failed' }
]

interface Scale { readonly tenants: number, readonly phonesATenant: number, readonly rounds: number, readonly share: number, readonly kills: number, readonly faultShare: number, readonly timeouts: number, readonly limitMs: number }
interface SeenRequest { readonly id: number, readonly atMs: number, readonly service: string, readonly method: string, readonly tenantId: string | null }

async function setUp (t: Test, { tenants, phonesATenant }: Scale) {
  const { db, url } = await createTestDatabase(t)
  const simulator = await startIntuneSimulator()
  t.teardown(async () => await simulator.close())
  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${simulator.httpUrl}/_sim${path}`, { method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? undefined : await answer.json()
  }
  const made: Array<{ tenantId: string, entraTenantId: string }> = []
  for (let count = 0; count < tenants; count++) {
    const { id: tenantId, entra_tenant_id: entraTenantId } = await db.insertInto('tenant').values({ name: 'Proof', entra_tenant_id: sql<string>`gen_random_uuid()` as never }).returning(['id', 'entra_tenant_id']).executeTakeFirstOrThrow()
    await control('PUT', `/tenants/${entraTenantId}`, {
      clients: [{ clientId: CLIENT.INTUNE_CLIENT_ID, secret: CLIENT.INTUNE_CLIENT_SECRET, roles: { graph: ['Application.Read.All'], intune: ['update_device_health'] } }],
      connector: { androidEnabled: true }
    })
    await sql`
      with made as (insert into device (tenant_id, entra_device_id, platform, public_key) select ${tenantId}, gen_random_uuid(), 'android', '{}' from generate_series(1, ${phonesATenant}::integer) returning id)
      insert into device_state (device_id, tenant_id, state) select id, ${tenantId}, '{}' from made`.execute(db)
    const ids = await db.selectFrom('device').select('entra_device_id').where('tenant_id', '=', tenantId).execute()
    await control('PUT', `/tenants/${entraTenantId}/devices`, ids.map((row) => ({ entraDeviceId: row.entra_device_id, platform: 'android' })))
    made.push({ tenantId, entraTenantId })
  }
  const caFile = join(temporaryFolder(t), 'ca.pem')
  writeFileSync(caFile, simulator.caCertificatePem)
  const env = {
    ...CLIENT,
    DATABASE_URL: url,
    PUBLIC_URL: 'https://mtd.example',
    ENTRA_AUTHORITY_HOST: simulator.httpsUrl,
    GRAPH_BASE_URL: simulator.httpsUrl,
    INTUNE_ENDPOINT_HOSTS: new URL(simulator.httpsUrl).hostname,
    INTUNE_CA_FILE: caFile,
    OPS_PORT: '0',
    LOG_LEVEL: 'fatal'
  }
  return { db, control, tenants: made, startWorker: () => startCommand(t, ['worker', '--queue', 'sync', '--queue', 'upkeep'], env) }
}

/** A new level for a share of a tenant's phones, as scoring would save it; remembered in `wanted`. */
async function changeLevels (db: Database, tenantId: string, share: number, wanted: Map<string, string[]>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const rows = await tx.selectFrom('device_state').select(['device_id', 'desired_health']).where('tenant_id', '=', tenantId).where(sql<boolean>`random() < ${share}`).orderBy('device_id').forUpdate().execute()
    const changes = rows.map((row) => ({ deviceId: row.device_id, health: LEVELS[(LEVELS.indexOf(row.desired_health as never) + 1 + Math.floor(Math.random() * 3)) % 4]! }))
    const { rows: changed } = await sql<{ device_id: string, desired_version: number }>`
      update device_state s set desired_health = i.health, desired_version = s.desired_version + 1
      from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) as i("deviceId" uuid, health text) where s.device_id = i."deviceId" returning s.device_id, s.desired_version`.execute(tx)
    const versions = new Map(changed.map((row) => [row.device_id, row.desired_version]))
    await upsertOutbox(tx, changes.map(({ deviceId, health }) => ({ deviceId, tenantId, version: versions.get(deviceId)!, health })), new Date())
    for (const { deviceId, health } of changes) {
      const list = wanted.get(deviceId)
      if (list === undefined) wanted.set(deviceId, [health])
      else list.push(health)
    }
  })
}

async function prove (t: Test, scale: Scale): Promise<void> {
  const { db, control, tenants, startWorker } = await setUp(t, scale)
  await control('PUT', '/faults', FAULT_KINDS.map((fault) => ({
    ...fault, probability: scale.faultShare / FAULT_KINDS.length, ...(fault.kind === 'timeout' ? { times: scale.timeouts } : {})
  })))
  const seen: SeenRequest[] = []
  const readRequests = async (): Promise<void> => {
    const { items } = await control('GET', `/requests?sinceId=${seen.at(-1)?.id ?? 0}`) as { items: SeenRequest[] }
    seen.push(...items)
  }
  const wanted = new Map<string, string[]>()
  const waiting = async (): Promise<number> => Number((await db.selectFrom('intune_outbox').select(({ fn }) => fn.countAll().as('count')).executeTakeFirstOrThrow()).count)

  let worker = startWorker()
  let startedAt = new Date()
  const endsAt = Date.now() + scale.limitMs
  let kills = 0
  /** Until a message has come into somebody's hand since that moment. */
  const messageSince = async (moment: Date): Promise<void> => {
    while (await db.selectFrom('intune_message').select('id').where('created_at', '>', moment).limit(1).executeTakeFirst() === undefined) {
      if (Date.now() > endsAt) throw new Error('nothing came into hand')
      // All is told already: something new to tell.
      if (await waiting() === 0) for (const { tenantId } of tenants) await changeLevels(db, tenantId, 0.2, wanted)
      await wait(5)
      await readRequests()
    }
  }
  for (let round = 0; round < scale.rounds; round++) {
    const changedAt = new Date()
    for (const { tenantId } of tenants) await changeLevels(db, tenantId, round === 0 ? 1 : scale.share, wanted)
    // So that the next change meets messages about this one.
    await messageSince(changedAt)
    const killsByNow = Math.round((round + 1) * scale.kills / scale.rounds)
    for (; kills < killsByNow; kills++) {
      // Each hits messages that this very worker has in hand.
      await messageSince(startedAt)
      worker.child.kill('SIGKILL')
      await worker.exited
      worker = startWorker()
      startedAt = new Date()
    }
  }
  // Refusals for no phone's fault, and tenants whose calls failed often, wait for minutes; that is not what is to be proven.
  for (let left = await waiting(); left > 0; left = await waiting()) {
    if (Date.now() > endsAt) throw new Error(`${left} phones were not told in time`)
    await wait(500)
    await readRequests()
    await sql`update intune_outbox set next_attempt_at = least(next_attempt_at, now() + interval '1 second') where refused and dead_at is null`.execute(db)
    await sql`update intune_connector set retry_at = least(retry_at, now() + interval '1 second') where retry_at is not null`.execute(db)
  }
  await readRequests()

  let phones = 0
  const different: string[] = []
  const backwards: string[] = []
  for (const { tenantId, entraTenantId } of tenants) {
    const rows = await db.selectFrom('device as d').innerJoin('device_state as s', 's.device_id', 'd.id').select(['d.id', 'd.entra_device_id', 's.desired_health', 's.reported_health']).where('d.tenant_id', '=', tenantId).execute()
    for (const row of rows) {
      phones++
      const { items } = await control('GET', `/tenants/${entraTenantId}/devices/${row.entra_device_id}/history`) as { items: Array<{ threatState: string }> }
      const arrived = items.map(({ threatState }) => threatState)
      if (arrived.at(-1) !== row.desired_health || row.reported_health !== row.desired_health) different.push(row.id)
      if (!isInOrder(arrived, wanted.get(row.id)!)) backwards.push(`${row.id}: ${arrived.join(' ')} of ${wanted.get(row.id)!.join(' ')}`)
    }
  }
  const changes = [...wanted.values()].reduce((sum, list) => sum + list.length, 0)
  const partner = seen.filter(({ service }) => service === 'partner')
  const { items: faults } = await control('GET', '/faults') as { items: Array<{ spec: { kind: string }, hits: number }> }
  t.comment(`${changes} changes of ${phones} phones, ${kills} kills, ${partner.length} calls; faults: ${faults.map(({ spec, hits }) => `${spec.kind} ${hits}`).join(', ')}`)
  t.ok(faults.some(({ hits }) => hits > 0), 'calls failed')
  t.equal(phones, scale.tenants * scale.phonesATenant)
  t.equal(kills, scale.kills)
  t.strictSame(different, [], 'Intune and Sallyport hold what is wanted for every phone')
  t.strictSame(backwards, [], 'no phone ever went back to an older level')
  for (const { entraTenantId } of tenants) {
    const own = partner.filter(({ tenantId }) => tenantId === entraTenantId)
    const writes = mostWithin(own.filter(({ method }) => method === 'PUT').map(({ atMs }) => atMs))
    const calls = mostWithin(own.map(({ atMs }) => atMs))
    if (writes > WRITES || calls > CALLS) t.fail(`${writes} writes and ${calls} calls in ${WINDOW_MS / 1000} s`)
  }
  t.equal((await db.selectFrom('intune_message').selectAll().execute()).length, 0)
}

function mostWithin (timesMs: readonly number[]): number {
  const sorted = [...timesMs].sort((a, b) => a - b)
  let most = 0
  for (let first = 0, next = 0; next < sorted.length; next++) {
    while (sorted[next]! - sorted[first]! >= WINDOW_MS) first++
    most = Math.max(most, next - first + 1)
  }
  return most
}

// So few changes make few calls, so more of them fail.
t.test('seven hundred changes over six tenants, calls failing in every way, two kills: Intune ends up with every level and never an older one', { timeout: 300_000 }, async (t) => {
  await prove(t, { tenants: 6, phonesATenant: 40, rounds: 5, share: 0.45, kills: 2, faultShare: 0.3, timeouts: 1, limitMs: 240_000 })
})

t.test('a hundred thousand changes over fifty tenants, one call in twenty failing, ten kills', { timeout: 3_600_000, ...SLOW }, async (t) => {
  await prove(t, { tenants: 50, phonesATenant: 420, rounds: 5, share: 0.9, kills: 10, faultShare: 0.05, timeouts: 1_000, limitMs: 3_000_000 })
})
