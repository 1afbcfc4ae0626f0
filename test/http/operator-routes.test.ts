import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { insertQuarantined } from '../../src/telemetry/journal-groups.js'
import type { Report } from '../../src/telemetry/report.js'
import { isProblem, startTestApi, type TestApi } from '../helpers/api.js'
import { makeKey } from '../helpers/device-keys.js'
import { makeReport } from '../helpers/devices.js'

type Sections = Omit<Report, 'reportId' | 'sequence' | 'collectedAt'>
interface Page<T = Record<string, unknown>> { items: T[], nextCursor: string | null }

async function setUp (t: Test) {
  const api = await startTestApi(t)
  const viewer = await api.keyFor('viewer')
  const admin = await api.keyFor('admin')
  const path = (rest: string): string => `/v1/tenants/${api.tenantId}${rest}`
  return {
    api, viewer, admin, path,
    get: async <T = Page>(rest: string, key = admin): Promise<T> => {
      const answer = await api.call(key, 'GET', path(rest))
      if (answer.statusCode !== 200) throw new Error(answer.body)
      return answer.json<T>()
    }
  }
}

/** Sends a report and has it judged, as the score worker would. */
async function report (api: TestApi, accessToken: string, sequence: number, sections: Sections): Promise<string> {
  const body = makeReport(sequence, sections)
  const answer = await api.call(accessToken, 'POST', '/v1/telemetry', body)
  if (answer.statusCode !== 202) throw new Error(answer.body)
  await scoreGroup(api, api.score.payloads.at(-1)!.groupId!)
  return body.reportId
}

t.test('phones: a list by pages and filters, one with its reasons, its history', async (t) => {
  const { api, get, viewer } = await setUp(t)
  const phones = [await api.enroll(), await api.enroll(), await api.enroll()]
  const [bad, good, silent] = phones as [typeof phones[0], typeof phones[0], typeof phones[0]]
  await report(api, bad.accessToken, 1, { config: { passcodeSet: false } })
  await report(api, good.accessToken, 1, { config: { passcodeSet: true } })

  const seen: unknown[] = []
  let cursor: string | null = ''
  let pages = 0
  while (cursor !== null) {
    const page: Page = await get(`/devices?limit=2&cursor=${cursor}`, viewer)
    t.ok(page.items.length <= 2, 'no more than asked for')
    seen.push(...page.items.map(({ deviceId }) => deviceId))
    cursor = page.nextCursor
    pages++
  }
  t.strictSame([pages, [...seen].sort()], [2, phones.map(({ deviceId }) => deviceId).sort()], 'each phone once')

  const ids = async (query: string): Promise<unknown[]> => (await get(`/devices?${query}`)).items.map(({ deviceId }) => deviceId)
  t.strictSame(await ids('level=medium'), [bad.deviceId])
  t.strictSame(await ids('level=secured&state=activated'), [good.deviceId])
  t.strictSame(await ids('state=pending'), [silent.deviceId])
  t.strictSame(await ids('detection=dev-no-passcode'), [bad.deviceId])
  t.strictSame(await ids(`q=${bad.entraDeviceId}`), [bad.deviceId])
  t.strictSame(await ids('platform=ios'), [])

  const detail = await get<Record<string, unknown>>(`/devices/${bad.deviceId}`)
  t.match(detail, {
    deviceId: bad.deviceId, entraDeviceId: bad.entraDeviceId, platform: 'android', level: 'medium', state: 'activated', coverage: ['config'],
    openFindings: 1, reasons: [String], intune: { desired: 'medium', reported: null, acknowledgedAt: null, lastError: null }
  })
  t.strictSame(await get(`/devices/entra:${bad.entraDeviceId.toUpperCase()}`), detail, 'the same by its Entra id')
  t.match(await get(`/devices/${silent.deviceId}`), { level: null, levelSince: null, state: 'pending', findings: [], reasons: [], coverage: [] })

  await report(api, bad.accessToken, 2, { config: { passcodeSet: true } })
  t.match(await get(`/devices/${bad.deviceId}`), { level: 'secured', findings: [], reasons: [] })
  const history = await get(`/devices/${bad.deviceId}/history?limit=1`)
  t.match(history.items, [{ at: String, from: 'medium', to: 'secured', findings: [] }], 'the last change first')
  t.match(await get(`/devices/${bad.deviceId}/history?cursor=${history.nextCursor!}`), { items: [{ from: null, to: 'medium', findings: [{ detection: 'dev-no-passcode' }] }], nextCursor: null })
})

t.test('findings and numbers across the fleet', async (t) => {
  const { api, get } = await setUp(t)
  const phones = [await api.enroll(), await api.enroll()]
  for (const { accessToken } of phones) await report(api, accessToken, 1, { config: { passcodeSet: false, developerMode: true } })
  await report(api, phones[1]!.accessToken, 2, { config: { passcodeSet: true, developerMode: true } })

  const { items } = await get('/findings?status=open&detection=dev-no-passcode')
  t.equal(items.length, 1)
  t.strictSame(Object.keys(items[0]!).sort(), [
    'attack', 'category', 'detection', 'deviceId', 'evidence', 'expiresAt', 'findingId', 'firstSeen', 'intel', 'lastSeen', 'quiet', 'raisesLevel', 'remediation',
    'resolvedAt', 'ruleVersion', 'severity', 'status', 'subject', 'suppressedBy', 'title'
  ], 'a finding has what the contract names')
  t.match(items[0], { deviceId: phones[0]!.deviceId, detection: 'dev-no-passcode', severity: 'medium', status: 'open', remediation: { user: /./, admin: /./ }, evidence: [{ path: /passcodeSet/, value: false }] })
  t.match((await get('/findings?status=resolved')).items, [{ deviceId: phones[1]!.deviceId, resolvedAt: String }])
  t.match((await get('/findings?severity=high')).items, [])
  t.equal((await get(`/findings?subject=${String(items[0]!.subject)}&detection=dev-no-passcode`)).items.length, 2)

  const first = await get('/findings?limit=1')
  const all = await get('/findings')
  t.strictSame((await get(`/findings?limit=500&cursor=${first.nextCursor!}`)).items, all.items.slice(1), 'the next page goes on where the first ended')

  const overview = await get<Record<string, Record<string, number>>>('/overview')
  t.match(overview, { devices: 2, byPlatform: { android: 2 }, byState: { activated: 2 }, byDetection: { 'dev-no-passcode': 1 } })
  t.equal(Object.values(overview.byLevel!).reduce((sum, count) => sum + count), 2)
  t.match(overview.changes, [{ hour: /:00:00\.000Z$/, to: String, count: Number }])
})

t.test('reassess, revoke, erase', async (t) => {
  const { api, admin, get, path } = await setUp(t)
  const { deviceId, accessToken, entraDeviceId } = await api.enroll()
  await report(api, accessToken, 1, { config: { passcodeSet: false } })

  const again = await api.call(admin, 'POST', path(`/devices/entra:${entraDeviceId}/reassess`))
  t.match([again.statusCode, again.json()], [202, { deviceId }])
  t.strictSame(api.score.payloads.at(-1), { deviceIds: [deviceId] })

  const revoke = await api.call(admin, 'POST', path(`/devices/${deviceId}/revoke`), '', { 'content-type': 'application/json' })
  t.match([revoke.statusCode, revoke.json()], [200, { deviceId }], 'also with a content type and nothing to go with it')
  isProblem(t, await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(2)), { status: 401, code: 'device-revoked' })
  t.match(await get(`/devices/${deviceId}`), { revokedAt: String, state: 'deactivated' })
  t.equal((await api.call(admin, 'POST', path(`/devices/${deviceId}/revoke`))).statusCode, 200, 'again: no change')

  t.equal((await api.call(admin, 'DELETE', path(`/devices/${deviceId}`))).statusCode, 200)
  for (const rest of [`/devices/${deviceId}`, `/devices/entra:${entraDeviceId}`, `/devices/${deviceId}/history`]) {
    isProblem(t, await api.call(admin, 'GET', path(rest)), { status: 404, code: 'not-found' })
  }
  t.strictSame((await get('/devices')).items, [])
  t.strictSame((await get('/findings')).items, [])
  isProblem(t, await api.call(admin, 'DELETE', path(`/devices/${deviceId}`)), { status: 404, code: 'not-found' }, 'what is gone cannot be erased')

  const { items } = await get('/audit')
  t.match(items.map(({ actor, action, subject }) => [actor, action, subject]).slice(0, 2),
    [['admin of the test', 'device.erased', deviceId], ['admin of the test', 'device.revoked', deviceId]], 'the last first, each once')
  t.match(items[2], { action: 'device.reassessed', subject: deviceId })
  const page = await get('/audit?limit=1')
  t.strictSame((await get(`/audit?cursor=${page.nextCursor!}`)).items, items.slice(1))
})

t.test('a report set aside is listed and scored once more', async (t) => {
  const { api, admin, viewer, get, path } = await setUp(t)
  const { deviceId, accessToken } = await api.enroll()
  const reportId = await report(api, accessToken, 1, { config: { passcodeSet: false } })
  const { id } = await api.db.selectFrom('report').select('id').executeTakeFirstOrThrow()
  await insertQuarantined(api.db, [{ reportId: id, error: 'it broke' }], new Date())

  t.match(await get('/quarantine', viewer), { items: [{ id, reportId, deviceId, error: 'it broke', receivedAt: String, quarantinedAt: String }], nextCursor: null })
  const other = await api.db.insertInto('tenant').values({ name: 'Other', entra_tenant_id: randomUUID() }).returning('id').executeTakeFirstOrThrow()
  isProblem(t, await api.call(await api.keyFor('admin', other.id), 'POST', `/v1/tenants/${other.id}/quarantine/${id}/retry`), { status: 404, code: 'not-found' }, 'by another tenant')
  const retry = await api.call(admin, 'POST', path(`/quarantine/${id}/retry`))
  t.match([retry.statusCode, retry.body], [204, ''])
  t.strictSame((await get('/quarantine')).items, [])
  t.match((await get('/audit?limit=1')).items, [{ action: 'quarantine.retried', subject: String(id), actor: 'admin of the test' }])
  isProblem(t, await api.call(admin, 'POST', path(`/quarantine/${id}/retry`)), { status: 404, code: 'not-found' }, 'only once')
})

t.test('an enrolment token is shown once, lets phones in, and no more when revoked', async (t) => {
  const { api, admin, get, path } = await setUp(t)
  const make = await api.call(admin, 'POST', path('/enrollment-tokens'), { label: 'Sales', platform: 'android', maxUses: 2, expiresAt: new Date(Date.now() + 60_000).toISOString() })
  t.equal(make.statusCode, 201)
  t.equal(make.headers['cache-control'], 'no-store')
  const { token, ...shown } = make.json<{ id: string, token: string, uses: number }>()
  t.match(token, /^set_[\w-]{43}$/)
  t.match(shown, { label: 'Sales', platform: 'android', maxUses: 2, uses: 0, revokedAt: null, expiresAt: String })
  const list = await api.call(admin, 'GET', path('/enrollment-tokens'))
  t.strictSame(list.json(), { items: [shown], nextCursor: null })
  t.notOk(list.body.includes(token), 'not shown again')

  isProblem(t, await api.call(admin, 'POST', path('/enrollment-tokens'), { label: 'x', expiresAt: '2020-01-01T00:00:00Z' }), { status: 400, code: 'validation', paths: ['/expiresAt'] })
  t.match([(await api.call(admin, 'DELETE', path(`/enrollment-tokens/${shown.id}`))).statusCode, (await get('/enrollment-tokens')).items], [204, [{ revokedAt: String }]])
  isProblem(t, await api.call(admin, 'DELETE', path(`/enrollment-tokens/${randomUUID()}`)), { status: 404, code: 'not-found' })
  const { publicJwk } = await makeKey()
  isProblem(t, await api.call(token, 'POST', '/v1/enroll', { entraDeviceId: randomUUID(), platform: 'android', osVersion: '15', publicKey: publicJwk }), { status: 401, code: 'invalid-enrollment-token' })
})
