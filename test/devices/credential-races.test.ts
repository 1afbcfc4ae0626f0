import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createAccessTokens, type AccessTokenClaims } from '../../src/devices/access-tokens.js'
import { enrollDevice, hashEnrollmentToken, type EnrollDeviceDeps, type EnrollDeviceInput } from '../../src/devices/enroll-device.js'
import { issueAccessToken } from '../../src/devices/issue-access-token.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { createSigningKeys } from '../../src/devices/signing-keys.js'
import { createTokenCutoffs, type TokenCutoffs } from '../../src/devices/token-cutoffs.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeAssertion, makeKey, type TestKey } from '../helpers/device-keys.js'
import { rememberingProducer, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'

const AUDIENCE = 'https://mtd.example/v1/token'
const TOKEN = 'an enrolment token'

interface World extends EnrollDeviceDeps {
  readonly tenantId: string
  readonly cutoffs: TokenCutoffs
  readonly publicUrl: () => string
}

/** An API whose clock is ahead by this much. */
async function setUp (t: Test, { aheadMs = 0 } = {}): Promise<World> {
  const { db } = await createTestDatabase(t)
  const keys = await createSigningKeys({ db, log: silentLog })
  const cutoffs = await openCutoffs(t, db)
  t.teardown(() => keys.close())
  const tenantId = await seedTenant(db)
  await db.insertInto('enrollment_token').values({ tenant_id: tenantId, token_hash: hashEnrollmentToken(TOKEN), label: 'test' }).execute()
  const tokens = createAccessTokens({ keys, lifetimeSeconds: 3600 })
  return {
    db, cutoffs, tenantId, log: silentLog, sync: rememberingProducer<'sync'>(), publicUrl: () => 'https://mtd.example',
    accessTokens: { issue: async (device, atMs) => await tokens.issue(device, atMs + aheadMs) }
  }
}

/** Another process; it looks when it is told to. */
async function openCutoffs (t: Test, db: World['db']): Promise<TokenCutoffs> {
  const cutoffs = await createTokenCutoffs({ db, log: silentLog, pollMs: 1e9 })
  t.teardown(() => cutoffs.close())
  return cutoffs
}

const inputOf = (key: TestKey, more: Partial<EnrollDeviceInput> = {}): EnrollDeviceInput =>
  ({ enrollmentToken: TOKEN, entraDeviceId: randomUUID(), platform: 'android', publicKey: key.publicJwk, ...more })
const counts = (cutoffs: TokenCutoffs, token: string): boolean => {
  const { sub, ver } = decodeJwt<AccessTokenClaims>(token)
  return cutoffs.allows(sub, ver)
}

for (const [name, aheadMs] of [['ahead', 3_600_000], ['behind', -3_600_000]] as const) {
  t.test(`a new key ends a token from a machine whose clock is an hour ${name}, and only that`, async (t) => {
    const world = await setUp(t, { aheadMs })
    const elsewhere = await openCutoffs(t, world.db)
    const input = inputOf(await makeKey())
    const first = await enrollDevice(world, input)
    const second = await enrollDevice(world, { ...input, publicKey: (await makeKey()).publicJwk })
    await elsewhere.refresh()
    const late = await openCutoffs(t, world.db)
    for (const cutoffs of [world.cutoffs, elsewhere, late]) {
      t.notOk(counts(cutoffs, first.accessToken))
      t.ok(counts(cutoffs, second.accessToken))
    }
  })
}

t.test('a revocation that commits long after it began is not missed', async (t) => {
  const world = await setUp(t)
  const { db } = world
  const elsewhere = await openCutoffs(t, db)
  const { deviceId, accessToken } = await enrollDevice(world, inputOf(await makeKey()))
  const slow = await db.startTransaction().execute()
  await slow.updateTable('device').set({ revoked_at: new Date(), tokens_valid_from: 'infinity', credentials_changed_in: sql`pg_current_xact_id()` }).where('id', '=', deviceId).execute()
  for (let n = 0; n < 3; n++) {
    // Others change meanwhile, so that time goes by for whoever follows the changes.
    const input = inputOf(await makeKey())
    await enrollDevice(world, input)
    await enrollDevice(world, { ...input, publicKey: (await makeKey()).publicJwk })
    await elsewhere.refresh()
  }
  t.ok(counts(elsewhere, accessToken), 'not yet')
  await slow.commit().execute()
  await elsewhere.refresh()
  t.notOk(counts(elsewhere, accessToken))
})

t.test('a token fetched with a key that is replaced meanwhile does not count', async (t) => {
  const world = await setUp(t)
  const { db } = world
  const [oldKey, newKey] = [await makeKey(), await makeKey()]
  const input = inputOf(oldKey)
  const { deviceId } = await enrollDevice(world, input)
  const jti = randomUUID()
  // Keeps the exchange waiting between its check of the key and its answer.
  const holder = await db.startTransaction().execute()
  await holder.insertInto('used_assertion').values({ device_id: deviceId, jti, expires_at: new Date() }).execute()
  const exchange = issueAccessToken(world, { assertion: await makeAssertion(oldKey, deviceId, AUDIENCE, { jti }) })
  const waits = async () => (await sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(db)).rows.length > 0
  while (!await waits());
  await enrollDevice(world, { ...input, publicKey: newKey.publicJwk })
  await holder.rollback().execute()
  const { accessToken } = await exchange
  t.notOk(counts(world.cutoffs, accessToken))
  t.notOk(counts(await openCutoffs(t, db), accessToken))
})

t.test('whoever wins, revocation or re-enrolment: a revoked phone has no token that counts', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  for (let round = 0; round < 15; round++) {
    const input = inputOf(await makeKey())
    const { deviceId, accessToken } = await enrollDevice(world, input)
    const again = { ...input, publicKey: (await makeKey()).publicJwk }
    const [enrolled] = await Promise.allSettled([enrollDevice(world, again), revokeDevice(world, { tenantId, deviceId, actor: 'x' })])
    if (enrolled.status === 'rejected') t.match(enrolled.reason, { code: 'DEVICE-REVOKED' })
    const late = await openCutoffs(t, db)
    for (const cutoffs of [world.cutoffs, late]) {
      t.notOk(counts(cutoffs, accessToken))
      if (enrolled.status === 'fulfilled') t.notOk(counts(cutoffs, enrolled.value.accessToken))
    }
  }
})

t.test('wiped phones with one serial number that enrol at once leave one record, and nobody waits in a circle', async (t) => {
  const world = await setUp(t)
  const live = async () => await world.db.selectFrom('device').select('id').where('retired_at', 'is', null).execute()
  const entraIds = Array.from({ length: 4 }, () => randomUUID())
  for (let round = 0; round < 3; round++) {
    const outcomes = await Promise.allSettled([...entraIds, ...entraIds].map(async (entraDeviceId) =>
      await enrollDevice(world, inputOf(await makeKey(), { entraDeviceId, serialNumber: 'R58M123456', manufacturer: 'Samsung' }))))
    t.strictSame(outcomes.filter(({ status }) => status === 'rejected'), [])
    t.equal((await live()).length, 1)
  }
})

t.test('a phone says anew what it is when it enrols again', async (t) => {
  const world = await setUp(t)
  const input = inputOf(await makeKey(), { platform: 'ios', osVersion: '17' })
  const { deviceId } = await enrollDevice(world, input)
  await enrollDevice(world, { ...input, platform: 'ipados', osVersion: '18', model: 'iPad' })
  t.match(await world.db.selectFrom('device').selectAll().execute(), [{ id: deviceId, platform: 'ipados', os_version: '18', model: 'iPad', credentials_version: 0 }])
})
