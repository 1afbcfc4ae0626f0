import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { hashEnrollmentToken } from '../../src/devices/enroll-device.js'
import { IntuneError } from '../../src/intune/intune-error.js'
import { getIntuneSetup, setUpIntune, type SetupDeps } from '../../src/onboarding/setup/setup-intune.js'
import type { SetupWish } from '../../src/onboarding/setup/wish.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { type FakeGraph, fakeGraph } from './fake-graph.js'

const CONNECTOR_ID = '5a11ab0e-0000-4000-8000-00000000c0de'
const GROUP = 'aaaaaaaa-0000-4000-8000-000000000001'
const WISH: SetupWish = {
  android: { packageId: 'com.example.sallyport', limit: 'low' },
  ios: { bundleId: 'com.example.Sallyport', storeUrl: 'https://apps.apple.com/app/id1', limit: 'medium' },
  groups: [GROUP],
  connector: { appSync: true, unresponsiveDays: 3 }
}

const { db } = await createTestDatabase(t)

async function setUp (_t: Test) {
  const tenantId = await seedTenant(db)
  const graph = fakeGraph()
  graph.groups.set(GROUP, { displayName: 'Phones pilot', memberTypes: ['user'] })
  const deps: SetupDeps = { db, intune: { setup: { graph: graph as never, access: undefined as never, isSeparate: false } }, log: silentLog, publicUrl: 'https://mtd.example', connectorId: CONNECTOR_ID }
  const apply = async (more: Partial<Parameters<typeof setUpIntune>[1]> = {}) => await setUpIntune(deps, { tenantId, actor: 'an admin', wish: WISH, plan: false, undo: false, acceptConflicts: false, ...more })
  return { tenantId, graph, deps, apply }
}

/** Everything there is, without what is made up anew each time. */
const contentOf = ({ rows }: FakeGraph): unknown => JSON.parse(JSON.stringify(rows))

t.test('a plan says what would be done, and does nothing', async (t) => {
  const { graph, apply, tenantId } = await setUp(t)
  const answer = await apply({ plan: true })
  t.strictSame(answer.steps.map(({ action, key }) => `${action} ${key}`), [
    'create connector', 'create app-ios', 'assign app-ios', 'create config-ios', 'assign config-ios', 'create app-android', 'assign app-android', 'create config-android', 'assign config-android',
    'create policy-iosCompliancePolicy', 'assign policy-iosCompliancePolicy', 'create policy-androidWorkProfileCompliancePolicy', 'assign policy-androidWorkProfileCompliancePolicy',
    'create policy-androidDeviceOwnerCompliancePolicy', 'assign policy-androidDeviceOwnerCompliancePolicy'
  ])
  t.match(answer, { complete: false, conflicts: [], items: [] })
  t.ok(answer.steps.every(({ state, text }) => state === 'planned' && text !== ''))
  t.strictSame(graph.changes, [])
  t.equal((await db.selectFrom('enrollment_token').select('id').where('tenant_id', '=', tenantId).execute()).length, 0)
})

t.test('applied, everything is there as Microsoft documents it; applied again, nothing changes; undone, nothing is left', async (t) => {
  const { graph, deps, apply, tenantId } = await setUp(t)
  graph.rows.mobileThreatDefenseConnectors.push({ id: CONNECTOR_ID, androidEnabled: false, iosEnabled: true, allowPartnerToCollectIOSApplicationMetadata: false, partnerUnresponsivenessThresholdInDays: 7, partnerUnsupportedOsVersionBlocked: true })
  const before = contentOf(graph)
  const answer = await apply()
  t.match(answer, { complete: true, lastError: null, appliedBy: 'an admin' })
  t.ok(answer.steps.every(({ state }) => state === 'done'))

  t.match(graph.rows.mobileThreatDefenseConnectors, [{ androidEnabled: true, iosEnabled: true, allowPartnerToCollectIOSApplicationMetadata: true, partnerUnresponsivenessThresholdInDays: 3, partnerUnsupportedOsVersionBlocked: true }])
  t.strictSame(graph.rows.deviceCompliancePolicies.map((row) => [row['@odata.type'], row.deviceThreatProtectionRequiredSecurityLevel]), [
    ['#microsoft.graph.iosCompliancePolicy', 'medium'], ['#microsoft.graph.androidWorkProfileCompliancePolicy', 'low'], ['#microsoft.graph.androidDeviceOwnerCompliancePolicy', 'low']
  ])
  const [ios, android] = graph.rows.mobileAppConfigurations as [Record<string, unknown>, Record<string, unknown>]
  t.strictSame(ios.targetedMobileApps, [graph.rows.mobileApps[0]!.id])
  const settings = Object.fromEntries((ios.settings as Array<{ appConfigKey: string, appConfigKeyValue: string }>).map((one) => [one.appConfigKey, one.appConfigKeyValue]))
  t.match(settings, { serverUrl: 'https://mtd.example', entraDeviceId: '{{aaddeviceid}}', enrollmentToken: /^set_/ })
  const payload = JSON.parse(Buffer.from(String(android.payloadJson), 'base64').toString()) as { productId: string, managedProperty: Array<{ key: string, valueString: string }> }
  t.match(payload, { productId: 'app:com.example.sallyport', managedProperty: [{ key: 'serverUrl' }, { key: 'enrollmentToken', valueString: /^set_/ }, { key: 'entraDeviceId', valueString: '{{aaddeviceid}}' }] })
  const token = await db.selectFrom('enrollment_token').select(['id', 'revoked_at']).where('token_hash', '=', hashEnrollmentToken(settings.enrollmentToken!)).executeTakeFirst()
  t.match(token, { revoked_at: null }, 'the token lets phones in')
  t.notMatch(JSON.stringify(answer), /set_/, 'and is shown nowhere but in Intune')

  const changes = graph.changes.length
  t.match(await apply(), { complete: true })
  t.match(await getIntuneSetup(deps, { tenantId }), { complete: true, wish: WISH })
  t.equal(graph.changes.length, changes, 'nothing was sent')

  const undone = await apply({ wish: undefined, undo: true })
  t.match(undone, { complete: true, wish: null, items: [] })
  t.strictSame(contentOf(graph), before)
  t.match(await db.selectFrom('enrollment_token').select('revoked_at').where('id', '=', token!.id).executeTakeFirst(), { revoked_at: Date })
  const audit = await db.selectFrom('audit_event').select('action').where('tenant_id', '=', tenantId).where('action', 'like', 'intune-setup%').orderBy('id').execute()
  t.strictSame(audit.map(({ action }) => action), ['intune-setup.applied', 'intune-setup.applied', 'intune-setup.undone'])
})

t.test('a change of the wish changes what is there, and no more', async (t) => {
  const { graph, apply } = await setUp(t)
  await apply()
  graph.changes.splice(0)
  const { ios, ...rest } = WISH
  await apply({ wish: { ...rest, android: { ...WISH.android!, limit: 'high', management: ['workProfile'] }, groups: [] } })
  t.strictSame(graph.changes.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f-]{36}/, 'id').split('/').slice(2).join('/')}`).sort(), [
    'DELETE deviceCompliancePolicies/id', 'DELETE deviceCompliancePolicies/id', 'DELETE mobileAppConfigurations/id', 'DELETE mobileApps/id',
    'PATCH deviceCompliancePolicies/id', 'POST deviceCompliancePolicies/id/assign', 'POST mobileAppConfigurations/id/assign', 'POST mobileApps/id/assign'
  ])
  t.match(graph.rows.deviceCompliancePolicies, [{ deviceThreatProtectionRequiredSecurityLevel: 'high', assignments: [{ target: { '@odata.type': '#microsoft.graph.allLicensedUsersAssignmentTarget' } }] }])
})

t.test('an app that was there before us is used; its assignments stay, and our own go with the undo', async (t) => {
  const { graph, apply } = await setUp(t)
  const theirs = { '@odata.type': '#microsoft.graph.mobileAppAssignment', intent: 'available', target: { '@odata.type': '#microsoft.graph.groupAssignmentTarget', groupId: 'bbbbbbbb-0000-4000-8000-000000000002' }, settings: null }
  const app = { '@odata.type': '#microsoft.graph.iosStoreApp', id: randomUUID(), displayName: 'Sallyport of old', bundleId: WISH.ios!.bundleId, description: 'by hand', assignments: [theirs] }
  graph.rows.mobileApps.push(structuredClone(app))
  await apply()
  t.equal((graph.rows.mobileApps[0]!.assignments as object[]).length, 2)
  t.strictSame((graph.rows.mobileApps[0]!.assignments as object[])[0], theirs)
  await apply({ undo: true, wish: undefined })
  t.strictSame(graph.rows.mobileApps, [app])
})

t.test('what others changed since then is theirs: the undo leaves it', async (t) => {
  const { graph, apply } = await setUp(t)
  graph.rows.mobileThreatDefenseConnectors.push({ id: CONNECTOR_ID, androidEnabled: false, iosEnabled: false, partnerUnresponsivenessThresholdInDays: 7, allowPartnerToCollectIOSApplicationMetadata: false })
  await apply()
  graph.rows.mobileThreatDefenseConnectors[0]!.partnerUnresponsivenessThresholdInDays = 14
  graph.rows.deviceCompliancePolicies.splice(0, 1)
  t.match(await apply({ undo: true, wish: undefined }), { complete: true })
  t.match(graph.rows.mobileThreatDefenseConnectors, [{ androidEnabled: false, iosEnabled: false, partnerUnresponsivenessThresholdInDays: 14 }])
  t.strictSame(graph.rows.deviceCompliancePolicies, [])
})

t.test('wherever it is interrupted, the next call goes on, nothing is made twice, and the undo leaves nothing', async (t) => {
  const whole = await setUp(t)
  await whole.apply()
  const count = whole.graph.changes.length
  for (let at = 0; at < count; at++) {
    for (const when of ['before', 'after'] as const) {
      const { graph, apply } = await setUp(t)
      let left = at
      // As if the process had ended: nothing after it is done, in Intune or here.
      graph.hook = (moment) => { if (moment === when && left-- === 0) throw new Error('the process ended') }
      await t.rejects(apply(), { message: 'the process ended' })
      graph.hook = () => {}
      t.match(await apply(), { complete: true }, `interrupted ${when} change ${at}`)
      const rows = contentOf(graph) as Record<string, unknown[]>
      t.strictSame(Object.fromEntries(Object.entries(rows).map(([name, list]) => [name, list.length])), { mobileThreatDefenseConnectors: 1, mobileApps: 2, mobileAppConfigurations: 2, deviceCompliancePolicies: 3 }, `once each after ${when} ${at}`)
      await apply({ undo: true, wish: undefined })
      t.ok(Object.values(contentOf(graph) as Record<string, unknown[]>).every((list) => list.length === 0), `undone after ${when} ${at}`)
    }
  }
})

t.test('a refusal of Graph ends it with what was done, what failed and why, and what was not reached', async (t) => {
  const { graph, apply } = await setUp(t)
  graph.hook = (when, { path }) => {
    if (when === 'before' && path === '/deviceAppManagement/mobileAppConfigurations') throw new IntuneError('unauthorized', 'Microsoft Graph answered 403: Forbidden. The app needs DeviceManagementApps.ReadWrite.All and an administrator\'s consent.', { status: 403 })
  }
  const answer = await apply()
  t.match(answer, { complete: false, lastError: /DeviceManagementApps\.ReadWrite\.All.*consent/s })
  t.strictSame([...new Set(answer.steps.map(({ state }) => state))], ['done', 'failed', 'not-reached'])
  graph.hook = () => {}
  t.match(await apply({ wish: undefined }), { complete: true, lastError: null })
})

t.test('a permission that is missing is told by its name before anything is done', async (t) => {
  const { graph, deps, apply, tenantId } = await setUp(t)
  graph.forbidden = /mobileApps/
  await t.rejects(apply(), { code: 'intune-unauthorized', message: /DeviceManagementApps\.ReadWrite\.All/ })
  t.strictSame(graph.changes, [])
  t.match(await getIntuneSetup(deps, { tenantId }), { complete: null, wish: null })
})

t.test('one tenant is set up by one process at a time', async (t) => {
  const { graph, apply } = await setUp(t)
  let second: Promise<unknown> | undefined
  graph.hook = (when) => { if (when === 'before') second ??= apply().catch((error: unknown) => error) }
  await apply()
  t.match(await second, { code: 'CONFLICT', statusCode: 409 })
})

t.test('a token that lets nobody in any more is replaced', async (t) => {
  const { graph, apply, tenantId } = await setUp(t)
  await apply()
  await db.updateTable('enrollment_token').set({ revoked_at: new Date() }).where('tenant_id', '=', tenantId).execute()
  graph.changes.splice(0)
  t.match(await apply(), { complete: true })
  t.strictSame(graph.changes.map(({ method }) => method), ['PATCH', 'PATCH'])
  const live = await db.selectFrom('enrollment_token').select('id').where('tenant_id', '=', tenantId).where('revoked_at', 'is', null).execute()
  t.equal(live.length, 2)
})

t.test('another app takes the place of the one we made', async (t) => {
  const { graph, apply } = await setUp(t)
  await apply()
  await apply({ wish: { ...WISH, ios: { ...WISH.ios!, bundleId: 'com.example.Other' } } })
  t.strictSame(graph.rows.mobileApps.map((row) => row.bundleId ?? row.packageId).sort(), ['com.example.Other', 'com.example.sallyport'])
  t.match(await apply({ wish: undefined }), { complete: true })
  await apply({ undo: true, wish: undefined })
  t.strictSame(graph.rows.mobileApps, [])
})

t.test('from any state, any wish is reached, reached again without a change, and undone to where it was', async (t) => {
  const limit = fc.constantFrom('secured' as const, 'low' as const, 'medium' as const, 'high' as const)
  const wishes = fc.record({
    android: fc.option(fc.record({ packageId: fc.constantFrom('com.example.one', 'com.example.two'), limit, management: fc.uniqueArray(fc.constantFrom('workProfile' as const, 'deviceOwner' as const, 'deviceAdministrator' as const), { minLength: 1 }) }), { nil: undefined }),
    ios: fc.record({ bundleId: fc.constantFrom('com.example.one', 'com.example.two'), storeUrl: fc.constant('https://apps.apple.com/app/id1'), limit }),
    groups: fc.constantFrom([], [GROUP]),
    intent: fc.constantFrom('required' as const, 'available' as const),
    connector: fc.record({ appSync: fc.boolean(), blockOnMissingData: fc.boolean(), unresponsiveDays: fc.integer({ min: 1, max: 90 }) })
  })
  const starts = fc.record({
    connector: fc.option(fc.record({ androidEnabled: fc.boolean(), iosEnabled: fc.boolean(), partnerUnresponsivenessThresholdInDays: fc.integer({ min: 1, max: 90 }) }), { nil: undefined }),
    app: fc.option(fc.constantFrom('com.example.one', 'com.example.two'), { nil: undefined }),
    policy: fc.option(limit, { nil: undefined })
  })
  await fc.assert(fc.asyncProperty(starts, fc.array(wishes, { minLength: 1, maxLength: 3 }), async (start, many) => {
    const { graph, apply } = await setUp(t)
    const switches = Object.fromEntries(['androidEnabled', 'iosEnabled', 'androidDeviceBlockedOnMissingPartnerData', 'iosDeviceBlockedOnMissingPartnerData', 'allowPartnerToCollectIOSApplicationMetadata'].map((name) => [name, false]))
    if (start.connector !== undefined) graph.rows.mobileThreatDefenseConnectors.push({ id: CONNECTOR_ID, ...switches, ...start.connector })
    if (start.app !== undefined) graph.rows.mobileApps.push({ '@odata.type': '#microsoft.graph.iosStoreApp', id: randomUUID(), displayName: 'Theirs', bundleId: start.app, description: '', assignments: [] })
    if (start.policy !== undefined) graph.rows.deviceCompliancePolicies.push({ '@odata.type': '#microsoft.graph.iosCompliancePolicy', id: randomUUID(), displayName: 'Theirs', description: '', deviceThreatProtectionEnabled: true, deviceThreatProtectionRequiredSecurityLevel: start.policy, assignments: [] })
    const before = contentOf(graph)
    for (const wish of many as unknown as SetupWish[]) {
      const first = await apply({ wish })
      if (first.complete !== true) throw new Error(first.lastError ?? 'not complete')
      const changes = graph.changes.length
      await apply({ wish })
      if (graph.changes.length !== changes) throw new Error(`again: ${JSON.stringify(graph.changes.slice(changes))}`)
    }
    await apply({ undo: true, wish: undefined })
    t.strictSame(contentOf(graph), before)
  }), { numRuns: Number(process.env.SETUP_RUNS ?? 25) })
})
