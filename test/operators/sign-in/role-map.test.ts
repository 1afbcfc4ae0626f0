import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { hasGroupsOmitted, nameIn, textsOf } from '../../../src/operators/sign-in/claims.js'
import { DEFAULT_ROLE_MAP, grantsOf, parseRoleMap } from '../../../src/operators/sign-in/role-map.js'
import { RANKS } from '../../../src/operators/roles.js'

const A = randomUUID()
const B = randomUUID()

t.test('a map is read as it is written', async (t) => {
  t.strictSame(parseRoleMap(`Mtd Admins = admin, 8b1=viewer@*,soc=analyst@${A.toUpperCase()},root=platform-admin`), [
    { value: 'Mtd Admins', role: 'admin', where: 'own' },
    { value: '8b1', role: 'viewer', where: 'all' },
    { value: 'soc', role: 'analyst', where: { tenantId: A } },
    { value: 'root', role: 'platform-admin', where: 'all' }
  ])
  for (const text of ['x', 'x=', 'x=owner', '=viewer', 'x=viewer y', 'toString=constructor']) t.throws(() => parseRoleMap(text), { message: /maps no role/ }, text)
})

const home = { isHome: true, ownTenantId: A }
const customer = { isHome: false, ownTenantId: A }
const guest = { isHome: false, ownTenantId: undefined }
const MAP = parseRoleMap(`admin=admin,all=viewer@*,b=analyst@${B},root=platform-admin`)
const CASES: Array<[name: string, values: string[], origin: typeof home | typeof guest, grants: object[]]> = [
  ['a role means the customer\'s own tenant', ['admin'], customer, [{ role: 'admin', tenantId: A }]],
  ['a role of somebody who is no customer means nothing', ['admin'], guest, []],
  ['a customer\'s role means no other tenant', ['all', 'b', 'root'], customer, []],
  ['a provider\'s role means no tenant', ['all', 'b', 'root', 'admin'], guest, []],
  ['our own directory\'s roles mean what the map says', ['all', 'b', 'root', 'admin'], home, [{ role: 'admin', tenantId: A }, { role: 'viewer', tenantId: null }, { role: 'analyst', tenantId: B }, { role: 'platform-admin', tenantId: null }]],
  ['our own directory without a tenant has the rest', ['admin', 'root'], { isHome: true, ownTenantId: undefined }, [{ role: 'platform-admin', tenantId: null }]],
  ['spelling counts', ['Admin', 'admin ', 'ROOT'], home, []]
]
for (const [name, values, origin, grants] of CASES) {
  t.test(name, async (t) => { t.strictSame(grantsOf(MAP, new Set(values), origin), grants) })
}

t.test('without a map our names mean themselves', async (t) => {
  t.strictSame(grantsOf(DEFAULT_ROLE_MAP, new Set(['analyst', 'platform-admin', 'threat_state.read']), customer), [{ role: 'analyst', tenantId: A }])
  t.strictSame(grantsOf(DEFAULT_ROLE_MAP, new Set(['platform-admin']), home), [{ role: 'platform-admin', tenantId: null }])
})

t.test('whatever a customer\'s token says and whatever the map, it gets into no tenant but its own', async () => {
  const value = fc.constantFrom('a', 'b', 'admin', 'platform-admin')
  const where = fc.constantFrom('own' as const, 'all' as const, { tenantId: A }, { tenantId: B })
  fc.assert(fc.property(fc.array(fc.record({ value, role: fc.constantFrom(...RANKS), where })), fc.array(value), (map, values) => {
    const ours = map.map((entry) => entry.role === 'platform-admin' ? { ...entry, where: 'all' as const } : entry)
    return grantsOf(ours, new Set(values), customer).every(({ tenantId, role }) => tenantId === A && role !== 'platform-admin') &&
      grantsOf(ours, new Set(values), guest).length === 0
  }))
})

t.test('claims are found by name or by way, whole names first', async (t) => {
  const payload = { roles: ['a', 'b', 7, '', 'x\u0000', '\ud800', null], groups: 'one', realm_access: { roles: ['c'] }, 'https://x.example/roles': ['d'], 'p.q': ['whole'], p: { q: ['way'] } }
  t.strictSame([...textsOf(payload, ['roles'])], ['a', 'b'], 'only texts that can be stored')
  t.strictSame([...textsOf(payload, ['roles', 'groups', 'realm_access.roles', 'https://x.example/roles'])], ['a', 'b', 'one', 'c', 'd'])
  t.strictSame([...textsOf(payload, ['p.q'])], ['whole'])
  t.strictSame([...textsOf(payload, ['none', 'realm_access.none', 'groups.length', '__proto__.x', 'constructor.name', 'toString'])], [])
})

t.test('a name is for people, and cannot be mistaken for an id', async (t) => {
  t.equal(nameIn({ name: 'Ann', preferred_username: 'ann@example.com' }), 'ann@example.com')
  t.equal(nameIn({ name: ' Eve <1234>\nadmin ' }), 'Eve  1234  admin')
  t.equal(nameIn({ name: '\u0000', email: 7, preferred_username: '' }), undefined)
  t.equal(nameIn({ name: 'x'.repeat(500) })!.length, 100)
})

t.test('that groups were left out is seen', async (t) => {
  t.ok(hasGroupsOmitted({ _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } }))
  t.ok(hasGroupsOmitted({ hasgroups: true }))
  t.notOk(hasGroupsOmitted({ groups: [] }))
})
