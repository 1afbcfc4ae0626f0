import t, { type Test } from 'tap'
import { syncTenant } from '../../../src/intune/sync-tenant.js'
import { createTestDatabase } from '../../helpers/database.js'
import { silentLog } from '../../helpers/log.js'
import { seedWaitingDevices, wantHealth } from '../helpers.js'
import { startSimulatedIntune } from '../simulator.js'

interface Request { readonly service: string, readonly method: string, readonly url: string, readonly status: number | null, readonly atMs: number, readonly clientRequestId: string | null }

async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const simulated = await startSimulatedIntune(t, db)
  const deps = { db, intune: simulated.intune, log: silentLog, publicUrl: 'https://mtd.example' }
  const [phone] = await seedWaitingDevices(db, simulated.tenantId, 1, 'secured')
  await simulated.enroll([phone!.entraDeviceId])
  await syncTenant(deps, simulated)
  await simulated.control('DELETE', '/requests')
  const requests = async (): Promise<Request[]> => (await simulated.control('GET', '/requests') as { items: Request[] }).items
  const change = async (): Promise<void> => await wantHealth(db, simulated.tenantId, phone!.deviceId, 'highSeverity')
  return { ...simulated, db, deps, phone: phone!, requests, change }
}

const uploads = (requests: readonly Request[]): Request[] => requests.filter(({ method, url }) => method === 'PUT' && url.includes('DataUploadMessages'))

t.test('fresh-token 401: tried again once after a second with the same token, then with a new one, then told', async (t) => {
  const { db, tenantId, deps, change, setFaults, requests, phone, threatStateOf, control } = await setUp(t)
  await change()
  await setFaults([{ kind: 'status', status: 401, times: 1, match: { service: 'partner', method: 'PUT' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  const [refused, taken] = uploads(await requests())
  t.ok(taken!.atMs - refused!.atMs >= 950, `${taken!.atMs - refused!.atMs} ms`)
  t.not(taken!.clientRequestId, refused!.clientRequestId, 'each call has an id of its own')
  t.equal((await requests()).filter(({ service }) => service === 'entra').length, 0, 'one refusal is no reason for a new token')
  t.equal(await threatStateOf(phone.entraDeviceId), 'highSeverity')

  await control('DELETE', '/requests')
  await wantHealth(db, tenantId, phone.deviceId, 'lowSeverity')
  await setFaults([{ kind: 'status', status: 401, times: 2, match: { service: 'partner', method: 'PUT' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  t.ok((await requests()).some(({ service, url }) => service === 'entra' && url.includes('token')), 'two are')

  await control('DELETE', '/requests')
  await wantHealth(db, tenantId, phone.deviceId, 'secured')
  await setFaults([{ kind: 'status', status: 401, match: { service: 'partner', method: 'PUT' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 0, stopped: true })
  t.equal(uploads(await requests()).length, 3, 'and no more')
})

t.test('stale discovery: after a failed call the services are looked up anew, and that is where the second try goes', async (t) => {
  const { tenantId, deps, change, setFaults, requests, phone, threatStateOf } = await setUp(t)
  await change()
  await setFaults([{ kind: 'status', status: 404, times: 1, match: { service: 'partner', method: 'PUT' } }])
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  const seen = (await requests()).map(({ service, method }) => `${service} ${method}`)
  t.ok(seen.indexOf('graph GET') > seen.indexOf('partner PUT') && seen.indexOf('graph GET') < seen.lastIndexOf('partner PUT'), seen.join(', '))
  t.equal(await threatStateOf(phone.entraDeviceId), 'highSeverity')
})
