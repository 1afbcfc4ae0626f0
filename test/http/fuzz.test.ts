// Alone in its process: it measures memory.
import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto'
import { connect, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { JWT_BEARER_GRANT } from '../../src/devices/issue-access-token.js'
import { InvalidTokenError } from '../../src/errors.js'
import { createEnrollmentToken } from '../../src/operators/enrollment-tokens.js'
import { createSecretBox } from '../../src/platform/secret-box.js'
import { Random } from '../../src/simulator/fleet/random.js'
import { startTestApi } from '../helpers/api.js'
import { makeAssertion, makeKey, type TestKey } from '../helpers/device-keys.js'
import { makeReport, seedTenant } from '../helpers/devices.js'
import { readJournal } from '../helpers/journal.js'
import { makeNoise, makeRequest, spoil, type FuzzRequest, type FuzzWorld, type OpenApiDocument } from './fuzz-requests.js'

// In the suite as many as fit into it; `npm run fuzz` sends 100,000.
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 6_000)
const SEED = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const AT_ONCE = 16
/** One in so many is sent over a connection of its own, byte by byte as it should not be. */
const NOISE_EVERY = 20
/** One in so many is an honest report, which must be taken. */
const HONEST_EVERY = 10
const NEW_VICTIM_EVERY = 200
const HANGS_AFTER_MS = 20_000
/** What is held after garbage was collected, and what the process has of the machine (decoders free theirs late). */
const MAX_HEAP_GROWTH_MIB = 24
const MAX_RESIDENT_GROWTH_MIB = 400

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

t.comment(`FUZZ_SEED=${SEED} FUZZ_REQUESTS=${REQUESTS}`)
t.setTimeout(3_600_000)

const plenty = 1e12
const PARTNER_TOKEN = 'a.partner.token'
const api = await startTestApi(t, {
  secrets: createSecretBox(randomBytes(32).toString('base64')),
  longPollMs: 10,
  rateLimits: { perAddress: plenty, perApiKey: plenty, perDevice: plenty, perTenant: plenty, perPartner: plenty, failures: plenty },
  async verifyCaller (token) {
    if (token !== PARTNER_TOKEN) throw new InvalidTokenError('The access token is not valid.')
    return { tenantId, entraTenantId: randomUUID(), objectId: randomUUID(), clientId: randomUUID() }
  }
})
const { app, db, tenantId } = api
await app.listen({ port: 0, host: '127.0.0.1' })
const { port } = app.server.address() as AddressInfo
// What the fuzz may revoke, erase and overwrite, and what it must not reach.
const quietTenant = await seedTenant(db)
const honest = await Promise.all(Array.from({ length: 4 }, async () => await api.enroll(quietTenant)))

interface Victim { readonly deviceId: string, readonly entraDeviceId: string, readonly accessToken: string, readonly key: TestKey }
const { token: enrollmentToken } = await createEnrollmentToken(api, { tenantId, label: 'fuzz', actor: 'test' })

/** As an agent does: a busy API says so with a 503, and is asked again after what it names. */
async function patiently (...request: Parameters<typeof api.call>): ReturnType<typeof api.call> {
  for (let tries = 1; ; tries++) {
    const answer = await api.call(...request)
    if (answer.statusCode !== 503 || tries === 30) return answer
    await sleep(Number(answer.headers['retry-after'] ?? 1) * 1000)
  }
}

async function enrolVictim (): Promise<Victim> {
  const key = await makeKey()
  const entraDeviceId = randomUUID()
  const answer = await patiently(enrollmentToken, 'POST', '/v1/enroll', { entraDeviceId, platform: 'android', publicKey: key.publicJwk })
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return { ...answer.json(), entraDeviceId, key }
}

const victims = [await enrolVictim(), await enrolVictim(), await enrolVictim()]
const assertions: string[] = []
const keys = [await api.keyFor('admin'), await api.keyFor('platform-admin'), await api.keyFor('viewer'), await api.keyFor('ssf-receiver')]

function richReport (random: Random): object {
  const app = (n: number) => ({ appId: `com.example.app${n}`, name: `App ${n}`, version: '1.2.3', versionCode: n, sha256: random.hex(64), signingCertSha256: [random.hex(64)], installer: random.pick(['com.android.vending', null]), system: false, permissions: ['android.permission.CAMERA'], firstInstalledAt: '2026-01-01T00:00:00Z' })
  const sections: Record<string, unknown> = {
    agent: { version: '3.1.0', missingPermissions: ['location'], webProtection: 'on' },
    os: { version: '15', apiLevel: 35, securityPatchLevel: '2026-10-05', bootloaderLocked: true, verifiedBootState: 'green', update: { available: false } },
    hardware: { manufacturer: 'Google', model: 'Pixel 8', emulator: false },
    apps: random.chance(0.6) ? { mode: 'snapshot', items: Array.from({ length: random.below(20) }, (_one, n) => app(n)) } : { mode: 'delta', baseDigest: random.hex(64), upsert: [app(1)], remove: ['com.example.app2'] },
    network: { type: 'wifi', wifi: { ssid: 'Café', bssid: '00:11:22:33:44:55', security: 'wpa2' }, gateway: { ip: '192.0.2.1', mac: '00:11:22:33:44:56' }, dnsServers: ['9.9.9.9'], proxy: { host: 'proxy.example', port: 8080 } },
    config: { passcodeSet: true, autoLockSeconds: 60, encryption: 'active', keyboards: [{ appId: 'com.example.keyboard', fullAccess: true }] },
    integrity: { rooted: false, hooks: [], attestation: { kind: 'play-integrity', verdict: 'strong', at: '2026-11-23T08:00:00Z' } },
    profiles: [{ uuid: random.uuid(), identifier: 'com.example.vpn', payloadTypes: ['com.apple.vpn.managed'] }],
    certificates: [{ sha256: random.hex(64), commonName: 'CA', store: 'user' }],
    files: [{ path: '/data/local/tmp/x', sha256: random.hex(64) }],
    processes: ['init'],
    properties: { 'ro.build.tags': 'release-keys' },
    events: [{ eventId: random.uuid(), type: random.pick(['dns-query', 'tls-interception', 'novelty']), at: '2026-11-23T07:59:00Z', host: 'x.example' }]
  }
  const kept = Object.entries(sections).filter(() => random.chance(0.5))
  return { reportId: random.uuid(), sequence: random.below(1e6), collectedAt: '2026-11-23T08:00:00Z', ...Object.fromEntries(kept) }
}

const world: FuzzWorld = {
  document: (await app.inject('/docs/json')).json<OpenApiDocument>(),
  get bearers () {
    return { accessToken: victims.map(({ accessToken }) => accessToken), enrollmentToken: [enrollmentToken], apiKey: keys, partnerToken: [PARTNER_TOKEN] }
  },
  get ids () {
    return { tenantId: [tenantId], deviceId: victims.flatMap(({ deviceId, entraDeviceId }) => [deviceId, `entra:${entraDeviceId}`]), id: [randomUUID(), '1'], feed: ['fuzz'], streamId: [randomUUID(), 'x'], entraDeviceId: victims.map(({ entraDeviceId }) => entraDeviceId) }
  },
  bodies: {
    sendReport: richReport,
    sendReports: (random) => ({ reports: Array.from({ length: 1 + random.below(4) }, () => richReport(random)) }),
    enrollDevice: (random) => ({ entraDeviceId: random.pick([random.uuid(), victims[0]!.entraDeviceId]), platform: random.pick(['android', 'ios']), osVersion: '15', serialNumber: random.hex(10), publicKey: random.pick(victims).key.publicJwk }),
    issueAccessToken: () => ({ grant_type: JWT_BEARER_GRANT, assertion: assertions.pop() ?? 'a.b.c' }),
    importFeed: () => ({ type: 'bundle', id: `bundle--${randomUUID()}`, objects: [{ type: 'indicator', spec_version: '2.1', id: `indicator--${randomUUID()}`, created: '2026-01-01T00:00:00Z', modified: '2026-01-01T00:00:00Z', valid_from: '2026-01-01T00:00:00Z', pattern: "[domain-name:value = 'fuzz.example']", pattern_type: 'stix', indicator_types: ['malicious-activity'] }] })
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64')

const faults: string[] = []
const statuses = new Map<number, number>()
/** Reports that were acknowledged: whose they are, and of honest ones what was in them. */
const acknowledged = new Map<string, { readonly deviceId: string, readonly sha256?: string }>()

const describe = (n: number, { method, url, headers, body }: FuzzRequest): string =>
  `request ${n} of seed ${SEED}: ${method} ${url.slice(0, 300)} ${JSON.stringify(headers).slice(0, 500)} ${body?.subarray(0, 400).toString('latin1') ?? ''}`

/** Every answer is one of ours: no 5xx but the one that says how long to wait, and a refusal is a problem. */
function judge (n: number, request: FuzzRequest, status: number, mediaType: string, body: string): void {
  statuses.set(status, (statuses.get(status) ?? 0) + 1)
  const isProblem = mediaType.startsWith('application/problem+json')
  const isBusy = status === 503 && body.includes('"code":"overloaded"')
  if ((status >= 500 && !isBusy) || (status >= 400 && !isProblem && body !== '')) faults.push(`${status} ${body.slice(0, 200)} to ${describe(n, request)}`)
  if (!/^\/v1\/telemetry/.test(request.url) || (status !== 202 && status !== 207)) return
  const answer = JSON.parse(body) as { reportId?: string, status?: string, results?: Array<{ reportId: string, status: string }> }
  // The token was good, so it can be read.
  const [, payload = ''] = String(request.headers.authorization).split('.')
  const deviceId = (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string }).sub
  for (const { reportId, status } of answer.results ?? [answer]) if (reportId !== undefined && status !== 'rejected') acknowledged.set(reportId, { deviceId })
}

async function within<T> (n: number, request: FuzzRequest, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      faults.push(`no answer within ${HANGS_AFTER_MS} ms to ${describe(n, request)}`)
      resolve(undefined)
    }, HANGS_AFTER_MS)
  })
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

async function sendSpoilt (n: number, random: Random): Promise<void> {
  const request = makeRequest(world, random)
  spoil(request, random)
  const { method, url, headers, body } = request
  try {
    const answer = await within(n, request, app.inject({ method: method as 'GET', url, headers: headers as Record<string, string>, ...(body === undefined ? {} : { payload: body }) }))
    if (answer !== undefined) judge(n, request, answer.statusCode, String(answer.headers['content-type']), method === 'HEAD' ? '' : answer.body)
  } catch (error) {
    faults.push(`${String(error)} from ${describe(n, request)}`)
  }
}

async function sendNoise (n: number, random: Random): Promise<void> {
  const request = makeRequest(world, random)
  const bytes = makeNoise(request, random)
  await within(n, request, new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const heard: Buffer[] = []
    socket.on('data', (chunk: Buffer) => heard.push(chunk))
    // It may hang up while we still write.
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const [, status] of Buffer.concat(heard).toString('latin1').matchAll(/^HTTP\/1\.1 (\d{3})/gm)) {
        statuses.set(Number(status), (statuses.get(Number(status)) ?? 0) + 1)
        if (Number(status) >= 500) faults.push(`${status} to noise ${bytes.subarray(0, 300).toString('latin1')}, ${describe(n, request)}`)
      }
      resolve()
    })
    socket.end(bytes)
  }))
}

let sequence = 0
async function sendHonest (n: number, random: Random): Promise<void> {
  const report = { ...richReport(random), sequence: ++sequence }
  const text = JSON.stringify(report)
  const { deviceId, accessToken } = random.pick(honest)
  const answer = await patiently(accessToken, 'POST', '/v1/telemetry', text, { 'content-type': 'application/json' })
  if (answer.statusCode === 202) acknowledged.set((report as unknown as { reportId: string }).reportId, { deviceId, sha256: sha256(text) })
  else faults.push(`${answer.statusCode} ${answer.body} to the honest report ${n} of seed ${SEED}`)
}

/** Each request has random numbers of its own, so that one can be looked at alone. */
async function send (n: number): Promise<void> {
  const random = new Random(SEED + n * 7_919)
  if (n % NEW_VICTIM_EVERY === 0) victims[random.below(victims.length)] = await enrolVictim()
  if (n % 1_000 === 0) {
    // The producers remember every job for tests that ask.
    api.score.payloads.length = 0
    api.sync.payloads.length = 0
  }
  const victim = random.pick(victims)
  if (assertions.length < AT_ONCE) assertions.push(await makeAssertion(victim.key, victim.deviceId, 'https://mtd.example/v1/token'))
  if (n % HONEST_EVERY === 0) await sendHonest(n, random)
  else if (n % NOISE_EVERY === 1) await sendNoise(n, random)
  else await sendSpoilt(n, random)
}

async function sendAll (from: number, to: number): Promise<void> {
  let next = from
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < to && faults.length < 20) await send(next++)
  }))
}

function usedMebibytes (): { readonly heap: number, readonly resident: number } {
  api.score.payloads.length = 0
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed / 1024 / 1024, resident: rss / 1024 / 1024 }
}

t.test(`${REQUESTS} spoilt requests are refused or taken, and the API is none the worse for it`, async (t) => {
  const startedAt = performance.now()
  const warm = Math.floor(REQUESTS / 4)
  await sendAll(0, warm)
  const before = usedMebibytes()
  await sendAll(warm, REQUESTS)
  const after = usedMebibytes()
  const grown = { heap: Math.round(after.heap - before.heap), resident: Math.round(after.resident - before.resident) }
  t.comment(`${Math.round(REQUESTS / (performance.now() - startedAt) * 1000)} a second; ${JSON.stringify(Object.fromEntries([...statuses].sort()))}; heap ${grown.heap}, resident ${grown.resident} MiB more after ${REQUESTS - warm} requests, resident ${Math.round(after.resident)} MiB`)
  t.strictSame(faults, [], 'no 5xx, no hang, every refusal a problem')
  t.ok(grown.heap < MAX_HEAP_GROWTH_MIB && grown.resident < MAX_RESIDENT_GROWTH_MIB, `memory is flat: ${JSON.stringify(grown)}`)
  t.equal(({} as { polluted?: boolean }).polluted, undefined, 'no prototype was touched')
})

t.test('what was acknowledged is in the database, whole', async (t) => {
  const stored = new Map((await readJournal(db)).map(({ reportId, body }) => [reportId, body]))
  t.ok(acknowledged.size > 0, `${acknowledged.size} reports`)
  // Among what was sent were orders to erase phones.
  const erased = new Set((await db.selectFrom('device').select('id').where('erased_at', 'is not', null).execute()).map(({ id }) => id))
  t.notOk(honest.some(({ deviceId }) => erased.has(deviceId)))
  const missing = [...acknowledged].filter(([id, { deviceId }]) => !erased.has(deviceId) && !stored.has(id.toLowerCase()))
  t.strictSame(missing.slice(0, 5), [], 'none is missing')
  const changed = [...acknowledged].filter(([id, one]) => one.sha256 !== undefined && sha256(JSON.stringify(stored.get(id) ?? null)) !== one.sha256)
  t.strictSame(changed.slice(0, 2), [], 'honest ones are as they were sent')
})

t.test('and an honest phone is taken as before', async (t) => {
  const { accessToken } = await api.enroll()
  t.match((await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(1))).json(), { status: 'accepted' })
  t.equal((await api.call(accessToken, 'GET', '/v1/device/status')).statusCode, 200)
})
