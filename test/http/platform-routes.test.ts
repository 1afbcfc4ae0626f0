import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { INDICATOR_TYPES } from '../../src/intel/indicators/indicator.js'
import { DETECTIONS } from '../../src/risk/detections/index.js'
import { BUILT_IN_POLICY } from '../../src/risk/policy/policy.js'
import { isProblem, startTestApi } from '../helpers/api.js'

interface Page { readonly items: Array<Record<string, unknown>>, readonly nextCursor: string | null }

async function setUp (t: Test) {
  const api = await startTestApi(t)
  const platform = await api.keyFor('platform-admin')
  return {
    api,
    platform,
    get: async <T = Page>(url: string): Promise<T> => {
      const answer = await api.call(platform, 'GET', url)
      if (answer.statusCode !== 200) throw new Error(answer.body)
      return answer.json<T>()
    }
  }
}

t.test('tenants are added once, listed by pages, and it is written down', async (t) => {
  const { api, platform, get } = await setUp(t)
  const entraTenantId = randomUUID()
  const made = await api.call(platform, 'POST', '/v1/tenants', { name: 'Contoso', entraTenantId: entraTenantId.toUpperCase() })
  t.equal(made.statusCode, 201)
  const tenant = made.json<{ tenantId: string }>()
  t.match(tenant, { tenantId: /^[0-9a-f-]{36}$/, name: 'Contoso', entraTenantId, createdAt: String })
  isProblem(t, await api.call(platform, 'POST', '/v1/tenants', { name: 'Again', entraTenantId }), { status: 409, code: 'conflict' })

  const first = await get('/v1/tenants?limit=1')
  const second = await get(`/v1/tenants?limit=1&cursor=${first.nextCursor!}`)
  t.equal(second.nextCursor, null)
  t.strictSame([...first.items, ...second.items].map(({ tenantId }) => tenantId).sort(), [tenant.tenantId, api.tenantId].sort())
  t.match((await get(`/v1/tenants/${tenant.tenantId}/audit`)).items.filter(({ action }) => action !== 'operator.signed-in'), [{ action: 'tenant.created', actor: 'platform-admin of the test', subject: tenant.tenantId, detail: { name: 'Contoso' } }])
  t.strictSame((await get(`/v1/tenants/${tenant.tenantId}/devices`)).items, [], 'a platform key works in every tenant')
})

t.test('the connector is provisioned, asked for everything again, and deprovisioned', async (t) => {
  const { api } = await setUp(t)
  const admin = await api.keyFor('admin')
  await api.enroll()
  const ask = async (method: 'GET' | 'POST', rest = '') => await api.call(admin, method, `/v1/tenants/${api.tenantId}/connector${rest}`)

  const before = await ask('GET')
  t.match([before.statusCode, before.json()], [200, { state: 'not-provisioned', healthy: false, summary: /./, provisionedAt: null, lastHeartbeatAt: null, waiting: 0, failing: 0, lastError: null }])
  const provision = await ask('POST', '/provision')
  t.match([provision.statusCode, provision.json()], [200, { state: 'provisioned', healthy: true, provisionedAt: String, lastError: null }])
  const resync = await ask('POST', '/resync')
  t.match([resync.statusCode, resync.json()], [202, { devices: Number }])
  const deprovision = await ask('POST', '/deprovision')
  t.match([deprovision.statusCode, deprovision.json()], [200, { state: 'deprovisioned', healthy: false }])
  t.strictSame(api.provisioned, [true, false], 'Intune was asked')
  const { items } = (await api.call(admin, 'GET', `/v1/tenants/${api.tenantId}/audit`)).json<Page>()
  t.strictSame(items.map(({ action }) => action).slice(0, 5), ['connector.deprovisioned', 'connector.deprovision-requested', 'connector.resynced', 'connector.provisioned', 'connector.provision-requested'])
})

t.test('the policy in force has its version as ETag, and the catalogue says what it makes of each detection', async (t) => {
  const { api, get } = await setUp(t)
  const viewer = await api.keyFor('viewer')
  const policy = await api.call(viewer, 'GET', `/v1/tenants/${api.tenantId}/policy`)
  t.equal(policy.headers.etag, '"0"')
  t.strictSame(policy.json(), JSON.parse(JSON.stringify({ ...BUILT_IN_POLICY, groups: [] })))
  const { items, nextCursor } = await get(`/v1/tenants/${api.tenantId}/detections`)
  t.equal(nextCursor, null)
  t.strictSame(items.map(({ id }) => id), DETECTIONS.map(({ id }) => id))
  t.equal(new Set(items.map(({ id }) => id)).size, items.length, 'each once')
  for (const item of items) {
    t.match(item, { id: /^[a-z0-9-]+$/, severity: /^(off|audit|low|medium|high)$/, description: /./, remediation: { user: /./, admin: /./ }, platforms: Array, attack: Array }, String(item.id))
  }
})

t.test('a feed is imported, asked, listed and taken away', async (t) => {
  const { api, platform, get } = await setUp(t)
  const load = async (query: string, body: string, headers = { 'content-type': 'text/plain' }) => await api.call(platform, 'POST', `/v1/intel/feeds/my-feed/import${query}`, body, headers)
  const fileOf = (...domains: string[]): string => JSON.stringify([{ name: 'Spy', type: 'stalkerware', packages: ['com.evil.spy'], c2: { domains, ips: ['192.0.2.7'] } }])
  const imported = await load('?format=stalkerware', fileOf('evil.example', 'worse.example'))
  t.equal(imported.statusCode, 200)
  const zeros = Object.fromEntries([...INDICATOR_TYPES, 'vulnerability'].map((type) => [type, 0]))
  t.strictSame(imported.json(), { feed: 'my-feed', format: 'stalkerware', version: 1, added: 4, updated: 0, unchanged: 0, withdrawn: 0, skipped: [], byType: { ...zeros, domain: 2, ipv4: 1, 'app-id': 1 } })
  t.match((await load('', fileOf('evil.example'), { 'content-type': 'application/json' })).json(), { format: 'stalkerware', added: 0, unchanged: 3, withdrawn: 1 }, 'found out by itself, whatever the client calls it')

  t.match((await get('/v1/intel/feeds')).items, [{ name: 'my-feed', format: 'stalkerware', entries: 3, importedAt: String, sha256: /^[0-9a-f]{64}$/, skipped: [], bundled: false }])
  t.match((await get('/v1/intel/indicators?value=EVIL.example.')).items, [{ feed: 'my-feed', type: 'domain', value: 'evil.example' }], 'however it is spelt')
  t.strictSame((await get('/v1/intel/indicators?value=worse.example')).items, [], 'withdrawn')

  for (const [name, query, body, refusal] of [
    ['an unknown format', '?format=guess', 'x', { status: 400, code: 'validation', paths: ['/querystring/format'] }],
    ['an unknown class', '?class=guess', 'x', { status: 400, code: 'validation', paths: ['/querystring/class'] }],
    ['an empty file', '', '', { status: 422, code: 'unprocessable' }],
    ['not JSON', '?format=stix', '{', { status: 400, code: 'validation' }],
    ['nothing known', '', '{}', { status: 422, code: 'unprocessable' }]
  ] as const) isProblem(t, await load(query, body), refusal, name)
  isProblem(t, await api.call(platform, 'POST', '/v1/intel/feeds/My%20Feed/import', 'x', { 'content-type': 'text/plain' }), { status: 400, code: 'validation', paths: ['/params/feed'] })
  t.equal((await get('/v1/intel/feeds')).items[0]!.entries, 3, 'a refused file changes nothing')

  const gone = await api.call(platform, 'DELETE', '/v1/intel/feeds/my-feed')
  t.match([gone.statusCode, gone.body], [204, ''])
  t.strictSame((await get('/v1/intel/feeds')).items, [])
  t.strictSame((await get('/v1/intel/indicators?value=evil.example')).items, [])
  isProblem(t, await api.call(platform, 'DELETE', '/v1/intel/feeds/my-feed'), { status: 404, code: 'not-found' })
  t.strictSame((await get('/v1/audit')).items.map(({ action, subject }) => [action, subject]).filter(([action]) => String(action).startsWith('feed.')),
    [['feed.removed', 'my-feed'], ['feed.imported', 'my-feed'], ['feed.imported', 'my-feed']])
})

t.test('what is open on a phone is answered for each kind of system', async (t) => {
  const { api, platform, get } = await setUp(t)
  for (const os of ['ios', 'ipados', 'android']) {
    t.strictSame((await get(`/v1/intel/vulnerabilities?os=${os}&version=17.6.1&patchLevel=2026-10-05`)).items, [])
  }
  isProblem(t, await api.call(platform, 'GET', '/v1/intel/vulnerabilities?os=symbian'), { status: 400, code: 'validation', paths: ['/querystring/os'] })
  isProblem(t, await api.call(platform, 'GET', '/v1/intel/vulnerabilities'), { status: 400, code: 'validation', paths: ['/querystring/os'] })
})
