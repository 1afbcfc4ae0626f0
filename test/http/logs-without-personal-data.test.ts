import t from 'tap'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { createLogger } from '../../src/platform/log.js'
import { createMetrics } from '../../src/platform/metrics.js'
import { measureInstallation } from '../../src/operators/measure-installation.js'
import { startTestApi } from '../helpers/api.js'
import { makeReport } from '../helpers/devices.js'

/** What a phone says of its user, each spelt so that it is found. */
const PERSONAL = {
  ssid: 'Annas-Heimnetz', bssid: '02:ab:cd:ef:01:23', ip: '198.51.100.77', url: 'https://clinic.example/patients/4711', sender: '+4915112345678', app: 'com.dating.for.doctors',
  device: 'Annas-Telefon', serial: 'SERIAL4711', certificate: 'Annas-Zertifikat', path: '/sdcard/Annas-Bilder'
}

t.test('no line of the log and no metric holds what a phone said of its user, whatever becomes of a report', async (t) => {
  const lines: string[] = []
  const log = createLogger({ level: 'trace', destination: { write: (line) => { lines.push(line) } } })
  let breaks = false
  const api = await startTestApi(t, { log, journalOf: (journal) => ({ append: async (entry) => breaks ? await Promise.reject(new Error('the journal broke')) : await journal.append(entry) }) })
  const { accessToken, deviceId } = await api.enroll()
  const at = new Date().toISOString()
  const sections = {
    network: { type: 'wifi', wifi: { ssid: PERSONAL.ssid, bssid: PERSONAL.bssid, security: 'open' }, gateway: { ip: PERSONAL.ip, mac: PERSONAL.bssid } },
    apps: { mode: 'snapshot', items: [{ appId: PERSONAL.app, name: PERSONAL.app }] },
    certificates: [{ sha256: 'a'.repeat(64), commonName: PERSONAL.certificate, store: 'user' }],
    files: [{ path: PERSONAL.path, sha256: 'b'.repeat(64) }],
    events: [
      { eventId: 'e1', type: 'url-visit', at, url: PERSONAL.url, action: 'opened' }, { eventId: 'e2', type: 'message-link', at, url: PERSONAL.url, sender: PERSONAL.sender, opened: true },
      { eventId: 'e3', type: 'tls-interception', at, probeHost: 'probe.example', expectedSha256: 'c'.repeat(64), observedSha256: 'd'.repeat(64), trustedCa: false, ssid: PERSONAL.ssid, bssid: PERSONAL.bssid }
    ]
  } as never
  const say = async (body: object | string): Promise<number> => (await api.call(accessToken, 'POST', '/v1/telemetry', body, { 'content-type': 'application/json' })).statusCode
  const good = makeReport(1, sections)
  const statuses = [await say(good)]
  await scoreGroup(api, api.score.payloads.at(-1)!.groupId!)
  statuses.push(await say(good), await say({ ...makeReport(2, sections), sequence: PERSONAL.ssid }), await say({ ...makeReport(3, sections), network: { wifi: { ssid: 7, bssid: PERSONAL } } }), await say(JSON.stringify(makeReport(4, sections)).slice(0, -1)))
  breaks = true
  statuses.push(await say(makeReport(5, sections)))
  t.strictSame([...new Set(statuses)].sort(), [202, 400, 500], 'all kinds of answers')
  // What an operator asks for stands in the address.
  const viewer = await api.keyFor('viewer')
  await api.call(viewer, 'GET', `/v1/tenants/${api.tenantId}/devices?q=${encodeURIComponent(PERSONAL.serial)}`)
  await api.call(viewer, 'GET', `/v1/tenants/${api.tenantId}/findings?subject=${encodeURIComponent(PERSONAL.ssid)}&severity=none`)

  const metrics = createMetrics()
  const queues = { counts: async () => ({}), oldestWaitingSeconds: async () => ({}), engineHealth: async () => undefined, failures: async () => ({}) }
  metrics.onScrape(async () => await measureInstallation({ db: api.db, queues: queues as never, metrics, unresponsiveDays: 1 }))
  const { body } = await metrics.render()
  t.ok(lines.length > 3 && body.length > 1_000, 'there is something to look through')
  for (const [what, text] of Object.entries(PERSONAL)) {
    t.notOk(lines.join('').includes(text), `no ${what} in the log`)
    t.notOk(body.includes(text), `no ${what} in the metrics`)
  }
  t.ok(lines.join('').includes(deviceId), 'phones are named by id')
  t.notOk(body.includes(deviceId), 'and not at all in metrics')
})
