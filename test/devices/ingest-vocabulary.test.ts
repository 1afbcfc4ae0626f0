import { randomUUID } from 'node:crypto'
import t from 'tap'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { NO_INTEL, startTestApi, type TestApi } from '../helpers/api.js'
import { readJournal, waitingGroups } from '../helpers/journal.js'
import type { Platform } from '../../src/telemetry/device-state.js'

interface Result { deviceId: string | null, reportId: string | null, status: string, sections: string[], skipped: Array<{ reason: string, count: number, examples: string[] }>, error?: { status: number, code: string, detail: string } }

const api = await startTestApi(t)
const admin = await api.keyFor('admin')

async function phone (platform: Platform, serialNumber?: string, { db, tenantId }: TestApi = api): Promise<{ deviceId: string, entraDeviceId: string }> {
  const entraDeviceId = randomUUID()
  const { id: deviceId } = await db.insertInto('device')
    .values({ tenant_id: tenantId, entra_device_id: entraDeviceId, platform, serial_number: serialNumber ?? null, public_key: JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: '' }) })
    .returning('id').executeTakeFirstOrThrow()
  await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: -1, state: '{}' }).execute()
  return { deviceId, entraDeviceId }
}

const ingest = async (vocabulary: string, body: unknown, { query = '', key = admin, type }: { query?: string, key?: string, type?: string } = {}) =>
  await api.call(key, 'POST', `/v1/tenants/${api.tenantId}/ingest/${vocabulary}${query}`, Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body), { 'content-type': type ?? (Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json') })
const resultsOf = (answer: { json (): unknown }): Result[] => (answer.json() as { results: Result[] }).results

async function score (): Promise<void> {
  for (const groupId of await waitingGroups(api.db)) await scoreGroup({ db: api.db, intel: { current: () => NO_INTEL }, sync: api.sync, log: api.log }, groupId)
}
const detail = async (deviceId: string) => (await api.call(admin, 'GET', `/v1/tenants/${api.tenantId}/devices/${deviceId}`)).json() as { level: string | null, coverage: string[], findings: Array<{ detection: string, subject: string, severity: string, status: string }> }
const open = async (deviceId: string): Promise<string[]> => (await detail(deviceId)).findings.filter(({ status }) => status === 'open').map(({ detection, subject }) => `${detection} ${subject}`).sort()

t.test('a rooted phone that only Android Management API knows comes out high, and secured when it is repaired', async (t) => {
  const { deviceId } = await phone('android', 'AMAPI1')
  const device = (lastStatusReportTime: string, devicePosture: string, risks: string[]): object => ({
    name: 'enterprises/e/devices/1',
    lastStatusReportTime,
    hardwareInfo: { serialNumber: 'AMAPI1', manufacturer: 'Google', model: 'Pixel 8' },
    softwareInfo: { androidVersion: '15', securityPatchLevel: new Date().toISOString().slice(0, 10) },
    deviceSettings: { isDeviceSecure: true, encryptionStatus: 'ACTIVE_PER_USER', adbEnabled: false },
    securityPosture: { devicePosture, postureDetails: risks.map((securityRisk) => ({ securityRisk })) }
  })
  const answer = await ingest('android-management-api', device('2026-11-23T08:00:00Z', 'POTENTIALLY_COMPROMISED', ['COMPROMISED_OS']))
  t.equal(answer.statusCode, 202, answer.body)
  t.match(resultsOf(answer), [{ deviceId, status: 'accepted', sections: ['os', 'hardware', 'config', 'integrity'], skipped: [] }])
  t.match((await readJournal(api.db)).at(-1), { deviceId, source: 'android-management-api', body: { collectedAt: '2026-11-23T08:00:00.000Z', sequence: Date.parse('2026-11-23T08:00:00Z') } })
  await score()
  t.equal((await detail(deviceId)).level, 'high')
  t.strictSame(await open(deviceId), ['dev-rooted rooted'])

  await ingest('android-management-api', device('2026-11-23T09:00:00Z', 'SECURE', []))
  await score()
  t.equal((await detail(deviceId)).level, 'secured')
  t.strictSame(await open(deviceId), [])
})
