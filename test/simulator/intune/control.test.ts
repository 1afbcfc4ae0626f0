import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CLIENT, createMicrosoft, entity, INTUNE_SCOPE, messagePath, SECRET, TENANT } from './microsoft.js'

t.test('a control request that is wrong is refused with everything that is wrong', async (t) => {
  const { sim } = await createMicrosoft(t)
  const other = randomUUID()
  const tenants: Array<[string, object]> = [
    ['/clients/0', { clients: [{ clientId: CLIENT }] }],
    ['/clients/0/clientId', { clients: [{ clientId: 'x', roles: {} }] }],
    ['/policies/0/limit', { policies: [{ limit: 'Low' }] }],
    ['/conditionalAccess/0/resources/0', { conditionalAccess: [{ resources: ['mail'] }] }],
    ['/connector', { connector: { iOSEnabled: true } }],
    ['', { polices: [] }]
  ]
  for (const [path, seed] of tenants) {
    const { status, body } = await sim('PUT', `/tenants/${other}`, seed)
    t.equal(status, 400, JSON.stringify(seed))
    t.ok(body.error.errors.some((error: { path: string }) => error.path === path), JSON.stringify(body))
  }
  t.match(await sim('PUT', `/tenants/${other}`, { clients: [{ clientId: CLIENT, roles: {}, certificatePem: 'BEGIN CERTIFICATE' }] }), { status: 400, body: { error: { message: /certificate/ } } })
  t.equal((await sim('GET', `/tenants/${other}`)).status, 404)
  t.match(await sim('PUT', `/tenants/${other}/devices/${randomUUID()}`, { platform: 'ios' }), { status: 404, body: { error: { code: 'tenant-not-found' } } })
  t.match(await sim('GET', `/tenants/${TENANT}/devices/${randomUUID()}`), { status: 404, body: { error: { code: 'device-not-found' } } })
  t.match(await sim('PUT', `/tenants/${TENANT}/devices/${randomUUID()}`, { platform: 'Android' }), { status: 400 })
  t.match(await sim('PUT', '/faults', [{ kind: 'latency' }]), { status: 400, body: { error: { errors: [{ path: '/0', missingProperty: 'delayMs' }] } } })
  t.equal((await sim('PUT', '/faults', [{ kind: 'nonsense' }])).status, 400)
  t.match(await sim('PUT', '/faults', [{ kind: 'reset', match: { path: '/(/' } }]), { status: 400, body: { error: { message: /match\.path/ } } })
  t.equal((await sim('PUT', '/clock', { now: 'tomorrow' })).status, 400)
  t.equal((await sim('GET', '/nonsense')).status, 404)
})

t.test('seeding again changes what is named and keeps the rest', async (t) => {
  const { sim, enroll, provision, send, device, tokenOf } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll({ platform: 'android', model: 'Pixel 9' })
  await send([entity(deviceId, 'mediumSeverity')])
  t.match(await sim('PUT', `/tenants/${TENANT}`, { policies: [{ limit: 'medium' }] }), { status: 200, body: { connector: { partnerState: 'enabled' } } })
  t.match(await device(deviceId), { threatState: 'mediumSeverity', complianceState: 'compliant' })
  t.ok(await tokenOf(INTUNE_SCOPE))
  t.equal((await sim('PUT', `/tenants/${TENANT}/devices/${deviceId}`, { platform: 'android', osVersion: '16' })).status, 200)
  t.equal((await device(deviceId)).threatState, 'mediumSeverity')
})

t.test('policies can differ by platform and group, and resources can do without', async (t) => {
  const [ann, bob, group] = [randomUUID(), randomUUID(), randomUUID()]
  const { provision, enroll, send, device } = await createMicrosoft(t, {
    groups: [{ id: group, members: [ann] }],
    policies: [{ limit: 'low', platforms: ['ios'] }, { limit: 'high', platforms: ['android'] }, { limit: 'secured', platforms: ['android'], groups: [group] }],
    conditionalAccess: [{ resources: ['sharepoint', 'onedrive'] }]
  })
  await provision()
  const [phoneOfAnn, phoneOfBob, iphone] = [await enroll({ platform: 'android', userId: ann }), await enroll({ platform: 'android', userId: bob }), await enroll({ platform: 'ios' })]
  await send([phoneOfAnn, phoneOfBob, iphone].map((id) => entity(id, 'mediumSeverity')))
  const open = { exchange: 'granted', wifi: 'granted', companyApps: 'granted' }
  t.strictSame(await device(phoneOfAnn), { threatState: 'mediumSeverity', complianceState: 'noncompliant', access: { ...open, sharepoint: 'blocked', onedrive: 'blocked' } })
  t.strictSame(await device(phoneOfBob), { threatState: 'mediumSeverity', complianceState: 'compliant', access: { ...open, sharepoint: 'granted', onedrive: 'granted' } })
  t.match(await device(iphone), { complianceState: 'noncompliant' })
})

t.test('a grace period holds access open until its end, by the clock that can be moved', async (t) => {
  const { provision, enroll, send, device, sim } = await createMicrosoft(t, { policies: [{ limit: 'low', gracePeriodHours: 2 }] })
  await provision()
  const deviceId = await enroll()
  await send([entity(deviceId, 'highSeverity')])
  t.match(await device(deviceId), { complianceState: 'inGracePeriod', access: { exchange: 'granted' } })
  await sim('PUT', '/clock', { offsetSeconds: 2 * 3600 + 1 })
  t.match(await device(deviceId), { complianceState: 'noncompliant', access: { exchange: 'blocked' } })
  await send([entity(deviceId, 'secured', { LastUpdateTime: new Date(Date.now() + 5000).toISOString() })])
  await send([entity(deviceId, 'highSeverity', { LastUpdateTime: new Date(Date.now() + 6000).toISOString() })])
  t.match(await device(deviceId), { complianceState: 'inGracePeriod' }, 'a new break starts a new grace')
  t.match((await sim('GET', '/clock')).body, { offsetSeconds: 7201 })
})

t.test('waiting ends when the state is there, or with 408 when the time is over', async (t) => {
  const { provision, enroll, send, sim } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll()
  const path = `/tenants/${TENANT}/devices/${deviceId}/wait`
  t.match(await sim('GET', `${path}?threatState=secured&timeoutMs=10`), { status: 408, body: { threatState: 'unknown', lastUpdate: null } })
  const waiting = Promise.all([sim('GET', `${path}?complianceState=noncompliant`), sim('GET', `/tenants/${TENANT}/wait?threatState=highSeverity&count=1`)])
  const sentAtMs = performance.timeOrigin + performance.now()
  await send([entity(deviceId, 'highSeverity')])
  const [answer, tenant] = await waiting
  t.match(answer, { status: 200, body: { threatState: 'highSeverity', complianceState: 'noncompliant', access: { exchange: 'blocked' } } })
  t.ok(answer.body.lastUpdate.receivedAtMs >= sentAtMs)
  t.ok(answer.body.lastUpdate.appliedAtMs >= answer.body.lastUpdate.receivedAtMs)
  t.equal(tenant.status, 200)
})

t.test('devices are listed in pages and can be removed', async (t) => {
  const { sim, enroll } = await createMicrosoft(t)
  const ids = [await enroll(), await enroll(), await enroll()]
  const first = await sim('GET', `/tenants/${TENANT}/devices?limit=2`)
  const second = await sim('GET', `/tenants/${TENANT}/devices?limit=2&cursor=${first.body.nextCursor}`)
  t.strictSame([...first.body.items, ...second.body.items].map(({ entraDeviceId }) => entraDeviceId), ids)
  t.equal(second.body.nextCursor, null)
  t.equal((await sim('DELETE', `/tenants/${TENANT}/devices/${ids[0]!}`)).status, 204)
  t.match((await sim('GET', `/tenants/${TENANT}`)).body.devices, { total: 2, byThreatState: { unknown: 2 } })
})

t.test('faults', async (t) => {
  const { sim, call, provision, heartbeat, enroll, send, status, device, graph, tokenOf } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll()
  t.beforeEach(async () => { await sim('DELETE', '/faults') })

  await t.test('a status happens as often as told, with and without Retry-After, worded as the service words it', async (t) => {
    await sim('PUT', '/faults', [{ kind: 'status', status: 429, retryAfter: 2.5, times: 1, match: { service: 'graph' } }, { kind: 'status', status: 503, times: 1, match: { path: 'DataUploadMessages', method: 'PUT' } }])
    t.match(await graph('GET', '/v1.0/servicePrincipals'), { status: 429, headers: { 'retry-after': '2.5' }, body: { error: { code: 'TooManyRequests' } } })
    t.equal((await graph('GET', '/v1.0/servicePrincipals')).status, 200)
    const refused = await send([entity(deviceId, 'secured')])
    t.match(refused, { status: 503, body: { ErrorCode: 503 } })
    t.notOk('retry-after' in refused.headers)
    t.match((await sim('GET', '/faults')).body.items, [{ hits: 1, remaining: 0 }, { hits: 1, remaining: 0 }])
  })

  await t.test('a fault for another tenant or a pattern that does not fit leaves the request alone', async (t) => {
    await sim('PUT', '/faults', [
      { kind: 'status', status: 500, match: { tenant: randomUUID() } },
      { kind: 'status', status: 500, match: { path: '/Heartbeat.*\\d$/' } }
    ])
    t.equal((await heartbeat()).status, 200)
    await sim('PUT', '/faults', [{ kind: 'status', status: 500, match: { tenant: TENANT, path: '/heartbeat\\(guid/i' } }])
    t.equal((await heartbeat()).status, 500)
  })

  await t.test('an answer lost after the work was done leaves the work done', async (t) => {
    await sim('PUT', '/faults', [{ kind: 'status', status: 502, when: 'after', times: 1, match: { path: 'DataUploadMessages' } }])
    const body = [entity(deviceId, 'lowSeverity')]
    const messageId = randomUUID()
    t.equal((await send(body, { messageId })).status, 502)
    t.equal((await device(deviceId)).threatState, 'lowSeverity')
    t.equal((await send(body, { messageId })).status, 200)
  })

  await t.test('every token is refused at its first use', async (t) => {
    await sim('PUT', '/faults', [{ kind: 'token-401-once' }])
    const first = await tokenOf(INTUNE_SCOPE)
    const get = async (token: string) => (await call('GET', messagePath(randomUUID()), { token })).status
    t.strictSame([await get(first), await get(first), await get(await tokenOf(INTUNE_SCOPE))], [401, 404, 401])
  })

  await t.test('provisioning lies with a 200', async (t) => {
    await sim('PUT', '/faults', [{ kind: 'provision-200-failed', times: 1, errorDetail: 'not yet' }])
    t.match(await provision(), { status: 200, body: { Provisioned: 0, ErrorDetail: 'not yet' } })
    t.match(await provision(), { status: 200, body: { Provisioned: 1, ErrorDetail: '' } })
  })

  await t.test('a heartbeat asks for everything since a time', async (t) => {
    await sim('PUT', '/faults', [{ kind: 'heartbeat-answer', times: 1, resyncTimestamp: '2026-01-01T00:00:00Z', messageErrors: [{ x: 1 }] }])
    t.match((await heartbeat()).body, { ResyncTimestamp: '2026-01-01T00:00:00Z', MessageErrors: [{ x: 1 }] })
    t.match((await heartbeat()).body, { ResyncTimestamp: null, MessageErrors: [] })
  })

  await t.test('a message fails, is lost, or takes long', async (t) => {
    const phone = await enroll()
    await sim('PUT', '/faults', [{ kind: 'message-failed', times: 1, errorDetail: 'broken' }])
    const failed = randomUUID()
    t.equal((await send([entity(phone, 'secured')], { messageId: failed })).status, 200)
    t.match((await status(failed)).body, { Status: 'Failed', ErrorDetail: 'broken' })
    await sim('PUT', '/faults', [{ kind: 'message-lost', times: 1 }])
    const lost = randomUUID()
    await send([entity(phone, 'secured')], { messageId: lost })
    t.match((await status(lost)).body, { Status: 'Completed' })
    t.equal((await device(phone)).threatState, 'unknown')
    await sim('PUT', '/faults', [{ kind: 'message-delayed', times: 1, delayMs: 60_000 }])
    const late = randomUUID()
    await send([entity(phone, 'secured')], { messageId: late })
    t.match((await status(late)).body, { Status: 'Processing' })
  })

  await t.test('control routes and health are never hit', async (t) => {
    await sim('PUT', '/faults', [{ kind: 'status', status: 500 }])
    t.equal((await sim('GET', '/clock')).status, 200)
    t.equal((await call('GET', '/healthz')).status, 200)
  })
})

t.test('the request log tells who called what and how it ended, and no secrets', async (t) => {
  const { sim, call, provision, enroll, send } = await createMicrosoft(t)
  await provision()
  await sim('DELETE', '/requests')
  await sim('PUT', '/faults', [{ kind: 'status', status: 503, times: 1, match: { service: 'entra' } }])
  const form = { grant_type: 'client_credentials', client_id: CLIENT, client_secret: SECRET, scope: INTUNE_SCOPE }
  await call('POST', `/${TENANT}/oauth2/v2.0/token`, { form, headers: { 'client-request-id': 'r1' } })
  const deviceId = await enroll()
  await send([entity(deviceId, 'secured'), entity(await enroll(), 'secured')])
  const { body } = await sim('GET', '/requests')
  t.match(body.items, [
    { service: 'entra', method: 'POST', status: 503, faults: ['status'], tenantId: TENANT, clientRequestId: 'r1' },
    { service: 'partner', method: 'PUT', status: 200, tenantId: TENANT, clientId: CLIENT, devices: 2, durationMs: Number }
  ])
  t.equal(body.items.length, 2)
  t.notMatch(JSON.stringify(body), SECRET)
  t.equal((await sim('GET', `/requests?path=DataUpload&tenant=${TENANT}&sinceId=${body.items[0].id}`)).body.items.length, 1)
  t.equal((await sim('GET', '/requests?method=DELETE')).body.items.length, 0)
})
