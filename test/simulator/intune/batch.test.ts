import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createMicrosoft, TENANT } from './microsoft.js'

interface PartAnswer { id: string, status: number, headers: Record<string, string>, body: Record<string, never> }
const json = { 'Content-Type': 'application/json' }
const CONNECTORS = '/deviceManagement/mobileThreatDefenseConnectors'

t.test('a batch answers each of its requests, whatever their order', async (t) => {
  const { graph, enroll, sim } = await createMicrosoft(t)
  const ids = await Promise.all(Array.from({ length: 20 }, async () => await enroll()))
  const requests = ids.map((id, index) => ({ id: String(index), method: 'GET', url: `/deviceManagement/managedDevices?$filter=azureADDeviceId eq '${id}'&$select=azureADDeviceId` }))
  const orders = new Set<string>()
  await sim('DELETE', '/requests')
  for (let round = 0; round < 3; round++) {
    const { status, body } = await graph('POST', '/v1.0/$batch', { requests })
    t.equal(status, 200)
    const answers = body.responses as PartAnswer[]
    orders.add(answers.map(({ id }) => id).join())
    for (const answer of answers) t.match(answer, { status: 200, headers: { 'Content-Type': /json/ }, body: { value: [{ azureADDeviceId: ids[Number(answer.id)] }] } })
  }
  t.ok(orders.size > 1, 'no order to count on')
  t.equal((await sim('GET', '/requests')).body.items.length, 3 * 21, 'each part is a request of its own')
})

t.test('links in a batch lead where links outside of one do', async (t) => {
  const { graph, enroll } = await createMicrosoft(t)
  await enroll()
  await enroll()
  const { body } = await graph('POST', '/v1.0/$batch', { requests: [{ id: '1', method: 'GET', url: '/devices?$top=1' }] }, { host: 'graph.example:8443' })
  t.match(body.responses[0].body['@odata.nextLink'], /^http:\/\/graph\.example:8443\/v1\.0\/devices\?/)
})

t.test('a request is not tried when the one it depends on failed', async (t) => {
  const { graph } = await createMicrosoft(t)
  const id = randomUUID()
  const { body } = await graph('POST', '/beta/$batch', {
    requests: [
      { id: 'make', method: 'POST', url: CONNECTORS, headers: json, body: { id } },
      { id: 'change', method: 'PATCH', url: `${CONNECTORS}/${id}`, headers: json, body: { macEnabled: true }, dependsOn: ['make'] },
      { id: 'wrong', method: 'GET', url: '/nonsense', dependsOn: ['change'] },
      { id: 'never', method: 'DELETE', url: `${CONNECTORS}/${id}`, dependsOn: ['wrong'] }
    ]
  })
  const status = Object.fromEntries((body.responses as PartAnswer[]).map((answer) => [answer.id, answer.status]))
  t.strictSame(status, { make: 201, change: 200, wrong: 400, never: 424 })
  t.equal((await graph('GET', `/beta${CONNECTORS}/${id}`)).body.macEnabled, true)
})

t.test('parts are throttled and disturbed one by one, and the whole is still 200', async (t) => {
  const { graph, sim } = await createMicrosoft(t)
  await sim('PUT', '/faults', [
    { kind: 'status', status: 429, retryAfter: 2.128, times: 1, match: { path: '/users' } }, { kind: 'reset', times: 1, match: { path: '/groups' } }, { kind: 'timeout', when: 'after', times: 1, match: { path: '/devices' } }
  ])
  const { status, body } = await graph('POST', '/v1.0/$batch', { requests: ['users', 'groups', 'devices', 'deviceManagement/managedDevices'].map((url) => ({ id: url, method: 'GET', url })) })
  t.equal(status, 200)
  const parts = new Map((body.responses as PartAnswer[]).map((answer) => [answer.id, answer]))
  t.match(parts.get('users'), { status: 429, headers: { 'Retry-After': '2.128' }, body: { error: { code: 'TooManyRequests' } } })
  t.match(parts.get('groups'), { status: 502, body: { error: { code: 'BadGateway' } } })
  t.match(parts.get('devices'), { status: 504 })
  t.equal(parts.get('deviceManagement/managedDevices')?.status, 200)
})

t.test('a malformed batch is refused whole', async (t) => {
  const { graph, call, sim } = await createMicrosoft(t)
  const get = { id: '1', method: 'GET', url: '/users' }
  const cases: Array<[string, unknown]> = [
    ['no requests', {}],
    ['an empty one', { requests: [] }],
    ['more than twenty', { requests: Array.from({ length: 21 }, (_, index) => ({ ...get, id: String(index) })) }],
    ['an id twice', { requests: [get, get] }],
    ['no id', { requests: [{ ...get, id: undefined }] }],
    ['no method', { requests: [{ ...get, method: 'LOOK' }] }],
    ['an absolute address', { requests: [{ ...get, url: 'https://elsewhere.example/users' }] }],
    ['a body without its type', { requests: [{ id: '1', method: 'PATCH', url: CONNECTORS, body: {} }] }],
    ['an unknown key', { requests: [{ ...get, dependson: [] }] }],
    ['an unknown dependency', { requests: [{ ...get, dependsOn: ['2'] }] }],
    ['a later dependency', { requests: [{ ...get, dependsOn: ['2'] }, { ...get, id: '2' }] }],
    ['a key beside', { requests: [get], other: 1 }]
  ]
  await sim('DELETE', '/requests')
  for (const [what, body] of cases) t.match(await graph('POST', '/v1.0/$batch', JSON.parse(JSON.stringify(body))), { status: 400, body: { error: { code: String } } }, what)
  t.equal((await sim('GET', `/requests?tenant=${TENANT}`)).body.items.length, cases.length, 'none of their parts was done')
  t.match((await graph('POST', '/v1.0/$batch', { requests: [{ id: '1', method: 'POST', url: '/$batch', headers: json, body: { requests: [get] } }] })).body.responses, [{ status: 400 }])
  t.equal((await call('POST', '/v1.0/$batch', { body: { requests: [get] } })).status, 401)
})
