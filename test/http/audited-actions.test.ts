import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { startTestApi } from '../helpers/api.js'

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

t.test('every route that changes something is written down under the name of who called it, or says why not', async (t) => {
  const api = await startTestApi(t)
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
    { route: `POST ${TENANT}/connector/provision`, actions: ['connector.provisioned'] },
    { route: `POST ${TENANT}/connector/resync`, actions: ['connector.resynced'] },
    { route: `POST ${TENANT}/connector/dead-letters/resend`, body: {}, actions: ['connector.dead-letters-resent'] },
    { route: `PATCH ${TENANT}/connector/reconciliation`, body: { deactivateAfterDays: 30 }, actions: ['reconciliation.changed'] },
    { route: `POST ${TENANT}/connector/reconcile`, actions: ['reconciliation.requested'] },
    { route: `POST ${TENANT}/connector/consent`, body: {}, actions: ['consent.requested'] },
    { route: `POST ${TENANT}/connector/deprovision`, actions: ['connector.deprovisioned'] },
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
    const answer = await api.call(platform, method, path.replace(/\{(\w+)\}/g, (_, name: string) => places[name] ?? made[name]!), body, headers)
    t.ok(answer.statusCode < 300, `${route}: ${answer.statusCode} ${answer.statusCode < 300 ? '' : answer.body}`)
    then?.(answer.json())
    // That somebody came is told once in a while, besides what they do.
    const written = await api.db.selectFrom('audit_event').select(['action', 'actor']).where('id', '>', before).where('action', '!=', 'operator.signed-in').orderBy('id').execute()
    t.strictSame(written, actions.map((action) => ({ action, actor: 'platform-admin of the test' })), route)
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
