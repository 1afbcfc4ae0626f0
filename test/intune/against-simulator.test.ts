import t, { type Test } from 'tap'
import { createIntuneClient } from '../../src/intune/intune-client.js'
import { deprovisionTenant } from '../../src/intune/deprovision-tenant.js'
import { getConnector } from '../../src/intune/get-connector.js'
import type { IntuneCall } from '../../src/intune/intune-call.js'
import { sendDueHeartbeats } from '../../src/intune/send-heartbeat.js'
import { syncTenant } from '../../src/intune/sync-tenant.js'
import { createTestDatabase } from '../helpers/database.js'
import { rememberingProducer, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { makeAllDue, seedWaitingDevices, waitingIn, wantHealth } from './helpers.js'
import { makeCertificate } from './make-certificate.js'
import { startSimulatedIntune } from './simulator.js'

async function setUp (t: Test, seed?: object) {
  const { db } = await createTestDatabase(t)
  const simulated = await startSimulatedIntune(t, db, seed)
  const deps = { db, intune: simulated.intune, log: silentLog, publicUrl: 'https://mtd.example', sync: rememberingProducer<'sync'>(), heartbeatMinutes: 60 }
  const seedDevices = async (count: number): Promise<Awaited<ReturnType<typeof seedWaitingDevices>>> => {
    const devices = await seedWaitingDevices(db, simulated.tenantId, count, 'highSeverity')
    await simulated.enroll(devices.map(({ entraDeviceId }) => entraDeviceId))
    return devices
  }
  return { ...simulated, db, deps, seedDevices }
}

t.test('a state in the outbox arrives in Intune, with a real token, discovery and provisioning', async (t) => {
  const { db, tenantId, deps, seedDevices, threatStateOf } = await setUp(t)
  const [device] = await seedDevices(1)
  t.strictSame(await syncTenant(deps, { tenantId }), { sent: 1, failed: 0, stopped: false })
  t.equal(await threatStateOf(device!.entraDeviceId), 'highSeverity')

  const times: number[] = []
  for (let round = 0; round < 25; round++) {
    const health = round % 2 === 0 ? 'secured' : 'highSeverity'
    await wantHealth(db, tenantId, device!.deviceId, health)
    const startedAt = performance.now()
    await syncTenant(deps, { tenantId })
    times.push(performance.now() - startedAt)
    t.equal(await threatStateOf(device!.entraDeviceId), health)
  }
  times.sort((a, b) => a - b)
  t.comment(`outbox to acknowledged: p50 ${times[12]!.toFixed(1)} ms, slowest ${times.at(-1)!.toFixed(1)} ms`)
})

t.test('a backlog of phones arrives whole', async (t) => {
  const { db, tenantId, deps, seedDevices, threatStateOf } = await setUp(t)
  const devices = await seedDevices(450)
  const startedAt = performance.now()
  t.match(await syncTenant(deps, { tenantId }), { sent: 450, failed: 0 })
  t.comment(`450 phones in ${Math.round(performance.now() - startedAt)} ms, connecting included`)
  t.equal(await waitingIn(db), 0)
  t.equal(await threatStateOf(devices[449]!.entraDeviceId), 'highSeverity')
})

t.test('a phone that Intune does not know keeps its error; the others arrive', async (t) => {
  const { db, tenantId, entraTenantId, deps, seedDevices, threatStateOf, control } = await setUp(t)
  const devices = await seedDevices(5)
  const unknown = await seedWaitingDevices(db, tenantId, 2, 'highSeverity')
  t.match(await syncTenant(deps, { tenantId }), { sent: 5, failed: 2 })
  for (const { entraDeviceId } of devices) t.equal(await threatStateOf(entraDeviceId), 'highSeverity')
  const rows = await db.selectFrom('device_state').select(['device_id', 'last_sync_error']).where('last_sync_error', 'is not', null).execute()
  t.strictSame(rows.map((row) => row.device_id).sort(), unknown.map(({ deviceId }) => deviceId).sort())

  await control('PUT', `/tenants/${entraTenantId}/devices/${unknown[0]!.entraDeviceId}`, { platform: 'android' })
  await makeAllDue(db)
  t.match(await syncTenant(deps, { tenantId }), { sent: 1, failed: 1 })
  t.equal(await threatStateOf(unknown[0]!.entraDeviceId), 'highSeverity')
})

t.test('200-with-failure provisioning is seen, told, and heals', async (t) => {
  const { db, tenantId, deps, seedDevices, setFaults, threatStateOf } = await setUp(t)
  const [device] = await seedDevices(1)
  await setFaults([{ kind: 'provision-200-failed', times: 1 }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 0, stopped: true })
  t.match(await getConnector({ db }, { tenantId }), { state: 'failed', healthy: false, waiting: 1 })
  await makeAllDue(db)
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  t.equal(await threatStateOf(device!.entraDeviceId), 'highSeverity')
})

t.test('a fresh token that is refused with 401 is tried again, and a message arrives once', async (t) => {
  const { tenantId, deps, seedDevices, setFaults, threatStateOf } = await setUp(t)
  const [device] = await seedDevices(1)
  await setFaults([{ kind: 'token-401-once', match: { service: 'partner' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 1, failed: 0 })
  t.equal(await threatStateOf(device!.entraDeviceId), 'highSeverity')
})

t.test('a token that goes bad is replaced by a new one', async (t) => {
  const { db, tenantId, deps, seedDevices, setFaults, threatStateOf, control } = await setUp(t)
  const [device] = await seedDevices(1)
  await syncTenant(deps, { tenantId })
  await control('DELETE', '/requests')
  await wantHealth(db, tenantId, device!.deviceId, 'secured')
  await setFaults([{ kind: 'status', status: 401, times: 2, match: { service: 'partner', method: 'PUT' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  t.equal(await threatStateOf(device!.entraDeviceId), 'secured')
  const { items } = await control('GET', '/requests?path=token') as { items: unknown[] }
  t.ok(items.length >= 1, 'a new token was fetched')
})

for (const [name, fault] of [
  ['503 once', { kind: 'status', status: 503, times: 1 }],
  ['429 with a short Retry-After', { kind: 'status', status: 429, retryAfter: 0.05, times: 1 }],
  ['429 without Retry-After', { kind: 'status', status: 429, times: 1 }],
  ['a broken connection', { kind: 'reset', times: 1 }],
  ['an answer lost after the work was done', { kind: 'reset', when: 'after', times: 1 }]
] as const) {
  t.test(`${name} heals at once`, async (t) => {
    const { db, tenantId, deps, seedDevices, setFaults, threatStateOf } = await setUp(t)
    const [device] = await seedDevices(1)
    await syncTenant(deps, { tenantId })
    for (const method of ['PUT', 'GET']) {
      const health = method === 'PUT' ? 'secured' : 'lowSeverity'
      await wantHealth(db, tenantId, device!.deviceId, health)
      await setFaults([{ ...fault, match: { service: 'partner', method } }])
      t.match(await syncTenant(deps, { tenantId }), { sent: 1, failed: 0, stopped: false }, method)
      t.equal(await threatStateOf(device!.entraDeviceId), health)
    }
  })
}

t.test('a long Retry-After is honoured by leaving the tenant alone, not by waiting', async (t) => {
  const { db, tenantId, deps, seedDevices, setFaults, threatStateOf } = await setUp(t)
  const [device] = await seedDevices(1)
  await syncTenant(deps, { tenantId })
  await wantHealth(db, tenantId, device!.deviceId, 'secured')
  await setFaults([{ kind: 'status', status: 429, retryAfter: 30, match: { service: 'partner', method: 'PUT' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 0, stopped: true })
  const { pausedUntil } = await getConnector({ db }, { tenantId })
  const seconds = (Date.parse(pausedUntil!) - Date.now()) / 1000
  t.ok(seconds > 20 && seconds <= 31, `${seconds} s`)
  await setFaults([])
  await makeAllDue(db)
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  t.equal(await threatStateOf(device!.entraDeviceId), 'secured')
})

t.test('a message that Intune fails for no phone\'s fault is tried again', async (t) => {
  const { db, tenantId, deps, seedDevices, setFaults, threatStateOf } = await setUp(t)
  const [device] = await seedDevices(1)
  await setFaults([{ kind: 'message-failed', times: 1 }])
  t.match(await syncTenant(deps, { tenantId }), { failed: 1 })
  await makeAllDue(db)
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  t.equal(await threatStateOf(device!.entraDeviceId), 'highSeverity')
})

t.test('a stale discovery URL is looked up anew after a failed call', async (t) => {
  const { db, tenantId, deps, seedDevices, setFaults, threatStateOf, control } = await setUp(t)
  const [device] = await seedDevices(1)
  await syncTenant(deps, { tenantId })
  await wantHealth(db, tenantId, device!.deviceId, 'secured')
  await control('DELETE', '/requests')
  await setFaults([{ kind: 'status', status: 404, times: 1, match: { service: 'partner', method: 'PUT' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  t.equal(await threatStateOf(device!.entraDeviceId), 'secured')
  const { items } = await control('GET', '/requests?path=servicePrincipals') as { items: unknown[] }
  t.ok(items.length >= 1)
})

t.test('a tenant that Intune has lost is provisioned again and gets every state again', async (t) => {
  const { db, tenantId, intune, entraTenantId, deps, seedDevices, threatStateOf } = await setUp(t)
  const devices = await seedDevices(3)
  await syncTenant(deps, { tenantId })
  await intune.partner.setProvisioned(entraTenantId, { provisioned: false, publicUrl: 'https://mtd.example' })
  t.not(await threatStateOf(devices[0]!.entraDeviceId), 'highSeverity')

  await wantHealth(db, tenantId, devices[0]!.deviceId, 'lowSeverity')
  t.match(await syncTenant(deps, { tenantId }), { sent: 0, stopped: true }, '204 without effect is not taken for success')
  await makeAllDue(db)
  t.match(await syncTenant(deps, { tenantId }), { sent: 3 })
  t.equal(await threatStateOf(devices[0]!.entraDeviceId), 'lowSeverity')
  t.equal(await threatStateOf(devices[1]!.entraDeviceId), 'highSeverity')
})

t.test('the heartbeat arrives, and what Intune asks for with it is done', async (t) => {
  const { db, tenantId, deps, seedDevices, setFaults } = await setUp(t)
  await seedDevices(2)
  const before = new Date()
  await syncTenant(deps, { tenantId })
  await setFaults([{ kind: 'heartbeat-answer', resyncTimestamp: before.toISOString(), messageErrors: [{ ErrorDetail: 'late' }], times: 1 }])
  t.strictSame(await sendDueHeartbeats(deps), { sent: 1, failed: 0 })
  t.match(await getConnector({ db }, { tenantId }), { waiting: 2, messageErrors: [{ ErrorDetail: 'late' }], lastHeartbeatAt: String })
  t.match(await syncTenant(deps, { tenantId }), { sent: 2 })
})

t.test('an administrator disconnects', async (t) => {
  const { tenantId, deps, seedDevices, threatStateOf } = await setUp(t)
  const [device] = await seedDevices(1)
  await syncTenant(deps, { tenantId })
  t.match(await deprovisionTenant(deps, { tenantId, actor: 'ann' }), { state: 'deprovisioned' })
  t.not(await threatStateOf(device!.entraDeviceId), 'highSeverity')
})

t.test('what stands in the way is told in words: secret, consent, role, host, authority', async (t) => {
  const { db, tenantId, entraTenantId, deps, seedDevices, clientOptions } = await setUp(t)
  await seedDevices(1)
  const failing = async (options: Partial<typeof clientOptions>): Promise<string> => {
    const intune = createIntuneClient({ ...clientOptions, ...options })
    t.teardown(async () => await intune.close())
    await makeAllDue(db)
    await db.updateTable('intune_connector').set({ state: 'not-provisioned' }).execute()
    t.match(await syncTenant({ ...deps, intune }, { tenantId }), { sent: 0, stopped: true })
    const { lastError } = await getConnector({ db }, { tenantId })
    t.comment(lastError)
    return lastError ?? ''
  }
  t.match(await failing({ clientSecret: 'a wrong one' }), /Entra refuses our app: .*AADSTS7000215/)
  t.match(await failing({ clientId: '00000000-1111-4222-8333-444444444444' }), /Entra refuses our app: .*AADSTS700016/)
  t.match(await failing({ endpointHosts: ['.manage.microsoft.com'] }), /INTUNE_ENDPOINT_HOSTS/)
  const { extraCaPem, ...untrusting } = clientOptions
  const intune = createIntuneClient(untrusting)
  t.teardown(async () => await intune.close())
  await t.rejects(intune.partner.sendHeartbeat(entraTenantId, new Date()), { code: 'intune-unavailable' }, 'certificates are verified')

  const otherTenant = await seedTenant(db)
  await seedWaitingDevices(db, otherTenant, 1)
  await syncTenant(deps, { tenantId: otherTenant })
  t.match((await getConnector({ db }, { tenantId: otherTenant })).lastError, /no such tenant/)
})

t.test('a service that does not answer is given up on, and healed', async (t) => {
  const { db, tenantId, entraTenantId, deps, seedDevices, setFaults, threatStateOf, clientOptions } = await setUp(t)
  const [device] = await seedDevices(1)
  const intune = createIntuneClient({ ...clientOptions, answerLimitMs: 300 })
  t.teardown(async () => await intune.close())
  await intune.partner.setProvisioned(entraTenantId, { provisioned: true, publicUrl: 'https://mtd.example' })
  await setFaults([{ kind: 'timeout', times: 1, match: { service: 'partner' } }])
  t.match(await syncTenant({ ...deps, intune }, { tenantId }), { sent: 1, stopped: false }, 'one silence is bridged')
  await wantHealth(db, tenantId, device!.deviceId, 'secured')
  await setFaults([{ kind: 'timeout', match: { service: 'partner' } }])
  t.match(await syncTenant({ ...deps, intune }, { tenantId }), { sent: 0, stopped: true })
  await setFaults([])
  await makeAllDue(db)
  t.match(await syncTenant({ ...deps, intune }, { tenantId }), { sent: 1 })
  t.equal(await threatStateOf(device!.entraDeviceId), 'secured')
})

t.test('Graph that throttles is asked again', async (t) => {
  const { tenantId, deps, seedDevices, setFaults } = await setUp(t)
  await seedDevices(1)
  await setFaults([{ kind: 'status', status: 429, retryAfter: 0.1, times: 1, match: { service: 'graph' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
})

t.test('the app may prove itself with a certificate', async (t) => {
  const { entraTenantId, clientOptions, control } = await setUp(t)
  const { certificatePem, file } = await makeCertificate(t)
  await control('PUT', `/tenants/${entraTenantId}`, {
    clients: [{ clientId: clientOptions.clientId, certificatePem, roles: { graph: ['Application.Read.All'], intune: ['update_device_health'] } }]
  })
  const { clientSecret, ...options } = clientOptions
  const intune = createIntuneClient({ ...options, clientCertificatePath: file })
  t.teardown(async () => await intune.close())
  await t.resolves(intune.partner.setProvisioned(entraTenantId, { provisioned: true, publicUrl: 'https://mtd.example' }))
})

t.test('an app without update_device_health is told what it needs', async (t) => {
  const { db, tenantId, entraTenantId, clientOptions, deps, control, seedDevices } = await setUp(t)
  await seedDevices(1)
  await control('PUT', `/tenants/${entraTenantId}`, { clients: [{ clientId: clientOptions.clientId, secret: 'a secret', roles: { graph: ['Application.Read.All'], intune: [] } }] })
  await syncTenant(deps, { tenantId })
  t.match((await getConnector({ db }, { tenantId })).lastError, /update_device_health/)
})

t.test('every call carries an id of its own, which is logged', async (t) => {
  const { clientOptions, entraTenantId, control } = await setUp(t)
  const calls: IntuneCall[] = []
  const intune = createIntuneClient({ ...clientOptions, onCall: (call) => calls.push(call) })
  t.teardown(async () => await intune.close())
  await intune.partner.setProvisioned(entraTenantId, { provisioned: true, publicUrl: 'https://mtd.example' })
  t.strictSame(calls.map(({ operation, status }) => `${operation} ${status}`), ['graph 200', 'provision 200'])
  t.equal(new Set(calls.map(({ clientRequestId }) => clientRequestId)).size, 2)
  const { items } = await control('GET', '/requests') as { items: Array<{ clientRequestId: string | null }> }
  for (const { clientRequestId } of calls) t.ok(items.some((item) => item.clientRequestId === clientRequestId))
})
