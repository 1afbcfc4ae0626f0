import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CLIENT, createMicrosoft, entity, GRAPH_SCOPE, SECRET, TENANT } from './microsoft.js'

type Microsoft = Awaited<ReturnType<typeof createMicrosoft>>
type Row = Record<string, unknown> & { id: string, '@removed'?: { reason: string }, 'members@delta'?: Row[] }

const pathOf = (link: string): string => new URL(link).pathname + new URL(link).search

/** All rows from a link to the next delta link. */
async function read ({ graph }: Microsoft, start: string, headers = {}): Promise<{ rows: Row[], pages: number, deltaLink: string }> {
  const rows: Row[] = []
  let path = start
  for (let pages = 1; ; pages++) {
    const { status, body } = await graph('GET', path, undefined, headers)
    if (status !== 200) throw new Error(JSON.stringify(body))
    rows.push(...body.value)
    if (body['@odata.deltaLink'] !== undefined) return { rows, pages, deltaLink: pathOf(body['@odata.deltaLink']) }
    path = pathOf(body['@odata.nextLink'])
  }
}

t.test('users and groups are listed, found and read', async (t) => {
  const [ann, bob, sales] = [randomUUID(), randomUUID(), randomUUID()]
  const { graph } = await createMicrosoft(t, {
    users: [{ id: ann, userPrincipalName: 'ann@contoso.example', displayName: 'Ann' }, { id: bob, licensed: false }],
    groups: [{ id: sales, displayName: 'Sales', members: [ann, bob] }]
  })
  const filter = async (path: string, text: string) => await graph('GET', `/v1.0${path}?$filter=${encodeURIComponent(text)}`)
  t.match((await filter('/groups', "displayName eq 'Sales'")).body.value, [{ id: sales, displayName: 'Sales', securityEnabled: true }])
  t.match((await filter('/groups', "startswith(displayName,'Sal')")).body.value, [{ id: sales }])
  t.match((await filter('/users', `id in ('${ann}', '${randomUUID()}')`)).body.value, [{ id: ann, assignedLicenses: [{ skuId: String }] }])
  t.equal((await filter('/users', "contains(displayName,'A')")).status, 400)
  t.match((await graph('GET', '/v1.0/users/ANN@contoso.example?$select=id')).body, { id: ann })
  t.match((await graph('GET', `/v1.0/users/${bob}`)).body, { assignedLicenses: [] })
  t.match(await graph('GET', `/v1.0/users/${randomUUID()}`), { status: 404, body: { error: { code: 'Request_ResourceNotFound' } } })
  t.match((await graph('GET', `/v1.0/groups/${sales}/members?$select=id`)).body.value.map(({ id }: Row) => id).sort(), [ann, bob].sort())
  const first = await graph('GET', `/v1.0/groups/${sales}/transitiveMembers/microsoft.graph.user?$top=1`)
  t.equal(first.body.value.length, 1)
  t.equal((await graph('GET', pathOf(first.body['@odata.nextLink']))).body.value.length, 1)
  t.equal((await graph('GET', `/v1.0/groups/${randomUUID()}/members`)).status, 404)
})

t.test('who may not read users is told their ids only', async (t) => {
  const [ann, sales] = [randomUUID(), randomUUID()]
  const { call, tokenOf } = await createMicrosoft(t, {
    clients: [{ clientId: CLIENT, secret: SECRET, roles: { graph: ['GroupMember.Read.All'] } }], groups: [{ id: sales, members: [ann] }]
  })
  const token = await tokenOf(GRAPH_SCOPE)
  t.strictSame((await call('GET', `/v1.0/groups/${sales}/members`, { token })).body.value, [{ '@odata.type': '#microsoft.graph.user', id: ann }])
  t.equal((await call('GET', '/v1.0/users', { token })).status, 403)
  t.equal((await call('GET', '/v1.0/users/delta', { token })).status, 403)
})

t.test('a phone in Entra only is in its list, and Intune does not know it', async (t) => {
  const { graph, enroll, device, provision, send, status } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll({ platform: 'ios', mdmEnrolled: false })
  const [row] = (await graph('GET', `/v1.0/devices?$filter=${encodeURIComponent(`deviceId eq '${deviceId}'`)}`)).body.value
  t.match(row, { deviceId, isManaged: null, isCompliant: null })
  t.match((await graph('GET', `/v1.0/devices/${row.id}/registeredOwners`)).body.value, [{ '@odata.type': '#microsoft.graph.user', id: String }])
  t.strictSame((await graph('GET', '/v1.0/deviceManagement/managedDevices')).body.value, [])
  t.match(await device(deviceId), { complianceState: 'unknown', access: { exchange: 'blocked' } })
  const messageId = randomUUID()
  await send([entity(deviceId, 'secured')], { messageId })
  t.match((await status(messageId)).body, { Status: 'Failed', ErrorDetail: new RegExp(deviceId) })
})

t.test('a nudge makes a phone check in that is on', async (t) => {
  const { graph, enroll, sim } = await createMicrosoft(t)
  const [here, lost] = [await enroll(), await enroll({ platform: 'android', online: false })]
  const managed = async (deviceId: string) => (await graph('GET', `/v1.0/deviceManagement/managedDevices?$filter=${encodeURIComponent(`azureADDeviceId eq '${deviceId}'`)}`)).body.value[0]
  const before = [await managed(here), await managed(lost)]
  await sim('PUT', '/clock', { offsetSeconds: 3600 })
  for (const { id } of before) t.equal((await graph('POST', `/v1.0/deviceManagement/managedDevices/${id}/syncDevice`)).status, 204)
  t.ok(Date.parse((await managed(here)).lastSyncDateTime) > Date.parse(before[0].lastSyncDateTime))
  t.equal((await managed(lost)).lastSyncDateTime, before[1].lastSyncDateTime)
  await sim('PUT', '/clock', { offsetSeconds: 3 * 86_400 })
  t.ok(Date.parse((await managed(here)).lastSyncDateTime) > Date.now() + 2 * 86_400_000, 'about every eight hours by itself')
  t.equal((await managed(lost)).lastSyncDateTime, before[1].lastSyncDateTime)
})

t.test('devices delta tells every device once, then what came, changed and went', async (t) => {
  const microsoft = await createMicrosoft(t)
  const { sim, enroll, graph, provision, send } = microsoft
  await provision()
  await sim('PUT', `/tenants/${TENANT}/devices`, Array.from({ length: 25 }, () => ({ entraDeviceId: randomUUID(), platform: 'ios' })))
  const all = await read(microsoft, '/v1.0/devices/delta?$top=10&$select=deviceId,isCompliant')
  t.equal(all.pages, 3)
  t.equal(new Set(all.rows.map(({ id }) => id)).size, 25)
  t.strictSame(Object.keys(all.rows[0]!).sort(), ['deviceId', 'id', 'isCompliant'])
  const nothing = await read(microsoft, all.deltaLink)
  t.strictSame(nothing.rows, [])

  const [changed, gone] = [all.rows[3]!, all.rows[4]!]
  const came = await enroll()
  await send([entity(String(changed.deviceId), 'highSeverity')])
  await sim('DELETE', `/tenants/${TENANT}/devices/${String(gone.deviceId)}`)
  const next = await read(microsoft, nothing.deltaLink)
  t.equal(next.rows.length, 3)
  t.match(next.rows.find(({ id }) => id === changed.id), { isCompliant: false })
  t.strictSame(next.rows.find(({ id }) => id === gone.id), { id: gone.id, '@removed': { reason: 'deleted' } })
  t.ok(next.rows.some(({ deviceId }) => deviceId === came))

  const latest = await graph('GET', '/v1.0/devices/delta?$deltatoken=latest')
  t.strictSame(latest.body.value, [])
  t.strictSame((await read(microsoft, pathOf(latest.body['@odata.deltaLink']))).rows, [])
})

t.test('what changes while pages are read is not lost', async (t) => {
  const microsoft = await createMicrosoft(t)
  const { sim, graph, enroll } = microsoft
  await sim('PUT', `/tenants/${TENANT}/devices`, Array.from({ length: 30 }, () => ({ entraDeviceId: randomUUID(), platform: 'android' })))
  const seen = new Set<string>()
  let { body } = await graph('GET', '/v1.0/devices/delta', undefined, { prefer: 'odata.maxpagesize=10' })
  for (const row of body.value) seen.add(row.deviceId)
  const late = await enroll()
  while (body['@odata.nextLink'] !== undefined) {
    ({ body } = await graph('GET', pathOf(body['@odata.nextLink']), undefined, { prefer: 'odata.maxpagesize=10' }))
    for (const row of body.value) seen.add(row.deviceId)
  }
  const next = await read(microsoft, pathOf(body['@odata.deltaLink']))
  for (const row of next.rows) seen.add(String(row.deviceId))
  t.equal(seen.size, 31)
  t.ok(seen.has(late))
})

t.test('groups delta tells members that came and went, large groups in parts', async (t) => {
  const members = Array.from({ length: 450 }, () => randomUUID())
  const [large, small] = [randomUUID(), randomUUID()]
  const microsoft = await createMicrosoft(t, { groups: [{ id: large, displayName: 'Large', members }, { id: small, displayName: 'Small', members: [members[0]!] }] })
  const { sim } = microsoft
  const all = await read(microsoft, '/v1.0/groups/delta?$select=displayName,members', { prefer: 'odata.maxpagesize=2' })
  const parts = all.rows.filter(({ id }) => id === large)
  t.equal(parts.length, 3)
  t.strictSame(new Set(parts.flatMap((row) => row['members@delta']!.map(({ id }) => id))), new Set(members))
  t.match(parts[0]!['members@delta']![0], { '@odata.type': '#microsoft.graph.user' })

  const newcomer = randomUUID()
  await sim('PUT', `/tenants/${TENANT}/groups/${small}/members/${newcomer}`)
  await sim('DELETE', `/tenants/${TENANT}/groups/${small}/members/${members[0]!}`)
  const next = await read(microsoft, all.deltaLink)
  t.equal(next.rows.length, 1)
  t.match(next.rows[0], { id: small, 'members@delta': [{ id: newcomer }, { id: members[0], '@removed': { reason: 'deleted' } }] })

  await sim('DELETE', `/tenants/${TENANT}/groups/${small}`)
  await sim('DELETE', `/tenants/${TENANT}/groups/${large}?permanent=false`)
  const gone = await read(microsoft, next.deltaLink)
  t.strictSame(new Set(gone.rows.map((row) => `${row.id} ${row['@removed']!.reason}`)), new Set([`${small} deleted`, `${large} changed`]))
})

t.test('delta of one group follows that group only', async (t) => {
  const [one, other] = [randomUUID(), randomUUID()]
  const microsoft = await createMicrosoft(t, { groups: [{ id: one, members: [] }, { id: other, members: [] }] })
  const first = await read(microsoft, `/v1.0/groups/delta?$filter=${encodeURIComponent(`id eq '${one}'`)}`)
  t.strictSame(first.rows.map(({ id }) => id), [one])
  for (const group of [one, other]) await microsoft.sim('PUT', `/tenants/${TENANT}/groups/${group}/members/${randomUUID()}`)
  t.strictSame((await read(microsoft, first.deltaLink)).rows.map(({ id }) => id), [one])
})

t.test('users delta tells who was deleted and who came back', async (t) => {
  const ann = randomUUID()
  const microsoft = await createMicrosoft(t, { users: [{ id: ann }] })
  const first = await read(microsoft, '/v1.0/users/delta')
  t.ok(first.rows.some(({ id }) => id === ann))
  await microsoft.sim('DELETE', `/tenants/${TENANT}/users/${ann}?permanent=false`)
  const second = await read(microsoft, first.deltaLink)
  t.strictSame(second.rows, [{ id: ann, '@removed': { reason: 'changed' } }])
  await microsoft.sim('PUT', `/tenants/${TENANT}/users/${ann}`, { displayName: 'Ann' })
  t.match((await read(microsoft, second.deltaLink)).rows, [{ id: ann, displayName: 'Ann' }])
})

t.test('rows can come twice, and a token can be too old', async (t) => {
  const microsoft = await createMicrosoft(t, { deltaDuplicates: true })
  const { sim, graph } = microsoft
  await sim('PUT', `/tenants/${TENANT}/devices`, Array.from({ length: 9 }, () => ({ entraDeviceId: randomUUID(), platform: 'ios' })))
  const { rows, deltaLink } = await read(microsoft, '/v1.0/devices/delta?$top=3')
  t.equal(rows.length, 11)
  t.equal(new Set(rows.map(({ id }) => id)).size, 9)
  await sim('PUT', '/faults', [{ kind: 'delta-token-expired', times: 1 }])
  t.match(await graph('GET', deltaLink), { status: 410, body: { error: { code: 'syncStateNotFound' } } })
  t.equal((await graph('GET', deltaLink)).status, 200)
  for (const query of ['$top=5', '$orderby=id', '$expand=members', '$deltatoken=nonsense', `$filter=${encodeURIComponent("displayName eq 'x'")}`]) {
    t.equal((await graph('GET', `/v1.0/groups/delta?${query}`)).status, 400, query)
  }
})
