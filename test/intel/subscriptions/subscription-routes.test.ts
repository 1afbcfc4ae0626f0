import t, { type Test } from 'tap'
import { countRows, isProblem, startTestApi } from '../../helpers/api.js'
import { SECRETS } from './setup.js'

const URL_OF_TEST = 'https://feeds.example/list.csv'

async function setUp (t: Test, { secrets = SECRETS }: { readonly secrets?: typeof SECRETS | undefined } = {}) {
  const api = await startTestApi(t, { secrets })
  const key = await api.keyFor('platform-admin')
  return { ...api, key, post: async (body: object) => await api.call(key, 'POST', '/v1/intel/subscriptions', body) }
}

t.test('only who runs the platform may see, make, end or run subscriptions', async (t) => {
  const { keyFor, call, db } = await setUp(t)
  for (const role of ['viewer', 'analyst', 'admin', undefined] as const) {
    const key = role === undefined ? undefined : await keyFor(role)
    const before = await countRows(db)
    for (const [method, path] of [['GET', ''], ['POST', ''], ['DELETE', '/list'], ['POST', '/list/refresh']] as const) {
      isProblem(t, await call(key, method, `/v1/intel/subscriptions${path}`, method === 'POST' && path === '' ? { feed: 'list', url: URL_OF_TEST } : undefined),
        role === undefined ? { status: 401, code: 'unauthenticated' } : { status: 403, code: 'forbidden' }, `${role} ${method} ${path}`)
    }
    t.strictSame(await countRows(db), before)
  }
})

t.test('a subscription is made, listed, run, replaced and ended, and all of it is written down', async (t) => {
  const { call, key, post, db } = await setUp(t)
  const made = await post({ feed: 'list', url: `${URL_OF_TEST}?k=1#top`, class: 'stalkerware', everySeconds: 600, username: 'u', password: 'hunter2' })
  t.equal(made.statusCode, 201)
  t.match(made.json(), {
    feed: 'list', kind: 'file', url: `${URL_OF_TEST}?k=1`, format: 'auto', class: 'stalkerware', everySeconds: 600, credentials: 'basic', lastSuccessAt: null, lastError: null,
    failures: 0, running: false, stale: false, ageSeconds: null, etag: null, allowHttp: false, allowPrivate: false
  })
  t.notMatch(made.body, 'hunter2')
  const list = await call(key, 'GET', '/v1/intel/subscriptions')
  t.strictSame(list.json(), { items: [made.json()], nextCursor: null })

  await db.updateTable('intel_subscription').set({ next_run_at: new Date(Date.now() + 1e9) }).execute()
  const refreshed = await call(key, 'POST', '/v1/intel/subscriptions/list/refresh?full=true')
  t.equal(refreshed.statusCode, 202)
  t.ok(Date.parse(refreshed.json().nextRunAt) <= Date.now() + 1_000)
  t.match(await db.selectFrom('intel_subscription').select('full_requested').executeTakeFirst(), { full_requested: true })

  const replaced = await post({ feed: 'list', url: 'https://other.example/', taxiiCollection: 'x' })
  t.match([replaced.statusCode, replaced.json()], [200, { kind: 'taxii', format: 'stix', credentials: null, class: null }])
  t.equal((await call(key, 'DELETE', '/v1/intel/subscriptions/list')).statusCode, 204)
  for (const [method, path] of [['DELETE', 'list'], ['POST', 'list/refresh']] as const) isProblem(t, await call(key, method, `/v1/intel/subscriptions/${path}`), { status: 404, code: 'not-found' })
  const audit = (await call(key, 'GET', '/v1/audit')).json<{ items: Array<{ action: string }> }>().items.filter(({ action }) => action.startsWith('subscription.'))
  t.match(audit, [
    { action: 'subscription.removed', subject: 'list', actor: 'platform-admin of the test' },
    { action: 'subscription.replaced' },
    { action: 'subscription.refreshed', detail: { full: true } },
    { action: 'subscription.created', detail: { url: URL_OF_TEST, kind: 'file', credentials: 'basic' } }
  ])
  t.equal(audit.length, 4)
  t.notMatch(JSON.stringify(audit), /hunter2|k=1/)
})

t.test('what is wrong with a subscription is named, fault by fault, and nothing is stored', async (t) => {
  const { post, db } = await setUp(t)
  const before = await countRows(db)
  const base = { feed: 'list', url: URL_OF_TEST }
  for (const [name, body, paths] of [
    ['nothing', {}, ['/feed', '/url']],
    ['no URL', { ...base, url: 'feeds.example' }, ['/url']],
    ['plain http', { ...base, url: 'http://feeds.example/' }, ['/url']],
    ['another scheme', { ...base, url: 'file:///etc/passwd', allowHttp: true }, ['/url']],
    ['a password in the address', { ...base, url: 'https://u:p@feeds.example/' }, ['/url']],
    ['numbers and choices', { ...base, everySeconds: 299, kind: 'ftp', format: 'guess', class: 'bad' }, ['/everySeconds', '/kind', '/format', '/class']],
    ['a key it does not know', { ...base, passwrd: 'x' }, undefined],
    ['halves', { ...base, username: 'u', signatureUrl: URL_OF_TEST }, ['/password', '/signatureKey']],
    ['a password without a name', { ...base, password: 'p' }, ['/username']],
    ['two secrets', { ...base, username: 'u', password: 'p', token: 't' }, ['/token']],
    ['a header that means something else', { ...base, token: 't', tokenHeader: 'Host' }, ['/tokenHeader']],
    ['a header that is none', { ...base, token: 't', tokenHeader: 'a b' }, ['/tokenHeader']],
    ['a token that would break a header', { ...base, token: 'a\r\nb: c' }, ['/token']],
    ['no minisign key', { ...base, signatureUrl: URL_OF_TEST, signatureKey: 'x' }, ['/signatureKey']],
    ['files\' things for a collection', { ...base, taxiiCollection: 'a', checksumUrl: URL_OF_TEST, format: 'starter' }, ['/checksumUrl', '/format']],
    ['a collection of a file', { ...base, kind: 'file', taxiiCollection: 'a' }, ['/taxiiCollection']],
    ['a collection that is a path', { ...base, taxiiCollection: '../x' }, ['/taxiiCollection']]
  ] as const) {
    const answer = await post(body)
    isProblem(t, answer, { status: 400, code: 'validation', ...(paths === undefined ? {} : { paths }) }, name)
    t.notMatch(answer.body, 'a\\r\\nb', name)
  }
  t.strictSame(await countRows(db), before)
})

t.test('without a key for secrets none is taken', async (t) => {
  const api = await startTestApi(t)
  const key = await api.keyFor('platform-admin')
  isProblem(t, await api.call(key, 'POST', '/v1/intel/subscriptions', { feed: 'list', url: URL_OF_TEST, token: 'hunter2' }), { status: 422, code: 'unprocessable' })
  t.equal((await api.call(key, 'POST', '/v1/intel/subscriptions', { feed: 'list', url: URL_OF_TEST })).statusCode, 201)
})
