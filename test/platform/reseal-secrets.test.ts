import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { SECRET_KINDS } from '../../src/commands/secrets.js'
import { createSigningKeys } from '../../src/devices/signing-keys.js'
import { claimSubscription } from '../../src/intel/subscriptions/subscription-repository.js'
import { secretContext } from '../../src/intel/subscriptions/subscription.js'
import { resealSecrets } from '../../src/platform/reseal-secrets.js'
import { createSecretBox, type SecretBox } from '../../src/platform/secret-box.js'
import { createSetSigner } from '../../src/signals/ssf/set-keys.js'
import { startTestApi } from '../helpers/api.js'
import { startCommands } from '../helpers/commands.js'
import { silentLog } from '../helpers/log.js'

const newKey = (): string => randomBytes(32).toString('base64')

/** An installation with a secret of each kind, under the old key. */
async function setUp (t: Test) {
  const [old, young] = [newKey(), newKey()]
  const secrets = createSecretBox(old)
  const api = await startTestApi(t, { secrets })
  const admin = await api.keyFor('admin')
  const platform = await api.keyFor('platform-admin')
  const made = [
    await api.call(platform, 'POST', '/v1/intel/subscriptions', { feed: 'list', url: 'https://feeds.example/list.csv', username: 'u', password: 'hunter2' }),
    await api.call(admin, 'POST', `/v1/tenants/${api.tenantId}/signal-destinations`, { kind: 'webhook', name: 'hook', url: 'https://hook.example/' }),
    await api.call(admin, 'POST', `/v1/tenants/${api.tenantId}/signal-destinations`, { kind: 'ocsf-https', name: 'siem', url: 'https://siem.example/', authorization: 'Bearer hunter2' })
  ]
  for (const answer of made) if (answer.statusCode !== 201) throw new Error(answer.body)
  await createSetSigner({ db: api.db, secrets }).keySet()
  const count = async (box: SecretBox): Promise<{ readonly open: number, readonly shut: number }> => {
    let [open, shut] = [0, 0]
    for (const kind of SECRET_KINDS) {
      for (const { sealed, context } of await kind.list(api.db, { after: undefined, limit: 100 })) {
        try {
          box.open(sealed, context)
          open++
        } catch {
          shut++
        }
      }
    }
    return { open, shut }
  }
  return { api, db: api.db, old, young, both: `${young},${old}`, count }
}

const sums = (kinds: Awaited<ReturnType<typeof resealSecrets>>): readonly number[] => [
  kinds.reduce((sum, { resealed }) => sum + resealed, 0), kinds.reduce((sum, { current }) => sum + current, 0), kinds.reduce((sum, { unreadable }) => sum + unreadable.length, 0)
]

t.test('every secret is put under the new key, and what uses it goes on', async (t) => {
  const { api, db, old, young, both, count } = await setUp(t)
  t.strictSame(await count(createSecretBox(old)), { open: 5, shut: 0 })
  const answer = async (keys: string, check = false): Promise<readonly number[]> => sums(await resealSecrets({ db, secrets: createSecretBox(keys), kinds: SECRET_KINDS, actor: 'ann' }, { check }))

  t.strictSame(await answer(both, true), [5, 0, 0])
  t.strictSame(await count(createSecretBox(young)), { open: 0, shut: 5 }, 'a check changes nothing')
  t.strictSame(await answer(both), [5, 0, 0])
  t.strictSame(await count(createSecretBox(young)), { open: 5, shut: 0 })
  t.strictSame(await count(createSecretBox(old)), { open: 0, shut: 5 }, 'the old key opens nothing any more')
  t.strictSame(await answer(both), [0, 5, 0], 'again: nothing is left')
  t.strictSame(await answer(young), [0, 5, 0])
  t.strictSame(await answer(old), [0, 0, 5], 'what no key opens is told, and left as it is')
  t.strictSame(await count(createSecretBox(young)), { open: 5, shut: 0 })

  // What was made under the old key still counts, and its secrets are what they were.
  const secrets = createSecretBox(young)
  const { credentials, ...subscription } = (await claimSubscription(db, { leaseMs: 1_000, feed: 'list' }))!
  t.match(JSON.parse(secrets.open(credentials!, secretContext(subscription))), { value: `Basic ${Buffer.from('u:hunter2').toString('base64')}` })
  const keys = await createSigningKeys({ db, log: silentLog, secrets })
  t.teardown(() => keys.close())
  t.strictSame(keys.current(), api.keys.current())
  t.match(await createSetSigner({ db, secrets }).sign({ iat: 1, sub_id: {}, events: {} } as never, { id: randomUUID(), issuer: 'i', audience: 'a' }), /^ey/)
  await t.rejects(createSigningKeys({ db, log: silentLog }), /SECRETS_KEY is not set/, 'without the key nothing starts with other ones')
})

t.test('an interrupted change of keys loses nothing, goes on where it ended, and has written down all that it did and nothing else', async (t) => {
  const { db, both, young, count } = await setUp(t)
  const secrets = createSecretBox(both)
  const written = async (): Promise<number> => {
    const lines = await db.selectFrom('audit_event').select('detail').where('action', '=', 'secrets.resealed').execute()
    return lines.flatMap(({ detail }) => Object.values(detail as Record<string, number>)).reduce((sum, one) => sum + one, 0)
  }
  // What is sealed anew together is done or not done together: one subscription, two destinations, a key of signals and one of tokens.
  for (const done of [0, 1, 3, 4]) {
    let [first, calls]: [string | undefined, number] = [undefined, 0]
    const kinds = SECRET_KINDS.map((kind): typeof kind => ({
      ...kind,
      replace: async (...args) => {
        first ??= kind.name
        // In the middle of the second kind, and of the destinations.
        if (kind.name !== first || (done === 1 && ++calls === 2)) throw new Error('killed')
        return await kind.replace(...args)
      }
    }))
    await resealSecrets({ db, secrets, kinds, actor: 'ann' }).catch((error: Error) => { if (error.message !== 'killed') throw error })
    const now = done === 1 ? 1 : { 0: 1, 3: 4, 4: 5 }[done]!
    t.strictSame(await count(createSecretBox(young)), { open: now, shut: 5 - now })
    t.strictSame(await count(secrets), { open: 5, shut: 0 }, 'who has both keys opens all')
    t.equal(await written(), now)
    if (done === 1) await resealSecrets({ db, secrets, kinds: SECRET_KINDS.slice(0, 2), actor: 'ann' })
  }
  t.equal(await written(), 5)
})

t.test('a secret that is replaced meanwhile stays what it was replaced by', async (t) => {
  const { db, both, young } = await setUp(t)
  const box = createSecretBox(both)
  const kinds = SECRET_KINDS.map((kind): typeof kind => ({
    ...kind,
    replace: async (on, secret, sealed) => {
      const theirs = box.seal('theirs', secret.context)
      await kind.replace(on, secret, theirs)
      return await kind.replace(on, secret, sealed)
    }
  }))
  t.strictSame(sums(await resealSecrets({ db, secrets: box, kinds, actor: 'ann' })), [0, 5, 0])
  for (const kind of SECRET_KINDS) for (const { sealed, context } of await kind.list(db, { after: undefined, limit: 10 })) t.equal(createSecretBox(young).open(sealed, context), 'theirs')
})

t.test('signing keys from before there was a key are sealed as well; the command tells what it did', async (t) => {
  const { api, db, both, count, young } = await setUp(t)
  await db.updateTable('signing_key').set({ secret: api.keys.current().secret }).execute()
  const commands = startCommands(t)
  const run = async (...args: string[]) => JSON.parse((await commands(['secrets', 'rotate', ...args], { env: { DATABASE_URL: api.databaseUrl, SECRETS_KEY: both } })).out)
  t.match(await run('--check'), { done: false, next: /Without --check/ })
  t.match(await run(), { done: true, next: /the others can go/, kinds: [{ resealed: 1 }, { resealed: 2 }, { resealed: 1 }, { kind: 'keys of access tokens', resealed: 1, current: 0, unreadable: [] }] })
  t.strictSame(await count(createSecretBox(young)), { open: 5, shut: 0 })
  t.match(await db.selectFrom('audit_event').select(['action', 'actor', 'detail']).where('action', '=', 'secrets.resealed').orderBy('id').limit(1).execute(), [{ action: 'secrets.resealed', actor: 'command line', detail: { subscriptions: 1 } }])
})

t.test('every column of bytes is a secret that is put under new keys, or known to be none', async (t) => {
  const { db } = await startTestApi(t)
  const SECRETS = ['intel_subscription.credentials', 'set_signing_key.private_key', 'signal_destination.secret', 'signing_key.secret']
  const HASHES = ['api_key.key_hash', 'app_build.hash', 'audit_check.hash', 'audit_check.whole_hash', 'audit_link.hash', 'consent_request.state_hash', 'coverage_set.hash', 'device_state.judged_by', 'enrollment_token.token_hash']
  const { rows } = await sql<{ column: string }>`
    select c.table_name || '.' || c.column_name as "column" from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and c.udt_name = 'bytea' and t.table_type = 'BASE TABLE' order by 1`.execute(db)
  t.strictSame(rows.map(({ column }) => column).sort(), [...SECRETS, ...HASHES].sort())
  t.equal(SECRET_KINDS.length, SECRETS.length)
})
