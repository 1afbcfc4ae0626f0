import t, { type Test } from 'tap'
import { createIntelCache, type IntelCache } from '../../../src/intel/index/intel-cache.js'
import { guardFeed } from '../../../src/intel/indicators/guard-feed.js'
import { guardHost, liftHost } from '../../../src/intel/indicators/change-guarded-hosts.js'
import type { Indicator } from '../../../src/intel/indicators/indicator.js'
import { BUILT_IN_GUARD } from '../../../src/intel/indicators/shared-hosts.js'
import { countRows, isProblem, startTestApi } from '../../helpers/api.js'
import { silentLog } from '../../helpers/log.js'
import { stixFile } from '../files.js'

interface Item { readonly host: string, readonly state: string, readonly category: string | null, readonly reason: string, readonly changedBy: string | null }

async function setUp (t: Test) {
  let cache!: IntelCache
  const api = await startTestApi(t, {
    intelOf: async (db) => {
      cache = await createIntelCache({ db, log: silentLog, pollMs: 3_600_000 })
      t.teardown(async () => await cache.close())
      return cache
    }
  })
  const key = await api.keyFor('platform-admin')
  const path = '/v1/intel/guarded-hosts'
  return {
    ...api,
    put: async (host: string, body: object = { reason: 'ours' }) => await api.call(key, 'PUT', `${path}/${encodeURIComponent(host)}`, body),
    lift: async (host: string) => await api.call(key, 'DELETE', `${path}/${encodeURIComponent(host)}?reason=known`),
    list: async () => (await api.call(key, 'GET', path)).json<{ items: Item[] }>().items,
    load: async (...patterns: string[]) => {
      const answer = await api.call(key, 'POST', '/v1/intel/feeds/test/import', stixFile('Thing', patterns), { 'content-type': 'application/octet-stream' })
      if (answer.statusCode !== 200) throw new Error(answer.body)
      return answer.json<{ byType: Record<string, number>, skipped: Array<{ reason: string, count: number, examples: string[] }> }>()
    },
    hostsHit: async (...hosts: string[]) => {
      const intel = await cache.refresh()
      return hosts.filter((host) => intel.lookupHost(host).length > 0)
    },
    audited: async () => (await api.db.selectFrom('audit_event').select(['action', 'subject', 'detail']).orderBy('id').execute()).filter(({ action }) => action.startsWith('guarded-host.'))
  }
}

t.test('a feed does not condemn what strangers share, and the import says so', async (t) => {
  const one = (type: Indicator['type'], value: string): Indicator => ({ type, value, role: 'c2', threatClass: 'malware', family: 'x' })
  const feed = { indicators: [one('domain', 'evil.example'), one('domain', 'github.com'), one('url', 'https://github.com/evil/app'), one('url', 'https://github.com/'), one('domain', 'bitbucket.org'), one('domain', 'co.uk')], skipped: [{ reason: 'before', count: 1, examples: ['x'] }] }
  const guarded = guardFeed(feed, BUILT_IN_GUARD)
  t.strictSame(guarded.indicators.map(({ value }) => value), ['evil.example', 'https://github.com/evil/app'])
  t.strictSame(guarded.skipped.map(({ reason, count, examples }) => [reason, count, ...examples]), [
    ['before', 1, 'x'],
    ['domain: a guarded host (code-hosting: anybody can publish code and downloads here)', 2, 'github.com', 'bitbucket.org'],
    ['url: a guarded host (code-hosting: anybody can publish code and downloads here)', 1, 'https://github.com/'],
    ['domain: a public suffix: strangers have the names below it', 1, 'co.uk']
  ])
  t.equal(guardFeed(guarded, BUILT_IN_GUARD), guarded, 'nothing to do, nothing changed')
})

t.test('operators see the list, add to it and lift from it, and it counts at once', async (t) => {
  const { put, lift, list, load, hostsHit, audited } = await setUp(t)
  const builtIn = await list()
  t.match(builtIn.find(({ host }) => host === 'github.com'), { state: 'built-in', category: 'code-hosting', changedBy: null })

  t.match(await load("[domain-name:value='portal.example']", "[domain-name:value='www.portal.example']", "[url:value='https://portal.example/']", "[url:value='https://portal.example/evil']", "[domain-name:value='gitlab.com']", "[ipv4-addr:value='198.51.100.7']"), {
    byType: { domain: 2, url: 2, ipv4: 1 }, skipped: [{ count: 1, examples: ['gitlab.com'] }]
  })
  t.strictSame(await hostsHit('portal.example', 'a.portal.example', 'www.portal.example', 'gitlab.com', '198.51.100.7'), ['portal.example', 'a.portal.example', 'www.portal.example', '198.51.100.7'])

  const added = await put('Portal.Example.', { reason: 'our own portal' })
  t.match([added.statusCode, added.json()], [200, { host: 'portal.example', state: 'added', category: null, reason: 'our own portal' }])
  t.equal((await put('198.51.100.7')).statusCode, 200)
  t.strictSame(await hostsHit('portal.example', 'a.portal.example', 'www.portal.example', '198.51.100.7'), [], 'what was imported before counts no more')
  t.match(await load("[domain-name:value='portal.example']", "[url:value='https://portal.example/evil']"), { byType: { domain: 0, url: 1 }, skipped: [{ reason: /added by an operator/ }] })

  t.equal((await lift('portal.example')).statusCode, 204)
  t.equal((await lift('gitlab.com')).statusCode, 204)
  t.match((await list()).filter(({ state }) => state !== 'built-in').map(({ host, state }) => [host, state]), [['198.51.100.7', 'added'], ['gitlab.com', 'lifted']])
  t.match(await load("[domain-name:value='portal.example']", "[domain-name:value='gitlab.com']"), { byType: { domain: 2 }, skipped: [] })
  t.strictSame(await hostsHit('portal.example', 'gitlab.com', 'a.gitlab.com'), ['portal.example', 'gitlab.com', 'a.gitlab.com'], 'a lifted host speaks for all below it')

  t.match((await put('gitlab.com')).json(), { host: 'gitlab.com', state: 'built-in', category: 'code-hosting' })
  t.strictSame(await hostsHit('a.gitlab.com'), [])
  t.equal((await lift('198.51.100.7')).statusCode, 204)
  t.strictSame(await list(), builtIn, 'everything is as it was')
  t.strictSame((await audited()).map(({ action, subject }) => `${action} ${subject}`), [
    'guarded-host.added portal.example', 'guarded-host.added 198.51.100.7', 'guarded-host.lifted portal.example', 'guarded-host.lifted gitlab.com', 'guarded-host.added gitlab.com', 'guarded-host.lifted 198.51.100.7'
  ])
})

t.test('what changes nothing is not written down', async (t) => {
  const { put, db, audited } = await setUp(t)
  const before = await db.selectFrom('intel_version').select('version').executeTakeFirstOrThrow()
  for (const host of ['github.com', 'www.google.com', 'github.io']) t.equal((await put(host)).statusCode, 200, host)
  t.strictSame(await audited(), [])
  t.strictSame(await db.selectFrom('intel_version').select('version').executeTakeFirstOrThrow(), before)
  t.strictSame(await db.selectFrom('guarded_host').selectAll().execute(), [])
})

t.test('a host below one that is guarded with all below it can be lifted by itself, and a suffix of one company too', async (t) => {
  const { lift, put, load, hostsHit } = await setUp(t)
  t.equal((await lift('evil.google.com')).statusCode, 204)
  t.equal((await lift('github.io')).statusCode, 204)
  t.match(await load("[domain-name:value='evil.google.com']", "[domain-name:value='other.google.com']", "[domain-name:value='github.io']"), { byType: { domain: 2 } })
  t.strictSame(await hostsHit('evil.google.com', 'other.google.com', 'github.io'), ['evil.google.com', 'github.io'])
  t.match((await put('evil.google.com')).json(), { state: 'built-in' })
})

t.test('what cannot be guarded or lifted is refused', async (t) => {
  const { put, lift, db } = await setUp(t)
  const before = await countRows(db)
  for (const host of ['not a host', 'https://github.com/x', '198.51.100.0/24', 'portal.example:443', 'localhost']) isProblem(t, await put(host), { status: 400, code: 'validation' }, host)
  isProblem(t, await put('portal.example', {}), { status: 400, code: 'validation' }, 'no reason')
  isProblem(t, await put('portal.example', { reason: 'x', more: 1 }), { status: 400, code: 'validation' }, 'more than a reason')
  isProblem(t, await lift('portal.example'), { status: 404, code: 'not-found' }, 'not guarded')
  isProblem(t, await lift('co.uk'), { status: 422, code: 'unprocessable' }, 'a country')
  t.strictSame(await countRows(db), before)
})

t.test('only who runs the platform may see or change the list', async (t) => {
  const { keyFor, call, db } = await setUp(t)
  for (const role of ['viewer', 'analyst', 'admin'] as const) {
    const key = await keyFor(role)
    const before = await countRows(db)
    for (const [method, path, body] of [['GET', ''], ['PUT', '/portal.example', { reason: 'x' }], ['DELETE', '/github.com']] as const) {
      isProblem(t, await call(key, method, `/v1/intel/guarded-hosts${path}`, body), { status: 403, code: 'forbidden' }, `${role} ${method}`)
    }
    t.strictSame(await countRows(db), before)
  }
})

t.test('two operators at once leave one decision, and phones are told of it', async (t) => {
  const { db, load } = await setUp(t)
  await load("[domain-name:value='portal.example']")
  await db.deleteFrom('intel_change').execute()
  let told = 0
  const deps = { db, onChanged: async () => { told++ } }
  const both = await Promise.all(['one', 'two'].map(async (changedBy) => await guardHost(deps, { host: 'portal.example', reason: 'x', changedBy })))
  t.match(both, [{ state: 'added' }, { state: 'added' }])
  t.equal((await db.selectFrom('audit_event').select('id').where('action', '=', 'guarded-host.added').execute()).length, 1, 'the second changed nothing')
  t.equal(told, 1)
  t.match(await db.selectFrom('intel_change').select(['kind', 'type', 'value']).execute(), [{ kind: 'withdrawn', type: 'domain', value: 'portal.example' }])
  await Promise.all(['one', 'two'].map(async (changedBy) => await liftHost(deps, { host: 'portal.example', reason: 'x', changedBy }).catch((error: { code: string }) => t.equal(error.code, 'NOT-FOUND'))))
  t.strictSame(await db.selectFrom('guarded_host').selectAll().execute(), [])
})
