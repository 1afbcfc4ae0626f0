import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { createEntraTokens } from '../../src/intune/entra-credential.js'

const OPTIONS = { authorityHost: 'https://login.example', clientId: 'a', clientSecret: 'b' }

/** Entra that counts its tokens. */
function countingEntra (lifetimeMs = 3_600_000) {
  const entra = { calls: 0, credentials: 0, fail: undefined as Error | undefined, hold: undefined as Promise<void> | undefined }
  const tokens = createEntraTokens(OPTIONS, () => {
    entra.credentials++
    return {
      async getToken (scope, options) {
        entra.calls++
        await entra.hold
        if (entra.fail !== undefined) throw entra.fail
        return { token: `${options?.tenantId} ${String(scope)} ${entra.calls}`, expiresOnTimestamp: Date.now() + lifetimeMs }
      }
    }
  })
  return { entra, tokens }
}

t.test('a token is kept for its tenant and scope, and asked for once by many', async (t) => {
  const { entra, tokens } = countingEntra()
  const many = await Promise.all(Array.from({ length: 5 }, async () => await tokens.getToken('one', 'graph')))
  t.strictSame([...new Set(many)], ['one graph 1'])
  t.equal(await tokens.getToken('one', 'intune'), 'one intune 2')
  t.equal(await tokens.getToken('two', 'graph'), 'two graph 3')
  t.equal(await tokens.getToken('one', 'graph'), 'one graph 1')
  t.equal(entra.credentials, 2, 'a credential a tenant')
})

t.test('a token that ends within minutes is not kept to its end', async (t) => {
  const { tokens } = countingEntra(-1)
  t.equal(await tokens.getToken('one', 'graph'), 'one graph 1')
  t.equal(await tokens.getToken('one', 'graph'), 'one graph 2')
})

t.test('dropped tokens come fresh, also when one was under way', async (t) => {
  const { entra, tokens } = countingEntra()
  let open: () => void = () => {}
  entra.hold = new Promise((resolve) => { open = resolve })
  const early = tokens.getToken('one', 'graph')
  tokens.dropTokens('one')
  const late = tokens.getToken('one', 'graph')
  open()
  t.strictSame([await early, await late].length, 2)
  t.equal(entra.calls, 2)
  t.equal(entra.credentials, 2)
  t.equal(await tokens.getToken('one', 'graph'), await late, 'the later one is kept')
})

t.test('refusals and outages are told apart, and neither is kept', async (t) => {
  const { entra, tokens } = countingEntra()
  entra.fail = new Error('invalid_client: Error(s): 7000215 - Description: AADSTS7000215: Invalid client secret provided. Trace ID: x Correlation ID: y')
  await t.rejects(tokens.getToken('one', 'graph'), { code: 'intune-unauthorized', message: 'Entra refuses our app: AADSTS7000215: Invalid client secret provided.' })
  entra.fail = new Error('connect ECONNREFUSED 127.0.0.1:1')
  await t.rejects(tokens.getToken('one', 'graph'), { code: 'intune-unavailable' })
  entra.fail = undefined
  t.equal(await tokens.getToken('one', 'graph'), 'one graph 3')
})

t.test('a federated token is read from its file for every sign-in, and what is wrong with it is told', async (t) => {
  const folder = t.testdir({ token: 'no token' })
  const tokens = createEntraTokens({ authorityHost: 'https://127.0.0.1:1', clientId: 'a', federatedTokenPath: `${folder}/token` })
  await t.rejects(tokens.getToken('6ba7b810-9dad-41d1-80b4-00c04fd430c8', 'x/.default'), { code: 'intune-unauthorized', message: /holds no federated token/ })
  const missing = createEntraTokens({ authorityHost: 'https://127.0.0.1:1', clientId: 'a', federatedTokenPath: `${folder}/nothing` })
  await t.rejects(missing.getToken('6ba7b810-9dad-41d1-80b4-00c04fd430c8', 'x/.default'), { code: 'intune-unauthorized', message: /federated token cannot be read: ENOENT/ })
})

t.test('an Entra that never answers is given up, and asked again by whoever needs a token next', async (t) => {
  let connections = 0
  const silent = createServer((socket) => {
    connections++
    t.teardown(() => socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const tokens = createEntraTokens({ ...OPTIONS, authorityHost: `https://127.0.0.1:${(silent.address() as AddressInfo).port}`, answerLimitMs: 50 })
  for (let asked = 0; asked < 2; asked++) {
    const before = connections
    await t.rejects(tokens.getToken('6ba7b810-9dad-41d1-80b4-00c04fd430c8', 'x/.default'), { code: 'intune-unavailable' })
    t.ok(connections > before)
  }
})
