import t, { type Test } from 'tap'
import { syncTenant } from '../../../src/intune/sync-tenant.js'
import { emptyReason } from '../../../src/intune/reconcile/app-sync.js'
import { createJournal } from '../../../src/telemetry/journal.js'
import { rememberingProducer } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'
import { makeAllDue, wantHealth } from '../helpers.js'
import { setUpReconciling } from '../reconcile/helpers.js'

const OPTED_IN = { allowPartnerToCollectIOSApplicationMetadata: true }
const FULL = { ...OPTED_IN, allowPartnerToCollectIOSPersonalApplicationMetadata: true }

async function setUp (t: Test, switches: object, phone: object = {}, roles?: readonly string[]) {
  const world = await setUpReconciling(t, { seed: { connector: { iosEnabled: true, ...switches } }, ...(roles === undefined ? {} : { roles }) })
  const { db, tenantId, deps, intune, atIntune, enrolHere } = world
  const journal = createJournal({ db, score: rememberingProducer<'score'>(), log: silentLog, maxWaiting: 100 })
  t.teardown(async () => await journal.close())
  Object.assign(deps, { apps: { client: intune.appSync, journal } })
  const device = await enrolHere({ platform: 'ios' })
  await atIntune([{ entraDeviceId: device.entraDeviceId, platform: 'ios', ownerType: 'company', ...phone }])
  // App Sync needs a provisioned tenant, as messages do.
  await db.deleteFrom('intune_connector').execute()
  await wantHealth(db, tenantId, device.deviceId, 'secured')
  await makeAllDue(db)
  await syncTenant({ db, intune, log: silentLog, publicUrl: 'https://mtd.example' }, { tenantId })
  const reportedApps = async (): Promise<string[] | undefined> => {
    const { rows } = { rows: await db.selectFrom('report_group').select(['body', 'sources']).execute() }
    if (rows.length === 0) return undefined
    return [...new Set(rows.flatMap(({ body }) => [...(body ?? '').matchAll(/"appId":"([^"]+)"/g)].map(([, id]) => id!)))].sort()
  }
  return { ...world, ...device, reportedApps }
}

t.test('apps of a company\'s iPhone become telemetry, once for each check-in', async (t) => {
  const { round, reportedApps, db, entraTenantId, entraDeviceId, control } = await setUp(t, OPTED_IN)
  t.match(await round(), { counts: { appsAsked: 1, appsTaken: 1, appsRefused: 0, appsEmpty: {} }, parts: { appSync: { state: 'ok' } } })
  t.strictSame(await reportedApps(), ['com.example.podcasts', 'com.microsoft.CompanyPortal', 'com.microsoft.azureauthenticator'])
  t.match(await db.selectFrom('report_group').select('sources').execute(), [{ sources: ['intune-app-sync'] }])
  t.match(await round(), { counts: { appsAsked: 0, appsTaken: 0 } }, 'no check-in since, so nothing is asked')
  await control('PUT', '/clock', { offsetSeconds: 60 })
  await control('POST', `/tenants/${entraTenantId}/devices/${entraDeviceId}/check-in`)
  t.match(await round(), { counts: { appsAsked: 1, appsTaken: 1 } })
})

t.test('nothing is asked while the switch is off, and the words name it', async (t) => {
  const { round, reportedApps, requests } = await setUp(t, {})
  t.match(await round(), { counts: { appsAsked: 0 }, parts: { appSync: { state: 'skipped', words: /App Sync is off.*Enable App Sync for iOS devices/ } } })
  t.equal(await reportedApps(), undefined)
  t.strictSame((await requests('DataDownloadMessages')), [])
})

t.test('of a personal iPhone without the switch for its full inventory only managed apps come, and the words say so', async (t) => {
  const { round, reportedApps } = await setUp(t, OPTED_IN, { ownerType: 'personal' })
  t.match(await round(), { counts: { appsTaken: 1, appsManagedOnly: 1 }, parts: { appSync: { state: 'ok', words: /personally owned.*full application inventory/ } } })
  t.strictSame(await reportedApps(), ['com.microsoft.CompanyPortal', 'com.microsoft.azureauthenticator'])
})

t.test('of a personal iPhone without any managed app nothing comes; with the full switch everything does', async (t) => {
  const own = [{ appId: 'com.example.own', managed: false }]
  const closed = await setUp(t, OPTED_IN, { ownerType: 'personal', apps: own })
  t.match(await closed.round(), { counts: { appsTaken: 0, appsEmpty: { personal: 1 } }, parts: { appSync: { words: /No apps of 1 phone: personally owned/ } } })
  t.equal(await closed.reportedApps(), undefined, 'an empty list is no report that there are no apps')
  const open = await setUp(t, FULL, { ownerType: 'personal', apps: own })
  t.match(await open.round(), { counts: { appsTaken: 1, appsEmpty: {} } })
  t.strictSame(await open.reportedApps(), ['com.example.own'])
})

t.test('a phone that is not enrolled, or has not checked in, is told apart', async (t) => {
  const absent = await setUp(t, OPTED_IN, { mdmEnrolled: false })
  t.match(await absent.round(), { counts: { appsEmpty: { 'not-enrolled': 1 } }, parts: { appSync: { words: /not enrolled in Intune/ } } })
  const fresh = await setUp(t, OPTED_IN, { checkedIn: false })
  t.match(await fresh.round(), { counts: { appsEmpty: { 'no-check-in': 1 } }, parts: { appSync: { words: /has not checked in/ } } })
})

t.test('without a look at the connector nobody knows whether apps may be asked for', async (t) => {
  const { round } = await setUp(t, OPTED_IN, {}, ['Application.Read.All', 'DeviceManagementManagedDevices.Read.All'])
  t.match(await round(), { counts: { appsAsked: 0 }, parts: { appSync: { state: 'unknown' } } })
})

t.test('reasons, the surest first', async (t) => {
  const phone = { isEnrolledAtIntune: true, hasCheckedIn: true, isPersonal: false }
  const answer = { entraDeviceId: '', checkedInAt: '2026-11-29T00:00:00Z', apps: [] }
  t.equal(emptyReason(phone, answer, false), 'unknown')
  t.equal(emptyReason({ ...phone, isPersonal: true }, answer, false), 'personal')
  t.equal(emptyReason({ ...phone, isPersonal: true }, answer, true), 'unknown')
  t.equal(emptyReason(phone, { ...answer, checkedInAt: undefined }, true), 'no-check-in')
  t.equal(emptyReason({ ...phone, isEnrolledAtIntune: false, hasCheckedIn: false }, undefined, true), 'not-enrolled')
})
