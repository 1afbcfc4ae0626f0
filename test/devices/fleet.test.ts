import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { deviceHistory } from '../../src/devices/device-history.js'
import { getDevice } from '../../src/devices/get-device.js'
import { listDevices } from '../../src/devices/list-devices.js'
import { listFindings } from '../../src/devices/list-findings.js'
import { reassessDevice } from '../../src/devices/reassess-device.js'
import { scoreGroup, type ScoreDeps } from '../../src/devices/score-devices.js'
import type { Database } from '../../src/platform/database.js'
import { createJournal } from '../../src/telemetry/journal.js'
import type { Report } from '../../src/telemetry/report.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant, type SeededDevice } from '../helpers/devices.js'
import { NO_INTEL } from '../helpers/intel.js'
import { silentLog } from '../helpers/log.js'

interface World extends ScoreDeps { db: Database, tenantId: string, report (device: SeededDevice, report: Report): Promise<void> }

async function setUp (t: Test): Promise<World> {
  const { db } = await createTestDatabase(t)
  const deps: ScoreDeps = {
    db,
    log: silentLog,
    sync: rememberingProducer<'sync'>(),
    intel: { current: () => NO_INTEL }
  }
  return {
    ...deps,
    db,
    tenantId: await seedTenant(db),
    async report (device, report) {
      const score = rememberingProducer<'score'>()
      const journal = createJournal({ db, score, log: silentLog, maxWaiting: 10 })
      await journal.append({ ...device, report })
      await journal.close()
      await scoreGroup(deps, score.payloads[0]!.groupId!)
    }
  }
}

const rooted = { integrity: { rooted: true } }

t.test('every device is on exactly one page', async (t) => {
  const world = await setUp(t)
  const { tenantId } = world
  const all = await Promise.all(Array.from({ length: 7 }, async () => (await seedDevice(world.db, tenantId)).deviceId))
  await seedDevice(world.db, await seedTenant(world.db))
  const seen: string[] = []
  let cursor: string | undefined
  let pages = 0
  do {
    const { items, nextCursor } = await listDevices(world, { tenantId, limit: 3, cursor })
    seen.push(...items.map(({ deviceId }) => deviceId))
    cursor = nextCursor ?? undefined
    pages++
  } while (cursor !== undefined)
  t.strictSame(seen, [...all].sort())
  t.equal(pages, 3)
  for (const bad of ['x', Buffer.from('["a"]').toString('base64url'), Buffer.from(`["${randomUUID()}","1"]`).toString('base64url')]) {
    await t.rejects(listDevices(world, { tenantId, cursor: bad }), { code: 'validation' })
  }
})

t.test('filters narrow the list, and text is text', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const [bad, fine, quiet] = [await seedDevice(db, tenantId), await seedDevice(db, tenantId), await seedDevice(db, tenantId, 'ios')]
  await db.updateTable('device').set({ model: 'Pixel_8 100%' }).where('id', '=', bad.deviceId).execute()
  await world.report(bad, makeReport(1, { ...rooted, os: { version: '15' } }))
  await world.report(fine, makeReport(1, { integrity: { rooted: false }, agent: { missingPermissions: ['location'] } }))

  const ids = async (filter: object) => (await listDevices(world, { tenantId, ...filter })).items.map(({ deviceId }) => deviceId)
  t.strictSame(await ids({ level: 'high' }), [bad.deviceId])
  t.strictSame(await ids({ level: 'secured' }), [fine.deviceId])
  t.strictSame(await ids({ state: 'pending' }), [quiet.deviceId])
  t.strictSame(await ids({ state: 'misconfigured' }), [fine.deviceId])
  t.strictSame(await ids({ platform: 'ios' }), [quiet.deviceId])
  t.strictSame(await ids({ detection: 'dev-rooted' }), [bad.deviceId])
  t.strictSame(await ids({ q: 'pixel_8 100%' }), [bad.deviceId])
  t.strictSame(await ids({ q: '%' }), [bad.deviceId])
  t.strictSame(await ids({ q: '\\' }), [])
  t.strictSame(await ids({ q: fine.deviceId.slice(0, 13).toUpperCase() }), [fine.deviceId])
  t.strictSame(await ids({ level: 'high', platform: 'ios' }), [])
  t.match((await listDevices(world, { tenantId, level: 'high' })).items, [{ osVersion: '15', openFindings: Number, level: 'high', state: 'activated', coverage: ['os', 'integrity'] }])
})

t.test('a device tells why, and what Intune has been told', async (t) => {
  const world = await setUp(t)
  const { tenantId } = world
  const device = await seedDevice(world.db, tenantId)
  await world.report(device, makeReport(1, rooted))
  const detail = await getDevice(world, device)
  t.match(detail, { level: 'high', intune: { desired: 'highSeverity', reported: null, acknowledgedAt: null, lastError: null } })
  t.match(detail.findings, [{ detection: 'dev-rooted', status: 'open', severity: 'high', category: 'device', evidence: [{ path: String }], remediation: { user: String, admin: String } }])
  t.strictSame(detail.reasons, [detail.findings[0]!.title])
  for (const deviceId of [randomUUID(), 'entra:x', 'x', `entra:${device.deviceId}`]) await t.rejects(getDevice(world, { tenantId, deviceId }), { code: 'NOT-FOUND' })
})

t.test('history and findings show what was, the newest first', async (t) => {
  const world = await setUp(t)
  const { tenantId } = world
  const device = await seedDevice(world.db, tenantId)
  await world.report(device, makeReport(1, { ...rooted, config: { passcodeSet: false } }))
  await world.report(device, makeReport(2, { integrity: { rooted: false } }))
  await world.report(device, makeReport(3, { config: { passcodeSet: true } }))
  const first = await deviceHistory(world, { ...device, limit: 2 })
  t.match(first.items, [{ from: 'medium', to: 'secured', findings: [] }, { from: 'high', to: 'medium', findings: [{ detection: 'dev-no-passcode' }] }])
  t.match(await deviceHistory(world, { ...device, limit: 2, cursor: first.nextCursor! }), { items: [{ from: null, to: 'high' }], nextCursor: null })

  const detections = async (filter: object) => (await listFindings(world, { tenantId, ...filter })).items.map(({ detection }) => detection).sort()
  t.strictSame(await detections({}), ['dev-no-passcode', 'dev-rooted'])
  t.strictSame(await detections({ status: 'open' }), [])
  t.strictSame(await detections({ status: 'resolved', severity: 'high' }), ['dev-rooted'])
  t.strictSame(await detections({ detection: 'dev-no-passcode', deviceId: device.deviceId }), ['dev-no-passcode'])
  t.strictSame(await detections({ subject: 'nothing' }), [])
  t.strictSame(await detections({ tenantId: await seedTenant(world.db) }), [])
  const page = await listFindings(world, { tenantId, limit: 1 })
  const next = await listFindings(world, { tenantId, limit: 1, cursor: page.nextCursor! })
  t.equal(next.nextCursor, null)
  t.not(next.items[0]!.findingId, page.items[0]!.findingId)
})

t.test('an operator\'s wish to judge anew becomes a job', async (t) => {
  const world = await setUp(t)
  const device = await seedDevice(world.db, world.tenantId)
  const score = rememberingProducer<'score'>()
  t.strictSame(await reassessDevice({ ...world, score }, { ...device, actor: 'ann' }), { deviceId: device.deviceId })
  t.strictSame(score.payloads, [{ deviceIds: [device.deviceId] }])
  await t.rejects(reassessDevice({ ...world, score }, { ...device, tenantId: randomUUID(), actor: 'ann' }), { code: 'NOT-FOUND' })
})
