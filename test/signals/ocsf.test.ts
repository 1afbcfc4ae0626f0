import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import { createTlsIdentity } from '../../src/simulator/intune/certificates.js'
import { type Phone, type SignalWorld, startReceiver, startSignalWorld } from './setup.js'
import { BASE_EVENT, COMPLIANCE_FINDING, DETECTION_FINDING } from './ocsf-schema.js'

const ajv = new Ajv({ strict: false, allErrors: true })
const SCHEMAS: Readonly<Record<number, ReturnType<Ajv['compile']>>> = { 2004: ajv.compile(DETECTION_FINDING), 2003: ajv.compile(COMPLIANCE_FINDING), 0: ajv.compile(BASE_EVENT) }

type OcsfEvent = Readonly<Record<string, unknown>> & { readonly class_uid: number, readonly activity_id: number, readonly type_uid: number, readonly metadata: { readonly uid: string, readonly sequence: number } }

function checkShape (t: Test, event: OcsfEvent): void {
  const validate = SCHEMAS[event.class_uid]!
  t.ok(validate(event), `${event.class_uid}: ${ajv.errorsText(validate.errors)}`)
  t.equal(event.type_uid, event.class_uid * 100 + event.activity_id, 'type_uid is made of class and activity')
}

const worldOf = async (t: Test) => {
  const world = await startSignalWorld(t)
  return { world, admin: await world.keyFor('admin'), base: `/v1/tenants/${world.tenantId}/signal-destinations` }
}

async function make (world: SignalWorld, admin: string, body: object): Promise<{ readonly id: string }> {
  const answer = await world.call(admin, 'POST', `/v1/tenants/${world.tenantId}/signal-destinations`, { name: 'SIEM', ...body })
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json()
}

/** A finding as a judgement of that moment stores it. */
async function addFinding (world: SignalWorld, { deviceId, tenantId }: Phone, at: Date, more: object = {}): Promise<string> {
  const id = randomUUID()
  await world.db.insertInto('finding').values({
    id, tenant_id: tenantId, device_id: deviceId, detection: 'app-spyware', rule_version: 3, category: 'apps', severity: 'high', raises_level: true, subject: 'com.example.spy', title: 'An app spies',
    evidence: JSON.stringify([{ path: 'apps.com.example.spy', value: { appId: 'com.example.spy' } }, { path: 'bare' }]), intel: null, attack: ['T1430', 'T1636.004'],
    remediation: JSON.stringify({ user: 'Remove it', admin: 'Have it removed' }), first_seen: at, last_seen: at, ...more
  }).execute()
  return id
}

t.test('a SIEM gets findings that OCSF 1.6 knows, over HTTPS in one array', async (t) => {
  const { world, admin } = await worldOf(t)
  const siem = await startReceiver(t)
  await make(world, admin, { kind: 'ocsf-https', url: `${siem.origin}/collect`, authorization: 'Splunk secret', notCompliantFrom: 'high' })
  const phone = await world.addPhone()
  await world.db.updateTable('device').set({ os_version: '15', manufacturer: 'Google', model: 'Pixel 8', serial_number: 'SN1', ownership: 'personal' }).execute()
  const opened = new Date(Date.now() - 60_000)
  const findingId = await addFinding(world, phone, opened)
  await world.change(phone, 'high', 'secured', { at: opened })
  const closed = new Date()
  await world.db.updateTable('finding').set({ status: 'resolved', resolved_at: closed }).execute()
  await world.change(phone, 'secured', 'high', { at: closed })
  await world.tell()

  t.equal(siem.received.length, 1, 'one request')
  t.match(siem.received[0], { path: '/collect', headers: { 'content-type': 'application/json', authorization: 'Splunk secret' } })
  const events = JSON.parse(siem.received[0]!.body) as OcsfEvent[]
  for (const event of events) checkShape(t, event)
  t.strictSame(events.map(({ class_uid: uid, activity_id: activity }) => [uid, activity]), [[2004, 1], [2003, 2], [2004, 3], [2003, 2]])
  t.match(events[0], {
    severity_id: 4, is_alert: true, time: opened.getTime(),
    finding_info: { uid: findingId, title: 'An app spies', attacks: [{ technique: { uid: 'T1430' } }, { technique: { uid: 'T1636' }, sub_technique: { uid: 'T1636.004' } }] },
    device: { uid: phone.entraDeviceId, uid_alt: phone.deviceId, type_id: 5, os: { type_id: 201, version: '15' }, is_personal: true }, unmapped: { subject: 'com.example.spy' }
  })
  t.match(events[1], { severity_id: 4, compliance: { status_id: 3 }, device: { is_compliant: false } })
  t.match(events[2], { status_id: 4, is_alert: false })
  t.match(events[3], { severity_id: 1, compliance: { status_id: 1 }, device: { is_compliant: true } })
  t.equal(new Set(events.map(({ metadata }) => metadata.uid)).size, 4)
})

t.test('every state of a phone has the shape', async (t) => {
  const { world, admin } = await worldOf(t)
  const siem = await startReceiver(t)
  await make(world, admin, { kind: 'ocsf-https', url: siem.origin, format: 'ndjson' })
  const phone = await world.addPhone()
  await world.change(phone, 'low', null, { previousReportingState: 'pending' })
  for (const severity of ['audit', 'low', 'medium', 'high']) {
    const at = new Date(Date.now() + 1_000)
    await addFinding(world, phone, at, { severity, subject: severity, evidence: '[]', attack: [], status: severity === 'audit' ? 'suppressed' : 'open' })
    await world.change(phone, 'medium', 'low', { at })
  }
  await world.change(phone, 'high', 'high', { reportingState: 'unresponsive', health: 'unresponsive' })
  await world.change(phone, null, null, { reportingState: 'deactivated', previousReportingState: 'deactivated', health: 'deactivated', score: null })
  await world.tell()
  t.equal(siem.received[0]!.headers['content-type'], 'application/x-ndjson')
  const events = siem.received[0]!.body.trimEnd().split('\n').map((line) => JSON.parse(line) as OcsfEvent)
  t.ok(events.length >= 11)
  for (const event of events) checkShape(t, event)
})

t.test('while a SIEM is away its place stays, and one bad event does not stop the others', async (t) => {
  const { world, admin, base } = await worldOf(t)
  const siem = await startReceiver(t)
  const { id } = await make(world, admin, { kind: 'ocsf-https', url: siem.origin })
  const phones = await Promise.all(Array.from({ length: 5 }, async () => await world.addPhone()))
  siem.answer = () => ({ status: 503 })
  for (const phone of phones) await world.change(phone, 'high', 'secured')
  for (let n = 0; n < 3; n++) {
    await world.tell()
    await world.hurry()
  }
  t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { waiting: 5, delivered: 0, failures: 3 })
  siem.received.length = 0
  const poor = phones[2]!
  siem.answer = ({ body }) => ({ status: body.includes(poor.deviceId) ? 400 : 200 })
  await world.change(poor, 'low', 'high')
  await world.tell()
  t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { waiting: 2, delivered: 4, dead: 0 }, 'what follows of that phone waits with it')
  siem.answer = () => ({ status: 200 })
  await world.hurry()
  await world.tell()
  const seen = siem.received.filter(({ body }) => body.includes(poor.deviceId)).at(-1)!
  t.strictSame((JSON.parse(seen.body) as Array<{ unmapped: { level: string } }>).map(({ unmapped }) => unmapped.level), ['high', 'low'])
})

t.test('authorization is not sent to another host than the one it was meant for', async (t) => {
  const { world, admin, base } = await worldOf(t)
  const [siem, other] = [await startReceiver(t), await startReceiver(t)]
  const { id } = await make(world, admin, { kind: 'ocsf-https', url: siem.origin, authorization: 'Bearer secret' })
  const moved = await world.call(admin, 'PATCH', `${base}/${id}`, { url: other.origin })
  t.match(moved.json(), { code: 'validation', errors: [{ path: '/authorization' }] })
  t.equal((await world.call(admin, 'PATCH', `${base}/${id}`, { url: `${siem.origin}/other` })).statusCode, 200, 'the same host')
  t.equal((await world.call(admin, 'PATCH', `${base}/${id}`, { url: other.origin, authorization: 'Bearer other' })).statusCode, 200)
  await world.call(admin, 'POST', `${base}/${id}/test`)
  await world.tell()
  t.equal(other.received[0]!.headers.authorization, 'Bearer other')
  for (const event of JSON.parse(other.received[0]!.body) as OcsfEvent[]) checkShape(t, event)
  t.notMatch((await world.call(admin, 'GET', base)).body, /Bearer/)
})

interface SyslogServer { readonly port: number, readonly connections: string[], answer: (socket: Socket) => void }

/** Reads to the end of each connection and ends it as well, unless told otherwise. */
async function startSyslog (t: Test, tls?: { readonly key: string, readonly cert: string }): Promise<SyslogServer> {
  const server: SyslogServer = { port: 0, connections: [], answer: () => {} }
  const serve = (socket: Socket): void => {
    const at = server.connections.push('') - 1
    socket.on('error', () => {})
    socket.setEncoding('utf8').on('data', (text: string) => { server.connections[at] += text })
    server.answer(socket)
  }
  const listener: Server = (tls === undefined ? createTcpServer(serve) : createTlsServer(tls, serve)).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => { listener.close() })
  return Object.assign(server, { port: (listener.address() as AddressInfo).port })
}

interface Message { readonly priority: number, readonly type: string, readonly event: OcsfEvent }

/** Octet counting (RFC 6587) around RFC 5424. */
function readFrames (t: Test, stream: string): Message[] {
  const messages: Message[] = []
  for (let rest = Buffer.from(stream); rest.length > 0;) {
    const space = rest.indexOf(' ')
    const length = Number(rest.subarray(0, space).toString())
    const message = rest.subarray(space + 1, space + 1 + length).toString()
    t.equal(Buffer.byteLength(message), length, 'the length is in bytes')
    rest = rest.subarray(space + 1 + length)
    const [, priority, type, body] = /^<(\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [\x21-\x7e]{1,255} sallyport \d+ ([\x21-\x7e]{1,32}) - \ufeff(\{.*\})$/su.exec(message) ?? []
    t.ok(body !== undefined, 'RFC 5424')
    messages.push({ priority: Number(priority), type: type!, event: JSON.parse(body!) as OcsfEvent })
  }
  return messages
}

t.test('a SIEM gets syslog over TLS, verified by the authority it is known by', async (t) => {
  const { world, admin, base } = await worldOf(t)
  const { caCertificatePem, certificatePem: cert, privateKeyPem: key } = await createTlsIdentity()
  const syslog = await startSyslog(t, { cert, key })
  const url = `tls://127.0.0.1:${syslog.port}`
  const { id } = await make(world, admin, { kind: 'ocsf-syslog', url, caCertificate: caCertificatePem })
  const stranger = await make(world, admin, { kind: 'ocsf-syslog', url })
  const phone = await world.addPhone()
  const at = new Date()
  await addFinding(world, phone, at, { title: 'Ünïcode 💥' })
  await world.change(phone, 'high', 'secured', { at })
  await world.tell()
  const messages = syslog.connections.flatMap((text) => readFrames(t, text))
  t.strictSame(messages.map(({ priority, type }) => [priority, type]), [[13 * 8 + 3, 'detection_finding'], [13 * 8 + 3, 'compliance_finding']])
  for (const { event } of messages) checkShape(t, event)
  t.match(messages[0]!.event, { message: 'Ünïcode 💥' })
  t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { delivered: 2, waiting: 0, caCertificate: true })
  t.match((await world.call(admin, 'GET', `${base}/${stranger.id}`)).json(), { delivered: 0, waiting: 2, lastError: /certificate|signed|issuer/i }, 'nothing goes to a server that cannot prove itself')
})

t.test('syslog is told again unless the receiver took all of it', async (t) => {
  const { world, admin, base } = await worldOf(t)
  const syslog = await startSyslog(t)
  const { id } = await make(world, admin, { kind: 'ocsf-syslog', url: `tcp://127.0.0.1:${syslog.port}` })
  const phone = await world.addPhone()
  await world.change(phone, 'high', 'secured')
  const state = async () => (await world.call(admin, 'GET', `${base}/${id}`)).json<{ delivered: number, waiting: number, lastError: string }>()
  for (const [name, answer] of [
    ['a reset', (socket: Socket) => { socket.once('data', () => socket.resetAndDestroy()) }],
    ['no end', (socket: Socket) => { socket.allowHalfOpen = true }]
  ] as const) {
    syslog.answer = answer
    await world.hurry()
    await world.tell()
    t.match(await state(), { delivered: 0, waiting: 1, lastError: /./ }, name)
  }
  syslog.answer = () => {}
  await world.hurry()
  await world.tell()
  t.match(await state(), { delivered: 1, waiting: 0 })
  const uids = new Set(syslog.connections.filter((text) => text !== '').flatMap((text) => readFrames(t, text)).map(({ event }) => event.metadata.uid))
  t.equal(uids.size, 1, 'the same id each time')
})
