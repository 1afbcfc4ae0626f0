import { randomUUID } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import pg from 'pg'
import t, { type Test } from 'tap'
import { eraseDevice } from '../../src/devices/erase-device.js'
import { getDevice } from '../../src/devices/get-device.js'
import { listDevices } from '../../src/devices/list-devices.js'
import { listFindings } from '../../src/devices/list-findings.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { listSigningKeys, retireSigningKey } from '../../src/devices/signing-key-repository.js'
import { syncTenant } from '../../src/intune/sync-tenant.js'
import { createApiKey, revokeApiKey, rotateApiKey } from '../../src/operators/api-keys.js'
import { listAudit } from '../../src/operators/audit.js'
import { createEnrollmentToken, revokeEnrollmentToken } from '../../src/operators/enrollment-tokens.js'
import { addGrant, removeGrant } from '../../src/operators/grants.js'
import { listChanges } from '../../src/partners/list-changes.js'
import { openDatabase } from '../../src/platform/database.js'
import { countRows, startTestApi, type TestApi } from '../helpers/api.js'
import { startCommands } from '../helpers/commands.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport } from '../helpers/devices.js'
import { fillTables } from '../helpers/fill-tables.js'
import { silentLog } from '../helpers/log.js'
import { startSimulatedIntune } from '../intune/simulator.js'
import { createEmptyDatabase } from '../platform/databases.js'

const ROOTED = { integrity: { rooted: true, rootBinaries: ['/system/xbin/su'] } }
const CLEAN = { integrity: { rooted: false, rootBinaries: [] } }

const commands = startCommands(t)

/** Rejects with its standard error when it fails. */
async function sallyport<T> (databaseUrl: string, ...args: string[]): Promise<T> {
  const { code, out, errors } = await commands([...args, '--json'], { env: { DATABASE_URL: databaseUrl } })
  if (code !== 0) throw new Error(errors)
  return JSON.parse(out) as T
}

function open (t: Test, databaseUrl: string) {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 2 })
  t.teardown(async () => await db.destroy())
  return db
}

t.test('what was backed up is restored elsewhere, and phones, Intune and relying parties go on from there', async (t) => {
  const { db: before, url } = await createTestDatabase(t)
  const { intune, tenantId, enroll, threatStateOf } = await startSimulatedIntune(t, before)
  const api = await startTestApi(t, { beside: { databaseUrl: url, tenantId } })
  const phone = await api.enroll(tenantId)
  await enroll([phone.entraDeviceId])
  const say = async (api: TestApi, sequence: number, sections: object): Promise<{ resend?: string[] }> => {
    const answer = await api.call(phone.accessToken, 'POST', '/v1/telemetry', makeReport(sequence, sections))
    t.equal(answer.statusCode, 202, answer.body)
    await scoreGroup(api, api.score.payloads.at(-1)!.groupId!)
    return answer.json()
  }
  const sync = async (db: typeof before) => await syncTenant({ db, intune, log: silentLog, publicUrl: 'https://mtd.example' }, { tenantId })
  const follow = async (db: typeof before, changedSince?: string) =>
    await listChanges({ db, privacyMode: false, waiter: { wait: async () => {} } }, { tenantId, changedSince, waitMs: 0, caller: 'a receiver', signal: new AbortController().signal })
  const versionOf = async (db: typeof before) => (await db.selectFrom('device_state').select('desired_version').where('device_id', '=', phone.deviceId).executeTakeFirstOrThrow()).desired_version

  await say(api, 1, { ...ROOTED, os: { version: '14' }, apps: { mode: 'snapshot', items: [{ appId: 'org.example' }] } })
  await sync(before)
  t.equal(await threatStateOf(phone.entraDeviceId), 'highSeverity')
  const key = await api.keyFor('viewer')
  const answersOf = async (db: typeof before) => ({
    devices: await listDevices({ db }, { tenantId }), findings: await listFindings({ db }, { tenantId }), audit: (await listAudit({ db }, { tenantId })).items.map(({ action }) => action)
  })
  const answers = await answersOf(before)
  const file = join(t.testdir({}), 'sallyport.backup')
  t.match(await sallyport(url, 'backup', file), { file, tables: Number, rows: Number, madeAt: String })
  t.equal(statSync(file).mode & 0o777, 0o600, 'nobody else may read it')

  // The world goes on, and then all of this is lost.
  await say(api, 2, CLEAN)
  await sync(before)
  t.equal(await threatStateOf(phone.entraDeviceId), 'secured')
  const lostVersion = await versionOf(before)
  const lostCursor = (await follow(before)).nextCursor

  const databaseUrl = await createEmptyDatabase(t)
  t.match(await sallyport(databaseUrl, 'restore', file), { rows: Number, tenants: 1, devices: 1, retold: 0 })
  const db = open(t, databaseUrl)
  t.strictSame(await answersOf(db), answers, 'the same answers')
  t.ok(await versionOf(db) > lostVersion, 'versions never fall')

  t.match(await sync(db), { sent: 1 })
  t.equal(await threatStateOf(phone.entraDeviceId), 'highSeverity', 'Intune has what is true here')
  await t.rejects(follow(db, lostCursor), { code: 'CURSOR-EXPIRED' }, 'whoever has read what is lost starts anew')
  const anew = await follow(db)
  t.match(anew.items, [{ deviceId: phone.deviceId, level: 'high' }])

  const restored = await startTestApi(t, { beside: { databaseUrl, tenantId } })
  t.equal((await restored.call(key, 'GET', `/v1/tenants/${tenantId}/devices`)).statusCode, 200, 'keys work')
  t.strictSame((await say(restored, 3, CLEAN)).resend!.sort(), ['apps', 'integrity', 'os'], 'the phone goes on with the token that it has, and is asked for all that it ever told of')
  t.strictSame((await say(restored, 4, { ...CLEAN, os: { version: '15' } })).resend!.sort(), ['apps'], 'until it has said it again')
  await sync(db)
  t.equal(await threatStateOf(phone.entraDeviceId), 'secured')
  t.match((await getDevice({ db }, { tenantId, deviceId: phone.deviceId })), { level: 'secured', intune: { desired: 'secured', reported: 'secured' } })
  t.match((await follow(db, anew.nextCursor)).items, [{ level: 'secured', previousLevel: 'high' }], 'and changes follow')
  t.match(await listAudit({ db }, { tenantId: null }), { items: [{ action: 'platform.restored', actor: 'command line' }, { action: 'platform.backup-loaded' }, { action: 'platform.backup-begun' }] })
})

t.test('what was revoked and erased after the backup is ended once more by the note that was kept beside it', async (t) => {
  const api = await startTestApi(t)
  const { db, databaseUrl: url, tenantId } = api
  const folder = t.testdir({})
  const [file, note] = [join(folder, 'a.backup'), join(folder, 'revocations.json')]
  const actor = 'test'
  const end = { db, log: silentLog, cutoffs: { advance () {} }, sync: { async add () {} } }
  const makeKey = async () => await createApiKey({ db }, { name: 'k', role: 'viewer', tenantId, actor })
  const [revokedBefore, revoked, rotated, kept] = [await makeKey(), await makeKey(), await makeKey(), await makeKey()]
  const [stolen, forgotten, back] = [await api.enroll(), await api.enroll(), await api.enroll()]
  const token = await createEnrollmentToken({ db }, { tenantId, label: 'leaked', actor })
  const grant = await addGrant({ db }, { tenantId, role: 'admin', kind: 'subject', value: randomUUID(), label: 'Ann', directory: undefined, expiresAt: undefined, actor } as never)
  const signingKey = (await listSigningKeys(db))[0]!.id
  await revokeApiKey({ db }, { id: revokedBefore.id, actor })
  // Revoked, and enrolled again with the same id before the backup: that must not be undone.
  await revokeDevice(end, { tenantId, deviceId: back.deviceId, actor })
  await db.updateTable('device').set({ revoked_at: null }).where('id', '=', back.deviceId).execute()
  await sallyport(url, 'backup', file)

  await revokeApiKey({ db }, { id: revoked.id, actor })
  await rotateApiKey({ db }, { id: rotated.id, graceSeconds: 0, actor })
  await revokeApiKey({ db }, { id: (await makeKey()).id, actor })
  await revokeDevice(end, { tenantId, deviceId: stolen.deviceId, actor })
  await eraseDevice(end, { tenantId, deviceId: forgotten.deviceId, actor })
  await revokeEnrollmentToken({ db }, { tenantId, id: token.id, actor })
  await removeGrant({ db }, { id: grant.id, actor })
  await retireSigningKey({ db }, { id: signingKey, now: true, actor })
  t.match(await sallyport(url, 'revocations', 'note', note), { ended: 10 })
  t.equal(statSync(note).mode & 0o777, 0o600)

  const databaseUrl = await createEmptyDatabase(t)
  await sallyport(databaseUrl, 'restore', file)
  t.strictSame(await sallyport(databaseUrl, 'revocations', 'apply', note), {
    applied: { 'api-key.revoked': 1, 'api-key.rotated': 1, 'device.revoked': 1, 'device.erased': 1, 'enrollment-token.revoked': 1, 'operator-grant.removed': 1, 'signing-key.retired': 1 },
    known: 2,
    absent: 1
  })
  const restored = open(t, databaseUrl)
  const keys = await restored.selectFrom('api_key').select(['id', 'revoked_at']).execute()
  t.strictSame(keys.filter(({ revoked_at: at }) => at === null).map(({ id }) => id).includes(kept.id), true)
  for (const { id } of [revokedBefore, revoked, rotated]) t.not(keys.find((key) => key.id === id)?.revoked_at, null)
  const phones = new Map((await restored.selectFrom('device').select(['id', 'revoked_at', 'erased_at']).execute()).map((row) => [row.id, row]))
  t.not(phones.get(stolen.deviceId)?.revoked_at, null)
  t.not(phones.get(forgotten.deviceId)?.erased_at, null)
  t.equal(phones.get(back.deviceId)?.revoked_at, null)
  t.strictSame(await restored.selectFrom('operator_grant').selectAll().execute(), [])
  t.match((await listSigningKeys(restored)).find(({ id }) => id === signingKey), { state: 'retired' })

  writeFileSync(note, '{"sallyportRevocations":1}')
  await t.rejects(sallyport(databaseUrl, 'revocations', 'apply', note), { message: /no note of revocations/ })
})

t.test('every table comes back row by row, and numbers go on where they were', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await fillTables(client, 3)
  // What text, lists and bytes may hold.
  await client.query("update finding set title = E'tab\\t line\\n return\\r back\\\\slash \\u2028 \\\\. ☃', attack = array['a,b', '\"', null]")
  await client.query("insert into audit_event (actor, action, detail) values (E'\\\\.', '', '{\"a\": \"\\\\u001f\"}')")
  const contents = async (client: pg.Client): Promise<Record<string, string[]>> => {
    const { rows: tables } = await client.query<{ name: string }>("select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and relpersistence = 'p' and relname <> 'schema_migration'")
    const contents: Record<string, string[]> = {}
    for (const { name } of tables) contents[name] = (await client.query<{ row: string }>(`select x::text as row from ${name} x`)).rows.map(({ row }) => row).sort()
    return contents
  }
  const before = await contents(client)
  await client.end()
  const file = join(t.testdir({}), 'sallyport.backup')
  await sallyport(url, 'backup', file)

  const databaseUrl = await createEmptyDatabase(t)
  await sallyport(databaseUrl, 'restore', file)
  const restored = new pg.Client({ connectionString: databaseUrl })
  await restored.connect()
  t.teardown(async () => await restored.end())
  const after = await contents(restored)
  // Changed on purpose (adjust-after-restore.ts).
  const ADJUSTED = ['device_state', 'device', 'state_feed', 'state_change', 'signal_destination', 'intune_outbox', 'intune_message', 'intune_connector', 'reconciliation', 'intel_subscription', 'intune_setup', 'upkeep_task', 'audit_event', 'audit_link']
  t.strictSame(Object.keys(after).sort(), Object.keys(before).sort())
  for (const [table, rows] of Object.entries(before)) {
    if (ADJUSTED.includes(table)) t.ok(after[table]!.length >= rows.length || ['state_change', 'intune_outbox', 'intune_message'].includes(table), table)
    else t.strictSame(after[table], rows, table)
  }
  const highest = Math.max(...(await db.selectFrom('audit_event').select('id').execute()).map(({ id }) => id))
  const { rows: [next] } = await restored.query<{ id: string }>("insert into audit_event (actor, action) values ('x', 'x.y') returning id")
  t.ok(Number(next!.id) > highest, 'no number is given out again')
  t.strictSame((await restored.query("select from pg_trigger where not tgisinternal and tgenabled = 'D'")).rowCount, 0, 'triggers are on again')
})

t.test('what is damaged, not whole, or would be mixed with other data is refused, and nothing is loaded', async (t) => {
  const { url } = await createTestDatabase(t)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await fillTables(client, 1)
  await client.end()
  const folder = t.testdir({})
  const file = join(folder, 'whole')
  await sallyport(url, 'backup', file)
  const text = gunzipSync(readFileSync(file)).toString()
  const databaseUrl = await createEmptyDatabase(t)
  const lines = text.split('\n')
  const spoilt: ReadonlyArray<readonly [name: string, content: Buffer | string, message: RegExp]> = [
    ['a row is gone', [...lines.slice(0, 2), ...lines.slice(3)].join('\n'), /damaged|refers|violates/],
    ['a letter is another', text.replace('"label"', '"label"').replace('\tviewer\t', '\tviewes\t'), /damaged|violates/],
    ['the end is missing', lines.slice(0, -2).join('\n') + '\n', /its end is missing/],
    ['it ends within a table', lines.slice(0, 3).join('\n') + '\n', /it ends within/],
    ['it ends within a line', text.slice(0, 3_000), /in the middle of a line|ends within/],
    ['it is something else', 'hello\n', /no backup of Sallyport/],
    ['it is of a newer version', text.replace('"migrations":[', '"migrations":[{"name":"9999_x.sql","sha256":"x"},'), /other migrations \(9999_x\.sql\)/],
    ['it is not compressed', Buffer.from(text), /damaged/],
    ['half of it is there', readFileSync(file).subarray(0, 2_000), /damaged|ends/]
  ]
  for (const [name, content, message] of spoilt) {
    const path = join(folder, 'spoilt')
    writeFileSync(path, typeof content === 'string' ? gzipSync(content) : content)
    await t.rejects(sallyport(databaseUrl, 'restore', path), { message }, name)
  }
  const db = open(t, databaseUrl)
  t.strictSame(Object.entries(await countRows(db)).filter(([table, rows]) => rows > 0 && !['schema_migration', 'intel_version'].includes(table)), [], 'nothing was loaded')
  await sallyport(databaseUrl, 'restore', file)
  await t.rejects(sallyport(databaseUrl, 'restore', file), { message: /has tenants already/ })
  await t.rejects(sallyport(databaseUrl, 'restore', join(folder, 'nowhere')), { message: /ENOENT/ })
})
