import t from 'tap'
import { GLOBAL_LIMIT, PUBLISHED_LIMITS, serviceOfPath, Throttles } from '../../../src/simulator/intune/throttles.js'
import { CLIENT, createMicrosoft, entity, TENANT } from './microsoft.js'

const call = (more: object = {}) => ({ service: 'enrollment' as const, writes: false, tenantId: 't1', clientId: 'c1', ...more })

t.test('the figures are those Microsoft published, for 20 seconds', async (t) => {
  t.strictSame(PUBLISHED_LIMITS.devices, { any: { tenant: 4000, appTenant: 2000 }, write: { tenant: 400, appTenant: 200 } })
  for (const service of ['enrollment', 'configuration', 'applications', 'managedApplications'] as const) {
    t.strictSame(PUBLISHED_LIMITS[service], { any: { tenant: 2000, appTenant: 1000 }, write: { tenant: 200, appTenant: 100 } }, service)
  }
  t.equal(GLOBAL_LIMIT, 130_000)
})

t.test('paths belong to the services of Microsoft\'s table', async (t) => {
  for (const [path, service] of Object.entries({
    '/deviceManagement/managedDevices': 'devices',
    '/deviceManagement/managedDevices/1/syncDevice': 'devices',
    '/users/1/managedDevices': 'devices',
    '/deviceManagement/mobileThreatDefenseConnectors/1': 'enrollment',
    '/deviceManagement/deviceCompliancePolicies/1/assign': 'configuration',
    '/deviceAppManagement/mobileApps': 'applications',
    '/deviceAppManagement/mobileAppConfigurations': 'applications',
    '/deviceAppManagement/managedAppPolicies': 'managedApplications',
    '/users/delta': 'directory',
    '/devices': 'directory'
  })) t.equal(serviceOfPath(path), service, path)
})

t.test('the call above the limit is refused until the window has let go of the first', async (t) => {
  let now = 1_000_000
  const throttles = new Throttles(() => now)
  throttles.configure({ enabled: true })
  for (let count = 0; count < 100; count++) t.equal(throttles.take(call({ writes: true })), undefined)
  now += 5000
  t.same(throttles.take(call({ writes: true })), { retryAfterSeconds: 15 })
  t.equal(throttles.take(call()), undefined, 'reading has a limit of its own')
  t.equal(throttles.take(call({ writes: true, tenantId: 't2' })), undefined, 'another tenant')
  t.equal(throttles.take(call({ writes: true, service: 'configuration' })), undefined, 'another service')
  t.equal(throttles.take(call({ writes: true, clientId: 'c2' })), undefined, 'another application in the same tenant')
  now += 15_000
  t.equal(throttles.take(call({ writes: true })), undefined)
})

t.test('a tenant\'s limit holds for all its applications together', async (t) => {
  const throttles = new Throttles(() => 1_000_000)
  throttles.configure({ enabled: true })
  for (let count = 0; count < 200; count++) t.equal(throttles.take(call({ writes: true, clientId: `c${count % 2}` })), undefined)
  t.ok(throttles.take(call({ writes: true, clientId: 'c2' })))
})

t.test('switched off it counts, and tells whether a limit was passed', async (t) => {
  let now = 1_000_000
  const throttles = new Throttles(() => now)
  for (let count = 0; count < 100; count++, now += 300) throttles.take(call({ writes: true }))
  const writes = () => throttles.usage().find(({ calls, scope }) => calls === 'write' && scope === 'appTenant')
  t.match(writes(), { service: 'enrollment', limit: 100, windowSeconds: 20, total: 100, exceeded: false })
  t.ok(writes()!.peak >= 66 && writes()!.peak <= 68, 'a call every 0.3 s makes 67 in 20 s')
  for (let count = 0; count < 60; count++) t.equal(throttles.take(call({ writes: true })), undefined)
  t.match(writes(), { exceeded: true, refused: 0 })
  t.ok(throttles.usage().some(({ service, scope, limit }) => service === 'graph' && scope === 'app' && limit === GLOBAL_LIMIT))
})

t.test('Graph answers 429 with or without Retry-After, in batches part by part', async (t) => {
  const { sim, graph } = await createMicrosoft(t)
  t.equal((await sim('PUT', '/throttles', { enabled: true, scale: 0.001, retryAfter: 'alternately' })).status, 200)
  const path = '/v1.0/deviceManagement/mobileThreatDefenseConnectors'
  t.equal((await graph('GET', path)).status, 200)
  const refused = [await graph('GET', path), await graph('GET', path)]
  for (const answer of refused) t.match(answer, { status: 429, body: { error: { code: 'TooManyRequests' } } })
  t.strictSame(refused.map(({ headers }) => 'retry-after' in headers), [true, false])
  t.ok(Number(refused[0]!.headers['retry-after']) > 0)
  const { status, body } = await graph('POST', '/v1.0/$batch', { requests: [{ id: '1', method: 'GET', url: '/users' }, { id: '2', method: 'GET', url: '/deviceManagement/mobileThreatDefenseConnectors' }] })
  t.equal(status, 200)
  t.strictSame(Object.fromEntries(body.responses.map((part: { id: string, status: number }) => [part.id, part.status])), { 1: 200, 2: 429 })
  t.match((await sim('GET', `/throttles?exceeded=true&tenant=${TENANT}`)).body, { exceeded: true, usage: [{ service: 'enrollment', calls: 'any', scope: 'appTenant', tenantId: TENANT, clientId: CLIENT, limit: 1, peak: 1, refused: 3 }] })
  await sim('DELETE', '/throttles')
  t.equal((await graph('GET', path)).status, 200)
  t.equal((await sim('GET', '/throttles')).body.exceeded, false)
  t.equal((await sim('PUT', '/throttles', { on: true })).status, 400)
})

t.test('the partner services have the limit that is set', async (t) => {
  const { sim, provision, enroll, send } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll()
  await sim('PUT', '/throttles', { enabled: true, partner: { calls: 2, windowSeconds: 60 } })
  const send1 = async () => await send([entity(deviceId, 'secured')])
  t.equal((await send1()).status, 200)
  t.equal((await send1()).status, 200)
  t.match(await send1(), { status: 429, headers: { 'retry-after': String }, body: { ErrorCode: 429 } })
})
