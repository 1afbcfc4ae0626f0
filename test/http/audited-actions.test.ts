import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { reassessDevice } from '../../src/devices/reassess-device.js'
import { deprovisionTenant } from '../../src/intune/deprovision-tenant.js'
import { IntuneError } from '../../src/intune/intune-error.js'
import { provisionTenant } from '../../src/intune/provision-tenant.js'
import { resyncTenant } from '../../src/intune/resync-tenant.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { insertQuarantined } from '../../src/telemetry/journal-groups.js'
import { startTestApi, type TestApi } from '../helpers/api.js'
import { hashTables, makeBreakable } from '../helpers/audit.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { seedWaitingDevices, type WaitingDevice } from '../intune/helpers.js'

const TENANT = '/v1/tenants/{tenantId}'
const [GRANTS, KEYS] = ['test/http/operator-access.test.ts', 'test/operators/api-keys.test.ts'] as const

/** Routes that change something and need more than one request to show it: the action, and the test that sees it written down. */
const SEEN_ELSEWHERE: Readonly<Record<string, readonly [action: string, test: string]>> = {
  [`POST ${TENANT}/quarantine/{id}/retry`]: ['quarantine.retried', 'test/http/operator-routes.test.ts'],
  [`POST ${TENANT}/ingest/{vocabulary}`]: ['telemetry.ingested', 'test/devices/ingest-vocabulary.test.ts'],
  [`POST ${TENANT}/intune/admin-setup`]: ['intune-setup.applied', 'test/onboarding/setup-intune.test.ts'],
  ...Object.fromEntries(['POST ', 'PATCH /{id}', 'DELETE /{id}', 'POST /{id}/rotate-secret', 'POST /{id}/test'].map((route) => [route.replace(' ', ` ${TENANT}/signal-destinations`), ['signal-destination.', 'test/signals/webhooks.test.ts']] as never)),
  [`POST ${TENANT}/signal-destinations/{id}/dead-letters/resend`]: ['signal-destination.dead-letters-resent', 'test/signals/webhooks.test.ts'],
  'POST /v1/intel/subscriptions/{feed}/refresh': ['subscription.refreshed', 'test/intel/subscriptions/subscription-routes.test.ts'],
  ...Object.fromEntries(['/v1', TENANT].flatMap((at) => [
    [`POST ${at}/grants`, ['operator-grant.', GRANTS]], [`DELETE ${at}/grants/{id}`, ['operator-grant.', GRANTS]],
    [`POST ${at}/api-keys`, ['api-key.created', KEYS]], [`POST ${at}/api-keys/{id}/rotate`, ['api-key.rotated', KEYS]], [`DELETE ${at}/api-keys/{id}`, ['api-key.revoked', KEYS]]
  ])),
  [`DELETE ${TENANT}/people/{entraUserId}`]: ['device.erased', 'test/devices/people.test.ts'],
  'POST /v1/intel/subscriptions': ['subscription.created', 'test/intel/subscriptions/subscription-routes.test.ts'],
  'DELETE /v1/intel/subscriptions/{feed}': ['subscription.removed', 'test/intel/subscriptions/subscription-routes.test.ts'],
  ...Object.fromEntries(['POST streams', 'PATCH streams', 'PUT streams', 'DELETE streams', 'POST status'].map((route) => [route.replace(' ', ' /v1/ssf/{tenantId}/'), ['stream.', 'test/signals/ssf.test.ts']] as never))
}

/** Routes that are no reading ones and change nothing that somebody would want to know of later. */
const NOT_AUDITED: Readonly<Record<string, string>> = {
  [`POST ${TENANT}/policy/preview`]: 'changes nothing',
  'POST /v1/ssf/{tenantId}/verify': 'asks for a test message to itself',
  'POST /v1/ssf/{tenantId}/streams/{streamId}/poll': 'fetches what is the receiver\'s',
  'POST /v1/ssf/{tenantId}/subjects/add': 'says which phones a receiver is told of, a call for each phone; the stream is audited',
  'POST /v1/ssf/{tenantId}/subjects/remove': 'likewise'
}

interface Step {
  readonly route: string
  readonly body?: object | string
  readonly headers?: Readonly<Record<string, string>>
  /** Of what was made by the step before, or what stands in the address. */
  readonly in?: Readonly<Record<string, string>>
  readonly actions: readonly string[]
  readonly then?: (answer: Record<string, unknown>) => void
}

/** What is stored and what was handed on, but for what only says that somebody came. */
const stateOf = async ({ db, score, sync, intelJobs, provisioned }: TestApi): Promise<Record<string, unknown>> =>
  ({ ...await hashTables(db), score: score.payloads.length, sync: sync.payloads.length, intel: intelJobs.payloads.length, provisioned: provisioned.length })

t.test('every route that changes something is written down under the name of who called it, or says why not; and what cannot be written down is not done', async (t) => {
  const api = await startTestApi(t)
  const audit = await makeBreakable(api.db)
  const [phone, other] = [await api.enroll(), await api.enroll()]
  const platform = await api.keyFor('platform-admin')
  const made: Record<string, string> = { tenantId: api.tenantId, deviceId: phone.deviceId, feed: 'a-feed', host: 'guarded.example' }
  const takeId = (answer: Record<string, unknown>): void => { made.id = String(answer.id) }
  const inAYear = new Date(Date.now() + 365 * 86_400_000).toISOString()

  const steps: readonly Step[] = [
    { route: `PATCH ${TENANT}/devices/{deviceId}`, body: { tags: ['x'] }, actions: ['device.described'] },
    { route: `POST ${TENANT}/devices/{deviceId}/reassess`, actions: ['device.reassessed'] },
    { route: `POST ${TENANT}/devices/{deviceId}/revoke`, actions: ['device.revoked'] },
    { route: `DELETE ${TENANT}/devices/{deviceId}`, in: { deviceId: other.deviceId }, actions: ['device.erased'] },
    { route: `PUT ${TENANT}/policy`, body: { severities: { 'dev-rooted': 'audit' } }, headers: { 'if-match': '*' }, actions: ['policy.applied'] },
    { route: `POST ${TENANT}/suppressions`, body: { detection: 'dev-no-passcode', reason: 'accepted-risk', owner: 'ann', expiresAt: new Date(Date.now() + 86_400_000).toISOString() }, actions: ['suppression.created'], then: takeId },
    { route: `DELETE ${TENANT}/suppressions/{id}`, actions: ['suppression.revoked'] },
    { route: `POST ${TENANT}/enrollment-tokens`, body: { label: 'x', expiresAt: inAYear }, actions: ['enrollment-token.created'], then: takeId },
    { route: `DELETE ${TENANT}/enrollment-tokens/{id}`, actions: ['enrollment-token.revoked'] },
    { route: `POST ${TENANT}/connector/provision`, actions: ['connector.provision-requested', 'connector.provisioned'] },
    { route: `POST ${TENANT}/connector/resync`, actions: ['connector.resynced'] },
    { route: `POST ${TENANT}/connector/dead-letters/resend`, body: {}, actions: ['connector.dead-letters-resent'] },
    { route: `PATCH ${TENANT}/connector/reconciliation`, body: { deactivateAfterDays: 30 }, actions: ['reconciliation.changed'] },
    { route: `POST ${TENANT}/connector/reconcile`, actions: ['reconciliation.requested'] },
    { route: `POST ${TENANT}/connector/consent`, body: {}, actions: ['consent.requested'] },
    { route: `POST ${TENANT}/connector/deprovision`, actions: ['connector.deprovision-requested', 'connector.deprovisioned'] },
    { route: 'POST /v1/onboarding/consent', body: { name: 'New' }, actions: ['consent.requested'] },
    { route: 'POST /v1/tenants', body: { name: 'Contoso', entraTenantId: randomUUID() }, actions: ['tenant.created'] },
    { route: 'POST /v1/intel/feeds/{feed}/import', body: JSON.stringify([{ name: 'Spy', type: 'stalkerware', packages: ['com.evil.spy'] }]), headers: { 'content-type': 'text/plain' }, actions: ['feed.imported'] },
    { route: 'DELETE /v1/intel/feeds/{feed}', actions: ['feed.removed'] },
    { route: 'PUT /v1/intel/guarded-hosts/{host}', body: { reason: 'ours' }, actions: ['guarded-host.added'] },
    { route: 'DELETE /v1/intel/guarded-hosts/{host}?reason=no+longer', actions: ['guarded-host.lifted'] }
  ]

  for (const { route, body, headers = {}, in: places = {}, actions, then } of steps) {
    const before = (await api.db.selectFrom('audit_event').select('id').orderBy('id', 'desc').executeTakeFirst())?.id ?? 0
    const [method, path] = route.split(' ') as [Parameters<typeof api.call>[1], string]
    const call = async () => await api.call(platform, method, path.replace(/\{(\w+)\}/g, (_, name: string) => places[name] ?? made[name]!), body, headers)
    await audit.broken(async () => {
      const stored = await stateOf(api)
      const refused = await call()
      t.ok(refused.statusCode >= 500, `${route} without an audit: ${refused.statusCode}`)
      t.strictSame(await stateOf(api), stored, `${route} has done nothing`)
    })
    const answer = await call()
    t.ok(answer.statusCode < 300, `${route}: ${answer.statusCode} ${answer.statusCode < 300 ? '' : answer.body}`)
    then?.(answer.json())
    // That somebody came is told once in a while, besides what they do.
    const written = await api.db.selectFrom('audit_event').select(['action', 'actor']).where('id', '>', before).where('action', '!=', 'operator.signed-in').orderBy('id').execute()
    t.strictSame(written.map(({ action }) => action), actions, route)
    for (const { actor } of written) t.match(actor, /^platform-admin of the test <[0-9a-f-]{36}>$/, route)
  }

  for (const [route, [action, test]] of Object.entries(SEEN_ELSEWHERE)) {
    t.ok(readFileSync(join(packageRoot, test), 'utf8').includes(action), `${route}: ${test} looks for ${action}`)
  }
  const changing = Object.entries(api.app.swagger().paths ?? {}).flatMap(([path, item]) => Object.entries(item as Record<string, { readonly security?: readonly object[] }>)
    .filter(([method, { security }]) => method !== 'get' && security?.some((scheme) => 'apiKey' in scheme))
    .map(([method]) => `${method.toUpperCase()} ${path}`))
  t.strictSame(changing.sort(), [...steps.map(({ route }) => route.replace(/\?.*/, '')), ...Object.keys(SEEN_ELSEWHERE), ...Object.keys(NOT_AUDITED)].sort(), 'each route is in one of the lists')
  t.equal((await verifyAudit({ db: api.db }, {})).intact, true)
})

t.test('a report that somebody sends for a phone, or has scored once more, stays as it was when that cannot be written down', async (t) => {
  const api = await startTestApi(t)
  const audit = await makeBreakable(api.db)
  const admin = await api.keyFor('admin')
  const phone = await api.enroll()
  const ingest = async () => await api.call(admin, 'POST', `/v1/tenants/${api.tenantId}/ingest/android-management-api?device=${phone.deviceId}`, JSON.stringify({ apiLevel: 35 }), { 'content-type': 'application/json' })
  await audit.broken(async () => {
    const stored = await stateOf(api)
    t.equal((await ingest()).statusCode, 500)
    t.strictSame(await stateOf(api), stored)
  })
  // What phones say themselves needs no audit, also when it shares a commit with what does.
  await audit.broken(async () => {
    const own = makeReport(1)
    const [refused, taken] = await Promise.all([ingest(), api.call(phone.accessToken, 'POST', '/v1/telemetry', own)])
    t.strictSame([refused.statusCode, taken.statusCode], [500, 202])
    t.strictSame(await api.db.selectFrom('report').select('report_id').execute(), [{ report_id: own.reportId }])
  })
  t.equal((await ingest()).statusCode, 202)
  t.match(await api.db.selectFrom('audit_event').select(['action', 'actor', 'subject', 'detail']).where('action', '=', 'telemetry.ingested').execute(),
    [{ actor: 'admin of the test', subject: 'android-management-api', detail: { devices: [phone.deviceId] } }])

  const { id } = await api.db.selectFrom('report').select('id').executeTakeFirstOrThrow()
  await insertQuarantined(api.db, [{ reportId: id, error: 'it broke' }], new Date())
  const retry = async () => await api.call(admin, 'POST', `/v1/tenants/${api.tenantId}/quarantine/${id}/retry`)
  await audit.broken(async () => {
    const stored = await stateOf(api)
    t.equal((await retry()).statusCode, 500)
    t.strictSame(await stateOf(api), stored)
  })
  t.equal((await retry()).statusCode, 204)
})

t.test('what was asked of Intune and not done has a line that says so', async (t) => {
  const db = (await createTestDatabase(t)).db
  const tenantId = await seedTenant(db)
  const lines = async (): Promise<string[]> => (await db.selectFrom('audit_event').select(['action', 'actor']).orderBy('id').execute()).map(({ action, actor }) => `${actor} ${action}`)
  const partner = { setProvisioned: async () => { throw new IntuneError('unavailable', 'Intune is away.') } }
  const deps = { db, intune: { partner } as never, log: silentLog, publicUrl: 'https://mtd.example', sync: rememberingProducer<'sync'>() }
  t.match(await provisionTenant(deps, { tenantId, actor: 'ann' }), { state: 'failed' })
  await t.rejects(deprovisionTenant(deps, { tenantId, actor: 'ben' }))
  t.strictSame(await lines(), ['ann connector.provision-requested', 'ann connector.provision-failed', 'ben connector.deprovision-requested', 'ben connector.deprovision-failed'])
  await seedWaitingDevices(db, tenantId, 2)
  deps.sync.fail = true
  t.strictSame(await resyncTenant(deps, { tenantId, actor: 'ann' }), { devices: 2 })
  t.equal((await lines()).at(-1), 'ann connector.resynced')
})

t.test('who asks for a judgement while the queue is away gets it from the sweep', async (t) => {
  const db = (await createTestDatabase(t)).db
  const tenantId = await seedTenant(db)
  const [{ deviceId }] = await seedWaitingDevices(db, tenantId, 1) as [WaitingDevice]
  const score = rememberingProducer<'score'>()
  score.fail = true
  await t.rejects(reassessDevice({ db, score }, { tenantId, deviceId, actor: 'ann' }))
  t.match(await db.selectFrom('audit_event').select(['action', 'actor']).execute(), [{ actor: 'ann', action: 'device.reassessed' }])
  const { due_at: dueAt } = await db.selectFrom('device_state').select('due_at').where('device_id', '=', deviceId).executeTakeFirstOrThrow()
  t.ok(dueAt !== null && dueAt.getTime() < Date.now() + 60_000)
})
