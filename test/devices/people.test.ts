import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { isProblem, startTestApi } from '../helpers/api.js'
import { makeReport } from '../helpers/devices.js'

const SSID = 'Anna\'s home'

/** Two phones of one user, and one of another, each with something said. */
async function setUp (t: Test) {
  const api = await startTestApi(t)
  const [anna, ben] = [randomUUID(), randomUUID()]
  const { number } = await api.db.selectFrom('tenant').select('number').where('id', '=', api.tenantId).executeTakeFirstOrThrow()
  const phones = []
  for (const user of [anna, anna, ben]) {
    const phone = await api.enroll()
    phones.push(phone)
    await api.db.insertInto('directory_device').values({ tenant_number: number, entra_device_id: phone.entraDeviceId, user_id: user, device_name: 'Anna\'s phone', serial_number: 'SER-1', seen_round: 1, platform: 0 }).execute()
    const answer = await api.call(phone.accessToken, 'POST', '/v1/telemetry', makeReport(1, { network: { type: 'wifi', wifi: { ssid: SSID, security: 'open' } }, config: { passcodeSet: false }, apps: { mode: 'snapshot', items: [{ appId: 'com.example.game' }] } }))
    if (answer.statusCode !== 202) throw new Error(answer.body)
    await scoreGroup(api, api.score.payloads.at(-1)!.groupId!)
  }
  const admin = await api.keyFor('admin')
  const get = async (rest: string) => await api.call(admin, 'GET', `/v1/tenants/${api.tenantId}${rest}`)
  return { api, admin, anna, ben, phones: phones as [typeof phones[0], typeof phones[0], typeof phones[0]], get }
}

t.test('everything that is kept about a phone is handed out, of that phone alone, and it is written down', async (t) => {
  const { api, phones: [phone, other], get } = await setUp(t)
  const answer = await get(`/devices/entra:${phone.entraDeviceId}/export`)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  const told = answer.json<{ deviceId: string, tables: Record<string, unknown[]>, apps: unknown[], reports: unknown[], audit: unknown[] }>()
  t.match(told, {
    deviceId: phone.deviceId,
    tables: {
      device: [{ id: phone.deviceId, model: 'Pixel 8' }], device_state: [{ level: 'medium' }], finding: [{ detection: 'dev-no-passcode' }],
      level_change: [{ to_level: 'medium' }], directory_device: [{ device_name: 'Anna\'s phone', serial_number: 'SER-1' }]
    },
    apps: [{ app_id: 'com.example.game' }],
    reports: [{ report: { network: { wifi: { ssid: SSID } } } }],
    audit: [{ action: 'device.enrolled' }]
  })
  for (const foreign of [other.deviceId, other.entraDeviceId]) t.notOk(answer.body.includes(foreign), 'nothing of another phone')
  t.match(await api.db.selectFrom('audit_event').select(['action', 'actor', 'subject']).orderBy('id', 'desc').limit(1).execute(), [{ action: 'device.exported', actor: 'admin of the test', subject: phone.deviceId }])
  isProblem(t, await get(`/devices/${randomUUID()}/export`), { status: 404, code: 'not-found' })
  isProblem(t, await api.call(await api.keyFor('analyst'), 'GET', `/v1/tenants/${api.tenantId}/devices/${phone.deviceId}/export`), { status: 403, code: 'forbidden' })
})

t.test('a person\'s phones are handed out and forgotten together, others stay, and the audit stays whole', async (t) => {
  const { api, admin, anna, phones: [one, two, bens], get } = await setUp(t)
  const told = (await get(`/people/${anna}/export`)).json<{ devices: Array<{ deviceId: string }> }>()
  t.strictSame(told.devices.map(({ deviceId }) => deviceId).sort(), [one.deviceId, two.deviceId].sort())
  isProblem(t, await get(`/people/${randomUUID()}/export`), { status: 404, code: 'not-found' })

  const erased = await api.call(admin, 'DELETE', `/v1/tenants/${api.tenantId}/people/${anna}`)
  t.equal(erased.statusCode, 200, erased.body)
  t.strictSame(erased.json<{ erased: string[] }>().erased.sort(), [one.deviceId, two.deviceId].sort())
  for (const { deviceId } of [one, two]) isProblem(t, await get(`/devices/${deviceId}/export`), { status: 404, code: 'not-found' })
  t.equal((await get(`/devices/${bens.deviceId}`)).statusCode, 200)
  t.strictSame((await api.db.selectFrom('directory_device').select(['user_id', 'device_name', 'serial_number']).where('entra_device_id', 'in', [one.entraDeviceId, two.entraDeviceId]).execute()),
    [1, 2].map(() => ({ user_id: null, device_name: null, serial_number: null })))
  isProblem(t, await api.call(admin, 'DELETE', `/v1/tenants/${api.tenantId}/people/${anna}`), { status: 404, code: 'not-found' }, 'again: nobody is left')
  t.equal((await api.db.selectFrom('audit_event').select('id').where('action', '=', 'device.erased').execute()).length, 2)
  t.equal((await verifyAudit({ db: api.db }, {})).intact, true)
})
