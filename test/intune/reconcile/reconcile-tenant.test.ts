import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { getDevice } from '../../../src/devices/get-device.js'
import { listDevices } from '../../../src/devices/list-devices.js'
import { getConnector } from '../../../src/intune/get-connector.js'
import { changeReconciliation } from '../../../src/intune/reconcile/change-reconciliation.js'
import { getReconciliation } from '../../../src/intune/reconcile/get-reconciliation.js'
import { reconcileTenant } from '../../../src/intune/reconcile/reconcile-tenant.js'
import { requestRound } from '../../../src/intune/reconcile/reconciliation-repository.js'
import { syncTenant } from '../../../src/intune/sync-tenant.js'
import { applyPolicy } from '../../../src/operators/policies.js'
import { rememberingProducer } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'
import { makeAllDue, waitingIn, wantHealth } from '../helpers.js'
import { setUpReconciling, type Reconciling } from './helpers.js'

const USER = '00000000-0000-4000-8000-00000000aaaa'
const OTHER_USER = '00000000-0000-4000-8000-00000000bbbb'
const GROUP = '00000000-0000-4000-8000-0000000000f1'
const PEOPLE = { users: [{ id: USER }, { id: OTHER_USER }], groups: [{ id: GROUP, displayName: 'Phones', kind: 'user', members: [USER] }] }

const ids = (count: number): string[] => Array.from({ length: count }, () => randomUUID())
const choose = async ({ db, tenantId }: Reconciling, groups: readonly string[]): Promise<void> => {
  await changeReconciliation({ db, reconcile: rememberingProducer<'reconcile'>() }, { tenantId, actor: 'test', groups })
}

t.test('phones that Intune lists are known afterwards, and those enrolled here get what only Intune knows', async (t) => {
  const { db, tenantId, atIntune, enrolHere, round } = await setUpReconciling(t)
  const known = await enrolHere({})
  await atIntune([{ entraDeviceId: known.entraDeviceId, serialNumber: 'SERIAL-1', ownerType: 'personal' }, { entraDeviceId: randomUUID() }, { entraDeviceId: randomUUID(), platform: 'windows' }])
  t.match(await round(), { isFull: true, counts: { seen: 2, new: 2, otherDevices: 1, vanished: 0, drifted: 0 }, parts: { managedDevices: { state: 'ok' }, connector: { state: 'ok' } } })
  const device = await db.selectFrom('device').selectAll().where('id', '=', known.deviceId).executeTakeFirstOrThrow()
  t.match(device, { serial_number: 'SERIAL-1', directory_ownership: 'personal', ownership: null, intune_device_id: String })
  t.match(await getDevice({ db }, { tenantId, deviceId: known.deviceId }), { ownership: 'personal', directory: { ownership: 'personal', vanishedAt: null, threatState: 'unknown' } })
  t.match(await getConnector({ db }, { tenantId }), { atIntune: { unresponsiveThresholdDays: 7, switches: { androidEnabled: true }, readError: null } })
})

t.test('what the directory says of ownership has phones judged anew where the policy goes by it, and nowhere else', async (t) => {
  for (const [text, isDue] of [['severities: { dev-no-passcode: low }', false], ['groups: [{ name: own, match: { ownership: personal }, policy: { severities: { dev-no-passcode: low } } }]', true]] as const) {
    const { db, tenantId, atIntune, enrolHere, round } = await setUpReconciling(t)
    const { deviceId, entraDeviceId } = await enrolHere({})
    await applyPolicy({ db, intel: rememberingProducer<'intel'>() }, { tenantId, text, expected: 'any', actor: 'test' })
    await db.updateTable('device_state').set({ last_report_at: new Date(), due_at: null }).execute()
    await atIntune([{ entraDeviceId, ownerType: 'personal' }])
    await round()
    const { due_at: dueAt } = await db.selectFrom('device_state').select('due_at').where('device_id', '=', deviceId).executeTakeFirstOrThrow()
    t.equal(dueAt !== null, isDue, text)
  }
})

t.test('what an operator says of a phone counts more than the directory', async (t) => {
  const { db, tenantId, atIntune, enrolHere, round } = await setUpReconciling(t)
  const { deviceId, entraDeviceId } = await enrolHere({})
  await db.updateTable('device').set({ ownership: 'corporate' }).where('id', '=', deviceId).execute()
  await atIntune([{ entraDeviceId, ownerType: 'personal' }])
  await round()
  t.match(await getDevice({ db }, { tenantId, deviceId }), { ownership: 'corporate', directory: { ownership: 'personal' } })
})

t.test('phones of the chosen groups are pending until they enrol; others are not', async (t) => {
  const world = await setUpReconciling(t, { seed: PEOPLE })
  const { db, tenantId, entraTenantId, atIntune, enrolHere, round, control } = world
  const [mine, other, enrolled] = ids(3)
  await enrolHere({ entraDeviceId: enrolled! })
  await atIntune([
    { entraDeviceId: mine!, userId: USER, model: 'Pixel 9', serialNumber: 'ABCDE123' }, { entraDeviceId: other!, userId: OTHER_USER }, { entraDeviceId: enrolled!, userId: USER }
  ])
  await choose(world, ['Phones'])
  t.match(await round(), { counts: { pending: 1 }, parts: { groups: { state: 'ok' }, members: { state: 'ok' } } })

  const { items } = await listDevices({ db }, { tenantId, state: 'pending' })
  t.strictSame(items.map(({ entraDeviceId }) => entraDeviceId).sort(), [mine, enrolled].sort(), 'the one that is expected, and the one that never reported')
  const pending = items.find(({ entraDeviceId }) => entraDeviceId === mine)!
  t.match(pending, { enrolledAt: null, model: 'Pixel 9', serialNumber: 'ABCDE123', level: null })
  t.match(await getDevice({ db }, { tenantId, deviceId: pending.deviceId }), { entraDeviceId: mine, directory: { entraUserId: USER } })
  t.match(await getDevice({ db }, { tenantId, deviceId: `entra:${enrolled}` }), { entraGroups: [GROUP, 'Phones'] })
  t.strictSame((await listDevices({ db }, { tenantId, state: 'activated' })).items, [])
  t.equal((await listDevices({ db }, { tenantId, q: 'ABCDE' })).items.length, 1)
  t.match(await getReconciliation({ db }, { tenantId }), { groups: [{ wanted: 'Phones', entraGroupId: GROUP, members: 1, fault: null }], directory: { phones: 3, pending: 1 } })

  t.test('a member who leaves takes the phone along, one who comes brings it', async (t) => {
    await control('PUT', `/tenants/${entraTenantId}`, { groups: [{ id: GROUP, displayName: 'Phones', kind: 'user', members: [OTHER_USER] }] })
    t.match(await round({ isFull: false }), { isFull: false, counts: { pending: 1 } })
    t.match((await listDevices({ db }, { tenantId, state: 'pending' })).items.filter(({ enrolledAt }) => enrolledAt === null), [{ entraDeviceId: other }])
    t.match(await getDevice({ db }, { tenantId, deviceId: `entra:${enrolled}` }), { entraGroups: [] })
  })

  t.test('a group that is no longer chosen expects nobody', async () => {
    await choose(world, [])
    t.match(await round({ isFull: false }), { counts: { pending: 0 }, parts: { groups: { state: 'skipped' } } })
  })
})

t.test('names of groups are told apart by case, and a group that is not there is named', async (t) => {
  const world = await setUpReconciling(t, { seed: PEOPLE })
  await choose(world, ['phones', 'Nobody', GROUP])
  const { parts } = await world.round()
  t.match(parts.groups, { state: 'unknown', words: /phones: .*"Phones".*case.*Nobody: Entra has no group/ })
  t.match(parts.members, { state: 'ok' }, 'the one that was found is read')
})

t.test('pages of the list of phones merge with those that are expected', async (t) => {
  const world = await setUpReconciling(t, { seed: PEOPLE })
  const { db, tenantId, atIntune, enrolHere, round } = world
  await atIntune(ids(7).map((entraDeviceId) => ({ entraDeviceId, userId: USER })))
  for (let n = 0; n < 6; n++) await enrolHere({})
  await choose(world, [GROUP])
  await round()
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await listDevices({ db }, { tenantId, limit: 3, cursor })
    seen.push(...page.items.map(({ deviceId }) => deviceId))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  t.equal(seen.length, 13)
  t.strictSame(seen, [...new Set(seen)].sort())
})

t.test('a phone is gone only when a second round has not found it either, and asked for it alone', async (t) => {
  const { db, tenantId, entraTenantId, atIntune, enrolHere, round, control, requests } = await setUpReconciling(t)
  const { deviceId, entraDeviceId } = await enrolHere({})
  const stranger = randomUUID()
  await atIntune([{ entraDeviceId }, { entraDeviceId: stranger }])
  await round()
  await wantHealth(db, tenantId, deviceId, 'secured')
  await control('DELETE', `/tenants/${entraTenantId}/devices/${entraDeviceId}`)
  await control('DELETE', `/tenants/${entraTenantId}/devices/${stranger}`)

  t.match(await round(), { counts: { vanished: 0 } })
  t.match(await getDevice({ db }, { tenantId, deviceId }), { directory: { missingSince: String, vanishedAt: null } }, 'missing, and not yet gone')
  t.match(await round({ isFull: false }), { counts: { vanished: 1 } })
  t.match(await getDevice({ db }, { tenantId, deviceId }), { state: 'pending', directory: { vanishedAt: String }, intune: { desired: 'secured' } }, 'what we say of it has not changed')
  t.match(await db.selectFrom('audit_event').selectAll().where('action', '=', 'device.vanished').execute(), [{ subject: deviceId, actor: 'reconciliation' }])
  t.equal((await getReconciliation({ db }, { tenantId })).directory.phones, 1, 'one that never was here is forgotten')
  t.ok((await requests('$batch')).length > 0)

  t.test('and it may come back', async (t) => {
    await atIntune([{ entraDeviceId }])
    t.match(await round(), { counts: { reappeared: 1 } })
    t.match(await getDevice({ db }, { tenantId, deviceId }), { directory: { missingSince: null, vanishedAt: null } })
  })
})

t.test('a tenant\'s rule ends phones that are gone for so many days', async (t) => {
  const { db, tenantId, entraTenantId, atIntune, enrolHere, round, control, sync } = await setUpReconciling(t)
  const { deviceId, entraDeviceId } = await enrolHere({})
  await atIntune([{ entraDeviceId }])
  await round()
  await control('DELETE', `/tenants/${entraTenantId}/devices/${entraDeviceId}`)
  await changeReconciliation({ db, reconcile: rememberingProducer<'reconcile'>() }, { tenantId, actor: 'test', deactivateAfterDays: 3 })
  await round()
  await round()
  t.match(await getDevice({ db }, { tenantId, deviceId }), { retiredAt: null, directory: { vanishedAt: String } }, 'not before its time')
  await db.updateTable('directory_device').set({ vanished_at: new Date(Date.now() - 3 * 86_400_000) }).execute()
  t.match(await round(), { counts: { deactivated: 1 } })
  t.match(await getDevice({ db }, { tenantId, deviceId }), { retiredAt: String, state: 'deactivated', intune: { desired: 'deactivated' } })
  t.ok(sync.payloads.length > 0)
})

async function acknowledged (t: Test): Promise<Reconciling & { deviceId: string, entraDeviceId: string, deliver: () => Promise<void> }> {
  const world = await setUpReconciling(t)
  const { db, tenantId, atIntune, enrolHere } = world
  const phone = await enrolHere({})
  await atIntune([{ entraDeviceId: phone.entraDeviceId }])
  const deliver = async (): Promise<void> => {
    await makeAllDue(db)
    await syncTenant({ db, intune: world.intune, log: silentLog, publicUrl: 'https://mtd.example' }, { tenantId })
    t.equal(await waitingIn(db), 0, 'all is acknowledged')
  }
  // The simulator's connector has to be provisioned through the service.
  await db.deleteFrom('intune_connector').execute()
  await wantHealth(db, tenantId, phone.deviceId, 'highSeverity')
  await deliver()
  return { ...world, ...phone, deliver }
}

t.test('a state that Intune acknowledged and forgot is counted and sent again', async (t) => {
  const { db, tenantId, deviceId, entraDeviceId, setFaults, round, deliver, threatStateOf, sync } = await acknowledged(t)
  t.match(await round(), { counts: { drifted: 0 } })
  await setFaults([{ kind: 'message-lost', times: 1 }])
  await wantHealth(db, tenantId, deviceId, 'secured')
  await deliver()
  t.equal(await threatStateOf(entraDeviceId), 'highSeverity', 'it was lost')
  t.match(await round(), { counts: { drifted: 1, driftedByKind: { harsher: 1 }, healed: 1, stuck: 0 } })
  t.match(await getDevice({ db }, { tenantId, deviceId }), { intune: { drift: { kind: 'harsher', held: 'highSeverity', heals: 1, givenUp: false } } })
  t.ok(sync.payloads.some((payload) => payload.tenantId === tenantId))
  await deliver()
  t.equal(await threatStateOf(entraDeviceId), 'secured')
  t.match(await round(), { counts: { drifted: 0 } })
  t.equal((await getDevice({ db }, { tenantId, deviceId })).intune.drift, null)
})

t.test('a state that waits to be sent is no drift', async (t) => {
  const { db, tenantId, deviceId, round } = await acknowledged(t)
  await wantHealth(db, tenantId, deviceId, 'secured')
  t.match(await round(), { counts: { drifted: 0, healed: 0 } })
})

t.test('when Intune keeps its own state, that is said and not repeated for ever', async (t) => {
  const { db, tenantId, deviceId, setFaults, round, deliver } = await acknowledged(t)
  await setFaults([{ kind: 'message-lost' }])
  await wantHealth(db, tenantId, deviceId, 'secured')
  await deliver()
  for (let heal = 1; heal <= 5; heal++) {
    t.match(await round(), { counts: { drifted: 1, healed: 1 } }, `time ${heal}`)
    await deliver()
    t.match(await round(), { counts: { drifted: 1, healed: 0 } }, 'not again at once')
    await db.updateTable('directory_device').set({ healed_at: new Date(0) }).execute()
  }
  t.match(await round(), { counts: { drifted: 1, healed: 0, stuck: 1 } })
  t.equal(await waitingIn(db), 0)
  t.match(await getDevice({ db }, { tenantId, deviceId }), { intune: { drift: { heals: 5, givenUp: true } } })
  t.match(await getConnector({ db }, { tenantId }), { healthy: false, stuck: 1, summary: /keeps another state/ })

  t.test('another state has its own tries', async (t) => {
    await wantHealth(db, tenantId, deviceId, 'lowSeverity')
    await deliver()
    t.match(await round(), { counts: { drifted: 1, healed: 1, stuck: 0 } })
  })
})

t.test('a missing permission is named, and the other parts go on', async (t) => {
  const { atIntune, round } = await setUpReconciling(t, { roles: ['Application.Read.All', 'DeviceManagementManagedDevices.Read.All'] })
  await atIntune([{ entraDeviceId: randomUUID() }])
  const { parts, counts } = await round()
  t.match(parts, {
    connector: { state: 'unknown', permission: 'DeviceManagementServiceConfig.Read.All', words: /DeviceManagementServiceConfig\.Read\.All/ },
    entraDevices: { state: 'unknown', permission: 'Device.Read.All' },
    managedDevices: { state: 'ok' }
  })
  t.match(counts, { seen: 1, errors: 2 })
})

t.test('without the list of phones nothing is concluded from its absence', async (t) => {
  const { db, tenantId, setFaults, atIntune, enrolHere, round } = await setUpReconciling(t)
  const { deviceId, entraDeviceId } = await enrolHere({})
  await atIntune([{ entraDeviceId }])
  await round()
  await setFaults([{ kind: 'status', status: 403, match: { path: 'managedDevices' } }])
  for (let n = 0; n < 2; n++) t.match(await round(), { counts: { vanished: 0 }, parts: { managedDevices: { state: 'unknown' }, lookups: { state: 'unknown' } } })
  t.match(await getDevice({ db }, { tenantId, deviceId }), { directory: { missingSince: null, vanishedAt: null } })
})

for (const [name, fault] of [
  ['with Retry-After', { status: 429, retryAfter: 0.3, times: 8 }], ['with a fraction of a second', { status: 429, retryAfter: 0.028, times: 8 }],
  ['without Retry-After', { status: 429, times: 4 }], ['with 503', { status: 503, times: 4 }]
] as const) {
  t.test(`a round that is throttled ${name} comes to the same end`, async (t) => {
    const { setFaults, atIntune, round } = await setUpReconciling(t)
    await atIntune(ids(25).map((entraDeviceId) => ({ entraDeviceId })))
    await setFaults([{ kind: 'status', match: { service: 'graph', path: 'managedDevices' }, ...fault }])
    t.match(await round({ tuning: { pageSize: 10 } }), { counts: { seen: 25, new: 25, errors: 0 } })
  })
}

t.test('a long Retry-After puts the round down where it is', async (t) => {
  const { db, deps, tenantId, setFaults, atIntune } = await setUpReconciling(t)
  await atIntune(ids(5).map((entraDeviceId) => ({ entraDeviceId })))
  await setFaults([{ kind: 'status', status: 429, retryAfter: 90, match: { path: 'managedDevices' } }])
  await requestRound(db, tenantId)
  t.equal(await reconcileTenant(deps, { tenantId }), 'unfinished')
  const row = await db.selectFrom('reconciliation').selectAll().executeTakeFirstOrThrow()
  const seconds = (row.due_at.getTime() - Date.now()) / 1000
  t.ok(seconds > 60 && seconds <= 91, `${seconds} s`)
  t.match(await db.selectFrom('reconciliation_round').select('position').executeTakeFirst(), { position: { part: 'managedDevices' } })
  t.equal(await reconcileTenant(deps, { tenantId }), 'not-due')
})

t.test('pages end where they end', async (t) => {
  const { atIntune, round } = await setUpReconciling(t)
  await atIntune(ids(20).map((entraDeviceId) => ({ entraDeviceId })))
  for (const pageSize of [1, 7, 10, 19, 20, 21]) t.match(await round({ tuning: { pageSize } }), { counts: { seen: 20, vanished: 0 } }, `pages of ${pageSize}`)
})

t.test('a round between full ones reads only phones that checked in since', async (t) => {
  const { db, entraTenantId, atIntune, round, control, requests } = await setUpReconciling(t)
  const phones = ids(5)
  await atIntune(phones.map((entraDeviceId) => ({ entraDeviceId })))
  await round()
  await db.updateTable('reconciliation').set({ checked_in_until: new Date(Date.now() + 3_600_000) }).execute()
  await control('DELETE', '/requests')
  t.match(await round({ isFull: false }), { isFull: false, counts: { seen: 0, vanished: 0 } })
  t.ok((await requests('managedDevices')).every(({ url }) => decodeURIComponent(url).includes('lastSyncDateTime gt ')))
  await db.updateTable('reconciliation').set({ checked_in_until: new Date(Date.now() - 3_600_000) }).execute()
  await control('POST', `/tenants/${entraTenantId}/devices/${phones[0]}/check-in`)
  t.ok((await round({ isFull: false })).counts.seen >= 1)
})

t.test('a delta token that has expired begins anew', async (t) => {
  const world = await setUpReconciling(t, { seed: PEOPLE })
  const { setFaults, atIntune, round } = world
  await atIntune([{ entraDeviceId: randomUUID(), userId: USER }])
  await choose(world, [GROUP])
  await round()
  await setFaults([{ kind: 'delta-token-expired', times: 1, match: { path: 'devices/delta' } }, { kind: 'delta-token-expired', times: 1, match: { path: 'groups/delta' } }])
  t.match(await round({ isFull: false }), { counts: { pending: 1, errors: 0 }, parts: { entraDevices: { state: 'ok' }, members: { state: 'ok' } } })
})

t.test('phones that only Entra knows are expected when they are in a group, and gone when Entra says so', async (t) => {
  const phone = randomUUID()
  const deviceGroup = '00000000-0000-4000-8000-0000000000f2'
  const world = await setUpReconciling(t, { seed: { ...PEOPLE } })
  const { db, tenantId, entraTenantId, atIntune, round, control } = world
  await atIntune([{ entraDeviceId: phone, mdmEnrolled: false }])
  await control('PUT', `/tenants/${entraTenantId}`, { groups: [{ id: deviceGroup, displayName: 'Devices', kind: 'device', members: [phone] }] })
  await choose(world, ['Devices'])
  t.match(await round(), { counts: { pending: 1, seen: 0 } })
  t.match(await listDevices({ db }, { tenantId, state: 'pending' }), { items: [{ entraDeviceId: phone, intuneDeviceId: null }] })
  await control('DELETE', `/tenants/${entraTenantId}/devices/${phone}`)
  await round()
  t.match(await round(), { counts: { pending: 0 } })
  t.strictSame((await listDevices({ db }, { tenantId, state: 'pending' })).items, [])
})

t.test('two workers at once make one round', async (t) => {
  const { db, deps, tenantId, atIntune } = await setUpReconciling(t)
  await atIntune(ids(30).map((entraDeviceId) => ({ entraDeviceId })))
  await requestRound(db, tenantId)
  const results = await Promise.all(Array.from({ length: 4 }, async () => await reconcileTenant({ ...deps, tuning: { ...deps.tuning, pageSize: 5 } }, { tenantId })))
  t.strictSame(results.sort(), ['finished', 'not-due', 'not-due', 'not-due'])
  t.match(await getReconciliation({ db }, { tenantId }), { rounds: [{ counts: { seen: 30 } }], directory: { phones: 30 } })
})

t.test('a worker that dies in the middle is taken up where it was', async (t) => {
  const { db, deps, tenantId, atIntune, control, requests } = await setUpReconciling(t)
  await atIntune(ids(60).map((entraDeviceId) => ({ entraDeviceId })))
  await requestRound(db, tenantId)
  const { graph } = deps
  let pages = 0
  // What a killed process leaves behind: everything up to a page, its lease, and nothing more.
  const dying = { send: async (...input: Parameters<typeof graph.send>) => { if (input[1].path.includes('managedDevices') && ++pages === 4) await new Promise(() => {}); return await graph.send(...input) } }
  void reconcileTenant({ ...deps, graph: dying, tuning: { ...deps.tuning, pageSize: 10, leaseMs: 1_000 } }, { tenantId })
  for (;;) {
    const { counts } = (await db.selectFrom('reconciliation_round').select('counts').executeTakeFirst()) ?? {}
    if ((counts as { seen?: number } | undefined)?.seen === 30) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await control('DELETE', '/requests')
  let result
  do {
    result = await reconcileTenant({ ...deps, tuning: { ...deps.tuning, pageSize: 10 } }, { tenantId })
    await new Promise((resolve) => setTimeout(resolve, 50))
  } while (result === 'not-due')
  t.equal(result, 'finished')
  t.match(await getReconciliation({ db }, { tenantId }), { rounds: [{ counts: { seen: 60, new: 60, vanished: 0 } }] })
  t.equal((await requests('managedDevices')).filter(({ method }) => method === 'GET').length, 3, 'only the pages that were missing are read')
})
