import { randomBytes, randomUUID } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, exportJWK, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { createAccessTokens, type AccessTokenClaims } from '../../src/devices/access-tokens.js'
import { enrollDevice, hashEnrollmentToken, type EnrollDeviceDeps, type EnrollDeviceInput } from '../../src/devices/enroll-device.js'
import { eraseDevice, purgeErasedDevices } from '../../src/devices/erase-device.js'
import { getDevice } from '../../src/devices/get-device.js'
import { issueAccessToken } from '../../src/devices/issue-access-token.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { createSigningKeys, type SigningKeys } from '../../src/devices/signing-keys.js'
import { createTokenCutoffs, type TokenCutoffs } from '../../src/devices/token-cutoffs.js'
import type { Database } from '../../src/platform/database.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeAssertion, makeKey, type AssertionClaims, type TestKey } from '../helpers/device-keys.js'
import { rememberingProducer, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'

const PUBLIC_URL = 'https://mtd.example'
const AUDIENCE = `${PUBLIC_URL}/v1/token`

interface World extends EnrollDeviceDeps {
  db: Database, tenantId: string, keys: SigningKeys, cutoffs: TokenCutoffs
  sync: ReturnType<typeof rememberingProducer<'sync'>>
  publicUrl: () => string
}

async function setUp (t: Test): Promise<World> {
  const { db } = await createTestDatabase(t)
  const keys = await createSigningKeys({ db, log: silentLog })
  const cutoffs = await createTokenCutoffs({ db, log: silentLog, pollMs: 20 })
  t.teardown(() => {
    keys.close()
    cutoffs.close()
  })
  return {
    db, keys, cutoffs, tenantId: await seedTenant(db), log: silentLog, sync: rememberingProducer<'sync'>(),
    accessTokens: createAccessTokens({ keys, lifetimeSeconds: 3600 }), publicUrl: () => PUBLIC_URL
  }
}

interface TokenLimits { platform?: string, max_uses?: number, expires_at?: Date, revoked_at?: Date }

async function makeToken ({ db, tenantId }: World, limits: TokenLimits = {}): Promise<string> {
  const token = randomBytes(16).toString('hex')
  await db.insertInto('enrollment_token').values({ tenant_id: tenantId, token_hash: hashEnrollmentToken(token), label: 'test', ...limits }).execute()
  return token
}

async function makeInput (world: World, key: TestKey, more: Partial<EnrollDeviceInput> = {}): Promise<EnrollDeviceInput> {
  return { enrollmentToken: await makeToken(world), entraDeviceId: randomUUID(), platform: 'android', osVersion: '15', publicKey: key.publicJwk, ...more }
}

const audits = async ({ db, tenantId }: World) => (await db.selectFrom('audit_event').select('action').where('tenant_id', '=', tenantId).orderBy('id').execute()).map(({ action }) => action)
const counts = ({ cutoffs }: World, token: string): boolean => {
  const { sub, ver } = decodeJwt<AccessTokenClaims>(token)
  return cutoffs.allows(sub, ver)
}

t.test('a phone enrols and gets a token that says who it is', async (t) => {
  const world = await setUp(t)
  const key = await makeKey()
  const seen: unknown[] = []
  const input = await makeInput(world, key, { entraDeviceId: randomUUID().toUpperCase(), model: 'Pixel 8', serialNumber: 'unknown' })
  const { deviceId, accessToken, expiresIn } = await enrollDevice({ ...world, onEnrolled: (device) => { seen.push(device) } }, input)
  t.equal(expiresIn, 3600)
  const { kid } = decodeProtectedHeader(accessToken)
  const { payload } = await jwtVerify(accessToken, (await world.keys.find(kid!))!.secret, { algorithms: ['HS256'] })
  t.match(payload, { sub: deviceId, tid: world.tenantId })
  t.equal(payload.exp! - payload.iat!, 3600)
  t.match(seen, [{ deviceId, tenantId: world.tenantId, entraDeviceId: input.entraDeviceId.toLowerCase(), model: 'Pixel 8' }])
  t.match(await getDevice(world, { tenantId: world.tenantId, deviceId: `entra:${input.entraDeviceId}` }),
    { deviceId, state: 'pending', level: null, model: 'Pixel 8', serialNumber: null, findings: [], intune: { desired: null, reported: null } })
  await t.rejects(getDevice(world, { tenantId: randomUUID(), deviceId }), { code: 'NOT-FOUND' })
  t.strictSame(await audits(world), ['device.enrolled'])
})

t.test('an enrolment token counts only while, for what and as often as it may', async (t) => {
  const world = await setUp(t)
  const key = await makeKey()
  const refused: Array<[string, TokenLimits]> = [
    ['expired', { expires_at: new Date(Date.now() - 1) }], ['revoked', { revoked_at: new Date() }], ['for another platform', { platform: 'ios' }]
  ]
  for (const [name, limits] of refused) {
    await t.rejects(enrollDevice(world, await makeInput(world, key, { enrollmentToken: await makeToken(world, limits) })), { code: 'INVALID-ENROLLMENT-TOKEN' }, name)
  }
  await t.rejects(enrollDevice(world, await makeInput(world, key, { enrollmentToken: 'guessed' })), { code: 'INVALID-ENROLLMENT-TOKEN' })

  const enrollmentToken = await makeToken(world, { max_uses: 3, expires_at: new Date(Date.now() + 60_000), platform: 'android' })
  const answers = await Promise.allSettled(Array.from({ length: 8 }, async () => await enrollDevice(world, { ...await makeInput(world, await makeKey()), enrollmentToken })))
  t.equal(answers.filter(({ status }) => status === 'fulfilled').length, 3)
  for (const answer of answers) if (answer.status === 'rejected') t.match(answer.reason, { code: 'INVALID-ENROLLMENT-TOKEN' })
  t.equal((await world.db.selectFrom('device').select('id').execute()).length, 3)
})

t.test('only what can carry an agent may enrol, and the token is not used up by a refusal', async (t) => {
  const world = await setUp(t)
  const key = await makeKey()
  for (const [platform, osVersion] of [['android', '6.0.1'], ['ios', '10.3.4'], ['ipados', '10']] as const) {
    await t.rejects(enrollDevice(world, await makeInput(world, key, { platform, osVersion })), { code: 'UNSUPPORTED-OS', statusCode: 422 })
  }
  for (const [platform, osVersion] of [['android', '7.0'], ['ios', '11.0'], ['ipados', 'iPadOS 11'], ['android', 'unknown']] as const) {
    await t.resolves(enrollDevice(world, await makeInput(world, await makeKey(), { platform, osVersion })))
  }
  const enrollmentToken = await makeToken(world, { max_uses: 1 })
  await t.rejects(enrollDevice(world, await makeInput(world, key, { enrollmentToken, osVersion: '5' })))
  await t.resolves(enrollDevice(world, await makeInput(world, key, { enrollmentToken })))
})

t.test('keys other than Ed25519 and P-256 public ones are refused', async (t) => {
  const world = await setUp(t)
  const [ed, ec] = [await makeKey('EdDSA'), await makeKey('ES256')]
  await t.resolves(enrollDevice(world, await makeInput(world, ec)))
  const bad: Array<[string, Record<string, unknown>]> = [
    ['private', { ...await exportJWK(ed.privateKey) }],
    ['private EC', { ...await exportJWK(ec.privateKey) }],
    ['symmetric', { kty: 'oct', k: 'AAAA' }],
    ['RSA', { kty: 'RSA', n: 'AQAB', e: 'AQAB' }],
    ['P-384', { ...ec.publicJwk, crv: 'P-384' }],
    ['too short', { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }],
    ['with letters that are passed over', { ...ed.publicJwk, x: `${String(ed.publicJwk.x).slice(0, 10)}û${String(ed.publicJwk.x).slice(10)}` }],
    ['with padding', { ...ed.publicJwk, x: `${String(ed.publicJwk.x)}=` }],
    ['not on the curve', { ...ec.publicJwk, y: ec.publicJwk.x }],
    ['empty', {}]
  ]
  for (const [name, publicKey] of bad) await t.rejects(enrollDevice(world, await makeInput(world, ed, { publicKey })), { code: 'INVALID-KEY' }, name)
  const { public_key: stored } = await world.db.selectFrom('device').select('public_key').executeTakeFirstOrThrow()
  t.strictSame(Object.keys(stored).sort(), ['crv', 'kty', 'x', 'y'])
})

t.test('the same Entra id with a new key replaces the key and ends earlier tokens', async (t) => {
  const world = await setUp(t)
  const [oldKey, newKey] = [await makeKey(), await makeKey('ES256')]
  const input = await makeInput(world, oldKey)
  const first = await enrollDevice(world, input)
  const again = await enrollDevice(world, input)
  t.equal(again.deviceId, first.deviceId)
  t.ok(counts(world, first.accessToken), 'the same key ends nothing')

  const second = await enrollDevice(world, { ...input, publicKey: newKey.publicJwk })
  t.equal(second.deviceId, first.deviceId)
  t.notOk(counts(world, first.accessToken))
  t.ok(counts(world, second.accessToken))
  t.strictSame(await audits(world), ['device.enrolled', 'device.enrolled-again', 'device.key-replaced'])
  await t.rejects(issueAccessToken(world, { assertion: await makeAssertion(oldKey, first.deviceId, AUDIENCE) }), { code: 'INVALID-TOKEN' })
  await t.resolves(issueAccessToken(world, { assertion: await makeAssertion(newKey, first.deviceId, AUDIENCE) }))
})

t.test('a wiped phone that comes back under a new Entra id retires the old record', async (t) => {
  const world = await setUp(t)
  const key = await makeKey()
  const old = await enrollDevice(world, await makeInput(world, key, { serialNumber: 'R58M123456', manufacturer: 'Samsung' }))
  const stranger = await enrollDevice(world, await makeInput(world, await makeKey(), { serialNumber: 'R58M123456', manufacturer: 'Nokia' }))
  const young = await enrollDevice(world, await makeInput(world, await makeKey(), { serialNumber: 'R58M123456', manufacturer: 'samsung' }))
  t.match(await getDevice(world, { tenantId: world.tenantId, deviceId: old.deviceId }), { state: 'deactivated', intune: { desired: 'deactivated' } })
  t.match(await world.db.selectFrom('intune_outbox').selectAll().execute(), [{ device_id: old.deviceId, health: 'deactivated', version: 1 }])
  t.strictSame(world.sync.payloads, [{ tenantId: world.tenantId }])
  t.notOk(counts(world, old.accessToken))
  t.ok(counts(world, stranger.accessToken) && counts(world, young.accessToken))
  t.ok((await audits(world)).includes('device.retired'))
  await t.rejects(issueAccessToken(world, { assertion: await makeAssertion(key, old.deviceId, AUDIENCE) }), { code: 'DEVICE-REVOKED' })
})

t.test('phones that all name the same meaningless serial number are not one phone', async (t) => {
  const world = await setUp(t)
  for (const serialNumber of ['unknown', '00000000', '0123456789ABCDEF', '']) {
    const input = async () => await makeInput(world, await makeKey(), { serialNumber })
    await enrollDevice(world, await input())
    await enrollDevice(world, await input())
  }
  t.strictSame(await world.db.selectFrom('device').select('id').where('retired_at', 'is not', null).execute(), [])
})

t.test('an assertion is exchanged once, and only a right one', async (t) => {
  const world = await setUp(t)
  const key = await makeKey()
  const { deviceId } = await enrollDevice(world, await makeInput(world, key))
  const other = await enrollDevice(world, await makeInput(world, await makeKey()))
  const exchange = async (claims: AssertionClaims = {}, by: TestKey = key) => await issueAccessToken(world, { assertion: await makeAssertion(by, deviceId, AUDIENCE, claims) })

  t.match(decodeJwt((await exchange()).accessToken), { sub: deviceId, tid: world.tenantId })
  await t.resolves(exchange({ iat: undefined }))
  const wrong: Array<[string, AssertionClaims, string]> = [
    ['expired', { iat: -500, exp: -120 }, 'EXPIRED-TOKEN'],
    ['for another server', { aud: 'https://evil.example/v1/token' }, 'INVALID-TOKEN'],
    ['of another device', { iss: other.deviceId, sub: other.deviceId }, 'INVALID-TOKEN'],
    ['about another device', { sub: other.deviceId }, 'INVALID-TOKEN'],
    ['living too long', { exp: 700 }, 'INVALID-TOKEN'],
    ['living too long, made long ago', { iat: -400, exp: 300 }, 'INVALID-TOKEN'],
    ['from the future', { iat: 200, exp: 300 }, 'INVALID-TOKEN'],
    ['without expiry', { exp: undefined }, 'INVALID-TOKEN'],
    ['without id', { jti: undefined }, 'INVALID-TOKEN'],
    ['with an id that cannot be stored', { jti: 'abcdefgh\0' }, 'INVALID-TOKEN'],
    ['of nobody', { iss: randomUUID() }, 'INVALID-TOKEN'],
    ['of what is no id', { iss: 'me' }, 'INVALID-TOKEN']
  ]
  for (const [name, claims, code] of wrong) await t.rejects(exchange(claims), { code, statusCode: 401 }, name)
  await t.rejects(exchange({}, await makeKey()), { code: 'INVALID-TOKEN' }, 'signed by another key')
  await t.rejects(exchange({}, await makeKey('ES256')), { code: 'INVALID-TOKEN' }, 'signed by another kind of key')
  for (const assertion of ['', 'a.b.c', 'x'.repeat(5000)]) await t.rejects(issueAccessToken(world, { assertion }), { code: 'INVALID-TOKEN' })

  const assertion = await makeAssertion(key, deviceId, AUDIENCE)
  const answers = await Promise.allSettled(Array.from({ length: 6 }, async () => await issueAccessToken(world, { assertion })))
  t.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1)
  t.match(answers.find(({ status }) => status === 'rejected'), { reason: { code: 'REPLAYED-ASSERTION' } })
})

t.test('a revoked device is out here at once and elsewhere soon, and cannot come back by itself', async (t) => {
  const world = await setUp(t)
  const elsewhere = await createTokenCutoffs({ db: world.db, log: silentLog, pollMs: 20 })
  t.teardown(() => elsewhere.close())
  const key = await makeKey()
  const input = await makeInput(world, key)
  const { deviceId, accessToken } = await enrollDevice(world, input)
  const { tenantId } = world
  await t.rejects(revokeDevice(world, { tenantId: randomUUID(), deviceId, actor: 'x' }), { code: 'NOT-FOUND' })
  t.ok(counts(world, accessToken))

  await revokeDevice(world, { tenantId, deviceId, actor: 'operator:ann' })
  await revokeDevice(world, { tenantId, deviceId, actor: 'operator:ann' })
  t.notOk(counts(world, accessToken))
  while (elsewhere.allows(deviceId, 0)) await new Promise((resolve) => setTimeout(resolve, 5))
  t.pass('the other process knows')
  t.match(await getDevice(world, { tenantId, deviceId }), { state: 'deactivated', intune: { desired: 'deactivated' } })
  t.match(await world.db.selectFrom('intune_outbox').selectAll().execute(), [{ device_id: deviceId, health: 'deactivated', version: 1 }])
  t.strictSame((await audits(world)).filter((action) => action === 'device.revoked').length, 1)
  await t.rejects(issueAccessToken(world, { assertion: await makeAssertion(key, deviceId, AUDIENCE) }), { code: 'DEVICE-REVOKED' })
  await t.rejects(enrollDevice(world, { ...input, publicKey: (await makeKey()).publicJwk }), { code: 'DEVICE-REVOKED' })

  const late = await createTokenCutoffs({ db: world.db, log: silentLog })
  late.close()
  t.notOk(late.allows(deviceId, 0), 'a process that starts later knows, too')
})

t.test('a revoked phone does not come back by a detour over another Entra id, nor once its record was retired', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const input = await makeInput(world, await makeKey(), { serialNumber: 'R58M777777', manufacturer: 'Samsung' })
  const { deviceId } = await enrollDevice(world, input)
  await revokeDevice(world, { tenantId, deviceId, actor: 'operator:ann' })
  // The same serial number under an id of one's own choosing would have the revoked record retired, and its Entra id free.
  await enrollDevice(world, { ...input, entraDeviceId: randomUUID() })
  t.match(await db.selectFrom('device').select(['revoked_at', 'retired_at']).where('id', '=', deviceId).execute(), [{ revoked_at: Date, retired_at: null }])
  await t.rejects(enrollDevice(world, input), { code: 'DEVICE-REVOKED' })

  // Retired first and revoked then.
  const later = await makeInput(world, await makeKey(), { serialNumber: 'R58M888888', manufacturer: 'Samsung' })
  const old = await enrollDevice(world, later)
  await enrollDevice(world, { ...later, entraDeviceId: randomUUID() })
  await revokeDevice(world, { tenantId, deviceId: old.deviceId, actor: 'operator:ann' })
  await t.rejects(enrollDevice(world, later), { code: 'DEVICE-REVOKED' })
  await eraseDevice(world, { tenantId, deviceId: old.deviceId, actor: 'operator:ann' })
  t.not((await enrollDevice(world, later)).deviceId, old.deviceId, 'whoever erases it lets it come back')
})

t.test('an erased device leaves its bare ids until Intune knows, and may enrol anew', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const input = await makeInput(world, await makeKey(), { model: 'Pixel 8', serialNumber: 'ABC12345' })
  const { deviceId, accessToken } = await enrollDevice(world, input)
  await eraseDevice(world, { tenantId, deviceId, actor: 'operator:ann' })
  t.notOk(counts(world, accessToken))
  await t.rejects(getDevice(world, { tenantId, deviceId }), { code: 'NOT-FOUND' })
  t.match(await db.selectFrom('device').selectAll().execute(), [{ id: deviceId, model: null, serial_number: null, public_key: {} }])
  const erasedHoursAgo = async (hours: number) => await db.updateTable('device').set({ erased_at: new Date(Date.now() - hours * 3_600_000) }).execute()
  await erasedHoursAgo(26)
  t.equal(await purgeErasedDevices(world), 0, 'Intune does not know')
  await db.deleteFrom('intune_outbox').execute()
  await erasedHoursAgo(24)
  t.equal(await purgeErasedDevices(world), 0, 'a process that starts now must know that its tokens do not count')
  await erasedHoursAgo(26)
  t.equal(await purgeErasedDevices(world), 1)
  t.strictSame(await db.selectFrom('device').select('id').execute(), [])
  t.ok((await audits(world)).includes('device.erased'))

  const again = await enrollDevice(world, input)
  t.not(again.deviceId, deviceId)
})
