import t from 'tap'
import { chooseService, createDiscovery, parseEndpoints } from '../../src/intune/discovery.js'
import { isAllowedHost } from '../../src/intune/https-agent.js'
import { IntuneError } from '../../src/intune/intune-error.js'

const HOSTS = ['.manage.microsoft.com', '127.0.0.1']
const row = (providerName: unknown, uri: unknown) => ({ id: 'x', capability: 'y', providerName, uri })
const LIST = {
  value: [
    row('ASUName', 'AMSUD0101'), row('Region', 'OC'), row('TotalNumberOfEndpoints', '187'), row(null, 'https://fef.manage.microsoft.com/x'), null, 'junk', row('X', 7),
    row('partnertenantdatasyncSERVICE', 'https://fef.msud01.manage.microsoft.com/TrafficGateway/StatelessPartnerTenantDataSyncService/')
  ]
}

t.test('rows that are no addresses do no harm', async (t) => {
  t.equal(chooseService(parseEndpoints(LIST), 'PartnerTenantDataSyncService', HOSTS),
    'https://fef.msud01.manage.microsoft.com/TrafficGateway/StatelessPartnerTenantDataSyncService')
  t.throws(() => chooseService(parseEndpoints(LIST), 'Region', HOSTS), { code: 'intune-not-set-up' })
  t.throws(() => chooseService(parseEndpoints({}), 'PartnerDeviceDataSyncService', HOSTS), { code: 'intune-not-set-up' })
})

t.test('a Backup row and a neighbour are no substitute for the service itself', async (t) => {
  const neighbours = ['PartnerTenantDataSyncServiceBackup', 'PartnerDeviceDataSyncServiceBackup', 'PartnerComplianceService', 'DataInfraPartnerService'].map((name) => row(name, `https://fef.manage.microsoft.com/${name}`))
  const rows = parseEndpoints({ value: [...neighbours, row('  PartnerTenantDataSyncService ', ' https://fef.manage.microsoft.com/ours ')] })
  t.equal(chooseService(rows, 'PartnerTenantDataSyncService', HOSTS), 'https://fef.manage.microsoft.com/ours')
  t.throws(() => chooseService(rows, 'PartnerDeviceDataSyncService', HOSTS), { code: 'intune-not-set-up', message: /list of services has no PartnerDeviceDataSyncService/ })
})

t.test('a tenant without Intune is told apart from one whose list cannot be read', async (t) => {
  const graphOf = (answer: (path: string) => unknown) => createDiscovery({ allowedHosts: HOSTS, graph: { async get (_tenant, path) { return answer(path) } } })
  const refusing = (failure: 'rejected' | 'unauthorized') => (path: string): unknown => {
    if (path.includes('appId=')) throw new IntuneError(failure, 'Microsoft Graph answered 404: Resource does not exist')
    return { value: [] }
  }
  await t.rejects(graphOf(refusing('rejected')).findService('t', 'S'), { code: 'intune-not-set-up', message: /service principal is missing/ })
  await t.rejects(graphOf(refusing('unauthorized')).findService('t', 'S'), { code: 'intune-unauthorized' })
})

t.test('our token goes to https and known hosts only', async (t) => {
  const choose = (uri: string) => chooseService([{ providerName: 'S', uri }], 'S', HOSTS)
  t.equal(choose('https://127.0.0.1:8443/a?b#c'), 'https://127.0.0.1:8443/a')
  for (const uri of ['http://fef.manage.microsoft.com/', 'https://manage.microsoft.com.evil.example/', 'https://evilmanage.microsoft.com/',
    'https://user@fef.manage.microsoft.com/', 'https://127.0.0.1.evil.example/', 'https://localhost/']) {
    t.throws(() => choose(uri), { code: 'intune-not-set-up' }, uri)
  }
  t.equal(chooseService([{ providerName: 'S', uri: 'https://evil.example/' }, { providerName: 's', uri: 'https://a.manage.microsoft.com/' }], 'S', HOSTS), 'https://a.manage.microsoft.com')
  t.notOk(isAllowedHost('manage.microsoft.com', HOSTS))
  t.ok(isAllowedHost('A.Manage.Microsoft.com', HOSTS))
})

t.test('a list is kept for a day, and dropped after a failed call', async (t) => {
  let now = 0
  let calls = 0
  const discovery = createDiscovery({
    allowedHosts: HOSTS,
    now: () => now,
    graph: { async get () { calls++; return { value: [row('S', `https://a${calls}.manage.microsoft.com`)] } } }
  })
  t.equal(await discovery.findService('t', 'S'), 'https://a1.manage.microsoft.com')
  now += 23 * 3_600_000
  t.equal(await discovery.findService('t', 'S'), 'https://a1.manage.microsoft.com')
  now += 2 * 3_600_000
  t.equal(await discovery.findService('t', 'S'), 'https://a2.manage.microsoft.com')
  discovery.dropServices('t')
  t.equal(await discovery.findService('t', 'S'), 'https://a3.manage.microsoft.com')
  await discovery.findService('other', 'S')
  t.equal(calls, 4)
})

t.test('a failed look-up is not kept', async (t) => {
  let calls = 0
  const discovery = createDiscovery({
    allowedHosts: HOSTS,
    graph: {
      async get () {
        if (calls++ === 0) throw new IntuneError('unavailable', 'away')
        return { value: [row('S', 'https://a.manage.microsoft.com')] }
      }
    }
  })
  await t.rejects(discovery.findService('t', 'S'), { code: 'intune-unavailable' })
  t.equal(await discovery.findService('t', 'S'), 'https://a.manage.microsoft.com')
})

t.test('the long form of discovery is used where the short one is unknown, page by page', async (t) => {
  const paths: string[] = []
  const discovery = createDiscovery({
    allowedHosts: HOSTS,
    graph: {
      async get (_tenant, path) {
        paths.push(path)
        if (path.includes('appId=')) throw new IntuneError('rejected', 'Bad Request')
        if (path.includes('$filter')) return { value: [{ id: 'sp-1' }] }
        if (path === '/servicePrincipals/sp-1/endPoints') return { value: [row('Other', 'https://b.manage.microsoft.com')], '@odata.nextLink': 'https://graph/next' }
        return { value: [row('S', 'https://a.manage.microsoft.com')] }
      }
    }
  })
  t.equal(await discovery.findService('t', 'S'), 'https://a.manage.microsoft.com')
  t.strictSame(paths.slice(2), ['/servicePrincipals/sp-1/endPoints', 'https://graph/next'])
})
